"""The diagnosis: all illnesses of a case, without those that follow from others."""

from __future__ import annotations

from collections.abc import Iterator

from . import data, layers, steps
from .case import Case
from .finding import Finding
from .record import Record

__all__ = ["diagnose", "remarks_on"]

NOT_LEARNED = {"loss at chance level", "underfitting", "output does not depend on the input"}
STEPS = {"learning rate too high", "learning rate too low", "update too large", "update too small"}
LAYERS = {"vanishing gradient", "exploding gradient", "exploding activations", "no gradient"}
LAYERS |= {"saturated sigmoid", "saturated tanh", "dead ReLU"}
# What follows from an illness, and is not named beside it.
FOLLOWS = {
    "NaN or infinity": {*NOT_LEARNED, *LAYERS, *STEPS, "overfitting"},
    "labels out of range": {*NOT_LEARNED, *STEPS, *LAYERS} - {"no gradient"},
    "probabilities instead of logits": {*NOT_LEARNED, "learning rate too low", "saturated sigmoid"},
    "data not scaled": {*NOT_LEARNED, *STEPS, *LAYERS} - {"no gradient"},
    "symmetric units": {*NOT_LEARNED, *LAYERS, *STEPS} - {"no gradient"},
    "dead ReLU": {*NOT_LEARNED, "vanishing gradient", "learning rate too low", "update too small", "update too large"},
    "saturated sigmoid": {*NOT_LEARNED, "vanishing gradient", "learning rate too low", "update too small"},
    "saturated tanh": {*NOT_LEARNED, "vanishing gradient", "learning rate too low", "update too small"},
    "exploding gradient": {*NOT_LEARNED, *STEPS, "saturated tanh", "saturated sigmoid", "exploding activations"},
    "exploding activations": {*NOT_LEARNED, *STEPS},
    "learning rate too high": {*NOT_LEARNED, "update too large", "exploding gradient", "overfitting"},
    "vanishing gradient": {
        *NOT_LEARNED,
        "dead ReLU",
        "learning rate too low",
        "update too small",
        "forgetting over time",
    },
    "no gradient": set(NOT_LEARNED),
    "forgetting over time": {*NOT_LEARNED, "vanishing gradient"},
    "learning rate too low": {*NOT_LEARNED, "update too small"},
    "batch too small": set(NOT_LEARNED),
    "output does not depend on the input": {"loss at chance level", "underfitting"},
}


def diagnose(case: Case) -> list[Finding]:
    """Return the findings of a case, the worst first."""
    if not case.record.samples and not case.failures:
        return []
    found = sorted(_all(case), key=lambda finding: -finding.severity)
    names = {finding.illness for finding in found}
    if names & {"learning rate too high", "exploding gradient", "exploding activations"}:
        # what grew until it overflowed: which operation was the first is of no interest
        found = [f for f in found if f.illness != "NaN or infinity"]
    if "learning rate too high" in names:
        found = [f for f in found if not f.follows]
    kept: list[Finding] = []
    for finding in found:
        if not any(finding.illness in FOLLOWS.get(other.illness, ()) for other in kept):
            kept.append(finding)
    return kept


def _all(case: Case) -> Iterator[Finding]:
    yield from case.failures
    rows = case.record.rows()
    if rows:
        yield from data.unscaled_data(case, rows)
    if case.record.samples:
        for look in (*layers.EXAMINED, *steps.EXAMINED):
            yield from look(case)


def remarks_on(record: Record, optimised: set[str] | None) -> list[str]:
    """Return what is no illness, but good to know; `optimised` has the parameters that the optimizer changes."""
    learning = [name for s in record.samples[-1:] for name, p in s.parameters.items() if p.gradient]
    left_out = [repr(name) for name in learning if optimised is not None and name not in optimised]
    remarks = []
    if left_out:
        some = ", ".join(left_out[:4]) + ", ..." * (len(left_out) > 4)
        remarks.append(f"{some} get a gradient, but the optimizer does not change them: freeze them if that is meant.")
    return remarks + [
        f"the bias of {layer!r} has no effect, since the batch normalisation {norm!r} takes the mean away: bias=False"
        for layer, norm in record.useless_biases.items()
    ]
