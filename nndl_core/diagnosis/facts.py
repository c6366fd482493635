"""What a diagnosis says: a disease, its evidence beside the limits, and what is read of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nndl_core.base.config import RunConfig
from nndl_core.diagnosis import limits
from nndl_core.engine.records import DataFacts, Records

Disease = Literal[
    "symmetric_weights",
    "vanishing_gradient",
    "exploding_gradient",
    "dying_relu",
    "saturation",
    "slow_convergence",
    "oscillating_loss",
    "overfitting",
    "stalled",
    "linear_network",
    "unscaled_inputs",
    "nan_in_data",
    "one_class",
    "healthy",
    "none_of_these",
]
Severity = Literal["fine", "mild", "severe", "fatal"]
Array = NDArray[np.float64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class Evidence:
    """One measured number beside its limit; the disease is above or below it."""

    quantity: str
    value: float
    limit: float
    sick: Literal["above", "below"]


@dataclass(frozen=True)
class Finding:
    """A verdict: the first epoch at which it could be said, the layers (1 is fc1), the numbers.

    The numbers are those of the last recorded epoch while the verdict stands. until is the epoch
    at which it was over, None if it stands; the numbers are then those of its first epoch. born is
    whether the network had it before its first update; best_epoch, of overfitting, is where the
    dev loss, averaged over 5 % of the run, was least.
    """

    disease: Disease
    severity: Severity
    epoch: int
    evidence: tuple[Evidence, ...] = ()
    layers: tuple[int, ...] = ()
    born: bool = False
    best_epoch: int | None = None
    until: int | None = None


@dataclass(frozen=True)
class Span:
    """The epochs of a statement: its first, and when it was over, None if it stands."""

    epoch: int
    until: int | None = None


_OF_EPOCHS = {
    "loss": "train_loss",
    "dev_loss": "dev_loss",
    "accuracy": "train_accuracy",
    "dev_accuracy": "dev_accuracy",
}
_OF_LAYERS = {
    "gradient": "weight_grad_norm",
    "signal": "example_std",
    "flat": "saturated_share",
    "distinct": "distinct_units",
    "units": "units",
}
"""The facts that are columns of the records as they stand there."""


@dataclass(frozen=True)
class Facts:
    """The telemetry of a run as arrays, [E] per epoch or [E, layers]; the output layer is last.

    progress is (H - loss) / (H - L). H is the least loss of a constant prediction, and L the loss
    of one who knows the distribution of the data, 0 where nobody does: 0 knows the class
    frequencies and nothing else, 1 all there is to know; who learns examples by heart has more.
    learnable is H - L, and data what is known of the data. planned is the number of epochs of the
    run, start that of the first record: a run may go on from a checkpoint.
    """

    config: RunConfig
    planned: int
    start: int
    constant_loss: float
    learnable: float
    data: DataFacts | None
    diverged_at: int | None
    loss: Array
    dev_loss: Array
    accuracy: Array
    dev_accuracy: Array
    progress: Array
    gradient: Array
    update: Array
    signal: Array
    flat: Array
    dead: Array
    distinct: Array
    units: Array = field(repr=False)

    @classmethod
    def of(cls, config: RunConfig, records: Records) -> Facts:
        """Read what the rules need of the records of a run."""
        loss = records.column("train_loss")

        def table(name: str) -> Array:
            return records.column(name).reshape(len(loss), len(config.hidden) + 1)

        # labels of one class have no entropy; any other number than 0 will do
        has_classes = records.constant_loss > limits.NO_ENTROPY
        constant_loss = records.constant_loss if has_classes else math.log(2)
        learnable = _learnable(constant_loss, records.data)
        return cls(
            config=config,
            planned=config.epochs,
            start=records[0].epoch if len(loss) else 0,
            constant_loss=constant_loss,
            learnable=learnable,
            data=records.data,
            diverged_at=records.diverged_at,
            progress=(constant_loss - loss) / learnable,
            update=np.nan_to_num(table("update_ratio"), posinf=math.inf),
            dead=table("dead_units") / np.maximum(table("units"), 1),
            **{fact: records.column(name) for fact, name in _OF_EPOCHS.items()},
            **{fact: table(name) for fact, name in _OF_LAYERS.items()},
        )

    @property
    def epochs(self) -> int:
        """How many epochs have been recorded."""
        return len(self.loss)

    @property
    def hidden(self) -> int:
        """The number of hidden layers."""
        return len(self.config.hidden)

    @property
    def best_loss(self) -> float:
        """The loss of one who knows all there is to know, 0 if nobody knows how much that is."""
        return self.constant_loss - self.learnable

    @property
    def knows_limit(self) -> bool:
        """Whether it is known how much there is to learn, and that it is more than nothing."""
        limit = None if self.data is None else self.data.best_loss
        return limit is not None and math.isclose(self.best_loss, limit, abs_tol=1e-9)

    @property
    def learned(self) -> Marks:
        """Mark the epochs at which a run has learned so much that nothing kept it from it."""
        marks: Marks = self.progress >= (limits.ALL_BUT_ALL if self.knows_limit else limits.LEARNED)
        return marks

    @property
    def lost(self) -> Array:
        """What has been lost again: the loss above the least that the run had so far, [E]."""
        lost: Array = self.loss - np.minimum.accumulate(self.loss)
        return lost

    @property
    def past_start(self) -> Marks:
        """Mark the epochs at which what persists can be told from what a start brings."""
        return self.from_epoch(limits.EARLY, limits.FIRST_WORD)

    @property
    def finished(self) -> bool:
        """Whether the run has ended."""
        return self.epochs >= self.planned or self.diverged_at is not None

    def span(self, on: Marks, off: Marks) -> Span | None:
        """Return when a statement stands, or last stood for a tenth of the planned run."""
        return span_of(on, off, max(limits.TOLD_EPOCHS, limits.TOLD * self.planned))

    def window(self, share: float, least: int) -> int:
        """Return how many epochs this share of the planned run is, ``least`` at fewest."""
        return max(least, math.ceil(share * self.planned))

    def shown_at(self, span: Span | Finding) -> int:
        """Return the epoch of which a finding shows the numbers."""
        return self.epochs - 1 if span.until is None else span.epoch

    def from_epoch(self, share: float, least: int) -> Marks:
        """Mark the epochs from this share of the planned run on, but from ``least`` at earliest."""
        first = max(min(least, self.planned - 1), math.ceil(share * self.planned))
        return np.arange(self.epochs) >= first


def _learnable(constant_loss: float, data: DataFacts | None) -> float:
    """Return what there is to learn; all of H where the limit is unknown or is H itself."""
    if data is None or data.best_loss is None:
        return constant_loss
    left = constant_loss - data.best_loss
    return left if left > limits.NOTHING * constant_loss else constant_loss


def span_of(on: Marks, off: Marks, shortest: float) -> Span | None:
    """Return since when a statement stands, or the last time that it stood long enough.

    It is made where ``on`` holds and taken back where ``off`` does, as by standing_since.
    """
    since = standing_since(on, off)
    if since is not None:
        return Span(since)
    if not on.any():
        return None
    event = np.where(on, 1, np.where(off, -1, 0))
    latest = np.maximum.accumulate(np.where(event != 0, np.arange(len(event)), 0))
    edges = np.flatnonzero(np.diff(event[latest] > 0, prepend=False, append=False))
    begins, ends = edges[::2], edges[1::2]
    long = np.flatnonzero(ends - begins >= shortest)
    return Span(int(begins[long[-1]]), int(ends[long[-1]])) if len(long) else None


def standing_since(on: Marks, off: Marks) -> int | None:
    """Return the epoch since which a statement stands without interruption, None if it does not.

    It is made where ``on`` holds and taken back only where ``off`` does; between the two limits it
    stays what it is, so that it does not flicker.
    """
    ends = np.flatnonzero(off & ~on)
    begin = int(ends[-1]) + 1 if len(ends) else 0
    starts = np.flatnonzero(on[begin:])
    return begin + int(starts[0]) if len(starts) else None


def always(marks: Marks) -> Marks:
    """Mark the epochs up to which every epoch was marked, [E] or [E, layers]."""
    return np.logical_and.accumulate(marks, axis=0)


def run_forward(run: Facts) -> Array:
    """The signal of the last hidden layer over that of the first, [E]; 1 where one is unknown."""
    first, last = run.signal[:, 0], run.signal[:, run.hidden - 1]
    unknown = np.isnan(first) | np.isnan(last)
    ratio: Array = np.divide(last, first, out=np.where(unknown, 1.0, 0.0), where=first > 0)
    return np.where(unknown, 1.0, ratio)


def run_backward(run: Facts) -> Array:
    """The gradient of the first layer's weights over the largest of a hidden layer, [E].

    The first layer is the first that is trained: frozen ones have no gradient, NaN.
    """
    hidden = run.gradient[:, : run.hidden]
    trained = ~np.isnan(hidden)
    first = np.take_along_axis(hidden, trained.argmax(1)[:, None], 1)[:, 0]
    largest = np.where(trained, hidden, 0).max(1)
    unknown = np.where(trained.any(1), 0.0, 1.0)
    ratio: Array = np.divide(first, largest, out=unknown, where=largest > 0)
    return ratio


def mean_of_last(values: Array | Marks, window: int) -> Array:
    """The mean of the last ``window`` values of each epoch, of fewer at the start.

    Values beyond HUGE count as HUGE.
    """
    most = limits.HUGE
    bounded = np.clip(np.nan_to_num(values, nan=most, posinf=most, neginf=-most), -most, most)
    total = np.concatenate([[0.0], np.cumsum(bounded)])
    at = np.arange(1, len(values) + 1)
    begin = np.maximum(at - window, 0)
    mean: Array = (total[at] - total[begin]) / (at - begin)
    return mean


def pace(run: Facts) -> Array:
    """The turn of the hidden layer that turns most, continued to the end of the run, [E] rad.

    Where all of them are frozen the output layer is what turns.
    """
    hidden = slice(max(1, run.hidden))
    if np.isnan(run.gradient[:, hidden]).all():
        hidden = slice(None)
    path: Array = np.cumsum(run.update[:, hidden], axis=0).max(1)
    return path * run.planned / np.arange(1, run.epochs + 1)
