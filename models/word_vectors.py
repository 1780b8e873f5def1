"""WordVectors: what a model of words is asked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tinygrad_ml import nn
from tinygrad_ml.foreign_names import takes_foreign_names
from tinygrad_ml.validation import is_integer

from .text_model import TextModel
from .word_blocks import listed


class UnknownWord(KeyError):
    """Raised for a word that a model has no vector of."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError shows it in quotation marks


class WordVectors(TextModel):
    """A model with a vector for each of its words, the rows of `embedding_`: which words are alike, and how.

    What is near to what is told by the angles between the vectors.
    """

    vocabulary_: list
    index_: dict
    min_count: int
    vector_size: int
    embedding_: nn.Embedding

    @property
    def vectors_(self) -> np.ndarray:
        """The vectors of the words, in the order of `vocabulary_`: (words, vector_size)."""
        self.require_fitted()
        return np.array(self.embedding_.weight.numpy())

    def __contains__(self, word: Any) -> bool:
        return word in vars(self).get("index_", ())

    def __getitem__(self, word: Any) -> np.ndarray:
        """Return the vector of a word, or those of a list of words."""
        self.require_fitted()
        rows = [self._row(each) for each in word] if isinstance(word, (list, np.ndarray)) else self._row(word)
        return np.array(self.embedding_.weight.numpy()[rows])

    def _row(self, word: Any) -> int:
        row = self.index_.get(word)
        if row is None:
            near = difflib.get_close_matches(word, map(str, self.vocabulary_), 1) if isinstance(word, str) else []
            raise UnknownWord(
                f"{type(self).__name__}: {word!r} is not among the {len(self.vocabulary_):,} words that it knows; it "
                f"was not in the text, or not min_count={self.min_count} times"
                + (f". Did you mean {near[0]!r}?" if near else "")
            )
        return row

    def similarity(self, word: Any, other: Any) -> float:
        """Return the cosine of the angle between the vectors of two words: 1 for the same direction."""
        return float(unit(self[word]) @ unit(self[other]))

    @takes_foreign_names()
    def most_similar(self, positive: Any, negative: Any = (), topn: int = 10) -> list[tuple[Any, float]]:
        """Return the words whose vectors point most nearly in one direction, with the cosines of the angles.

        Parameters
        ----------
        positive, negative : word, vector, or list of them
            The direction: the sum of unit vectors, minus those of `negative`. These words are not among the answers.
        topn : int

        Returns
        -------
        list of (word, cosine), the most similar first

        Raises
        ------
        KeyError
            If a word is not known.
        """
        self.require_fitted()
        if not is_integer(topn, 0):
            raise ValueError(f"{type(self).__name__}.most_similar: topn must be a whole number, not {topn!r}")
        signed = [(each, 1.0) for each in as_words(positive)] + [(each, -1.0) for each in as_words(negative)]
        if not signed:
            raise ValueError(f"{type(self).__name__}.most_similar: give it a word")
        direction = np.sum([sign * unit(each if is_vector(each) else self[each]) for each, sign in signed], axis=0)
        cosines = unit(self.embedding_.weight.numpy()) @ unit(direction)
        asked = {self._row(each) for each, _ in signed if not is_vector(each)}
        order = [row for row in np.argsort(-cosines, kind="stable")[: topn + len(asked)].tolist() if row not in asked]
        return [(self.vocabulary_[row], float(cosines[row])) for row in order[:topn]]

    @takes_foreign_names()
    def analogy(self, a: Any, b: Any, c: Any, topn: int = 10) -> list[tuple[Any, float]]:
        """Return what is to `c` as `b` is to `a`, the best answer first: the words most similar to b - a + c.

        `analogy("man", "king", "woman")` asks for the queen: man is to king as woman is to ...
        """
        return self.most_similar([b, c], [a], topn)

    def doesnt_match(self, words: Sequence[Any]) -> Any:
        """Return the word that is least similar to the mean of all."""
        words = as_words(words)
        if len(words) < 2:
            raise ValueError(f"{type(self).__name__}.doesnt_match: it needs at least 2 words, as a list")
        vectors = unit(self[words])
        return words[int(np.argmin(vectors @ unit(vectors.mean(axis=0))))]

    def transform(self, sentences: Iterable[Iterable[Any]]) -> np.ndarray:
        """Return sentences as the sums of the vectors of their words, `(sentences, vector_size)`.

        That is their counts of words times the table of vectors. Words that are not known count nothing.
        """
        self.require_fitted()
        words, lengths = listed(type(self).__name__, sentences)
        rows = np.array([self.index_.get(word, -1) for word in words], np.int64)
        sums = np.zeros((len(lengths), self.vector_size), self.embedding_.weight.dtype)
        sentence = np.repeat(np.arange(len(lengths)), lengths)
        np.add.at(sums, sentence[rows >= 0], self.embedding_.weight.numpy()[rows[rows >= 0]])
        return sums

    def fit_transform(self, sentences: Iterable[Iterable[Any]], y: Any = None) -> np.ndarray:
        """Learn the vectors of the words of sentences, and return the sentences as sums of them."""
        sentences = [list(sentence) if not isinstance(sentence, str) else sentence for sentence in sentences]
        return self.fit(sentences).transform(sentences)


def as_words(given: Any) -> list:
    """Return one word or vector, or several, as a list."""
    several = isinstance(given, (list, tuple, set, frozenset)) or (isinstance(given, np.ndarray) and given.ndim != 1)
    strings = isinstance(given, np.ndarray) and given.dtype.kind in "UO"
    return list(given) if several or strings else [given]


def is_vector(given: Any) -> bool:
    """Whether something is a vector, and no word."""
    return isinstance(given, np.ndarray)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors with the length 1; one of zeros stays as it is."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)
