"""Illnesses of the steps and the curves: rates, updates, chance level, over- and underfitting."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from .case import Case, mean, middle
from .finding import Finding
from .layers import saturated_units
from .record import Sample

__all__ = ["EXAMINED"]

ENOUGH = 50  # steps after which a training run can be judged
LARGE, SMALL = 0.1, 1e-4  # update of a weight relative to its size; about 1e-3 is usual
RISEN = 1.5  # times the first loss
ROUNDED = 1e-6  # of a loss may be rounding


def rate_too_high(case: Case) -> Iterator[Finding]:
    """The loss has risen, or weights change by a tenth of their size in every step while nothing is learned.

    A step along the gradient lowers the loss only below the rate 2 / curvature (LeCun and others 1998, section 5.2);
    above it the steps grow, so the loss does. Weights usually change by about a thousandth in a step.
    """
    highest = _risen(case)
    if math.isnan(highest) and not _is_restless(case):
        return
    ratio = max(_updates(case).values(), default=math.nan)
    rate = case.rates[-1] if case.rates else math.nan
    what = f"The loss is at {case.final_loss:.3g} and does not settle"
    if not math.isnan(highest):
        what = f"The loss has risen from {case.first_loss:.3g} to {highest:.3g}"
    if _has_diverged(case):
        what += " and then to what is not finite"
    if not math.isnan(ratio):
        by = f"by {ratio:.1%} of" if ratio < 10 else f"by {ratio:.3g} times"
        what += f"; a step changes weights {by} their size"
    if not math.isnan(rate):
        what += f" at the learning rate {rate:.3g}"
    yield Finding(
        "learning rate too high",
        "",
        ratio if math.isnan(rate) else rate,
        f"{what}.",
        "Lower the learning rate to a tenth, warm it up, or clip the gradients: tg.train.ClipGradients(max_norm=1.0).",
        0.87,
    )


def _has_diverged(case: Case) -> bool:
    return any(finding.illness == "NaN or infinity" for finding in case.failures)


def _risen(case: Case) -> float:
    """Return how high the loss has risen; NaN if it has not."""
    losses, first, last = case.record.losses, case.first_loss, case.final_loss
    if not losses:
        return math.nan
    if _has_diverged(case):
        highest = max(losses[-8:])
        rewritten = max(_updates(case, case.early).values(), default=0.0) > 10
        return highest if highest > 10 * max(abs(first), abs(min(losses))) or rewritten else math.nan
    if len(losses) < 4:
        return math.nan
    guess = case.level.baseline if case.level is not None else math.nan
    width = max(len(losses) // 50, 3)
    peak = max(mean(losses[k : k + width]) for k in range(0, len(losses) - width + 1, width))
    epochs = case.history.get("loss", ())
    begun, least = (epochs[0], 0.2) if len(epochs) > 1 else (first, 1.1)  # single batches are noisy
    rises = (
        last > RISEN * min(begun, max(first, guess))
        and last - min(losses) > 0.3 * abs(begun)
        and not last < least * guess
    )
    jumped = first > 0 and peak > 10 * (first if math.isnan(guess) else max(first, guess))
    return max(last, peak) if rises or jumped else math.nan


def _is_restless(case: Case) -> bool:
    """Whether steps as large as the weights keep the network from learning, or have spoilt its units."""
    level = case.level
    if level is None or not level.baseline > 0 or case.record.steps < ENOUGH:
        return False
    largest = max([*_updates(case).values(), *_updates(case, case.early).values()], default=0.0)
    if largest > 1 and any(finding.follows for finding in saturated_units(case)):
        return True
    no_better = case.level_loss > (0.9 if largest > 1 else 1.1) * level.baseline
    return no_better and largest > LARGE and case.final_loss > 0.5 * case.first_loss


def rate_too_low(case: Case) -> Iterator[Finding]:
    """All steps together could not move the weights by a twentieth, and the loss has fallen by less than a tenth.

    A usual step changes weights by a thousandth of their size; what is left of the beginning after so few or so small
    steps is the network that was drawn. Where the loss does not fall at all for the way that the weights went, by less
    than a fiftieth of it, it is not the rate but a minimum.
    """
    if case.one_batch or len(case.record.losses) < ENOUGH:
        return
    if case.level is not None and case.level_loss < 0.3 * case.level.baseline:
        return
    updates = _updates(case, case.record.samples)
    epochs, losses = case.history.get("loss", ()), case.record.losses
    first = epochs[0] if len(epochs) > 1 else mean(losses[: max(len(losses) // 10, 1)])
    last = case.final_loss
    if not updates or not first > 0 or last < 0.9 * first or last > RISEN * first:
        return
    ratio = max(updates.values())
    way = ratio * case.record.steps
    notes = [p for s in case.late for p in s.parameters.values() if p.gradient is not None]
    stands = all(p.gradient * p.size < 1e-3 * last for p in notes if not math.isnan(p.size))  # type: ignore[operator]
    if stands or (way > 0.05 and ratio > 1e-5) or first - last < (0.02 * min(way, 1.0) - ROUNDED) * first:
        return
    rate = case.rates[-1] if case.rates else math.nan
    at = f" at the learning rate {rate:.3g}" if not math.isnan(rate) else ""
    yield Finding(
        "learning rate too low",
        "",
        rate if not math.isnan(rate) else ratio,
        f"In {case.record.steps} steps{at} the loss went from {first:.4g} to {last:.4g}; a step changes weights by "
        f"{ratio:.1e} of their size, where about 1e-3 is usual.",
        f"Raise the learning rate{_factor(ratio)}, or find one: tg.train.LearningRateFinder.",
        0.8,
    )


def update_too_large(case: Case) -> Iterator[Finding]:
    """The weights of one layer change by more than a tenth of their size in every step, and nothing is learned."""
    if case.one_batch or case.has_learned or case.record.steps < ENOUGH:
        return
    updates = _updates(case)
    for name, ratio in updates.items():
        others = [other for key, other in updates.items() if key != name]
        if ratio > LARGE and others and ratio > 30 * max(others):
            yield Finding(
                "update too large",
                name.rpartition(".")[0],
                ratio,
                f"A step changes {name!r} by {ratio:.0%} of its size, where about 0.1 % is usual.",
                "Lower the learning rate of this layer, or draw its weights larger.",
                0.6,
            )


def update_too_small(case: Case) -> Iterator[Finding]:
    """The weights of one layer change by less than 1e-6 of their size, and a thousandth of what those of others do."""
    if case.one_batch:
        return
    updates = _updates(case)
    usual = middle(updates.values()) if updates else 0.0
    for name, ratio in updates.items():
        gradient = max((s.parameters[name].gradient or 0.0 for s in case.late if name in s.parameters), default=0.0)
        known = name in case.optimised if case.optimised is not None else ratio > 0
        if known and gradient > 0 and ratio < 1e-6 and ratio < 1e-3 * usual:
            yield Finding(
                "update too small",
                name.rpartition(".")[0],
                ratio,
                f"A step changes {name!r} by {ratio:.1e} of its size, those of other layers by {usual:.1e}.",
                "Raise the learning rate of this layer (its group of the optimizer), or draw its weights smaller.",
                0.5,
            )


def chance_level(case: Case) -> Iterator[Finding]:
    """After at least 50 steps the loss is within 5 % of that of the best constant output, or above it.

    For classes that is the entropy of their frequencies, log(k) for k equally frequent ones; for the squared error the
    variance of the target.
    """
    level = case.level
    if level is None or case.record.steps < ENOUGH or not level.baseline > 0:
        return
    loss = case.level_loss
    if loss >= 0.95 * level.baseline and not case.is_falling:
        yield Finding(
            "loss at chance level",
            "",
            loss,
            f"The loss is {loss:.4g}, and that of an output which does not look at the input is {level.baseline:.4g} "
            f"({level.what}): nothing has been learned.",
            "Check that inputs and targets belong together and that the inputs tell something about them; try to fit "
            "one batch of 10 examples first; try other learning rates.",
            0.7,
        )


def constant_output(case: Case) -> Iterator[Finding]:
    """The outputs of different inputs differ by less than a thousandth (of one batch, 1e-6) of their size."""
    level = case.level
    if level is None or level.rows < 2 or not level.scale > 0:
        return
    limit = 1e-6 if case.one_batch else 1e-3
    if not case.one_batch and case.record.steps < ENOUGH:
        return
    ratio = level.spread / level.scale
    if ratio < limit and not (level.baseline > 0 and level.loss < 0.5 * level.baseline):
        yield Finding(
            "output does not depend on the input",
            "",
            ratio,
            f"The outputs of {level.rows} different inputs differ by {ratio:.1e} of their size.",
            "Look for a layer whose units are dead, saturated or all alike, for inputs that are all the same after "
            "scaling, and for a penalty (weight_decay) that is so strong that the weights go to 0.",
            0.72,
        )


def overfitting(case: Case) -> Iterator[Finding]:
    """The validation loss has risen by a quarter since its best epoch, while the training loss fell further.

    Smoothed over three epochs; the rise must also be 10 % of the first validation loss, so that the last digits of a
    small loss do not count. Prechelt, "Early stopping - but when?" (1998): generalisation loss.
    """
    training, validation = (list(case.history.get(name, ())) for name in ("loss", "validation_loss"))
    if case.restored or len(validation) < 6 or not all(map(math.isfinite, validation)):
        return
    smooth = _smoothed(validation)
    best = min(range(len(smooth)), key=smooth.__getitem__)
    last, lowest = min(smooth[-3:]), smooth[best]
    rise = last - lowest
    if rise <= 0.25 * abs(lowest) or rise <= 0.1 * abs(smooth[0]) or best > len(smooth) - 5:
        return
    if training[-1] >= _smoothed(training)[best] or training[-1] >= 0.8 * last:
        return
    yield Finding(
        "overfitting",
        "",
        last / lowest if lowest > 0 else rise,
        f"The validation loss was {lowest:.3g} around epoch {best + 1} and is {last:.3g} now, while the training loss "
        f"fell to {training[-1]:.3g}: the network learns the examples by heart.",
        "Stop there: tg.train.EarlyStopping('validation_loss'); or use more data, dropout, weight_decay, fewer units.",
        0.55,
    )


def underfitting(case: Case) -> Iterator[Finding]:
    """The training loss has stopped falling above half of the chance level, and neighbours err alike.

    Where the rest of the loss is noise, the errors of neighbouring examples have nothing to do with one another; a
    correlation above 0.3 (and four standard errors) says that the module could have described more. This is a lack-of-
    fit test with nearest neighbours (Christensen 1989).
    """
    level, losses = case.level, case.history.get("loss") or case.record.losses
    if level is None or not level.baseline > 0 or case.record.steps < ENOUGH or len(losses) < 6:
        return
    loss = case.level_loss
    least = 0.4 if "variance" in level.what else 0.6
    if loss < least * level.baseline or case.is_falling:
        return
    alike = level.alike()
    if alike > max(0.3, 4 / math.sqrt(level.rows)) and alike * loss > 0.25 * level.baseline:
        yield Finding(
            "underfitting",
            "",
            loss / level.baseline,
            f"The training loss stays at {loss:.3g}, {loss / level.baseline:.0%} of what a constant output has, and "
            f"neighbouring examples have alike errors (correlation {alike:.2f}): the network is too simple.",
            "Use more hidden units or layers, features such as squares and products, less weight_decay or dropout.",
            0.5,
        )


EXAMINED = (
    rate_too_high,
    rate_too_low,
    update_too_large,
    update_too_small,
    constant_output,
    chance_level,
    overfitting,
    underfitting,
)


# ---------------------------------------------------------------------- what they share


def _updates(case: Case, samples: list[Sample] | None = None) -> dict[str, float]:
    """Return for each weight the usual relative update of the second half of the sampled steps, or of others."""
    samples = case.late if samples is None else samples
    names = dict.fromkeys(name for s in samples for name in s.parameters)
    found = {name: middle(s.parameters[name].update for s in samples if name in s.parameters) for name in names}
    return {name: ratio for name, ratio in found.items() if not math.isnan(ratio)}


def _smoothed(values: Sequence[float]) -> list[float]:
    """Return the median of every value and its two neighbours."""
    ends = [values[0], *values, values[-1]]
    return [middle(ends[k : k + 3]) for k in range(len(values))]


def _factor(ratio: float) -> str:
    """Return by how much a rate is too low, as a power of ten."""
    return f" by the factor {10 ** round(math.log10(1e-3 / ratio)):.0e}" if ratio > 0 else ""
