"""What the layers of a model look for: their filters, and what they make of an input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import MOST, SIGNED, bare, panels
from ..modes import no_grad
from ..nn.module import Module
from ..validation import check_array, check_integer
from .inputs import as_input, as_title, as_trained, numbers, object_not_class, of_pytorch
from .marks import few_ticks, histogram, largest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TILES = 64  # channels of a layer
NAME = 34  # characters of a title


# ---------------------------------------------------------------------- filters


def filters(
    layer: Any,
    *,
    titles: Sequence[Any] | None = None,
    channels: bool | None = None,
    columns: int | None = None,
    limit: int = MOST,
    figure: Figure | None = None,
) -> np.ndarray:
    """Draw the filters of a layer as images: purple adds, orange takes away, white is zero.

    All have one scale, which stands at the right. Needs matplotlib.

    Parameters
    ----------
    layer : Module or array_like
        A layer with a weight, such as a convolution; of another module, the first convolution in it. Or the filters
        themselves: (filters, height, width) or (filters, channels, height, width). Those of a convolution over time
        have a row for each channel; those of a linear layer are one image, with a row for each unit.
    titles : sequence, optional
        One for each filter; by default their numbers.
    channels : bool, optional
        Whether each channel of a filter has a panel of its own, instead of the mean over the channels; by default if
        all of them are at most `limit`.
    columns : int, optional
        Of panels.
    limit : int
        How many panels there are at most; the title of the figure says if there are more filters.
    figure : matplotlib Figure or SubFigure, optional
        Where to draw; a new one if not given.

    Returns
    -------
    array of matplotlib Axes, one for each filter, or each channel of each filter

    Raises
    ------
    ValueError
        If the layer has no weight, or one of another shape.

    Examples
    --------
    >>> axes = tg.plot.filters(tg.nn.Conv2d(1, 8, 3))
    >>> len(axes), axes[0].get_title()
    (8, '0')
    """
    who = "filters"
    weight, name = _weight(layer, who)
    if weight.ndim == 2:
        weight = weight[None]
        titles = [name] if titles is None else titles
    if weight.ndim not in (3, 4) or not weight.size:
        raise ValueError(
            f"{who}: {name} has shape {weight.shape}: (filters, height, width) or (filters, channels, height, width) "
            "is needed"
        )
    names = as_title(range(len(weight)) if titles is None else titles, len(weight), who, "titles")
    check_integer(f"{who}: limit", limit, 1)
    note = ""
    if weight.ndim == 4 and weight.shape[1] == 1:
        weight = weight[:, 0]
    elif weight.ndim == 4:
        each = weight.shape[1]
        if channels or (channels is None and weight.size and len(weight) * each <= limit):
            names = [f"{name}, {c}" if name else str(c) for name in names for c in range(each)]
            weight = weight.reshape(-1, *weight.shape[2:])
            columns = each if columns is None else columns
            note = "filter, channel"
        else:
            weight = weight.mean(axis=1)
            note = f"mean of {each} channels"
    shown = weight[:limit]
    if len(shown) < len(weight):
        note = ", ".join(filter(None, [note, f"the first {limit} of {len(weight):,}"]))
    height, width = shown.shape[1:]
    one = len(shown) == 1
    cell = (4.6, 3.4) if one else (float(np.clip(1.15 * width / height, 0.7, 3.0)), 1.35)
    axes = panels(who, figure, len(shown), cell, columns)
    top = largest(shown)
    for ax, image, title in zip(axes, shown, names):
        picture = ax.imshow(image, cmap=SIGNED, vmin=-top, vmax=top, aspect="auto" if one else "equal")
        bare(ax)
        ax.set_title(title, fontsize="medium")
    axes[0].figure.colorbar(picture, ax=axes.tolist(), shrink=0.8, label="weight")
    if note:
        axes[0].figure.suptitle(note, fontsize="medium")
    return axes


def _weight(layer: Any, who: str) -> tuple[np.ndarray, str]:
    """Return the weight of a layer, and its name."""
    if not _is_module(layer):
        return numbers(layer, "layer", who), "layer"
    for name, module in layer.named_modules():
        weight = getattr(module, "weight", None)
        if weight is not None and (weight.ndim >= 3 or module is layer):
            return check_array(weight, "weight", who), f"{name}.weight".strip(".")
    for name, module in layer.named_modules():
        weight = getattr(module, "weight", None)
        if weight is not None and weight.ndim == 2:
            return check_array(weight, "weight", who), f"{name}.weight".strip(".")
    raise ValueError(f"{who}: {type(layer).__name__} has no layer with a weight")


def _is_module(thing: Any) -> bool:
    return callable(getattr(thing, "named_modules", None))  # of this library or of PyTorch


# ---------------------------------------------------------------------- activations


def activations(
    model: Module,
    x: Any,
    *,
    layers: Sequence[str] | Callable[[str, Module], bool] | None = None,
    sample: int = 0,
    kind: str = "image",
    figure: Figure | None = None,
) -> np.ndarray:
    """Draw what the layers of a model make of an input, a panel for each in the order of their calls.

    The model is used in evaluation mode and gets its mode back. Needs matplotlib.

    Parameters
    ----------
    model : Module
        Of this library or of PyTorch.
    x : Tensor or array_like
        A batch, as the model takes it. It gets the dtype of the parameters if it is floating.
    layers : sequence of str, or function(name, module), optional
        Which to draw, by their names as `named_modules()` has them, or for which the function is true; by default all
        that have no modules inside. What is called as a function, such as `tg.relu(x)`, is no layer.
    sample : int
        Whose images are drawn, of layers that return channels of images; other layers are drawn for the whole batch, a
        row for each sample.
    kind : "image" or "histogram"
        With "histogram", the distribution of what each layer returns, with the share of zeros: of a ReLU, those that
        are off.
    figure : matplotlib Figure or SubFigure, optional
        Where to draw; a new one if not given.

    Returns
    -------
    array of matplotlib Axes, one for each call of a layer

    Raises
    ------
    ValueError
        If no layer was called, a name is none of a layer, or the batch has no such sample.

    Examples
    --------
    >>> net = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU(), tg.nn.Linear(8, 3))
    >>> axes = tg.plot.activations(net, tg.rand(16, 4))
    >>> [ax.get_title() for ax in axes]
    ['0: Linear 16×8', '1: ReLU 16×8', '2: Linear 16×3']
    """
    who = "activations"
    object_not_class(model, who)
    if not isinstance(model, Module) and not of_pytorch(model):
        raise TypeError(f"{who}: model must be a Module, not {type(model).__name__}")
    if kind not in ("image", "histogram"):
        raise ValueError(f"{who}: kind must be 'image' or 'histogram', not {kind!r}")
    found = _answers(model, as_input(model, check_array(x, "x", who)), _chosen(model, layers, who))
    if not found:
        raise ValueError(f"{who}: no layer of {type(model).__name__} was called, or none returned a Tensor")
    axes = panels(who, figure, len(found), (3.2, 2.5) if kind == "image" else (2.8, 2.3))
    for ax, (title, values) in zip(axes, found):
        if kind == "histogram":
            histogram(ax, values)
        else:
            _as_image(ax, values, sample, who)
        ax.set_title(title, fontsize="medium")
    return axes


def _chosen(model: Module, layers: Any, who: str) -> dict[int, tuple[str, Module]]:
    named = list(model.named_modules())
    if layers is None:
        kept = [(name, m) for name, m in named if next(m.children(), None) is None]
    elif callable(layers):
        kept = [(name, m) for name, m in named if layers(name, m)]
    else:
        wanted = [layers] if isinstance(layers, str) else list(layers)
        unknown = [name for name in wanted if name not in dict(named)]
        if unknown:
            raise ValueError(f"{who}: {unknown} are no layers; there are {', '.join(n for n, _ in named if n)}")
        kept = [(name, m) for name, m in named if name in wanted]
    return {id(m): (name, m) for name, m in kept}


def _answers(model: Any, x: Any, chosen: dict[int, tuple[str, Module]]) -> list[tuple[str, np.ndarray]]:
    """Return the title and the output of every call of the layers."""
    found: list[tuple[str, np.ndarray]] = []
    calls: dict[int, int] = {}

    def note(module: Module, inputs: tuple, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) and output else output
        if hasattr(first, "detach"):
            calls[id(module)] = calls.get(id(module), 0) + 1
            name = chosen[id(module)][0] or "the model"
            count = f" ({calls[id(module)]})" if calls[id(module)] > 1 else ""
            shape = "×".join(map(str, first.shape))
            title = f"{name}{count}: {type(module).__name__}"
            found.append(
                (
                    f"{title} {shape}" if len(title) + len(shape) < NAME else f"{title}\n{shape}",
                    check_array(first, "output", "activations"),
                )
            )

    handles = [module.register_forward_hook(note) for _, module in chosen.values()]
    try:
        with as_trained(model), no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _as_image(ax: Any, values: np.ndarray, sample: int, who: str) -> None:
    """Draw channels of images as tiles, and other values as a matrix."""
    if values.ndim >= 3 and not -len(values) <= sample < len(values):
        raise ValueError(f"{who}: sample={sample} is not in a batch of {len(values)}")
    if values.ndim == 4:
        picture = _tiles(values[sample][:TILES])
    else:
        picture = values[sample] if values.ndim == 3 else values.reshape(len(values) if values.ndim == 2 else 1, -1)
    known = picture[np.isfinite(picture)]
    signed = bool((known < 0).any())
    top = largest(picture)
    aspect = "equal" if values.ndim == 4 else "auto"
    drawn = ax.imshow(
        np.ma.masked_invalid(picture),
        cmap=SIGNED if signed else "gray",
        vmin=-top if signed else 0.0,
        vmax=top,
        aspect=aspect,
        interpolation="nearest",
    )
    bare(ax)
    if values.ndim == 2:
        ax.set(xlabel="unit", ylabel="sample")
    elif values.ndim == 4 and values.shape[1] > TILES:
        ax.set_xlabel(f"the first {TILES} of {values.shape[1]} channels")
    bar = ax.figure.colorbar(drawn, ax=ax, shrink=0.8)
    bar.ax.tick_params(labelsize="small")
    bar.locator = few_ticks()
    bar.update_ticks()


def _tiles(channels: np.ndarray) -> np.ndarray:
    """Return images beside one another, with lines between them."""
    count, height, width = channels.shape
    across = int(np.ceil(np.sqrt(count * height / width)))
    down = -(-count // across)
    gap = max(1, round(min(height, width) / 12))
    picture = np.full((down * (height + gap) - gap, across * (width + gap) - gap), np.nan)
    for k, channel in enumerate(channels):
        top, left = k // across * (height + gap), k % across * (width + gap)
        picture[top : top + height, left : left + width] = channel
    return picture
