# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Is this gradient right?
#
# A loss and its gradient in plain NumPy, as in homework. Run the cells with Shift+Enter; the first one takes some
# seconds, while Python starts in your browser.

# %%
import numpy as np

from tinygrad_ml.testing import GradientCheckError, gradcheck

x = np.arange(12.0).reshape(4, 3) ** 0.5
y = np.ones(4)


def loss(w):
    return np.sum((x @ w - y) ** 2) / 4


def gradient(w):
    return x.T @ (x @ w - y)


# %% [markdown]
# `gradcheck` changes each entry of `w` a little, sees by how much the loss changes, and compares.

# %%
try:
    print(gradcheck((loss, gradient), np.array([1.0, -1.0, 0.5])))
except GradientCheckError as error:
    print(error)

# %% [markdown]
# It says that the gradient is 2 times too large: the loss divides by 4, the derivative of the square brings a 2, so the
# gradient must be divided by 2. Correct `gradient` in the cell above, run it and the check again, and read what it
# says.
#
# ## Now yours
#
# Paste a loss of your own and the gradient that you have for it.


# %%
def my_loss(w):
    return np.log1p(np.exp(-w)).sum()


def my_gradient(w):
    return -1 / (1 + np.exp(w))


print(gradcheck((my_loss, my_gradient), np.array([0.5, -2.0, 3.0])))
