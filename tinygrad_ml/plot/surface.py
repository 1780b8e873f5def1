"""The loss as a landscape: of two numbers, or of a model along random directions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..figures import BLACK, BLUE, ORANGE, one_axes
from ..nn.module import Module, Parameter
from ..tensor import Tensor, tensor
from ..validation import check_array, check_integer, is_number
from .inputs import as_trained, numbers
from .marks import few_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WHO = "loss_surface"
Range = Sequence[float]
LEVELS = 18  # contours
DECADE = 10.0  # times the smallest loss above the lowest, from which on contours go by its logarithm
COLOURS = "viridis_r"  # whose lightness tells the order, also without colour


@overload
def loss_surface(
    loss: Callable[..., Any],
    x_range: Range | None = ...,
    y_range: Range | None = ...,
    path: Any = ...,
    *,
    points: int = ...,
    ax: Axes | None = ...,
) -> Axes: ...
@overload
def loss_surface(
    loss: Callable[..., Any],
    model: Module,
    /,
    *,
    directions: int = ...,
    reach: float = ...,
    seed: int = ...,
    points: int = ...,
    ax: Axes | None = ...,
) -> Axes: ...
@overload
def loss_surface(
    loss: Callable[..., Any],
    *,
    model: Module,
    directions: int = ...,
    reach: float = ...,
    seed: int = ...,
    points: int = ...,
    ax: Axes | None = ...,
) -> Axes: ...


def loss_surface(
    loss: Any,
    x_range: Any = None,
    y_range: Any = None,
    path: Any = None,
    *,
    model: Any = None,
    directions: int | None = None,
    reach: float = 1.0,
    seed: int = 0,
    points: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a loss of two numbers, with the path of an optimizer; or the loss of a model around its parameters.

    On 3-D axes (`ax=figure.add_subplot(projection="3d")`) it is a surface, otherwise contours. Needs matplotlib.

    Parameters
    ----------
    loss : function
        Of two numbers, `loss(w, b)`, or of an array of two, `loss(p)`. With a model: a function without arguments, such
        as `lambda: criterion(model(x), y)`, or of the model.
    x_range, y_range : (low, high), optional
        Of the two numbers; by default what the path needs.
    path : sequence of points, optional
        Where the optimizer was after each step: pairs of numbers, or arrays or Tensors of two elements.
    model : Module
        In the place of `x_range`: the loss is drawn around its parameters. They are given back unchanged, bit for bit,
        with the modes and buffers of the model, also after an error. It is used in evaluation mode.
    directions : 1 or 2
        Along how many random directions the parameters of a model are moved; 2 if not given.
    reach : float
        How far they are moved: 1 is as far as the parameters are from zero.
    seed : int
        Of the directions.
    points : int
        Of the grid along each side: 61 by default, 25 for a model (so the loss is computed 625 times).
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a range or the path has another form, or the loss is no number or nowhere finite.

    Notes
    -----
    Each filter (row of a weight) of a direction has the norm of the filter of the model; biases and other parameters of
    one axis stay as they are. (Li et al., Visualizing the loss landscape of neural nets, 2018, section 4.)

    Examples
    --------
    >>> ax = tg.plot.loss_surface(lambda w, b: (w - 1) ** 2 + b**2, (-2, 2), (-1, 1), path=[(0, 1), (0.5, 0.3)])
    >>> ax.get_xlabel(), ax.get_ylabel(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('w', 'b', ['path of 1 step', 'start', 'end'])
    """
    if not callable(loss):
        raise TypeError(f"{WHO}: loss must be a function, not {type(loss).__name__}")
    if isinstance(loss, Module):
        name = type(loss).__name__
        raise TypeError(f"{WHO}: {name} needs predictions and targets; write lambda: loss(model(x), y)")
    if isinstance(x_range, Module):
        model, x_range = x_range, None
    if model is not None:
        if not isinstance(model, Module):
            raise TypeError(f"{WHO}: model must be a Module, not {type(model).__name__}")
        if not (x_range is y_range is path is None):
            raise TypeError(f"{WHO}: x_range, y_range and path are for a loss of two numbers, without a model")
        return _of_model(loss, model, 2 if directions is None else directions, reach, seed, points or 25, ax)
    if directions is not None:
        raise TypeError(f"{WHO}: directions={directions!r} is for a model: loss_surface(loss, model, directions=2)")
    count = check_integer(f"{WHO}: points", 61 if points is None else points, 2)
    steps = None if path is None else _path(path)
    limits = [_range(r, name, steps, k) for k, (r, name) in enumerate(((x_range, "x_range"), (y_range, "y_range")))]
    names, takes_two = _arguments(loss)
    across, up = (np.linspace(low, high, count) for low, high in limits)
    mesh = np.meshgrid(across, up)

    def height(x: Any, y: Any) -> float:
        return _number(loss(tensor(x), tensor(y)) if takes_two else loss(tensor(np.array([x, y]))))

    heights = np.array([height(x, y) for x, y in zip(*(m.ravel() for m in mesh))]).reshape(count, count)
    ax = one_axes(WHO, ax, (5.2, 4.2))
    _draw(ax, mesh, heights)
    if steps is not None:
        _draw_path(ax, steps, height)
    ax.set(xlabel=names[0], ylabel=names[1], xlim=limits[0], ylim=limits[1])
    return ax


# ---------------------------------------------------------------------- a loss of two numbers


def _arguments(loss: Callable) -> tuple[tuple[str, str], bool]:
    """Return names for the two numbers, and whether the loss takes them as two arguments."""
    try:
        parameters = list(inspect.signature(loss).parameters.values())
    except (TypeError, ValueError):
        return ("x", "y"), True
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return ("x", "y"), True
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in places if p.default is p.empty]
    if len(needed) == 1:
        name = needed[0].name
        return (f"{name}[0]", f"{name}[1]"), False
    if len(needed) > 2 or len(places) < 2:
        raise ValueError(
            f"{WHO}: loss takes {len(needed)} arguments, and must take two numbers or an array of two; of a model: "
            "loss_surface(loss, model)"
        )
    return (places[0].name, places[1].name), True


def _number(value: Any) -> float:
    array = check_array(value.detach() if isinstance(value, Tensor) else value, "what loss returns", WHO)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ValueError(f"{WHO}: loss must return a real number, and returned {array.dtype} of shape {array.shape}")
    return float(array.reshape(()))


def _path(path: Any) -> np.ndarray:
    try:
        array = numbers([numbers(_parts(p), "a point", WHO).ravel() for p in path], "path", WHO)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{WHO}: path must be a sequence of points of two numbers ({error})") from None
    if array.ndim != 2 or array.shape[1] != 2 or not len(array):
        raise ValueError(f"{WHO}: path has shape {array.shape}: points of two numbers are needed, (steps, 2)")
    return array.astype(float)


def _parts(point: Any) -> Any:
    """Return a point as an array, or as a list of numbers."""
    if isinstance(point, (tuple, list)):
        return [float(numbers(part, "a coordinate", WHO).reshape(())) for part in point]
    return point.detach() if isinstance(point, Tensor) else point


def _range(given: Any, name: str, steps: np.ndarray | None, k: int) -> tuple[float, float]:
    if given is None:
        if steps is None:
            raise ValueError(f"{WHO}: {name}=(low, high) is needed, unless there is a path or a model")
        known = steps[np.isfinite(steps).all(axis=1)][:, k]
        if not known.size:
            raise ValueError(f"{WHO}: no point of the path is finite; give {name}=(low, high)")
        low, high = float(known.min()), float(known.max())
        margin = 0.15 * (high - low) or max(abs(low), 1.0) / 2
        return low - margin, high + margin
    ends = list(given) if isinstance(given, (tuple, list, np.ndarray)) else []
    if len(ends) != 2 or not all(is_number(e) and np.isfinite(e) for e in ends) or ends[0] >= ends[1]:
        raise ValueError(f"{WHO}: {name}={given!r} must be two numbers, (low, high), the lower one first")
    return float(ends[0]), float(ends[1])


# ---------------------------------------------------------------------- a loss of a model


def _of_model(
    loss: Callable, model: Module, directions: int, reach: float, seed: int, points: int, ax: Axes | None
) -> Axes:
    if directions not in (1, 2) or isinstance(directions, bool):
        raise ValueError(f"{WHO}: directions={directions!r} must be 1 or 2")
    if not is_number(reach) or not reach > 0:
        raise ValueError(f"{WHO}: reach={reach!r} must be a number above zero")
    check_integer(f"{WHO}: points", points, 2)
    parameters = [p for p in model.parameters() if p.dtype.kind == "f" and p.size]
    if not parameters:
        raise ValueError(f"{WHO}: {type(model).__name__} has no parameters to move")
    call = (lambda: loss(model)) if _takes_model(loss) else loss
    random = np.random.default_rng(seed)
    ways = [_direction(parameters, random) for _ in range(directions)]
    steps = np.linspace(-reach, reach, points)
    with _kept(parameters) as start, as_trained(model):

        def height(*distances: float) -> float:
            for k, (p, value) in enumerate(zip(parameters, start)):
                moved = value + sum(d * way[k] for d, way in zip(distances, ways))
                p._replace(np.array(moved, value.dtype))
            return _number(call())

        if directions == 1:
            heights = np.array([height(d) for d in steps])
        else:
            heights = np.array([[height(x, y) for x in steps] for y in steps])
        here = height(*[0.0] * directions)
    if directions == 1:
        return _draw_line(one_axes(WHO, ax, (5.2, 3.6)), steps, heights, here)
    ax = one_axes(WHO, ax, (5.2, 4.2))
    mesh = np.meshgrid(steps, steps)
    _draw(ax, mesh, heights)
    if hasattr(ax, "get_zlim"):
        ax.plot([0], [0], [here], "o", color=BLACK, zorder=6, label=f"the model: {here:.3g}")
    else:
        ax.plot(0, 0, "o", color=BLACK, mec="white", ms=8, label=f"the model: {here:.3g}")
    ax.legend(loc="upper right", framealpha=0.9)
    ax.set(xlabel="along one random direction", ylabel="along another")
    return ax


def _takes_model(loss: Callable) -> bool:
    try:
        parameters = inspect.signature(loss).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(needed) > 1:
        raise ValueError(f"{WHO}: loss takes {len(needed)} arguments; with a model it must take none, or the model")
    return len(needed) == 1


def _direction(parameters: list[Parameter], random: np.random.Generator) -> list[np.ndarray]:
    """Return a random direction, each filter of which has the norm of that of the parameter."""
    flat = all(p.ndim < 2 for p in parameters)
    found = []
    for p in parameters:
        noise = random.standard_normal(p.shape)
        if p.ndim < 2:
            found.append(noise * _norm(p._data) / _norm(noise) if flat else np.zeros(p.shape))
            continue
        axes = tuple(range(1, p.ndim))
        sizes = [np.sqrt(np.sum(np.square(a), axis=axes, keepdims=True, dtype=float)) for a in (p._data, noise)]
        found.append(noise * sizes[0] / np.maximum(sizes[1], 1e-30))
    return found


def _norm(array: Any) -> float:
    return float(np.sqrt(np.sum(np.square(array), dtype=float))) or 1.0


@contextmanager
def _kept(parameters: list[Parameter]) -> Iterator[list[np.ndarray]]:
    """Yield copies of the values; afterwards the parameters have their own arrays, with the versions that they had."""
    captured = [(p, p._capture()) for p in parameters]
    try:
        yield [np.array(p._data) for p in parameters]
    finally:
        for p, before in captured:
            p._restore(before)


# ---------------------------------------------------------------------- drawing


def _levels(heights: np.ndarray) -> tuple[np.ndarray, Any]:
    """Return the heights of contours, and a scale for their colours: logarithmic if the loss spans decades."""
    from matplotlib.colors import LogNorm, Normalize

    finite = heights[np.isfinite(heights)]
    if not finite.size:
        raise ValueError(f"{WHO}: the loss is nowhere finite here")
    low, high = float(finite.min()), float(np.quantile(finite, 0.98))
    typical = float(np.median(finite))
    if low >= 0 and high > DECADE * max(float(np.quantile(finite, 0.02)), 1e-300) and typical > 0:
        floor = max(low, high * 1e-4)
        return np.geomspace(floor, high, LEVELS), LogNorm(floor, high)
    if not high > low:
        high = float(finite.max())
    if not high > low:
        high = low + max(abs(low), 1.0) * 1e-3  # flat
    return np.linspace(low, high, LEVELS), Normalize(low, high)


def _draw(ax: Any, mesh: Sequence[np.ndarray], heights: np.ndarray) -> None:
    levels, norm = _levels(heights)
    shown = np.ma.masked_invalid(heights)
    if hasattr(ax, "get_zlim"):
        low, high = float(shown.min()), float(shown.max())
        floor = low - 0.5 * ((high - low) or 1.0)
        count = len(heights)
        ax.plot_surface(*mesh, shown, rcount=count, ccount=count, cmap=COLOURS, alpha=0.85, linewidth=0, zorder=3)
        ax.contour(
            *mesh, shown, levels, zdir="z", offset=floor, colors="0.55", linestyles="solid", linewidths=0.8, zorder=1
        )
        ax.set(zlim=(floor, high), zlabel="loss")
        ax.computed_zorder = False  # what is drawn on the surface is not hidden by it
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
            axis.set_major_locator(few_ticks())
        return
    clipped = np.ma.clip(shown, levels[0], None)
    picture = ax.contourf(*mesh, clipped, levels=levels, cmap=COLOURS, norm=norm, extend="max")
    ax.contour(*mesh, clipped, levels=levels[1::2], colors="black", linewidths=0.4, alpha=0.5)
    bar = ax.figure.colorbar(picture, ax=ax, label="loss")
    chosen = levels[:: max(len(levels) // 6, 1)]
    bar.set_ticks(chosen, labels=[f"{level:.3g}" for level in chosen])
    bar.minorticks_off()


def _draw_path(ax: Any, steps: np.ndarray, height: Callable[[float, float], float]) -> None:
    """Draw the path with its start and its end."""
    from matplotlib.patheffects import withStroke

    inside = steps[np.isfinite(steps).all(axis=1)]
    if hasattr(ax, "get_zlim"):
        inside = np.column_stack([inside, [height(x, y) for x, y in inside]])
    n = len(steps) - 1
    dots = {"marker": "o", "ms": 3.5} if n <= 60 else {}
    effects = [withStroke(linewidth=3.2, foreground="white")]
    name = f"path of {n} step{'s' * (n != 1)}"
    ax.plot(*inside.T, color=ORANGE, lw=1.6, path_effects=effects, zorder=6, label=name, gid="path", **dots)
    ends = {"linestyle": "", "mec": "white", "zorder": 7}
    ax.plot(*inside[:1].T, marker="s", color=BLUE, ms=8, label="start", **ends)
    ax.plot(*inside[-1:].T, marker="*", color=BLACK, ms=14, label="end", **ends)
    ax.legend(loc="best", framealpha=0.9)


def _draw_line(ax: Axes, steps: np.ndarray, heights: np.ndarray, here: float) -> Axes:
    ax.plot(steps, heights, color=BLUE, lw=2)
    ax.plot(0, here, "o", color=BLACK, mec="white", ms=8, label=f"the model: {here:.3g}")
    known = heights[np.isfinite(heights)]
    if known.size and known.min() > 0 and known.max() > DECADE * known.min():
        ax.set_yscale("log")
    ax.set(xlabel="along a random direction", ylabel="loss")
    ax.legend(framealpha=0.9)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
