"""Vectors of words, learned from articles: what is near to what, and what they are good for.

    python examples/word_vectors.py [--quick]

The articles are those of `tg.datasets.wikitext2()`, and where they are neither on the machine nor to be had, the help
texts that Python carries. `Word2Vec` reads them five times, in some seconds; then it is asked which words are alike,
which does not belong to the others, and what is to one word as another is to a third. At last sentences, as sums of
their words, are told apart by a logistic regression. The picture goes into the folder `output` (or the one that
TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import LogisticRegression, Word2Vec

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

MONTHS = "january february march april may june july august september october november december"
WORDS = {
    "months": MONTHS,
    "numbers": "two three four five six seven eight nine ten",
    "people": "he she him her his father mother wife king queen",
    "places": "north south east west river city coast island",
    "games": "game games season league team player players",
    "Python": "list tuple dict string class function method module file exception",
}
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]


def load():
    """Return the words of the lines of a text, and two words by which lines are told apart."""
    try:
        text = "\n".join(tg.datasets.wikitext2(part) for part in ("valid", "test"))
        lines = [line.lower().replace("<unk>", "").split() for line in text.splitlines()]
        return [line for line in lines if line], ("he", "it")
    except (FileNotFoundError, ImportError):
        from pydoc_data.topics import topics

        paragraphs = re.split(r"\n\s*\n", "\n\n".join(topics.values()).lower())
        return [re.findall(r"[a-z_]+", paragraph) for paragraph in paragraphs], ("class", "string")


def draw(model, path):
    """Draw words in the plane of their two principal components."""
    groups = {name: [word for word in words.split() if word in model] for name, words in WORDS.items()}
    groups = {name: words for name, words in groups.items() if len(words) > 3}
    vectors = np.array([model[word] / np.linalg.norm(model[word]) for words in groups.values() for word in words])
    centred = vectors - vectors.mean(axis=0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    figure, ax = plt.subplots(figsize=(9, 6.5), layout="constrained")
    at = 0
    for (name, words), colour in zip(groups.items(), COLOURS):
        points = plane[at : at + len(words)]
        at += len(words)
        ax.scatter(*points.T, color=colour, s=16, label=name)
        for word, (x, y) in zip(words, points):
            ax.annotate(word, (x, y), (3, 2), textcoords="offset points", fontsize=8, color=colour)
    ax.set(title="Words in the plane in which they differ most", xticks=[], yticks=[])
    ax.legend(frameon=False, loc="best")
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a third of the text")
    quick = parser.parse_args().quick
    folder = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    folder.mkdir(parents=True, exist_ok=True)

    sentences, (one, other) = load()
    if quick:
        sentences = sentences[: len(sentences) // 3]
    start = time.perf_counter()
    model = Word2Vec(architecture="cbow", random_state=0).fit(sentences)
    seconds, words, kinds = time.perf_counter() - start, sum(map(len, sentences)), len(model.vocabulary_)
    print(f"{words:,} words; {kinds:,} different ones occur {model.min_count} times or more. Five passes took ", end="")
    print(f"{seconds:.0f} s. Loss: {model.history_['loss'][-1]:.2f}; at first 4.16, that of guessing.\n")

    print("Which words are alike?")
    for word in ("march", "three", "he", "river", "game", "string", "class"):
        if word in model:
            near = ", ".join(f"{found} {cosine:.2f}" for found, cosine in model.most_similar(word, topn=5))
            print(f"- {word}: {near}")
    for four in (["two", "three", "june", "four"], ["list", "tuple", "dict", "the"]):
        if all(word in model for word in four):
            print(f"\nOf {', '.join(four)}, this does not match: {model.doesnt_match(four)}.")
    if all(word in model for word in ("he", "his", "she")):
        answers = ", ".join(word for word, _ in model.analogy("he", "his", "she", topn=3))
        print(f"he is to his as she is to: {answers}.")

    # which of two words was cut out of a sentence? The other words tell, as a sum of their vectors
    either = [sentence for sentence in sentences if (one in sentence) != (other in sentence)]
    target = np.array([one in sentence for sentence in either])
    X = model.transform([[word for word in sentence if word not in (one, other)] for sentence in either])
    train, _, test = tg.data.split(X, target, test=0.3, stratify=target, seed=0)
    judge = LogisticRegression(C=0.01).fit(*train)
    most = max(test[1].mean(), 1 - test[1].mean())
    print(
        f"\nWas it {one!r} or {other!r} that was cut out of a text? The sum of the vectors of the other words ", end=""
    )
    print(f"tells in {judge.score(*test):.1%} of {len(test[1])} new texts; the more frequent one is it in {most:.1%}.")

    picture = folder / "word_vectors.png"
    draw(model, picture)
    print(f"\nSome words in a plane: {picture}")
    print("Try next: architecture='skip-gram'; window=2, and see how the neighbours change; a text of your own.")


if __name__ == "__main__":
    main()
