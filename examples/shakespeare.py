"""A network that learns to write Shakespeare, character by character.

    python examples/shakespeare.py [--quick]

An LSTM reads the plays, from `tg.datasets.tiny_shakespeare()` (or, where they are neither on the machine nor to be had,
the help texts that Python carries), and guesses each character from those before it. What it writes is printed while it
learns, and how well it foresees a part that it has not read, beside what counting letters and pairs of letters gives.
It takes about three minutes. The picture goes into the folder `output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import CharRNN

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"


def load():
    """Return a text, and how a new part of it begins."""
    try:
        return str(tg.datasets.tiny_shakespeare()), "ROMEO:\n"
    except (FileNotFoundError, ImportError):
        from pydoc_data.topics import topics

        return "\n\n".join(topics.values()), "The value of "


def perplexity_of_counts(text, unseen):
    """Return the perplexity of guessing by the frequencies of characters, and of pairs of characters."""
    known = {character: i for i, character in enumerate(sorted(set(text + unseen)))}
    read, new = (np.array([known[character] for character in part]) for part in (text, unseen))
    pairs = np.zeros((len(known), len(known))) + 0.01  # a little for what never occurred
    np.add.at(pairs, (read[:-1], read[1:]), 1)
    single, after = pairs.sum(axis=0) / pairs.sum(), pairs / pairs.sum(axis=1, keepdims=True)
    return np.exp(-np.log(single[new[1:]]).mean()), np.exp(-np.log(after[new[:-1], new[1:]]).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small part of the text and a small network")
    quick = parser.parse_args().quick
    folder = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    folder.mkdir(parents=True, exist_ok=True)

    text, start = load()
    if quick:
        text = text[:60_000]
    cut = int(0.95 * len(text))
    text, unseen = text[:cut], text[cut:][:20_000]
    print(f"{len(text):,} characters, of {len(set(text))} kinds, and {len(unseen):,} that it does not read.")
    singles, pairs = perplexity_of_counts(text, unseen)
    print(f"Perplexity by counting letters: {singles:.1f}; by counting pairs of letters: {pairs:.1f}.\n")

    measured = []

    def look(run):
        """Measure and write after each pass: a callback."""
        measured.append((np.exp(run.history["loss"][-1]), run.module.perplexity(unseen)))
        print(f"Pass {run.epoch}: perplexity {measured[-1][0]:.2f} while reading, {measured[-1][1]:.2f} on the rest.")
        print("    " + run.module.generate(start, 80, temperature=0.8, random_state=0).replace("\n", "\n    ") + "\n")

    size = {"hidden_size": 64, "batch_size": 16, "max_iter": 4} if quick else {"hidden_size": 192, "batch_size": 64}
    model = CharRNN("lstm", callbacks=[look], random_state=0, **size).fit(text)

    print("And so it writes, carefully (temperature 0.5) and boldly (1.2):")
    for temperature in (0.5, 1.2):
        print(f"\n--- temperature {temperature}\n{model.generate(start, 400, temperature, random_state=1)}")

    figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    passes = np.arange(1, len(measured) + 1)
    for values, colour, label in zip(np.transpose(measured), (BLUE, ORANGE), ("what it reads", "the rest")):
        ax.plot(passes, values, "o-", color=colour, label=label)
    ax.axhline(pairs, color=GREEN, linestyle=":", label="counting pairs of letters")
    ax.set(
        title="Among how many characters it wavers", xlabel="pass over the text", ylabel="perplexity", ylim=(0, None)
    )
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    picture = folder / "shakespeare.png"
    figure.savefig(picture, dpi=120)
    print(f"\nPerplexity after each pass: {picture}")
    print("Try next: cell='gru' or 'rnn'; num_layers=2 with dropout=0.2; a text of your own.")


if __name__ == "__main__":
    main()
