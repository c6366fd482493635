"""Rules of the steps: what the losses and the pace of the weights show of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nndl_core.base.i18n import mark
from nndl_core.diagnosis import limits
from nndl_core.diagnosis.facts import (
    Array,
    Evidence,
    Facts,
    Finding,
    Marks,
    mean_of_last,
    pace,
    standing_since,
)


def oscillating_loss(run: Facts) -> Finding | None:
    """Find a loss that jumps up and down and so stays above what it had already reached."""
    window = run.window(limits.LATE, limits.LATE_EPOCHS)
    if run.epochs <= window:
        return None
    change = np.diff(run.loss, prepend=run.loss[:1]) / run.constant_loss
    up, down = (mean_of_last(way * change > limits.JUMP, window) for way in (1, -1))
    lost = mean_of_last(run.lost / run.constant_loss, window)
    jumps = (up + down >= limits.JUMPS) & (np.minimum(up, down) >= limits.JUMPS / 4)
    wild = jumps & (lost >= limits.LOST)
    on = (wild | (lost >= limits.THROWN)) & run.from_epoch(0, window)
    learned = mean_of_last(run.progress, window) >= limits.LEARNED
    since = standing_since(on & ~learned, (lost < limits.CALM) | learned)
    if since is None:
        return None
    shown = (
        Evidence(mark("loss above its own least, in H"), float(lost[-1]), limits.LOST, "above"),
        Evidence(mark("share of epochs that jump"), float((up + down)[-1]), limits.JUMPS, "above"),
    )
    return Finding("oscillating_loss", "severe", since, shown)


def overfitting(run: Facts) -> Finding | None:
    """Find a dev loss that rises while examples are learned by heart.

    They are where train and dev accuracy part, or where the training loss is below that of one who
    knows the distribution of the data: of few dev points no accuracy tells.
    """
    if not run.epochs:
        return None
    window = run.window(limits.SMOOTH_DEV, limits.SMOOTH_EPOCHS)
    dev_loss, learned = mean_of_last(run.dev_loss, window), mean_of_last(run.progress, window)
    rise = dev_loss / np.maximum(np.minimum.accumulate(dev_loss), limits.NO_LOSS)
    heart = _by_heart(run, learned, window)
    # of a training loss that is thrown up the other rises with it
    low = np.maximum.accumulate(learned) - learned < limits.LOST
    judged = low & (learned >= limits.NOT_LEARNED) & run.from_epoch(limits.EARLY, window)
    since = standing_since(
        (rise > limits.RISE) & heart.on & judged, (rise < (1 + limits.RISE) / 2) | heart.off
    )
    if since is None:
        return None
    shown = (
        Evidence(mark("dev loss / its least"), float(rise[-1]), limits.RISE, "above"),
        *heart.evidence,
    )
    return Finding("overfitting", "severe", since, shown, best_epoch=int(dev_loss.argmin()))


class _ByHeart(NamedTuple):
    """The epochs at which examples are, and hardly are, learned by heart; the last in numbers."""

    on: Marks
    off: Marks
    evidence: tuple[Evidence, ...]


def _by_heart(run: Facts, learned: Array, window: int) -> _ByHeart:
    """Compare the accuracies, and the mean progress over a window with the limit of the data."""
    gap = mean_of_last(run.accuracy - run.dev_accuracy, window)
    below = (learned - 1) * run.learnable / run.constant_loss if run.knows_limit else gap * 0
    rows = run.data.dev_rows if run.data is not None else 0
    least = max(limits.GAP, limits.STANDARD_ERRORS / math.sqrt(rows)) if rows else limits.GAP
    shown = [Evidence(mark("accuracy, train - dev"), float(gap[-1]), least, "above")]
    if below[-1] >= limits.BELOW:
        words = mark("training loss below the limit of the data, in H")
        shown.append(Evidence(words, float(below[-1]), limits.BELOW, "above"))
    on, off = (
        (gap >= least) | (below >= limits.BELOW),
        (gap < least / 2) & (below < limits.BELOW / 2),
    )
    return _ByHeart(on, off, tuple(shown))


def slow_convergence(run: Facts) -> Finding | None:
    """Find weights that hardly turn in the whole run, or a run that ends while it still gains."""
    if not run.epochs:
        return None
    turn = pace(run)
    steep = np.nan_to_num(run.gradient, nan=0.0).any(1)  # without any slope no step is too short
    short = (turn < limits.TURN) & steep & (run.progress < limits.HALF) & run.past_start
    gains = _still_gains(run)
    since = standing_since(short | gains, (run.progress >= limits.HALF) | (turn >= 2 * limits.TURN))
    if since is None:
        return None
    whole = mark("turn of the weights in the whole run, rad")
    shown = [Evidence(whole, turn[-1], limits.TURN, "below")]
    if gains[-1]:
        half = float(run.progress[-1] - run.progress[run.epochs // 2])
        shown.append(Evidence(mark("progress in the second half"), half, limits.LATE_GAIN, "above"))
    return Finding("slow_convergence", "mild", since, tuple(shown))


def _still_gains(run: Facts) -> Marks:
    """Mark the end of a run that learned more than a third of its gain in its second half."""
    marks = np.zeros(run.epochs, dtype=bool)
    if run.epochs >= max(limits.GAIN_EPOCHS, run.planned):
        first, middle, last = (run.progress[i] for i in (0, run.epochs // 2, -1))
        late = last - middle
        enough = limits.MOSTLY_LEARNED if run.knows_limit else limits.HALF
        marks[-1] = late > limits.LATE_GAIN and late > (middle - first) / 2 and last < enough
    return marks
