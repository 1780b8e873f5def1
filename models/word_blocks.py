"""Blocks: a text of sentences, as batches of neighbouring words."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import numpy as np

from tinygrad_ml.nn import UnigramSampler
from tinygrad_ml.random import default_generator


class Blocks:
    """The batches of a text: blocks of words that stand in a row, the words drawn for each, and who is near whom.

    Each pass leaves other words out, cuts the text elsewhere, and draws other windows.

    Parameters
    ----------
    model : Word2Vec
    words, sentence : (n,)
        The rows of the words of the text, and the number of the sentence that each belongs to.
    """

    def __init__(self, model: Any, words: np.ndarray, sentence: np.ndarray):
        self.words, self.sentence, self.window = words, sentence, model.window
        self.chance = (1 + model.negative) * math.log(2)
        self.places = max(32, 4 * model.window)  # so that few pairs fall across the end of a block
        self.drawn = self.places // 2
        self.sampler = UnigramSampler(model.counts_)
        frequency = model.counts_ / model.counts_.sum()
        sample = np.inf if model.sample is None else max(model.sample, 1 / len(frequency))
        self.kept = np.minimum(np.sqrt(sample / frequency) + sample / frequency, 1)
        total = self.kept[words].sum() / self.places  # about as many blocks as there will be
        self.size = int(min(max(model.batch_size / self.places, 1), max(total / 16, 1)))  # blocks in a step
        self.batches = int(np.ceil((total + 1) / self.size))

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        random, places = default_generator(), self.places
        kept = random.random(len(self.words)) < self.kept[self.words]
        words, sentence = self.words[kept], self.sentence[kept]
        before = int(random.integers(places))
        after = -(before + len(words)) % places
        words = np.pad(words, (before, after)).reshape(-1, places)
        # what fills the first and the last block belongs to no sentence: each place has a number of its own
        filling = -1 - np.arange(before + after)
        sentence = np.concatenate([filling[:before], sentence, filling[before:]]).reshape(-1, places)
        place = np.arange(places)
        distance = abs(place - place[:, None])
        order = random.permutation(len(words))
        for first in range(0, len(order), self.size):
            chosen = order[first : first + self.size]
            text, of = words[chosen], sentence[chosen]
            reach = random.integers(1, self.window, (*text.shape, 1), endpoint=True)
            near = (distance <= reach) & (distance > 0) & (of[:, :, None] == of[:, None, :])
            if near.any() or first + self.size >= len(order):  # a pass has one batch at least
                drawn = self.sampler.sample((len(chosen), self.drawn))
                yield text, np.concatenate([text, drawn], axis=1), near


def listed(kind: str, sentences: Any) -> tuple[list, list[int]]:
    """Return the words of all sentences in a row, and the number of words of each."""
    if isinstance(sentences, (str, bytes)) or not isinstance(sentences, Iterable):
        raise TypeError(
            f"{kind}: sentences must be lists of words, not {type(sentences).__name__}; of a text, give "
            "[line.split() for line in text.splitlines()]"
        )
    words: list = []
    lengths = []
    for i, sentence in enumerate(sentences):
        if isinstance(sentence, (str, bytes)) or not isinstance(sentence, Iterable):
            raise TypeError(
                f"{kind}: sentence {i} is {sentence!r:.40}, which is no list of words; give such lists, for example "
                "[sentence.split() for sentence in sentences]"
            )
        n = len(words)
        words.extend(sentence.tolist() if isinstance(sentence, np.ndarray) else sentence)
        lengths.append(len(words) - n)
    try:
        set(words)
    except TypeError:
        odd = next(word for word in words if not isinstance(word, Hashable))
        raise TypeError(
            f"{kind}: {str(odd)[:40]!r} is among the words, a {type(odd).__name__}; a word is a string"
        ) from None
    return words, lengths
