"""word2vec: words that stand in like places get like vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from tinygrad_ml import Tensor, nn
from tinygrad_ml.nn import functional as F

from .base import takes_known_arguments
from .hyperparameters import choice, count, hyperparameters, positive
from .word_blocks import Blocks, listed
from .word_vectors import WordVectors


@hyperparameters
class Word2Vec(WordVectors):
    """Vectors of words, learned by guessing which words stand near one another.

    Each word has two vectors, one as itself and one as a neighbour, and their product is the logit that the two stand
    near one another. Skip-gram guesses each neighbour of a word from the word; CBOW (the continuous bag of words)
    guesses a word from the mean of its neighbours. The true pairs are told from pairs with words drawn at random by a
    log loss, *negative sampling*: the right pair gets -log sigmoid(logit), and each of the `negative` drawn ones
    -log sigmoid(-logit). So words with the same neighbours come to have vectors in the same direction. Mikolov and
    others, "Efficient estimation of word representations in vector space" and "Distributed representations of words
    and phrases and their compositionality" (2013).

    A step looks at blocks of neighbouring words, whose products are one multiplication of matrices, and the words of a
    block share what is drawn for it, as in Ji and others, "Parallelizing word2vec in shared and distributed memory"
    (2016). Its gradient is that of a few rows of each table (`SparseRows`).

    Parameters
    ----------
    vector_size : int
        The length of the vectors.
    window : int
        The largest distance at which words are neighbours; for each word it is drawn from 1 to `window`, so that near
        ones count more.
    min_count : int
        Words that occur less often are left out of the text, as if they were not there.
    negative : int
        How many drawn words stand against each right one; they are drawn by their counts to the power of 0.75.
    sample : float, optional
        The frequency above which words are left out now and then, a word of frequency f with the probability
        1 - sqrt(sample / f) - sample / f; "the" says little about its neighbours. None leaves none out; neither are
        words left out that are not more frequent than the average word.
    architecture : "skip-gram" or "cbow"
    learning_rate : float, function or "find", optional
        By default 0.1 for Adagrad, which takes the steps if there is no `optimizer`. It needs rows only, and gives
        rare words larger steps.
    batch_size : int
        The words of a step.

    Attributes
    ----------
    vocabulary_ : list of str, the most frequent first
    counts_ : (words,)
        How often each occurs.
    index_ : dict from word to its row
    vectors_ : (words, vector_size)
    embedding_, context_ : Embedding
        The vectors of words as themselves, and as neighbours.
    n_iter_ : int
    history_ : History, with the mean loss of a pair and those drawn against it: (1 + negative) · log 2 at chance level

    Examples
    --------
    >>> sentences = [
    ...     f"{a} is a {kind}".split()
    ...     for kind, animals in (("pet", ("cat", "dog", "rabbit")), ("bird", ("duck", "hen", "goose")))
    ...     for a in animals
    ... ] * 100
    >>> model = tg.models.Word2Vec(vector_size=8, min_count=1, max_iter=20, random_state=0).fit(sentences)
    >>> sorted(word for word, _ in model.most_similar("cat", topn=2))
    ['dog', 'rabbit']
    >>> model.doesnt_match(["duck", "hen", "dog", "goose"])
    'dog'
    >>> model.transform([["cat", "dog"], ["hen"]]).shape
    (2, 8)
    """

    solver = "adagrad"
    how_to_fit = "fit(sentences)"

    vector_size: int = count(100, layers=True)
    window: int = count(5)
    min_count: int = count(5)
    negative: int = count(5)
    sample: float | None = positive(1e-3, none=True)
    architecture: str = choice("skip-gram", "cbow")
    _: KW_ONLY
    batch_size: int = count(1024)

    def build(self, n_words: int | None = None) -> Word2Vec:  # type: ignore[override]
        """Make the tables for a number of words, by default those of `vocabulary_`; return the model."""
        self._check_hyperparameters()
        n_words = len(self.vocabulary_) if n_words is None else n_words
        self.embedding_ = nn.Embedding(n_words, self.vector_size, sparse=True)
        self.context_ = nn.Embedding(n_words, self.vector_size, sparse=True)
        nn.init.uniform_(self.embedding_.weight, -0.5 / self.vector_size, 0.5 / self.vector_size)
        nn.init.zeros_(self.context_.weight)
        return self

    def attributes(self) -> Iterable[tuple[str, Any]]:
        """Leave the words out, in which no parameters hide: there may be very many."""
        return [(name, value) for name, value in super().attributes() if name not in ("vocabulary_", "index_")]

    def forward(self, words: Any) -> Tensor:
        """Return the vectors of words, given by their rows: (*words.shape, vector_size)."""
        return self.embedding_(words)

    def criterion(self, output: Tensor, candidates: Any, near: Any) -> Tensor:  # type: ignore[override]
        """Return the mean loss of a right pair and those drawn against it.

        Parameters
        ----------
        output : (blocks, places, vector_size)
            The vectors of the words of each block.
        candidates : (blocks, places + drawn)
            The rows of the same words, and of those that were drawn for the block.
        near : (blocks, places, places)
            1 where the second word is a neighbour of the first, else 0.
        """
        scores = output @ self.context_(candidates).mT
        near = np.asarray(near, scores.dtype)
        drawn = scores.shape[2] - scores.shape[1]
        pairs = near.sum(axis=2, keepdims=True)
        if self.architecture == "cbow":  # the mean of the neighbours guesses the word, in one pair
            scores = (near / np.maximum(pairs, 1)) @ scores
            pairs = np.minimum(pairs, 1)
            near = pairs * np.eye(near.shape[1], dtype=scores.dtype)
        against = np.broadcast_to(pairs * (self.negative / drawn), (*near.shape[:2], drawn))
        weight = np.concatenate([near, against], axis=2)
        sign = np.where(np.arange(scores.shape[2]) < near.shape[1], -1, 1).astype(scores.dtype)
        return (F.softplus(scores * sign) * weight).sum() / max(pairs.sum(), 1)

    @takes_known_arguments
    def fit(self, sentences: Iterable[Iterable[Any]], y: Any = None) -> Word2Vec:  # type: ignore[override]
        """Learn the vectors of the words of sentences; return the model.

        Parameters
        ----------
        sentences : iterable of lists of words
            `[line.split() for line in text.splitlines()]`, for example. Words are strings, or other things that a dict
            may have as keys. With `warm_start`, words that were not there before are left out.
        y : ignored
            It is there for pipelines.

        Raises
        ------
        TypeError, ValueError
            If a sentence is a string, or if fewer than two words are left to learn.
        """
        return super().fit(sentences)

    def read(self, text: Any) -> Blocks:
        """Learn the vocabulary of sentences, unless it is known already; return their blocks of words."""
        words, lengths = listed(type(self).__name__, text)
        if "vocabulary_" not in vars(self):
            known = [(word, n) for word, n in Counter(words).most_common() if n >= self.min_count]
            self.vocabulary_ = [word for word, _ in known]
            self.counts_ = np.array([n for _, n in known], np.int64)
            self.index_ = {word: row for row, word in enumerate(self.vocabulary_)}
        rows = np.array([self.index_.get(word, -1) for word in words], np.int64)
        sentence = np.repeat(np.arange(len(lengths)), lengths)[rows >= 0]
        rows = rows[rows >= 0]
        if len(self.vocabulary_) < 2 or not (sentence[1:] == sentence[:-1]).any():
            raise ValueError(f"{type(self).__name__}: {self._why_nothing_is_left(words)}")
        return Blocks(self, rows, sentence)

    def _why_nothing_is_left(self, words: list) -> str:
        if not words:
            return "sentences has no words"
        if len(self.vocabulary_) < 2 and self.min_count > 1:
            word, n = Counter(words).most_common(1)[0]
            return (
                f"fewer than 2 words occur min_count={self.min_count} times, the most frequent, {word!r}, {n} times; "
                "lower min_count, or give it more text"
            )
        if len(self.vocabulary_) < 2:
            return f"there is only one word, {words[0]!r}, and so nothing to tell it from"
        return (
            "no word has a neighbour: after words that are rarer than min_count, or not known from before, are left "
            f"out (min_count={self.min_count}, warm_start={self.warm_start}), no sentence has two words"
        )
