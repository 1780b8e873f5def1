# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 25. Sequences: a network with a memory, and one that forgets
#
# A recurrent network reads a sequence one step at a time. Its state is all that it keeps of what it has read; the same
# weights make the next state from it at every step. Learning goes back through all steps.
#
# The data: random symbols, the first of which has to be remembered, and the plays of Shakespeare.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.models import CharRNN
from tinygrad_ml.train import Callback, ClipGradients, Doctor, fit

QUICK = "--quick" in sys.argv
OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE = "#0072b2", "#d55e00"

# %% [markdown]
# ## Step by step
#
# $h_t = \tanh(W x_t + b + U h_{t-1} + c)$, beginning with $h_0 = 0$. That is all.

# %%
tg.manual_seed(0)
rnn = nn.RNN(3, 5, batch_first=True)
W, U, b, c = (p.numpy() for p in (rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0))
x = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
h = np.zeros(5, np.float32)
for t in range(7):
    h = np.tanh(W @ x[t] + b + U @ h + c)
states, last = rnn(x[None])
print(f"After 7 steps by hand and by nn.RNN the state differs by {np.abs(h - last.numpy()[0, 0]).max():.0e} at most.")

# %% [markdown]
# ## What comes back through time
#
# On the way back each step multiplies the gradient by $U^T \mathrm{diag}(1 - h_t^2)$. Many factors that shrink make
# nothing, many that grow make too much. We scale $U$ so that its largest eigenvalue is 0.5, 1 or 1.5, and ask what the
# last state owes to each input, for a ReLU, whose slope is 0 or 1, and positive weights.

# %%
TIMES = 50


def gradients_over_time(recurrent, x):
    """Return the norm of the gradient of the last state by the input of each time."""
    x = tg.tensor(x, requires_grad=True)
    recurrent(x)[0][:, -1].sum().backward()
    return np.linalg.norm(x.grad.numpy().astype(float), axis=(0, 2))


noise = np.random.default_rng(1).uniform(size=(1, TIMES, 8)).astype(np.float32)
scaled = nn.RNN(8, 16, nonlinearity="relu", bias=False, batch_first=True)
for parameter in scaled.parameters():
    np.abs(parameter.data, out=parameter.data)
radius = np.abs(np.linalg.eigvals(scaled.weight_hh_l0.numpy())).max()
scaled.weight_hh_l0.data /= radius
norms = {}
for factor in (0.5, 1.0, 1.5):
    scaled.weight_hh_l0.data *= factor
    norms[factor] = gradients_over_time(scaled, noise)
    scaled.weight_hh_l0.data /= factor
    print(f"Largest eigenvalue {factor:g}: {TIMES - 1} steps back the gradient has ", end="")
    print(f"{norms[factor][0] / norms[factor][-1]:.1e} times its size; {factor:g} to the power of {TIMES - 1} ", end="")
    print(f"is {factor ** (TIMES - 1):.1e}.")

# %% [markdown]
# ## A memory
#
# Fifty symbols, and the question is which was the first. An LSTM has a cell beside its state: each step multiplies it
# by a forget gate, between 0 and 1, and adds something. With the gate open, near 1, what is in the cell stays there,
# and so does its gradient.


# %%
class Reader(nn.Module):
    """A recurrent network that answers when it has read all symbols."""

    def __init__(self, cell):
        self.table = nn.Embedding(4, 8)
        self.recurrent = cell(8, 32, batch_first=True)
        self.answer = nn.Linear(32, 4)
        if cell is nn.LSTM:
            self.recurrent.bias_hh_l0.data[32:64] = 5  # the forget gates: open at first

    def forward(self, x):
        return self.answer(self.recurrent(self.table(x))[0][:, -1])


symbols = np.random.default_rng(0).integers(0, 4, (2500, TIMES))
known, unseen = ((part, part[:, 0].copy()) for part in (symbols[:2000], symbols[2000:]))
accuracy, backward = {}, {}
for name, cell in (("RNN", nn.RNN), ("LSTM", nn.LSTM)):
    tg.manual_seed(0)
    model, loss, doctor = Reader(cell), nn.CrossEntropyLoss(), Doctor()
    found = doctor.examine(model, loss, (known[0][:50], known[1][:50]))
    backward[name] = gradients_over_time(model.recurrent, model.table(known[0][:50]).numpy())
    history = fit(
        model,
        loss,
        optim.Adam(model.parameters(), lr=0.003),
        known,
        validation=unseen,
        metrics=["accuracy"],
        epochs=6 if QUICK else 12,
        batch_size=50,
        callbacks=[ClipGradients(max_norm=0.5)],
        seed=0,
    )
    accuracy[name] = history["validation_accuracy"]
    print(f"{name}: {accuracy[name][-1]:.0%} of 500 new sequences are answered; a guess is right in 25%.")
    print(f"The doctor before training: {'; '.join(f.illness for f in found) or 'no illness'}. ", end="")
    print(f"The first input gets {backward[name][0] / backward[name][-1]:.1g} times the gradient of the last.")

# %% [markdown]
# ## A network that writes
#
# At each character it says how probable each next one is. The perplexity, $e$ to the mean cross entropy, tells among
# how many characters it wavers. To write, draw a character, read it, draw the next.

# %%
plays = str(tg.datasets.tiny_shakespeare())
text, rest = plays[-120_000 if QUICK else -620_000 : -20_000], plays[-20_000:]


class Judge(Callback):
    """Measures the perplexity on the rest before the first pass, and after each."""

    def on_start(self, run):
        self.perplexities = [run.module.perplexity(rest)]
        self.first_try = run.module.generate("ROMEO:\n", 60, random_state=0)

    def on_epoch_end(self, run):
        self.perplexities.append(run.module.perplexity(rest))


judge, size = Judge(), 64 if QUICK else 128
writer = CharRNN("lstm", size, batch_size=32, max_iter=2 if QUICK else 5, callbacks=[judge], random_state=0).fit(text)
counts = np.array([rest.count(character) for character in sorted(set(rest))])
letters = np.exp(-(counts / len(rest)) @ np.log(counts / len(rest)))
print(f"{len(text):,} characters of {len(writer.characters_)} kinds. Who knows only how frequent each is ", end="")
print(f"wavers among {letters:.1f}.")
print(
    f"The network wavers among {judge.perplexities[0]:.1f} before learning, {judge.perplexities[1]:.1f} after ", end=""
)
print(f"one pass, {judge.perplexities[-1]:.1f} after {len(judge.perplexities) - 1}.")
print(f"Before learning it writes:\n    {judge.first_try[7:]!r}")
written = writer.generate("ROMEO:\n", 160, temperature=0.7, random_state=0)
print("After learning:\n    " + written.replace("\n", "\n    "))

# %%
figure, (a, b, c) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
for (factor, norm), colour in zip(norms.items(), (ORANGE, "0.5", BLUE)):
    a.semilogy(np.arange(TIMES)[::-1], norm / norm[-1], color=colour, label=f"largest eigenvalue {factor:g}")
a.set(title="What comes back through time", xlabel="steps back", ylabel="share of the gradient")
for name, colour in (("RNN", ORANGE), ("LSTM", BLUE)):
    b.plot(range(1, len(accuracy[name]) + 1), accuracy[name], "o-", color=colour, label=name)
b.axhline(0.25, color="0.5", linestyle=":", label="guessing")
b.set(title=f"Which was the first of {TIMES} symbols?", xlabel="epoch", ylabel="accuracy", ylim=(0, 1.05))
c.plot(judge.perplexities, "o-", color=BLUE, label="LSTM, on unread lines")
c.axhline(letters, color="0.5", linestyle=":", label="frequencies of characters")
c.set(
    title="Among how many characters it wavers",
    xlabel="pass",
    ylabel="perplexity",
    ylim=(0, None),
    xticks=range(len(judge.perplexities)),
)
for ax in (a, b, c):
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="center right" if ax is b else "best")
figure.savefig(OUTPUT / "25_sequences.png", dpi=100)
print(f"Picture: {OUTPUT / '25_sequences.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Close the forget gates of the LSTM at first, with a bias of -5. How much gradient does the first input get?
# 2. What is the perplexity of a network whose last layer is zero, and why?
# 3. What does a temperature do to the guess? What is written at 0, whatever the seed?
