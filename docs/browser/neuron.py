# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Draw a neuron, and walk back through it
#
# Run a cell with Shift+Enter. The first one takes some seconds, while Python starts in your browser.

# %%
import tinygrad_ml as tg


def neuron(x1, w1, x2, w2, b):
    return tg.tanh(x1 * w1 + x2 * w2 + b)


graph = tg.draw(neuron, 2.0, -3.0, 0.0, 1.0, 6.8813735)
graph  # noqa: B018

# %% [markdown]
# Each box is an operation. Its value is at the left; at the right, after ∂, is its gradient: by how much the result
# changes for a small change there. The same as text:

# %%
print(graph)

# %% [markdown]
# ## Step by step
#
# The next cell shows the same graph as a page that walks through it. Click into it, then press the arrow key →. First
# the values are computed from top to bottom, then the gradients from bottom to top, and each step says what the chain
# rule did: the gradient that arrives, times the local derivative. Change `x1` with its slider and see what follows.

# %%
import html

from IPython.display import HTML

page = html.escape(graph.explorer("neuron.html").read_text(encoding="utf-8"))
HTML(f'<div><iframe srcdoc="{page}" width="100%" height="640" title="The neuron, step by step"></iframe></div>')

# %% [markdown]
# ## Now you
#
# Draw a function of your own: change the formula, and run the cell again. What are the gradients of `a` and `b`, and
# why?

# %%
tg.draw(lambda a, b: (a + b) * b, 2.0, 3.0)
