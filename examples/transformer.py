"""A small transformer that learns to write, and where it looks.

    python examples/transformer.py [--quick]

It guesses each character of Shakespeare's plays, from `tg.datasets.tiny_shakespeare()` (or, where they are neither on
the machine nor to be had, of the help texts that Python carries), from up to 64 characters before it: every character
asks all that stand before it, and takes from those that answer. Unlike a recurrent network it remembers nothing, but
looks back. It takes about three minutes. The picture shows what it looks at; it goes into the folder `output` (or the
one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import ClipGradients, LearningRate, fit

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

CONTEXT = 64  # how many characters it can see


def load():
    """Return a text, and how a new part of it begins."""
    try:
        return str(tg.datasets.tiny_shakespeare()), "ROMEO:\n"
    except (FileNotFoundError, ImportError):
        from pydoc_data.topics import topics

        return "\n\n".join(topics.values()), "The value of "


class Writer(nn.Module):
    """A transformer that guesses the next character at every place, from that place and those before it."""

    def __init__(self, characters, size, heads, layers):
        self.characters = nn.Embedding(characters, size)
        self.places = nn.Embedding(CONTEXT, size)
        for table in (self.characters, self.places):
            nn.init.normal_(table.weight, std=0.1)
        options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        self.blocks = [nn.TransformerEncoderLayer(size, heads, 4 * size, **options) for _ in range(layers)]
        self.norm = nn.LayerNorm(size)
        self.guess = nn.Linear(size, characters)

    def vectors(self, x):
        """Return what stands at each place, and where that is: (batch, places, size)."""
        return self.characters(x) + self.places(np.arange(x.shape[1]))

    def forward(self, x):
        seen = self.vectors(x)
        for block in self.blocks:
            seen = block(seen, src_mask=future(x.shape[1]))
        return self.guess(self.norm(seen))


def future(n):
    """Return the mask of what a place must not see: the places after it."""
    return np.triu(np.ones((n, n), bool), 1)


def loss_of(logits, target):
    """Return the mean cross entropy of the characters."""
    return nn.functional.cross_entropy(logits.reshape(-1, logits.shape[2]), target.reshape(-1))


def pieces(text, stride):
    """Return pieces of a text, and the characters that follow at each of their places."""
    starts = np.arange(0, len(text) - CONTEXT - 1, stride)[:, None] + np.arange(CONTEXT)
    return text[starts], text[starts + 1]


def write(model, start, length, temperature, seed):
    """Return the characters that the model writes after those of `start`, as numbers."""
    random, written = np.random.default_rng(seed), list(start)
    with tg.no_grad():
        for _ in range(length):
            logits = model(np.array([written[-CONTEXT:]])).numpy()[0, -1].astype(float) / temperature
            weights = np.exp(logits - logits.max())
            written.append(random.choice(len(weights), p=weights / weights.sum()))
    return written


def attention(model, x):
    """Return what each place of a piece looks at in the first block, (heads, places, places)."""
    block = model.blocks[0]
    asked = block.norm1(model.vectors(x))
    _, weights = block.self_attn(asked, asked, asked, attn_mask=future(x.shape[1]), average_attn_weights=False)
    return weights.detach().numpy()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small part of the text and a small network")
    quick = parser.parse_args().quick
    folder = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    folder.mkdir(parents=True, exist_ok=True)

    text, start = load()
    if quick:
        text = text[:60_000]
    known = sorted(set(text))
    number = {character: i for i, character in enumerate(known)}
    coded = np.array([number[character] for character in text])
    cut = int(0.95 * len(coded))
    reading, unseen = coded[:cut], coded[cut:][:20_000]

    tg.manual_seed(0)
    model = Writer(len(known), size=32, heads=4, layers=1) if quick else Writer(len(known), size=96, heads=4, layers=3)
    print(f"{len(text):,} characters of {len(known)} kinds; {sum(p.size for p in model.parameters()):,} weights.")
    steps = 150 if quick else 2000

    def look(run):
        """Write after each period: a callback."""
        loss, rest = run.history["loss"][-1], run.history["validation_loss"][-1]
        print(f"Step {run.step}: perplexity {np.exp(loss):.2f} while reading, {np.exp(rest):.2f} on the rest.")
        written = write(run.module, [number[c] for c in start], 80, 0.8, seed=0)
        print("    " + "".join(known[i] for i in written).replace("\n", "\n    ") + "\n")

    history = fit(
        model,
        loss_of,
        optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01),
        pieces(reading, stride=7),
        validation=pieces(unseen, stride=CONTEXT),
        steps=steps,
        periods=3 if quick else 8,
        batch_size=16 if quick else 32,
        callbacks=[
            LearningRate(lambda t: 3e-3 * min((t + 1) / 100, 1, 1.02 - t / steps), every="step"),
            ClipGradients(max_norm=1.0),
            look,
        ],
        seed=0,
    )
    print(
        f"In the end it wavers among {np.exp(history['validation_loss'][-1]):.1f} characters on what it has not read."
    )
    print("It writes:\n" + "".join(known[i] for i in write(model, [number[c] for c in start], 300, 0.8, seed=1)))

    line = unseen[: CONTEXT // 2]
    weights = attention(model, line[None])
    letters = [repr(known[i])[1:-1] for i in line]
    figure, axes = plt.subplots(1, len(weights), figsize=(4 * len(weights), 4.8), layout="constrained")
    for head, (ax, seen) in enumerate(zip(axes, weights), start=1):
        ax.imshow(seen, cmap="Blues", vmin=0, vmax=0.5)
        ax.set_xticks(range(len(line)), letters, fontsize=7)
        ax.set_yticks(range(len(line)), letters, fontsize=7)
        ax.set(title=f"Head {head}", xlabel="is looked at")
    axes[0].set_ylabel("looks")
    figure.suptitle("Where each character looks, in the first block")
    picture = folder / "transformer.png"
    figure.savefig(picture, dpi=110)
    print(f"\nWhat looks at what: {picture}")
    print("Try next: more blocks; dropout; a longer context; or sines for places (nn.PositionalEncoding).")


if __name__ == "__main__":
    main()
