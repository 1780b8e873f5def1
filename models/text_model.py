"""TextModel: what models of text share. They learn from a text alone, in passes over batches that are drawn from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY
from typing import Any, Protocol, TypeVar

import numpy as np

from tinygrad_ml.train import fit
from tinygrad_ml.validation import is_sparse

from .base import Model, takes_known_arguments
from .hyperparameters import (
    boolean,
    callback_list,
    count,
    hyperparameters,
    optimizer_choice,
    option_dict,
    positive,
    rate,
    seed,
)
from .optimizers import choice_of, make_optimizer
from .stochastic import step_callbacks
from .warnings import stop_by_interrupt, warn_not_converged

T = TypeVar("T", bound="TextModel")

LITTLE = 0.02  # a relative decrease of the loss that is hardly one


class Batches(Protocol):
    """What a text is trained in: batches (x, *rest), drawn anew in each pass."""

    chance: float  # the loss of guessing without having learned

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]: ...


@hyperparameters
class TextModel(Model):
    """A model of text, trained by gradient steps for a number of passes over the text.

    Parameters
    ----------
    optimizer : str, class or function, optional
        What takes the gradient steps: a name or a class of `tg.optim`, the class with its options
        (`functools.partial(tg.optim.SGD, lr=0.1)`), or a function that makes an optimizer of parameters.
    optimizer_options : dict, optional
        Options of the optimizer: `{"betas": (0.9, 0.99)}`.
    clip_norm : float, optional
        Limits the norm of the gradients of each step.
    max_iter : int
        The number of passes over the text (epochs).
    warm_start : bool
        Whether the next `fit` goes on with the current weights, and with what they stand for.
    callbacks : sequence of `tinygrad_ml.train.Callback`, or of functions of the `Run`
    random_state : int, Generator or RandomState, optional
        Decides the first weights and the batches.
    verbose : bool
        Whether to show a progress bar.
    """

    how_to_fit = "fit(text)"
    why_not_sparse = "it learns from the order of words, which counts do not tell: give it the texts"

    _: KW_ONLY
    optimizer: Any = optimizer_choice(None)
    optimizer_options: Mapping[str, Any] | None = option_dict(None)
    learning_rate: float | Callable[[int], float] | str | None = rate(None)
    clip_norm: float | None = positive(None)
    batch_size: int = count(32)
    max_iter: int = count(5)
    warm_start: bool = boolean(False)
    callbacks: Sequence[Any] = callback_list(())
    random_state: Any = seed(None)
    verbose: bool = False

    @takes_known_arguments
    def fit(self: T, text: Any, y: Any = None) -> T:  # type: ignore[override]
        """Learn from a text: from scratch, or from the current weights with `warm_start`; return the model.

        `y` is ignored; it is there for pipelines. A ConvergenceWarning says if little was learned.
        """
        return self._fit(text, None, None)

    def read(self, text: Any) -> Batches:
        """Learn what the text is made of, unless that is known already; return its batches, new ones in each pass."""
        raise NotImplementedError(f"{type(self).__name__} does not define read(self, text)")

    def _training_data(self, X: Any, y: Any, sample_weight: Any, classes: Any) -> tuple[Any, Any, Any, int]:
        if is_sparse(X):
            raise TypeError(f"{type(self).__name__}: X is a sparse matrix, and {self.why_not_sparse}")
        return self.read(X), None, None, 0

    def _start(self, X: Any, target: Any, weight: Any, n_outputs: int) -> None:
        self.build()  # type: ignore[call-arg]
        self._keep_structure()

    def _solve(self, X: Any, target: Any, weight: Any, passes: int | None = None) -> None:
        """Take a step for each batch, `max_iter` times over."""
        optimizer = make_optimizer(self, self.solver, list(self.parameters()), [], (0.0, 0.0), self.usual_learning_rate)
        self.history_ = fit(
            self,
            self.criterion,
            optimizer,
            X,
            epochs=self.max_iter,
            callbacks=step_callbacks(self),
            progress=bool(self.verbose),
        )
        self.n_iter_ = len(self.history_.epochs)
        if self.history_.stopped.startswith("Interrupted"):
            stop_by_interrupt(self, self.history_.stopped)
        elif X.chance > 0 and not self.history_["loss"][-1] < (1 - LITTLE) * X.chance:
            self._warn_of_chance(self.history_["loss"][-1], X.chance)

    def _warn_of_chance(self, loss: float, chance: float) -> None:
        steps = len(self.history_.steps["loss"])
        cure = f"raise max_iter={self.max_iter} or learning_rate, or give it more text"
        if loss > (1 + LITTLE) * chance and loss > self.history_.steps["loss"][0]:
            cure = "lower the learning rate"
        warn_not_converged(
            self,
            choice_of(self, self.solver).solver,
            f" in {steps} steps: the loss is {loss:.4g}, and that of guessing is {chance:.4g}; {cure}",
        )

    def usual_learning_rate(self, solver: str) -> float:
        """Return the learning rate of "sgd", "adagrad" or "adam" when `learning_rate` is None."""
        return {"sgd": 0.1, "adagrad": 0.1, "adam": 0.003}[solver]
