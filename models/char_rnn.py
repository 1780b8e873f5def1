"""CharRNN: a recurrent network that learns to write, one character after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml.foreign_names import takes_foreign_names
from tinygrad_ml.modes import warn
from tinygrad_ml.nn import functional as F
from tinygrad_ml.random import default_generator, seeded
from tinygrad_ml.validation import is_integer, is_number

from .hyperparameters import choice, count, fraction, hyperparameters, positive
from .text_model import TextModel

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
UNKNOWN = -100  # a target that `cross_entropy` leaves out
PART = 1000  # characters that are read together


@hyperparameters
class CharRNN(TextModel):
    """A recurrent network that guesses each character of a text from all that stand before it.

    At each character it looks up a vector, from which, and from its state, it makes the next state, and from that the
    logits of the next character. The loss is the mean cross entropy of the characters, in nats. To write, it draws a
    character from its guess, reads it, and guesses again. Elman, "Finding structure in time" (1990); Graves,
    "Generating sequences with recurrent neural networks" (2013).

    It learns from pieces of the text, `sequence_length` characters each, which are cut elsewhere in each pass. Before
    the first character of a piece it reads row 0 of the table, which stands for "not known"; so do characters that
    were not in the text that it learned from.

    Parameters
    ----------
    cell : "lstm", "gru" or "rnn"
        "rnn" is Elman's network, which forgets what is more than some ten characters ago.
    hidden_size : int
        The length of the state.
    num_layers : int
        How many networks are stacked on one another.
    embedding_dim : int
        The length of the vectors of characters.
    dropout : float, from 0 to 1
        The fraction of the states that is set to zero in training, above each layer.
    sequence_length : int
        How many characters back a gradient can go.
    learning_rate : float, function or "find", optional
        By default 0.003 for Adam, which takes the steps if there is no `optimizer`.
    clip_norm : float, optional
        Limits the norm of the gradients of each step, which can explode in recurrent networks.
    batch_size : int
        The pieces of a step; of a short text fewer, so that a pass has some 16 steps.

    Attributes
    ----------
    characters_ : str
        All that were in the text, in order.
    embedding_, recurrent_, output_ : Embedding, LSTM (GRU, RNN), Linear
    n_iter_ : int
    history_ : History, with the mean loss of a character; `exp(loss)` is the perplexity

    Examples
    --------
    >>> clock = tg.models.CharRNN("gru", 32, sequence_length=32, learning_rate=0.02, random_state=0)
    >>> clock = clock.fit("tick tack tock " * 40)
    >>> clock.generate("tick ta", 16, temperature=0)
    'tick tack tock tick tac'
    >>> clock.perplexity("tack tock tick ") < clock.perplexity("tock tack tick ")
    True

    It is a module: draw it with `tg.draw(clock, clock.encode("tick"))`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> x, y = clock.encode("tick"), np.array([[1, 2, 3, 0]])
    >>> report = gradcheck(lambda: clock.criterion(clock(x), y), params=clock)
    """

    cell: str = choice(*CELLS, layers=True)
    hidden_size: int = count(128, layers=True)
    num_layers: int = count(1, layers=True)
    _: KW_ONLY
    embedding_dim: int = count(32, layers=True)
    dropout: float = fraction(0.0, layers=True)
    sequence_length: int = count(64)
    clip_norm: float | None = positive(1.0, none=True)
    max_iter: int = count(10)

    def build(self, n_characters: int | None = None) -> CharRNN:  # type: ignore[override]
        """Make the layers for a number of characters, by default those of `characters_`; return the model."""
        self._check_hyperparameters()
        n_characters = len(self.characters_) if n_characters is None else n_characters
        between = self.dropout if self.num_layers > 1 else 0.0
        self.embedding_ = nn.Embedding(n_characters + 1, self.embedding_dim)
        self.recurrent_ = CELLS[self.cell](
            self.embedding_dim, self.hidden_size, self.num_layers, batch_first=True, dropout=between
        )
        self.dropout_ = nn.Dropout(self.dropout)
        self.output_ = nn.Linear(self.hidden_size, n_characters)
        return self

    def step(self, x: Any, state: Any = None) -> tuple[Tensor, Any]:
        """Return the logits of the characters after those at x, (batch, time, characters), and the last state.

        Parameters
        ----------
        x : integers (batch, time)
            Rows of the table: 0 for what is not known, 1 for the first of `characters_` ...
        state : what the call before returned, optional
            None starts anew.
        """
        states, last = self.recurrent_(self.embedding_(x), state)
        return self.output_(self.dropout_(states)), last

    def forward(self, x: Any) -> Tensor:
        return self.step(x)[0]

    def criterion(self, output: Tensor, target: Any) -> Tensor:  # type: ignore[override]
        """Return the mean cross entropy of logits (batch, time, characters) and positions in `characters_`."""
        return F.cross_entropy(output.reshape(-1, output.shape[2]), np.reshape(target, -1))

    def read(self, text: Any) -> Pieces:
        """Learn the characters of a text, unless they are known already; return its pieces."""
        self._check_text("text", text)
        if "characters_" not in vars(self):
            self.characters_ = "".join(sorted(set(text)))
        positions = self.encode(text)[0] - 1
        if (positions < 0).all():
            raise ValueError(
                f"{type(self).__name__}(warm_start=True): none of the characters of the text is among those that it "
                f"knows, {self.characters_[:40]!r}: set warm_start=False"
            )
        return Pieces(positions, min(self.sequence_length, len(text)), self.batch_size)

    def _check_text(self, name: str, text: Any, least: int = 1) -> None:
        kind = type(self).__name__
        if not isinstance(text, str):
            cure = "'\\n'.join(lines)" if isinstance(text, Iterable) and not isinstance(text, bytes) else "a str"
            cure = "text.decode()" if isinstance(text, bytes) else cure
            raise TypeError(f"{kind}: {name} must be a str, not {type(text).__name__}; give {cure}")
        if len(text) < least:
            raise ValueError(f"{kind}: {name} is empty")

    # ------------------------------------------------------------------ reading and writing

    def encode(self, text: str) -> np.ndarray:
        """Return a text as rows of the table, (1, characters): 0 for characters that are not known.

        Examples
        --------
        >>> model = tg.models.CharRNN(hidden_size=8).fit("abc" * 100)
        >>> model.encode("cab?")
        array([[3, 1, 2, 0]])
        """
        row = {character: i for i, character in enumerate(self.characters_, start=1)}
        return np.array([[row.get(character, 0) for character in text]], np.int64).reshape(1, -1)

    def _known(self, name: str, text: Any, least: int = 0) -> np.ndarray:
        """Return the rows of a text, and warn of characters that are not known."""
        self.require_fitted()
        self._check_text(name, text, least)
        rows = self.encode(text)
        if not rows.all():
            unknown = sorted({character for character, row in zip(text, rows[0]) if not row})
            warn(
                f"{type(self).__name__}: {(rows == 0).sum()} of the {len(text)} characters of {name} were not in the "
                f"text that it learned from: {''.join(unknown)[:20]!r}; they count as not known"
            )
        return rows

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Be in evaluation mode for a while, and record no gradients."""
        training = [module for module in self.modules() if module.training]
        self.eval()
        try:
            with tg.no_grad():
                yield
        finally:
            for module in training:
                module.training = True

    def _read(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, Any]]:
        """Yield the logits of the characters after each part of a text, and the state."""
        state = None
        for first in range(0, rows.shape[1], PART):
            logits, state = self.step(rows[:, first : first + PART], state)
            yield logits.numpy()[0], state

    @takes_foreign_names()
    def generate(self, start: str = "", length: int = 200, temperature: float = 1.0, random_state: Any = None) -> str:
        """Write on: return `start` and the characters that follow it.

        Parameters
        ----------
        start : str
        length : int
            How many characters are written.
        temperature : float
            What logits are divided by: above 1 it dares more, below 1 it keeps to what is usual, and at 0 it always
            writes the most probable character.
        random_state : int, Generator or RandomState, optional
            Decides the characters that are drawn; by default the generator that `tg.manual_seed` seeds.

        Raises
        ------
        TypeError, ValueError
            If an argument cannot be used. Characters of `start` that are not known are only warned of.
        """
        rows, kind = self._known("start", start), type(self).__name__
        if not is_integer(length, 0):
            raise ValueError(f"{kind}.generate: length must be a whole number of at least 0, not {length!r}")
        if not is_number(temperature) or not 0 <= temperature < np.inf:
            raise ValueError(f"{kind}.generate: temperature must be a number of at least 0, not {temperature!r}")
        written: list[int] = []
        with seeded(random_state), self._in_use():
            *_, (found, state) = self._read(np.concatenate([[[0]], rows], axis=1))
            after = found[-1]
            while len(written) < length:
                written.append(drawn(after, temperature))
                logits, state = self.step(np.array([[1 + written[-1]]]), state)
                after = logits.numpy()[0, -1]
        return start + "".join(self.characters_[i] for i in written)

    def perplexity(self, text: str) -> float:
        """Return how many characters it wavers between on average: exp of the mean loss of a character.

        It is 1 if every character is foreseen, and the number of characters if they are guessed evenly. Characters
        that are not known do not count in the mean, which is warned of.
        """
        rows = self._known("text", text, least=1)
        before, target = np.concatenate([[[0]], rows[:, :-1]], axis=1), rows[0] - 1
        if (target < 0).all():
            raise ValueError(f"{type(self).__name__}.perplexity: no character of the text is known")
        total, first = 0.0, 0
        with self._in_use():
            for logits, _ in self._read(before):
                part = target[first : first + len(logits)]
                known = tg.tensor(logits[part >= 0], dtype=float)
                total += F.cross_entropy(known, part[part >= 0], reduction="sum").item()
                first += len(logits)
        return float(np.exp(total / (target >= 0).sum()))


class Pieces:
    """The batches of a text: pieces of one length as (what is read, what comes next), cut elsewhere in each pass.

    Parameters
    ----------
    positions : integers (characters,)
        The position of each among those that are known, or -1.
    length : int
    batch_size : int
    """

    def __init__(self, positions: np.ndarray, length: int, batch_size: int):
        self.positions, self.length = positions, length
        self.pieces = max(len(positions) // length - 1, 1)
        self.size = min(batch_size, max(self.pieces // 16, 1))
        counts = np.unique(positions[positions >= 0], return_counts=True)[1]
        share = counts / counts.sum()
        self.chance = float(share @ -np.log(share))  # the entropy of the frequencies

    def __len__(self) -> int:
        return -(-self.pieces // self.size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        random, n = default_generator(), self.pieces * self.length
        shift = int(random.integers(len(self.positions) - n, endpoint=True))
        pieces = self.positions[shift : shift + n].reshape(-1, self.length)
        order = random.permutation(len(pieces))
        for first in range(0, len(order), self.size):
            target = pieces[order[first : first + self.size]]
            before = np.pad(target[:, :-1] + 1, ((0, 0), (1, 0)))
            yield before, np.where(target < 0, UNKNOWN, target)


def drawn(logits: np.ndarray, temperature: float) -> int:
    """Return a position, drawn by the softmax of logits / temperature, or the largest at temperature 0."""
    if temperature == 0:
        return int(logits.argmax())
    weights = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    return min(int(np.searchsorted(np.cumsum(weights), default_generator().random() * weights.sum())), len(logits) - 1)
