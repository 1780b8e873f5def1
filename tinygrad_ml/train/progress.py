"""The progress bar of a training."""

from __future__ import annotations

import sys
from typing import Any


class Bar:
    """A bar over all batches of all epochs, with the last losses beside it; drawn by tqdm.

    Parameters
    ----------
    wanted : bool, optional
        True shows it anyway, False never; None in a terminal or notebook, if tqdm is installed.
    epochs, batches : int
        How many epochs, and how many batches an epoch has (0 if that is not known).
    """

    def __init__(self, wanted: bool | None, epochs: int, batches: int):
        self.bar: Any = None
        self.epochs, self.batches = epochs, batches
        if wanted or (wanted is None and _watched()):
            try:
                from tqdm.auto import tqdm
            except ImportError:
                if wanted:
                    print("fit: a progress bar needs: pip install tqdm", file=sys.stderr)
            else:
                self.bar = tqdm(total=epochs * batches or None, unit="batch", file=sys.stderr, leave=True)

    def start(self, epoch: int) -> None:
        """Show the number of an epoch (from 1) that begins."""
        if self.bar is not None:
            self.bar.set_description(f"epoch {epoch}/{self.epochs}", refresh=False)
            if self.batches:
                self.bar.update((epoch - 1) * self.batches - self.bar.n)  # those that a checkpoint has done already

    def finish(self, measures: dict[str, float]) -> None:
        """Show the losses of an epoch that is done."""
        if self.bar is not None:
            shown = {name: f"{measures[name]:.4g}" for name in ("loss", "validation_loss") if name in measures}
            self.bar.set_postfix(shown, refresh=False)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self.bar is not None:
            self.bar.close()


def _watched() -> bool:
    """Whether somebody looks: standard error is a terminal, or this is a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel") or (sys.stderr is not None and sys.stderr.isatty())
