"""Texts as counts of their words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from itertools import chain
from typing import Any

import numpy as np

from ..validation import check_integer
from .mail import URL, Mail, read_mail
from .tables import missing_values, sparse_module
from .transformer import Transformer

# one pass over the text, in which nothing is read twice: a number with what hangs on it, a word, another mark
WORD = r"[^\W_]"  # a letter or a digit
TOKEN = re.compile(
    rf"(?P<url>{URL.pattern})|\d+(?:[.,:]\d+)*(?P<rest>{WORD}*)|{WORD}+(?:['’_]{WORD}+)*|(?P<mark>[^\w\s]|_)", re.I
)


@dataclass(eq=False, repr=False)
class TextCounts(Transformer):
    """Count in each text how often each word occurs, one column for a word.

    Texts are strings; raw mails, as bytes or as Python's messages, are read by `read_mail`. Words that the training
    part has not are not counted.

    Parameters
    ----------
    lower : bool
        Whether "Hello" is the word "hello".
    presence : bool
        Whether to say that a word occurs (1), not how often.
    url, number : bool
        Whether addresses such as http://example.org count as the word URL, numbers as the word NUMBER.
    punctuation : bool
        Whether marks, such as ! and $, count as words.
    stem : None, str or callable
        The language ("english", "german" ...) whose endings are cut off, so that "winning" and "wins" are "win"
        (`pip install snowballstemmer`), or a function from a word to its stem.
    headers : bool
        Whether the headers of mails belong to their text.
    phrase : int
        The number of words in the longest phrases that are counted beside single words.
    min_count : int
        In how many texts of the training part a word must occur.
    max_words : int, optional
        How many words are counted: the most frequent of the training part.
    vocabulary : sequence of str, or dict of their columns, optional
        The words, or phrases, that are counted, in this order. Nothing is learned then. With `url` or `number`, URL or
        NUMBER among them stands for these.
    sparse : bool
        Whether `transform` returns a sparse matrix (SciPy's CSR), which holds what is not zero.

    Attributes
    ----------
    vocabulary_ : dict
        The column of each word; the most frequent words come first.

    Examples
    --------
    >>> count = tg.features.TextCounts(vocabulary=["Hello", "how", "are", "you"], sparse=False)
    >>> count.fit_transform(["Hello you Hello Hello you"])
    array([[3., 0., 0., 2.]])
    >>> count.set_params(presence=True).transform(["Hello you Hello Hello you"])
    array([[1., 0., 0., 1.]])
    """

    lower: bool = True
    presence: bool = False
    url: bool = False
    number: bool = False
    punctuation: bool = False
    stem: str | Callable[[str], str] | None = None
    headers: bool = False
    phrase: int = 1
    min_count: int = 1
    max_words: int | None = None
    vocabulary: Sequence[str] | None = None
    sparse: bool = True

    reads_texts = True
    reads_values = True
    why_not_sparse = "it counts the words of texts"

    def _read(self, X: Any) -> list[Counter[str]]:
        """Return the words of each text, and how often each occurs."""
        check_integer("TextCounts: phrase", self.phrase, 1)
        stem = self._stemmer()
        longest = self.phrase
        if self.vocabulary is not None:
            longest = max(len(term.split(" ")) for term in self._columns_of_given())
        return [Counter(self._terms(text, stem, longest)) for text in self._texts(X)]

    def _learn(self, table: list[Counter[str]]) -> None:
        check_integer("TextCounts: min_count", self.min_count, 1)
        self.n_features_in_ = 1
        if self.vocabulary is not None:
            self.vocabulary_ = self._columns_of_given()
            self._names_ = list(self._given())
            return
        totals: Counter[str] = Counter()
        texts: Counter[str] = Counter()
        for counts in table:
            totals.update(counts)
            texts.update(counts.keys())
        words = [word for word in totals if texts[word] >= self.min_count]
        if not words:
            raise ValueError(f"TextCounts: no word occurs in {self.min_count} or more of the {len(table)} texts")
        most = None if self.max_words is None else check_integer("TextCounts: max_words", self.max_words, 1, "None")
        words.sort(key=lambda word: (-totals[word], word))
        self._names_ = words[:most]
        self.vocabulary_ = {word: i for i, word in enumerate(self._names_)}

    def _apply(self, table: list[Counter[str]]) -> Any:
        places, lengths = [], []
        values: list[int] = []
        column = self.vocabulary_
        for counts in table:
            found = sorted((column[word], n) for word, n in counts.items() if word in column)
            places += [place for place, _ in found]
            values += [n for _, n in found]
            lengths.append(len(found))
        data = np.ones(len(values)) if self.presence else np.array(values, np.float64)
        shape = (len(table), len(column))
        if self.sparse:
            ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
            return sparse_module("TextCounts").csr_array((data, np.array(places, np.int32), ends), shape=shape)
        out = np.zeros(shape)
        out[np.repeat(np.arange(len(table)), lengths), np.array(places, np.intp)] = data
        return out

    def _checked(self, X: Any) -> list[Counter[str]]:
        return self._table(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the words, in the order of the columns."""
        self.require_fitted()
        return np.array(self._names_, object)

    # ------------------------------------------------------------------ texts

    def _texts(self, X: Any) -> Iterator[str]:
        if isinstance(X, (str, bytes, Mail, Message)):
            raise TypeError("TextCounts: X is one text; give a list of texts: [text]")
        if getattr(X, "ndim", 1) == 2 or hasattr(X, "get_columns"):
            if X.shape[1] != 1:
                raise ValueError(f"TextCounts takes the texts of one column, and X has {X.shape[1]}; choose one")
            X = X.iloc[:, 0] if hasattr(X, "iloc") else X.get_columns()[0] if hasattr(X, "get_columns") else X[:, 0]
        if hasattr(X, "toarray") or not hasattr(X, "__iter__"):
            raise TypeError(f"TextCounts: X must be a list of texts, not {type(X).__name__}")
        number = -1
        for number, text in enumerate(X):
            if isinstance(text, (bytes, Mail, Message)):
                try:
                    mail = text if isinstance(text, Mail) else read_mail(text)
                except ValueError as error:
                    raise ValueError(f"TextCounts: text number {number}: {error}") from None
                yield f"{mail.headers}\n{mail.text}" if self.headers else mail.text
            elif isinstance(text, str):
                yield text
            else:
                raise TypeError(self._no_text(number, text))
        if number < 0:
            raise ValueError(
                "TextCounts: found array with 0 sample(s) while a minimum of 1 is required: X has no texts"
            )

    @staticmethod
    def _no_text(number: int, text: Any) -> str:
        if missing_values(np.array([text], object))[0] if np.ndim(text) == 0 else False:
            return f"TextCounts: text number {number} is missing; fill gaps with an empty text, or leave such rows out"
        return f"TextCounts: text number {number} is a {type(text).__name__}; texts are strings, mails are bytes"

    # ------------------------------------------------------------------ words

    def _stemmer(self) -> Callable[[str], str] | None:
        if self.stem is None or callable(self.stem):
            return self.stem
        try:
            import snowballstemmer
        except ImportError:
            raise ImportError("TextCounts finds stems with snowballstemmer: pip install snowballstemmer") from None
        if self.stem not in snowballstemmer.algorithms():
            known = ", ".join(sorted(snowballstemmer.algorithms()))
            raise ValueError(f"TextCounts: stem must be None, a function or a language of {known}; not {self.stem!r}")
        return Stems(snowballstemmer.stemmer(self.stem).stemWord)

    def _words(self, text: str, stem: Callable[[str], str] | None) -> Iterator[str]:
        for token in TOKEN.finditer(text):
            word, kind = token[0], token.lastgroup
            if kind == "url":
                if self.url:
                    yield "URL"
                    continue
                yield from self._words(word.replace("/", " ").replace(".", " ").replace(":", " "), stem)
            elif kind == "mark":
                if self.punctuation:
                    yield word
            elif kind == "rest" and not token["rest"] and self.number:
                yield "NUMBER"
            else:
                word = word.lower() if self.lower else word
                yield stem(word) if stem is not None else word

    def _terms(self, text: str, stem: Callable[[str], str] | None, longest: int) -> Iterator[str]:
        words = list(self._words(text, stem))
        phrases = (" ".join(words[i : i + n]) for n in range(2, longest + 1) for i in range(len(words) - n + 1))
        return chain(words, phrases)

    # ------------------------------------------------------------------ a vocabulary that is given

    def _given(self) -> Sequence[str]:
        given: Any = self.vocabulary
        if isinstance(given, Mapping):
            if sorted(given.values()) != list(range(len(given))):
                raise ValueError("TextCounts: a dict of the vocabulary must have the columns 0, 1, 2, ... as values")
            given = sorted(given, key=given.__getitem__)
        if isinstance(given, (set, frozenset)):  # whose order is another in every process
            raise TypeError("TextCounts: vocabulary is a set, which has no order; give sorted(vocabulary)")
        words = [] if isinstance(given, str) else list(given)
        if not words or not all(isinstance(word, str) for word in words):
            raise ValueError(f"TextCounts: vocabulary must be a list of words, not {given!r}")
        return words

    def _columns_of_given(self) -> Mapping[str, int]:
        """Return the column of each given word, as it is found in texts: in lower case, without its ending ..."""
        stem = self._stemmer()
        out: dict[str, int] = {}
        for i, word in enumerate(self._given()):
            term = " ".join(chain.from_iterable(self._words_of_given(piece, stem) for piece in word.split()))
            if not term:
                raise ValueError(f"TextCounts: {word!r} in the vocabulary is no word")
            if term in out:
                raise ValueError(
                    f"TextCounts: {self._given()[out[term]]!r} and {word!r} in the vocabulary are the same"
                )
            out[term] = i
        return out

    def _words_of_given(self, piece: str, stem: Callable[[str], str] | None) -> Iterable[str]:
        stands_for_others = (piece == "URL" and self.url) or (piece == "NUMBER" and self.number)
        return [piece] if stands_for_others else self._words(piece, stem)


class Stems(dict[str, str]):
    """The stems of words, each of which is found once."""

    def __init__(self, find: Callable[[str], str]):
        self.find = find

    def __missing__(self, word: str) -> str:
        self[word] = stem = self.find(word)
        return stem

    def __call__(self, word: str) -> str:
        return self[word]
