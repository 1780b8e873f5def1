# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 15. Error analysis: where a classifier of digits is wrong
#
# One number says how good a classifier is. A confusion matrix says what to do about it: which digits are taken for
# which others. Then one looks at them.
#
# The data: 60,000 handwritten digits of MNIST, of which softmax regression learns from some.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import metrics
from tinygrad_ml.models import SoftmaxRegression

QUICK = "--quick" in sys.argv
OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

images, labels = tg.datasets.mnist("train")
n = 4000 if QUICK else 20_000
X = images.reshape(-1, 784).astype(np.float32) / 255
train, valid = (X[:n], labels[:n]), (X[-10_000:], labels[-10_000:])
model = SoftmaxRegression(solver="lbfgs", C=0.1, tol=1e-2).fit(*train)
said = model.predict(valid[0])
print(f"{np.mean(said == valid[1]):.1%} of 10,000 held-out digits are read.")

# %% [markdown]
# ## The matrix
#
# Rows are the true digits, columns what was said. Divided by the sums of the rows, frequent digits count no more than
# rare ones. Without the diagonal, the errors show.

# %%
matrix = metrics.confusion_matrix(valid[1], said)
shares = metrics.confusion_matrix(valid[1], said, normalize="true")
np.fill_diagonal(shares, 0)
for _ in range(3):
    true, predicted = np.unravel_index(np.argmax(shares), shares.shape)
    print(
        f"{shares[true, predicted]:.1%} of the {true}s are taken for {predicted}s ({matrix[true, predicted]} of them)."
    )
    shares[true, predicted] = 0
of_8 = metrics.confusion_matrix(valid[1], said, normalize="pred")
print(f"Of what is called 8, {1 - of_8[8, 8]:.1%} is something else; of what is called 0, {1 - of_8[0, 0]:.1%}.")

# %% [markdown]
# ## 3s against 5s
#
# Four groups: 3s and 5s that are read right, and those that are taken for each other. The probabilities tell how sure
# the model was.

# %%
groups = {(true, other): np.flatnonzero((valid[1] == true) & (said == other)) for true in (3, 5) for other in (3, 5)}
for (true, other), rows in groups.items():
    sure = model.predict_proba(valid[0][rows]).max(axis=1)
    print(f"{true}s called {other}: {len(rows)}, with a mean probability of {sure.mean():.2f}.")

# %% [markdown]
# Why? Softmax regression gives every pixel a weight for every digit, and 3 and 5 differ in one stroke only, at the top.
# A digit that is shifted by two pixels puts the stroke where the other one has it: so centre the digits, add shifted
# copies, or take a model that does not count pixels one by one.

# %%
weights = model.coef_.reshape(10, 28, 28)
difference = weights[5] - weights[3]
where = np.unravel_index(
    np.argmax(np.abs(tg.nn.functional.avg_pool2d(difference[None, None], 4).numpy()[0, 0])), (7, 7)
)
print(
    f"The weights of 5 and 3 differ most in rows {4 * where[0]} to {4 * where[0] + 3} of 28, columns "
    f"{4 * where[1]} to {4 * where[1] + 3}."
)
shifted = np.roll(valid[0].reshape(-1, 28, 28), 2, axis=2).reshape(-1, 784)
print(f"The same digits shifted by two pixels: {model.score(shifted, valid[1]):.1%} are read.")

# %%
figure = plt.figure(figsize=(13, 4.6), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1.2, 1))
a, b = left.subplots(1, 2)
metrics.plot_confusion_matrix(valid[1], said, ax=a)
a.set_title("All")
metrics.plot_confusion_matrix(valid[1], said, errors_only=True, ax=b)
b.set_title("Errors, in percent of the row")
for ax, ((true, other), rows) in zip(right.subplots(2, 2).flat, groups.items()):
    chosen = valid[0][rows[:15]].reshape(-1, 28, 28)
    sheet = np.zeros((3 * 28, 5 * 28))
    for k, image in enumerate(chosen):
        sheet[28 * (k // 5) : 28 * (k // 5) + 28, 28 * (k % 5) : 28 * (k % 5) + 28] = image
    ax.imshow(sheet, cmap="gray_r")
    ax.set(title=f"{true}s called {other}", xticks=[], yticks=[])
figure.savefig(OUTPUT / "15_error_analysis.png", dpi=100)
print(f"Picture: {OUTPUT / '15_error_analysis.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Which normalisation answers "how many of the 8s are found", which "how many of those called 8 are 8s"?
# 2. Sum the matrix without its diagonal, and divide by the number of digits. What is it?
# 3. Centre each digit by its centre of mass before predicting. How many of the shifted ones are read then?
