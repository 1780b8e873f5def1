# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 23. Embeddings: words as vectors
#
# A word is one of some ten thousand categories, and a category is no number. An embedding gives each a row of a table,
# and the table is learned. Words that stand among the same neighbours come to have rows in the same direction.
#
# The data: articles of Wikipedia (WikiText-2), lower case, rare words left out.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.features import TextCounts
from tinygrad_ml.models import PCA, Word2Vec

QUICK = "--quick" in sys.argv
OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## A table
#
# Written as a vector with a single one, a category times a matrix is a row of that matrix. An embedding looks the row
# up, and leaves the multiplications by zero out. It is a linear layer without a bias.

# %%
tg.manual_seed(0)
table = tg.nn.Embedding(10_000, 50)
words = np.array([3, 7, 3])
one_hot = np.eye(10_000, dtype=np.float32)[words]
looked_up, multiplied = table(words).numpy(), one_hot @ table.weight.numpy()
print(f"Looked up or multiplied, the largest difference is {np.abs(looked_up - multiplied).max():g}: ", end="")
print(f"{looked_up.size} numbers are read in place of {one_hot.shape[1] * looked_up.size:,} multiplications.")
table(words).sum().backward()
touched = np.flatnonzero(table.weight.grad.numpy().any(axis=1))
print(f"The gradient is not zero in {len(touched)} of 10,000 rows: those of the words {touched.tolist()}.")

# %% [markdown]
# ## Word2Vec
#
# Where does the table come from? CBOW guesses each word from the mean of the vectors of its neighbours, against words
# that are drawn at random. No one has to label anything: the text itself has the answers.

# %%
text = "\n".join(tg.datasets.wikitext2(part) for part in ("valid", "test")).lower().replace("<unk>", "")
lines = [line.split() for line in text.splitlines() if line.strip()]
model = Word2Vec(architecture="cbow", max_iter=5 if QUICK else 10, random_state=0).fit(lines)
chance, loss = (1 + model.negative) * np.log(2), model.history_["loss"][-1]
print(f"{sum(map(len, lines)):,} words, {len(model.vocabulary_):,} vectors. Loss {loss:.2f}; by guessing {chance:.2f}.")
for word in ("june", "three", "river"):
    print(f"Near {word}: {', '.join(near for near, _ in model.most_similar(word, topn=5))}.")

# %% [markdown]
# An analogy is a sum: what is to "she" as "his" is to "he" lies near his - he + she.

# %%
for a, b, c in (("he", "his", "she"), ("two", "three", "five")):
    print(f"{a} is to {b} as {c} is to: {', '.join(word for word, _ in model.analogy(a, b, c, topn=3))}.")

# %% [markdown]
# ## A sentence is the sum of its words
#
# Counts of words times the table: one matrix product. Two sentences that have no word in common are orthogonal as
# counts. Their sums tell whether they speak of the same things.

# %%
sentences = [
    "the storm moved north and caused heavy rain",
    "a hurricane reached land with strong winds",
    "her song was on their second studio album",
]
known = [word for word in model.vocabulary_ if word.isalpha()]
counts = TextCounts(vocabulary=known, sparse=False).fit_transform(sentences)
sums = counts @ model[known]
difference = np.abs(sums - model.transform([sentence.split() for sentence in sentences])).max()
print(f"Counts {counts.shape} times vectors {model[known].shape}: the sums of the vectors, to within {difference:.0e}.")
cosines = {}
for name, rows in (("counts", counts), ("sums", sums)):
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines[name] = unit @ unit[0]
    print(f"By {name}, the cosine of storm and hurricane is {cosines[name][1]:.2f}, ", end="")
    print(f"that of storm and song {cosines[name][2]:.2f}.")

# %% [markdown]
# ## A picture
#
# A hundred dimensions do not fit on paper. Principal component analysis finds the plane in which the vectors differ
# most.

# %%
groups = {
    "months": "february june august november",
    "numbers": "two four six seven eight ten",
    "people": "he she him her his father mother wife",
    "places": "north south east west river city coast island",
}
drawn = [word for group in groups.values() for word in group.split()]
vectors = model[drawn] / np.linalg.norm(model[drawn], axis=1, keepdims=True)
pca = PCA(2).fit(vectors)
plane = dict(zip(drawn, pca.transform(vectors)))
print(f"The plane explains {pca.explained_variance_ratio_.sum():.0%} of the variance of {len(drawn)} words.")

figure, ax = plt.subplots(figsize=(8.5, 6), layout="constrained")
for (name, group), colour in zip(groups.items(), ("#0072b2", "#d55e00", "#009e73", "#cc79a7")):
    points = np.array([plane[word] for word in group.split()])
    ax.scatter(*points.T, color=colour, s=18, label=name)
    for word, point in zip(group.split(), points):
        ax.annotate(word, point, (4, 2), textcoords="offset points", fontsize=9, color=colour)
ax.set(title="Words in the plane of their two principal components", xticks=[], yticks=[])
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
figure.savefig(OUTPUT / "23_embeddings.png", dpi=100)
print(f"Picture: {OUTPUT / '23_embeddings.png'}")

# %% [markdown]
# ## Exercises
#
# 1. "Dog bites man" and "man bites dog": how far apart are the sums of their words?
# 2. In a step of SGD, how many numbers of the table change for 3 words, and how many with weight decay?
# 3. Shuffle all words of the text, and learn again. What is left of the neighbours of "june"?
