"""Rules that hold a run against its data: their limit, their straight boundary, their scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nndl_core.base.i18n import mark
from nndl_core.diagnosis.facts import (
    LEARNED,
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

STILL = 0.05
"""Of what there is to learn. A loss that moved less in the second half of a run stands still."""
SMOOTH = 0.02
"""Share of the planned run over which a loss is averaged, for small batches make it tremble."""
QUIET = 0.25
"""Of the largest gradient that the run had: a slope on which nothing moves any more. A run that
began on its plateau never had a larger one; it stands still if no step throws it up either."""
TURNED = 0.3
"""Radian, as of slow convergence: a loss that does not move because the weights do not is another
matter."""
SHORT, SHORT_ON_DEV = 0.04, 0.05
"""Accuracy below a limit. On the same points two classifiers differ by chance in few of them, of a
small dev part in a few more; the two losses must differ as well."""
WORSE = 0.1
"""Of what there is to learn: a loss that another beats by so much is not the limit of the data."""
HALFWAY, FEWEST = 0.5, 20
"""Share of the run before which a plateau may still be left in time, and the epochs before which
nothing can be seen to stand still."""
LARGE = 5.0
"""Standard deviations and means of a feature. Initializers count on inputs of size 1; five times
that puts the usual sum beyond |z| = 4.4, where a sigmoid has 5 % of its slope."""
SHARED = 3.0
"""A mean of so many standard deviations: all examples look alike but for a tenth of their square,
and the boundary of every unit with bias 0 misses them all."""
FEW = 3
"""Rows: what there is to learn of fewer is their accident."""


def stands_still(run: Facts) -> Marks:
    """Mark the epochs at which the loss has hardly moved since half as many epochs."""
    window = max(3, math.ceil(SMOOTH * run.planned))
    loss, now = mean_of_last(run.loss, window), np.arange(run.epochs)
    half = np.minimum(now // 2 + window - 1, now)  # its window begins at half of the epochs
    return np.abs(loss[half] - loss) < STILL * run.learnable


def stalled(run: Facts) -> Finding | None:
    """Find a loss that stands still on a small gradient, above what is known to be possible."""
    if not run.epochs or not has_limit(run):
        return None
    long = np.arange(run.epochs) >= max(FEWEST, HALFWAY * run.planned)
    short = falls_short(run)
    if not (short & long).any():
        return None
    whole = np.sqrt((run.gradient**2).sum(1))
    quiet = whole / np.maximum(np.maximum.accumulate(whole), np.finfo(float).tiny)
    still = stands_still(run)
    resting = (pace(run) >= TURNED) & ((quiet <= QUIET) | _at_its_least(run))
    span = run.span(still & short & resting & long, ~still | ~short)
    if span is None:
        return None
    at = run.shown_at(span)
    moved = float(run.progress[at] - run.progress[at // 2])
    shown = (
        Evidence(mark("share learned"), float(run.progress[at]), LEARNED, "below"),
        Evidence(mark("share learned since half of these epochs"), moved, STILL, "below"),
        Evidence(mark("gradient / its largest so far"), float(quiet[at]), QUIET, "below"),
        Evidence(mark("accuracy, possible - reached"), _missed(run, at), _least(run), "above"),
    )
    return Finding("stalled", "severe", span.epoch, shown, until=span.until)


def asks_for_rival(run: Facts) -> bool:
    """Whether a run stands still where only another network can tell if it could do better."""
    if not run.epochs or run.diverged_at is not None or has_limit(run):
        return False
    if run.data is not None and run.data.best_loss is not None:
        return False  # it is known that there is nothing to learn
    late = run.epochs > HALFWAY * run.planned
    return late and bool(stands_still(run)[-1]) and float(run.progress[-1]) < LEARNED


def _at_its_least(run: Facts) -> Marks:
    """Mark the epochs at which the loss is as low as it ever was: no step throws it up."""
    lost = mean_of_last(run.loss - np.minimum.accumulate(run.loss), max(10, run.planned // 5))
    return lost < STILL / 2 * run.learnable


def has_limit(run: Facts) -> bool:
    """Whether it is known what can be done with these data, and that it is more than nothing."""
    return run.knows_limit or (run.data is not None and run.data.rival_loss is not None)


def falls_short(run: Facts) -> Marks:
    """Mark the epochs at which a run does worse than is known to be possible."""
    data = run.data
    assert data is not None
    if data.best_accuracy is not None:
        return (run.progress < LEARNED) & (run.accuracy <= data.best_accuracy - SHORT)
    assert data.rival_loss is not None
    assert data.rival_accuracy is not None
    worse = run.dev_loss - data.rival_loss >= WORSE * run.constant_loss
    return worse & (run.dev_accuracy <= data.rival_accuracy - SHORT_ON_DEV)


def _missed(run: Facts, at: int) -> float:
    assert run.data is not None
    if run.data.best_accuracy is not None:
        return float(run.data.best_accuracy - run.accuracy[at])
    return float((run.data.rival_accuracy or 0) - run.dev_accuracy[at])


def _least(run: Facts) -> float:
    assert run.data is not None
    return SHORT if run.data.best_accuracy is not None else SHORT_ON_DEV


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
    best = data.best_accuracy, data.best_loss
    if data.best_loss is None:
        best = data.rival_accuracy, data.rival_loss
    assert best[0] is not None
    assert best[1] is not None
    gain, better = best[0] - data.linear_accuracy, (data.linear_loss - best[1]) / run.learnable
    least = SHORT if data.best_loss is not None else SHORT_ON_DEV
    if gain < least or better < WORSE:
        return None
    above = above_line(run)
    span = run.span((above <= STILL) & run.from_epoch(0.1, 5), above > 2 * STILL)
    if span is None or span.until is not None:
        return None
    shown = (
        Evidence(mark("loss above that of a straight line"), above[-1], STILL, "below"),
        Evidence(mark("loss of a straight line above the possible one"), better, WORSE, "above"),
        Evidence(mark("accuracy, possible - that of a straight line"), gain, least, "above"),
    )
    return Finding("linear_network", "severe", span.epoch, shown, born=True)


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
    return data.offset < SHARED and data.spread_high < LARGE * data.spread_low


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
        Evidence(mark("largest mean of a feature"), data.mean, LARGE, "above"),
        Evidence(mark("largest standard deviation"), data.spread_high, LARGE, "above"),
        Evidence(mark("largest mean in standard deviations"), data.offset, SHARED, "above"),
        Evidence(mark("largest size of a feature"), math.hypot(data.mean, data.spread_high),
                 1 / LARGE, "below"),
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
    others = sum(data.class_counts) - max(data.class_counts)
    if run.diverged_at is None and others < FEW and 4 * others < max(data.class_counts):
        shown = Evidence(mark("rows of any other class"), others, FEW, "below")
        return [Finding("one_class", "mild", at, (shown,), born=True)]
    return None
