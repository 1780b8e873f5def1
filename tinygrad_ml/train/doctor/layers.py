"""Illnesses of layers: gradients that vanish or explode, units that are dead, saturated or all alike, and the like.

Each function looks at a case and yields findings; its docstring says where its limits come from.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

from .case import Case, middle
from .finding import Finding
from .record import Sample

__all__ = ["EXAMINED"]

VANISHED = 1e-4  # of the largest gradient of a layer above
EXPLODED = 1e3  # times that of the last layer
LARGER = 100.0  # than the input
DEAD, SATURATED = 0.5, 0.8  # shares
SMALL_BATCH = 8
EPSILON, LOST = 1.2e-7, 1e-4  # the precision of float32; what is lost where a training run got nowhere


def vanishing_gradient(case: Case) -> Iterator[Finding]:
    """The gradient at the output of a layer is below 1e-4 of that at a layer above.

    A layer of logistic units multiplies it by less than a quarter of the size of its weights (Bengio, Simard and
    Frasconi 1994; Glorot and Bengio 2010), so it falls geometrically with depth; in healthy networks it stays within
    two orders of magnitude. At 1e-4 the bottom learns ten thousand times slower than the top.
    """
    sizes = _gradients(case)
    if not sizes:
        return
    if max(sizes.values()) == 0:
        if not case.has_learned and _largest_gradient(case) == 0:
            yield Finding(
                "vanishing gradient",
                next(iter(sizes)),
                0.0,
                "The gradient of every layer is exactly 0: something between them and the loss has the slope 0 "
                "(rounding, argmax, a comparison), or the loss is at a flat place.",
                "Take out what has no slope, or look at the loss.",
                0.9,
                follows=max(_gradients(case, case.early[:1]).values(), default=0.0) > 0,
            )
        return
    if case.one_batch and _begins_with_zero(case):  # which the first step ends
        sizes = {name: size for name, size in sizes.items() if size > 0}
    low = _vanished(sizes)
    if not low and not case.one_batch and not case.has_learned:
        sizes = _gradients(case, case.early)
        low = _vanished(sizes)
    if not low:
        return
    worst, above = low[0], max(sizes.values())
    kinds = {units.kind for units in case.record.units.values() if not units.is_output}
    number = _weight_gradient(case, worst, sizes[worst])
    slope = (
        "its slope is 0 for half of the inputs" if kinds == {"ReLU"} else "each layer multiplies it by a small slope"
    )
    advice = (
        "Draw the weights larger: nn.init.kaiming_normal_ (He initialisation); or add batch normalisation or residual "
        "connections."
        if kinds == {"ReLU"}
        else "Use ReLU with nn.init.kaiming_normal_ (He initialisation), batch normalisation, residual connections, or "
        "fewer layers."
    )
    yield Finding(
        "vanishing gradient",
        worst,
        number,
        f"The gradient of the weights here is {number:.1e}, and at the output of this layer {sizes[worst] / above:.1e} "
        f"of the largest one above: {slope}. {_named(low)} hardly learn{'s' * (len(low) == 1)}.",
        advice,
        0.85,
        follows=not case.one_batch and not _vanished(_gradients(case, case.early[:1])),
    )


def exploding_gradient(case: Case) -> Iterator[Finding]:
    """The gradient at the output of a layer is more than 1000 times that of the last one.

    Weights whose squares sum to more than 2 for each unit (1 without ReLU) multiply it in every layer (He and others
    2015, section 2.2), so it grows geometrically on the way down.
    """
    sizes = _gradients(case)
    large = _exploded(sizes)
    if not large and not case.one_batch:
        sizes = _gradients(case, case.early[:1])
        large = _exploded(sizes)
    if not large:
        return
    worst, last = large[0], next(size for size in reversed(sizes.values()) if size > 0)
    number = _weight_gradient(case, worst, sizes[worst])
    yield Finding(
        "exploding gradient",
        worst,
        number,
        f"The gradient of the weights here is {number:.1e}; at the output of this layer it is "
        f"{sizes[worst] / last:.1e} times that of the last layer: each layer multiplies it by its large weights.",
        "Draw the weights smaller: nn.init.kaiming_normal_ (He initialisation) or xavier_uniform_; or add batch "
        "normalisation, or clip the gradients: tg.train.ClipGradients(max_norm=1.0).",
        0.9,
        follows=not case.one_batch and not _exploded(_gradients(case, case.early[:1])),
    )


def exploding_activations(case: Case) -> Iterator[Finding]:
    """In the first step the output of a layer is more than 100 times as large as the input.

    With weights of the variance 2 / fan-in it stays about as large (He and others 2015). Outputs that begin so large
    begin with a loss far above chance.
    """
    if not case.record.samples or case.record.input_size == 0:
        return
    sizes = {name: layer.size for name, layer in case.record.samples[0].layers.items() if math.isfinite(layer.size)}
    base = case.record.input_size if case.record.input_size > 0 else next(iter(sizes.values()), 0.0)
    worst = max(sizes, key=sizes.__getitem__, default="")
    if not base or not sizes or sizes[worst] <= LARGER * base:
        return
    first = next(name for name in sizes if sizes[name] > LARGER * base)
    yield Finding(
        "exploding activations",
        first,
        sizes[worst] / base,
        f"In the first step the output of {worst!r} is {sizes[worst] / base:.1e} times as large as the input.",
        "Draw the weights smaller: nn.init.kaiming_normal_ (He initialisation), xavier_uniform_; or add normalisation.",
        0.89,
    )


def gradient_over_time(case: Case) -> Iterator[Finding]:
    """Through a recurrent layer the gradient falls below the precision of float32, or grows by more than 1000.

    Each time multiplies it by the recurrent weights and the slope (Pascanu, Mikolov and Bengio 2013). What is below
    1.2e-7 of the gradient at the last time is lost in rounding; where a training run got nowhere, 1e-4 is too little;
    where the network has learned, nobody needs it.
    """
    for name, (first, times) in case.record.over_time.items():
        kind = type(case.modules.get(name)).__name__
        gated = kind not in ("RNN", "RNNCell")
        if first > EXPLODED:
            yield Finding(
                "exploding gradient",
                name,
                first,
                f"From the last of {times} times back to the first, the gradient grows by the factor {first:.1e}.",
                "Clip the gradients: tg.train.ClipGradients(max_norm=1.0); draw the recurrent weights smaller "
                "(nn.init.orthogonal_).",
                0.9,
            )
        elif (
            first < (LOST if case.got_nowhere else EPSILON) and not case.has_learned and not (gated and case.one_batch)
        ):
            cure = (
                "Set the bias of the forget gate to 1 or more, shorten the sequences, or read out the mean over time."
                if gated
                else "Use nn.LSTM or nn.GRU instead of nn.RNN, or orthogonal recurrent weights (nn.init.orthogonal_)."
            )
            yield Finding(
                "forgetting over time",
                name,
                first,
                f"From the last of {times} times back to the first, the gradient falls to {first:.1e} of its size: "
                "what stands at the beginning of a sequence cannot be learned.",
                cure,
                0.7,
            )


def dead_units(case: Case) -> Iterator[Finding]:
    """At least half of the units of a ReLU were off for every example of the watched batches.

    At an input where a unit is off its weights get no gradient; if it is off everywhere it never comes back (Lu and
    others 2019; 40 % is what the notes of CS231n call too many after a learning rate that was too high). With the
    usual initial weights and inputs of one dimension a quarter to three eighths are off from the start, so less than a
    half is nothing unusual.
    """
    rows = sum(s.rows for s in case.record.samples)
    found = []
    for name, units in case.record.units.items():
        share, count = units.dead(units.recent)
        known = share == 1 or units.varies  # if not, its input is the same for all examples
        if units.kind == "ReLU" and rows >= 8 and count > 1 and share >= (DEAD if rows >= 64 else 0.8) and known:
            found.append((share, count, name))
    if not found:
        return
    share, count, name = max(found, key=lambda item: item[0])
    units = case.record.units[name]
    before = units.dead(units.first)[0]
    killed = before < 0.5 * share and len(units.recent) > len(units.first)
    how = f" In the beginning it was {before:.0%}: a step that was too large has killed them." if killed else ""
    watched = f"{len(units.recent)} watched batches" if len(units.recent) > 1 else "the watched batch"
    yield Finding(
        "dead ReLU",
        name,
        share,
        f"{share:.0%} of the {count} units are off for every example of {watched}, so their weights get no gradient."
        f"{_also(found, name)}{how}",
        "Lower the learning rate and make the model anew; or use leaky ReLU (nn.LeakyReLU)."
        if killed
        else "Set the biases before it to 0 and draw the weights by nn.init.kaiming_normal_ (He initialisation), scale "
        "the inputs; or use leaky ReLU (nn.LeakyReLU).",
        0.5 + 0.4 * share,
    )


def saturated_units(case: Case) -> Iterator[Finding]:
    """In four of five places a sigmoid or tanh has less than a hundredth of its largest slope.

    Beyond |x| = 6 (sigmoid) and 3 (tanh) the gradient that passes is lost (LeCun and others 1998, "Efficient BackProp",
    4.4). An output that says probabilities may saturate once the network has learned.
    """
    found = []
    for name, units in case.record.units.items():
        if units.kind == "ReLU" or (units.is_output and (case.one_batch or case.has_learned)):
            continue
        share = middle(s.off.get(name, math.nan) for s in case.late)
        if share >= SATURATED:
            found.append((share, units.kind, name))
    for kind in ("sigmoid", "tanh"):
        of_kind = [item for item in found if item[1] == kind]
        if not of_kind:
            continue
        share, _, name = max(of_kind, key=lambda item: item[0])
        before = middle(s.off.get(name, math.nan) for s in case.early[:1])
        yield Finding(
            f"saturated {kind}",
            name,
            share,
            f"{share:.0%} of the outputs are so close to a limit that the slope is below 1 % of the largest one."
            f"{_also(of_kind, name)}",
            "Scale the inputs to the standard deviation 1, draw the weights smaller (nn.init.xavier_uniform_), add "
            "batch normalisation before it, or lower the learning rate.",
            0.75,
            follows=before < 0.5 * share,
        )


def symmetric_units(case: Case) -> Iterator[Finding]:
    """All units of a hidden layer have the same weights and get the same gradient: they stay copies of one unit.

    Rumelhart, Hinton and Williams (1986) call it breaking symmetry to begin with small random weights.
    """
    samples = [s for s in case.record.samples if any(p.gradient is not None for p in s.parameters.values())]
    for layer in case.layers[:-1]:
        for name in case.parameters_of(layer):
            notes = [s.parameters[name] for s in samples if not _is_rounding(s, name)]
            if name in (case.record.equal or ()) and all(note.differ < 1e-3 for note in notes):
                units = len(case.modules[layer].get_parameter(name.rpartition(".")[2])) if layer in case.modules else 0
                yield Finding(
                    "symmetric units",
                    layer,
                    float(units),
                    f"All {units} units have the same weights and the same gradient, so they stay copies of one unit.",
                    "Draw the weights at random (nn.init.kaiming_normal_), as nn.Linear does by itself.",
                    0.95,
                )
                return


def no_gradient(case: Case) -> Iterator[Finding]:
    """A parameter that requires a gradient got none in any watched step."""
    samples = [s for s in case.record.samples if any(p.gradient is not None for p in s.parameters.values())]
    if not samples:
        return
    missing = [
        name
        for name in samples[-1].parameters
        if all(s.parameters[name].gradient is None for s in samples if name in s.parameters)
    ]
    by_layer: dict[str, list[str]] = defaultdict(list)
    for name in missing:
        by_layer[name.rpartition(".")[0]].append(name)
    cut = [layer for layer in case.record.order if layer and layer in by_layer]  # they ran
    if cut:
        names = [name for layer in cut for name in by_layer[layer]]
        yield _without(
            names, cut[-1], "computed, but something between here and the loss cuts the way back", len(samples)
        )
    for layer in by_layer:
        if layer not in cut:
            yield _without(by_layer[layer], layer, "", len(samples))


def _without(names: list[str], layer: str, why: str, steps: int) -> Finding:
    watched = f"{steps} watched steps" if steps > 1 else "the watched step"
    return Finding(
        "no gradient",
        layer,
        float(len(names)),
        f"{', '.join(map(repr, names))} got no gradient in {watched}: "
        f"{why or 'nothing that the loss depends on uses it'}.",
        "Look for .numpy(), .detach(), .item() or no_grad() on the way."
        if why
        else "Use it in forward, take it out, or freeze it: requires_grad_(False).",
        0.8,
    )


def small_batches(case: Case) -> Iterator[Finding]:
    """A batch normalisation estimates mean and variance from fewer than 8 elements.

    Wu and He, "Group normalization" (2018), figure 1: its error grows quickly for batches below 8.
    """
    seen = [s.normalised for s in case.record.samples]
    for name in dict.fromkeys(name for normalised in seen for name in normalised):
        count = middle(float(normalised[name]) for normalised in seen if name in normalised)
        if count < SMALL_BATCH:
            yield Finding(
                "batch too small",
                name,
                count,
                f"The batch normalisation estimates mean and variance from {count:.0f} elements: mostly noise.",
                "Use larger batches (batch_size=32), or nn.LayerNorm, which looks at each example alone.",
                0.45,
            )
            return


EXAMINED = (
    no_gradient,
    symmetric_units,
    dead_units,
    saturated_units,
    vanishing_gradient,
    exploding_gradient,
    exploding_activations,
    gradient_over_time,
    small_batches,
)


# ---------------------------------------------------------------------- what they share


def _gradients(case: Case, samples: list[Sample] | None = None) -> dict[str, float]:
    """Return for each layer that learns, in order, the usual norm of the gradient at its output.

    Of a layer that is called several times the largest counts.
    """
    sizes = {}
    for name in case.layers:
        seen = [s.layers[name].gradients for s in (case.late if samples is None else samples) if name in s.layers]
        size = middle(max(gradients) for gradients in seen if gradients)
        if not math.isnan(size):
            sizes[name] = size
    return sizes


def _begins_with_zero(case: Case) -> bool:
    """Whether there are weights of 0 that get a gradient, as in the last layer of a residual branch."""
    return any((s.parameters[name].gradient or 0.0) > 0 for s in case.record.samples for name in case.record.zero or ())


def _vanished(sizes: dict[str, float]) -> list[str]:
    """Return the layers whose gradient is far below that of a layer above."""
    low: list[str] = []
    above = 0.0
    for name in reversed(sizes):
        if sizes[name] < VANISHED * above:
            low.insert(0, name)
        above = max(above, sizes[name])
    return low


def _exploded(sizes: dict[str, float]) -> list[str]:
    """Return the layers whose gradient is far above that of the last one, the worst first."""
    last = next((size for size in reversed(sizes.values()) if size > 0), 0.0)
    return sorted((name for name in sizes if last and sizes[name] > EXPLODED * last), key=lambda name: -sizes[name])


def _weight_gradient(case: Case, layer: str, otherwise: float) -> float:
    """Return the usual norm of the gradient of a layer's weights."""
    for name in case.parameters_of(layer):
        size = middle(g for s in case.late if (g := s.parameters[name].gradient) is not None)
        if not math.isnan(size):
            return size
    return otherwise


def _largest_gradient(case: Case) -> float:
    return max((p.gradient or 0.0 for s in case.late for p in s.parameters.values()), default=0.0)


def _is_rounding(sample: Sample, name: str) -> bool:
    """Whether there is no gradient of a parameter in a step, or only what rounding leaves of one."""
    largest = max((p.gradient or 0.0 for p in sample.parameters.values()), default=0.0)
    return (sample.parameters[name].gradient or 0.0) < 1e-6 * largest


def _also(found: list[tuple], name: str) -> str:
    others = [f"{item[0]:.0%} in {item[-1]!r}" for item in found if item[-1] != name]
    return f" Also {', '.join(others[:4])}{' ...' * (len(others) > 4)}." if others else ""


def _named(layers: list[str]) -> str:
    names = [repr(name) for name in layers]
    return " and ".join(names) if len(names) < 3 else f"{names[0]} to {names[-1]} ({len(names)} layers)"
