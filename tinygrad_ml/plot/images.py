"""Images beside one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import MOST, bare, panels
from ..validation import check_integer
from .inputs import as_title, numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHO = "images"


def images(
    X: Any,
    titles: Sequence[Any] | None = None,
    *,
    shape: tuple[int, int] | None = None,
    columns: int | None = None,
    limit: int = MOST,
    cmap: str = "gray",
    figure: Figure | None = None,
) -> np.ndarray:
    """Draw images, each in a panel of its own. Needs matplotlib.

    All have the same scale of brightness. Images of three channels are in colour.

    Parameters
    ----------
    X : array_like
        Images of shape (images, height, width), (images, 1, height, width), (images, 3, height, width) or
        (images, height, width, 3); a single one, (height, width) or (height, width, 3); or rows of pixels
        (images, height * width).
    titles : sequence, optional
        One for each image, such as its class.
    shape : (height, width), optional
        Of rows of pixels; a square, if not given.
    columns : int, optional
        Of panels.
    limit : int
        How many are drawn at most; the title of the figure says if there are more.
    cmap : str
        The colormap of images of one channel: "gray" or, for ink on paper, "gray_r".
    figure : matplotlib Figure or SubFigure, optional
        Where to draw; a new one if not given.

    Returns
    -------
    array of matplotlib Axes, one for each image

    Raises
    ------
    ValueError
        If the shape is none of these, or the number of titles differs from that of the images.

    Examples
    --------
    >>> axes = tg.plot.images(np.zeros((3, 8, 8)), titles=["a", "b", "c"])
    >>> [ax.get_title() for ax in axes]
    ['a', 'b', 'c']
    """
    stack = _as_images(numbers(X, "X", WHO), shape)
    names = as_title(titles, len(stack), WHO, "titles")
    check_integer(f"{WHO}: limit", limit, 1)
    shown = stack[:limit]
    height, width = shown.shape[1:3]
    long = max(map(len, (line for name in names[:limit] for line in name.split("\n"))), default=0)
    wide = float(np.clip(1.25 * width / height, 0.7, 4.0))
    cell = max(wide, 0.085 * long), 1.25 + 0.17 * (max(name.count("\n") + bool(name) for name in names))
    axes = panels(WHO, figure, len(shown), cell, columns)
    limits = _limits(shown)
    for ax, image, name in zip(axes, shown, names):
        if image.ndim == 3:
            low, high = limits
            ax.imshow(np.clip((image - low) / (high - low), 0, 1), interpolation="nearest")
        else:
            ax.imshow(image, cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
        bare(ax)
        ax.set_title(name, fontsize="medium")
    if len(shown) < len(stack):
        axes[0].figure.suptitle(f"the first {len(shown)} of {len(stack):,}", fontsize="medium")
    return axes


def _as_images(X: np.ndarray, shape: tuple[int, int] | None) -> np.ndarray:
    """Return images as (images, height, width) or (images, height, width, channels)."""
    if not X.size:
        raise ValueError(f"{WHO}: X of shape {X.shape} has no images")
    if shape is not None:
        if len(shape) != 2 or X.ndim != 2 or shape[0] * shape[1] != X.shape[1]:
            raise ValueError(f"{WHO}: shape={shape} does not fit X of shape {X.shape}, (images, height * width)")
        return X.reshape(len(X), *shape)
    if X.ndim == 1:
        side = _side(X.size, X.shape)
        return X.reshape(1, side, side)
    if X.ndim == 2:
        side = round(X.shape[1] ** 0.5)
        many = side * side == X.shape[1] and side > 1 and X.shape[0] != X.shape[1]
        return X.reshape(len(X), side, side) if many else X[None]
    if X.ndim == 3:
        return X[None] if X.shape[2] in (3, 4) and min(X.shape[:2]) > 4 else X
    if X.ndim == 4 and X.shape[1] == 1:
        return X[:, 0]
    if X.ndim == 4 and X.shape[3] == 1:
        return X[..., 0]
    if X.ndim == 4 and (X.shape[3] == 3 or (X.shape[3] == 4 and min(X.shape[1:3]) > 4)):
        return X
    if X.ndim == 4 and X.shape[1] in (3, 4):
        return np.moveaxis(X, 1, -1)
    raise ValueError(
        f"{WHO}: X has shape {X.shape}; images are (images, height, width), with 1 or 3 channels before or after "
        "height and width, or rows of pixels; for channels of one image use images(X[0])"
    )


def _side(size: int, shape: tuple[int, ...]) -> int:
    side = round(size**0.5)
    if side * side != size:
        raise ValueError(f"{WHO}: X has shape {shape}: pixels of no square; shape=(height, width) says their order")
    return side


def _limits(stack: np.ndarray) -> tuple[float, float]:
    """Return what is black and what is white."""
    if stack.dtype.kind == "b":
        return 0.0, 1.0
    finite = stack[np.isfinite(stack)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if stack.ndim == 4:
        if stack.dtype == np.uint8 or (low >= 0 and 1 < high <= 255):
            return 0.0, 255.0
        if low >= 0 and high <= 1:
            return 0.0, 1.0
    return low, high if high > low else low + 1.0
