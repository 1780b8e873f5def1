# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 10. Logistic regression: probabilities from a line
#
# Yes or no? A linear model gives any number. The sigmoid $\sigma(z) = 1 / (1 + e^{-z})$ turns it into a probability,
# and $z = b + w \cdot x$ is then the "log odds": $z = \log \frac{p}{1 - p}$.
#
# The data: 100 students with the scores of two exams, who were admitted to a university or not.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import LinearRegression, LogisticRegression
from tinygrad_ml.nn.functional import binary_cross_entropy

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE = "#0072b2", "#d55e00"

X, y = tg.datasets.exam_scores()

# %% [markdown]
# ## The loss: what the truth was worth
#
# The log loss (cross entropy) of one example is $-\log$ of the probability that the model gave to the truth. Whoever is
# sure and right pays nothing; whoever gave 0.012 to what happened pays 4.42 "nats".

# %%
for p in (0.99, 0.5, 0.012):
    print(f"The truth had the probability {p}: the loss is {binary_cross_entropy([p], [1.0]).item():.2f} nats.")
entropy = -(0.6 * np.log(0.6) + 0.4 * np.log(0.4))
print(f"60 of 100 are admitted: who knows only that, pays {entropy:.3f} nats a student, the entropy.")

# %% [markdown]
# ## The fit
#
# No closed form here, but the loss is convex: whatever goes downhill arrives at the same weights. The default penalty
# is that of scikit-learn, `C=1.0`; `penalty=None` is the textbook's maximum likelihood.

# %%
model = LogisticRegression(penalty=None).fit(X, y)
w, b = model.coef_[0], model.intercept_[0]
print(f"Log odds = {b:.3f} + {w[0]:.4f} x first exam + {w[1]:.4f} x second exam.")
student = np.array([[45.0, 85.0]])
probability = model.predict_proba(student)[0, 1]
print(
    f"A student with 45 and 85 points: probability {probability:.3f}, odds {probability / (1 - probability):.2f} to 1,"
)
print(
    f"log odds {model.decision_function(student)[0]:.3f}. "
    f"Ten points more in the first exam multiply the odds by {np.exp(10 * w[0]):.1f}."
)
print(f"{model.score(X, y):.0%} of the students are judged right; the loss is {model.history_['loss'][-1]:.4f} nats.")

# %% [markdown]
# ## Uphill on the likelihood, or Newton
#
# Gradient ascent on the log likelihood is gradient descent on the log loss, since one is minus the other. Its step,
# $w \leftarrow w + \alpha \sum (y_i - p_i) x_i$, looks like that of linear regression. Newton's method divides by the
# second derivatives, $w \leftarrow w - H^{-1} g$, and doubles the number of right digits in every step.

# %%
A = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(len(X))])


def log_loss(theta):
    """Return the log loss of weights and bias, for standardised scores."""
    z = A @ theta
    return (tg.softplus(z) - y * z).mean()


exact = LogisticRegression(penalty=None, tol=1e-10).fit(A[:, :2], y)
exact = np.append(exact.coef_[0], exact.intercept_)
theta, gradient_path = np.zeros(3), []
for _ in range(200):
    gradient_path.append(np.linalg.norm(theta - exact))
    theta = theta + 1.0 * A.T @ (y - 1 / (1 + np.exp(-A @ theta))) / len(y)  # ascent: plus
theta, newton_path = np.zeros(3), []
for _ in range(9):
    newton_path.append(np.linalg.norm(theta - exact))
    theta = theta - np.linalg.solve(tg.hessian(log_loss)(theta), tg.grad(log_loss)(theta))
steps = next(k for k, left in enumerate(newton_path) if left < 1e-6)
print(
    f"Newton is within 1e-6 after {steps} steps, gradient ascent {gradient_path[-1]:.3f} away after "
    f"{len(gradient_path)}."
)

# %% [markdown]
# ## Why not least squares?
#
# One can fit a line to the labels 0 and 1 and cut it at one half. It works until a student comes who is far on the
# right side. The squared error punishes her for being "too right", and the boundary moves. The log loss does not mind.

# %%
score = X.sum(axis=1, keepdims=True)
far = np.vstack([score, np.full((5, 1), 900.0)])
labels = np.append(y, np.ones(5))
moved = {}
for name, data, target in (("before", score, y), ("after", far, labels)):
    line = LinearRegression().fit(data, target)
    logistic = LogisticRegression(penalty=None).fit(data, target)
    cut = ((0.5 - line.intercept_) / line.coef_[0], -logistic.intercept_[0] / logistic.coef_[0, 0])
    moved[name] = (line, logistic, cut)
shift = np.subtract(moved["after"][2], moved["before"][2])
print(
    f"Five students far above: the least squares boundary moves by {shift[0]:+.1f} points, the logistic "
    f"one by {shift[1]:+.1f}."
)

# %%
figure, axes = plt.subplots(1, 3, figsize=(13.5, 4.2), layout="constrained")
tg.plot.decision_boundary(model, X, y, ax=axes[0])
axes[0].set(title="Admitted or not", xlabel="first exam (points)", ylabel="second exam (points)")
axes[1].semilogy(np.maximum(gradient_path, 1e-16), color=ORANGE, label="gradient ascent")
axes[1].semilogy(np.maximum(newton_path, 1e-16), "o-", color=BLUE, label="Newton", markersize=4)
axes[1].set(title="Distance to the optimum", xlabel="step", ylabel="distance of the weights", xlim=(0, 60))
grid = np.linspace(60, 920, 400).reshape(-1, 1)
axes[2].plot(far, labels, "o", color="0.7", label="students, with five far above")
axes[2].plot(grid, moved["after"][0].predict(grid), color=ORANGE, label="least squares")
axes[2].plot(grid, moved["after"][1].predict_proba(grid)[:, 1], color=BLUE, label="logistic")
for k, colour in enumerate((ORANGE, BLUE)):
    axes[2].axvline(moved["before"][2][k], color=colour, linestyle=":", linewidth=1)
    axes[2].axvline(moved["after"][2][k], color=colour, linewidth=1)
axes[2].set(title="Boundary before (dotted) and after", xlabel="sum of the scores (points)", ylabel="admitted")
for ax in axes[1:]:
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
figure.savefig(OUTPUT / "10_logistic_regression.png", dpi=100)
print(f"Picture: {OUTPUT / '10_logistic_regression.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Cross entropy is entropy plus the price of believing the wrong distribution. Show that predicting 0.6 for everybody
#    costs the least of all constants, and how much more 0.5 costs.
# 2. Classes that a line separates have no optimum without a penalty: the weights grow for ever. Does `fit` say so?
# 3. The derivative of the sigmoid is $\sigma (1 - \sigma)$. Check it with `gradcheck`. What is it at $z = -40$?
