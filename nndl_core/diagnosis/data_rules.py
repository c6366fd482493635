"""Rules that hold a run against its data: their limit, their straight boundary, their scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nndl_core.base.i18n import mark
from nndl_core.diagnosis import limits
from nndl_core.diagnosis.facts import (
    Array,
    Disease,
    Evidence,
    Facts,
    Finding,
    Marks,
    Severity,
    mean_of_last,
    pace,
)
from nndl_core.engine.records import DataFacts


def stands_still(run: Facts) -> Marks:
    """Mark the epochs at which the loss has hardly moved since half as many epochs."""
    window = run.window(limits.SMOOTH, limits.SMOOTH_EPOCHS)
    loss, now = mean_of_last(run.loss, window), np.arange(run.epochs)
    half = np.minimum(now // 2 + window - 1, now)  # its window begins at half of the epochs
    return np.abs(loss[half] - loss) < limits.STILL * run.learnable


def stalled(run: Facts) -> Finding | None:
    """Find a loss that stands still on a small gradient, above what is known to be possible."""
    if not run.epochs or not has_limit(run):
        return None
    long = np.arange(run.epochs) >= max(limits.FEWEST, limits.HALFWAY * run.planned)
    short = falls_short(run)
    if not (short & long).any():
        return None
    whole = np.sqrt((run.gradient**2).sum(1))
    quiet = whole / np.maximum(np.maximum.accumulate(whole), np.finfo(float).tiny)
    still = stands_still(run)
    resting = (pace(run) >= limits.TURN) & ((quiet <= limits.QUIET) | _at_its_least(run))
    span = run.span(still & short & resting & long, ~still | ~short)
    if span is None:
        return None
    at = run.shown_at(span)
    moved = float(run.progress[at] - run.progress[at // 2])
    shown = (
        Evidence(mark("share learned"), float(run.progress[at]), limits.LEARNED, "below"),
        Evidence(mark("share learned since half of these epochs"), moved, limits.STILL, "below"),
        Evidence(mark("gradient / its largest so far"), float(quiet[at]), limits.QUIET, "below"),
        Evidence(mark("accuracy, possible - reached"), _missed(run, at), _least(run), "above"),
    )
    return Finding("stalled", "severe", span.epoch, shown, until=span.until)


def asks_for_rival(run: Facts) -> bool:
    """Whether a run stands still where only another network can tell if it could do better."""
    if not run.epochs or run.diverged_at is not None or has_limit(run):
        return False
    if run.data is not None and run.data.best_loss is not None:
        return False  # it is known that there is nothing to learn
    late = run.epochs > limits.HALFWAY * run.planned
    return late and bool(stands_still(run)[-1]) and float(run.progress[-1]) < limits.LEARNED


def _at_its_least(run: Facts) -> Marks:
    """Mark the epochs at which the loss is as low as it ever was: no step throws it up."""
    window = max(limits.LATE_EPOCHS, int(limits.LATE * run.planned))
    lost = mean_of_last(run.lost, window)
    return lost < limits.STILL / 2 * run.learnable


def has_limit(run: Facts) -> bool:
    """Whether it is known what can be done with these data, and that it is more than nothing."""
    return run.knows_limit or (run.data is not None and run.data.rival_loss is not None)


def falls_short(run: Facts) -> Marks:
    """Mark the epochs at which a run does worse than is known to be possible."""
    data = run.data
    assert data is not None
    if data.best_accuracy is not None:
        return (run.progress < limits.LEARNED) & (run.accuracy <= data.best_accuracy - limits.SHORT)
    assert data.rival_loss is not None
    assert data.rival_accuracy is not None
    worse = run.dev_loss - data.rival_loss >= limits.WORSE * run.constant_loss
    return worse & (run.dev_accuracy <= data.rival_accuracy - limits.SHORT_ON_DEV)


def _missed(run: Facts, at: int) -> float:
    assert run.data is not None
    if run.data.best_accuracy is not None:
        return float(run.data.best_accuracy - run.accuracy[at])
    return float((run.data.rival_accuracy or 0) - run.dev_accuracy[at])


def _least(run: Facts) -> float:
    assert run.data is not None
    return limits.SHORT if run.data.best_accuracy is not None else limits.SHORT_ON_DEV


def above_line(run: Facts) -> Array:
    """Return the loss above that of the best straight boundary, of what there is to learn, [E]."""
    line = run.data.linear_loss if run.data is not None else None
    above: Array = (run.loss - (math.nan if line is None else line)) / run.learnable
    return above


def linear_network(run: Facts) -> Finding | None:
    """Find a network that is one straight boundary, on data that another boundary parts better."""
    data = run.data
    if data is None or data.linear_loss is None or data.linear_accuracy is None:
        return None
    if not run.epochs or not has_limit(run):
        return None
    accuracy, loss = _possible(data)
    gain, better = accuracy - data.linear_accuracy, (data.linear_loss - loss) / run.learnable
    least = limits.SHORT if data.best_loss is not None else limits.SHORT_ON_DEV
    if gain < least or better < limits.WORSE:
        return None
    above = above_line(run)
    span = run.span((above <= limits.STILL) & run.past_start, above > 2 * limits.STILL)
    if span is None or span.until is not None:
        return None
    shown = (
        Evidence(mark("loss above that of a straight line"), above[-1], limits.STILL, "below"),
        Evidence(
            mark("loss of a straight line above the possible one"), better, limits.WORSE, "above"
        ),
        Evidence(mark("accuracy, possible - that of a straight line"), gain, least, "above"),
    )
    return Finding("linear_network", "severe", span.epoch, shown, born=True)


def _possible(data: DataFacts) -> tuple[float, float]:
    """Return the accuracy and the loss that are known to be possible, by the data or a rival."""
    accuracy, loss = data.best_accuracy, data.best_loss
    if loss is None:
        accuracy, loss = data.rival_accuracy, data.rival_loss
    assert accuracy is not None
    assert loss is not None
    return accuracy, loss


HARMED: tuple[Disease, ...] = (
    "vanishing_gradient",
    "exploding_gradient",
    "dying_relu",
    "saturation",
    "slow_convergence",
    "oscillating_loss",
    "stalled",
    "none_of_these",
)
"""What inputs of another scale can bring."""


def is_mere_factor(run: Facts) -> bool:
    """Whether inputs of size 1 would come out if all were divided by one number."""
    data = run.data
    assert data is not None
    return data.offset < limits.SHARED and data.spread_high < limits.LARGE * data.spread_low


def unscaled_inputs(run: Facts, standing: Sequence[Finding]) -> Finding | None:
    """Find features far from mean 0 and size 1 in a run that they keep from learning."""
    data = run.data
    harmed = [found.epoch for found in standing if found.disease in HARMED]
    if data is None or not standing:
        return None
    unsure = run.finished and standing[0].disease == "healthy" and not run.learned[-1]
    if not (harmed or unsure):
        return None
    shown = [
        Evidence(mark("largest mean of a feature"), data.mean, limits.LARGE, "above"),
        Evidence(mark("largest standard deviation"), data.spread_high, limits.LARGE, "above"),
        Evidence(mark("largest mean in standard deviations"), data.offset, limits.SHARED, "above"),
        Evidence(mark("largest size of a feature"), math.hypot(data.mean, data.spread_high),
                 1 / limits.LARGE, "below"),
    ]  # fmt: skip
    sick = [e for e in shown if (e.value >= e.limit) == (e.sick == "above")]
    if not sick:
        return None
    # beside nothing else it is a reason to try, no proof
    severity: Severity = "severe" if harmed else "mild"
    since = min(harmed, default=run.epochs - 1)
    return Finding("unscaled_inputs", severity, since, tuple(sick), born=True)


def unfit_data(run: Facts) -> list[Finding] | None:
    """Return what is said of data that nothing can be learned from, None of any other."""
    data, at = run.data, max(0, run.epochs - 1)
    if data is None or not (run.epochs or run.diverged_at is not None):
        return None
    if data.broken_rows:
        shown = Evidence(mark("rows that are not all numbers"), data.broken_rows, 1, "above")
        return [Finding("nan_in_data", "fatal", run.diverged_at or 0, (shown,), born=True)]
    most = max(data.class_counts)
    others = sum(data.class_counts) - most
    few = others < limits.FEW_ROWS and others < limits.FEW_OF_ALL * most
    if run.diverged_at is None and few:
        shown = Evidence(mark("rows of any other class"), others, limits.FEW_ROWS, "below")
        return [Finding("one_class", "mild", at, (shown,), born=True)]
    return None
