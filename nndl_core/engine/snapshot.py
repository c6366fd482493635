"""A snapshot: everything a screen shows of a run at one moment, as plain numbers and arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nndl_core.base.i18n import mark
from nndl_core.data.catalog import Dataset
from nndl_core.engine.kernel import Block
from nndl_core.engine.records import EpochRecord
from nndl_core.engine.runner import Runner

GRID = 50
BINS = 40
CURVE_POINTS = 400
COMPONENTS = (mark("1st principal component"), mark("2nd principal component"))

Array = NDArray[Any]


@dataclass(frozen=True)
class Plane:
    """The plane on which points and decision boundary are drawn.

    Two features: the plane itself. More: the plane through the training mean along the first two
    principal components. points [n, 2] are train then dev points projected, grid [GRID^2, d].
    """

    axes: tuple[str, str]
    extent: tuple[float, float, float, float]
    points: Array
    labels: Array
    n_train: int
    grid: Tensor


@dataclass(frozen=True)
class TestResult:
    """The evaluation on the test set: of the best-on-dev and of the last parameters."""

    best_epoch: int
    best_score: float
    best_loss: float
    last_score: float
    last_loss: float


@dataclass(frozen=True)
class Snapshot:
    """One frame: the record at the current parameters, and what is drawn beside the curves.

    Its update_ratio and changed_share are those of the last update.

    boundary uint8 [GRID, GRID] is 255 P(class 1), or 255 times the winner's probability when
    there are more classes, whose index then is boundary_class. histogram float32 [hidden, BINS]
    gives shares of the activations between the limits of histogram_range.
    """

    epoch: int
    record: EpochRecord
    boundary: Array
    boundary_class: Array | None
    histogram: Array
    histogram_range: tuple[float, float]
    test: TestResult | None


def take(runner: Runner, plane: Plane) -> Snapshot:
    """Measure a runner's current parameters; nothing is trained."""
    record, block = runner.measure()
    record = _with_last_update(record, runner)
    histogram, limits = activation_histogram(block)
    boundary, winner = decision_boundary(runner.predict(plane.grid).numpy())
    test = evaluate_test(runner) if runner.finished else None
    return Snapshot(runner.epoch, record, boundary, winner, histogram, limits, test)


def _with_last_update(record: EpochRecord, runner: Runner) -> EpochRecord:
    """Give the current state the figures of the update that led to it; NaN before the first."""
    last = runner.records[-1].layers if len(runner.records) else None
    layers = tuple(
        replace(
            layer,
            update_ratio=last[i].update_ratio if last else math.nan,
            changed_share=last[i].changed_share if last else math.nan,
        )
        for i, layer in enumerate(record.layers)
    )
    return replace(record, layers=layers)


def evaluate_test(runner: Runner) -> TestResult | None:
    """Evaluate on the test set, best and last; None before anything was trained."""
    if runner.dataset is None or runner.best is None:
        return None
    best = runner.evaluate(runner.dataset.test, best=True)
    return TestResult(runner.best.epoch, *best, *runner.evaluate(runner.dataset.test))


def make_plane(dataset: Dataset) -> Plane:
    """Choose the drawing plane of a data set and lay a grid over it."""
    x = torch.cat([dataset.train.x, dataset.dev.x])
    labels = torch.cat([dataset.train.y, dataset.dev.y]).numpy().astype(np.uint8)
    if x.shape[1] == 2:
        center, basis = torch.zeros(2), torch.eye(2)
        axes = (dataset.features[0], dataset.features[1])
    else:
        center, basis = _principal_plane(dataset.train.x)
        axes = COMPONENTS
    points = (x - center) @ basis.T
    low, high = points.min(0).values, points.max(0).values
    pad = 0.06 * (high - low).clamp(min=1e-3)
    low, high = low - pad, high + pad
    middles = (torch.arange(GRID) + 0.5) / GRID
    u, v = (low[i] + middles * (high[i] - low[i]) for i in range(2))
    cells = torch.cartesian_prod(v, u).flip(1)  # row by row, the smallest y first
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    grid = center + cells @ basis
    return Plane(axes, extent, points.numpy(), labels, len(dataset.train.x), grid)


def _principal_plane(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean [d] and the first two principal directions [2, d]; one feature is padded."""
    center = x.mean(0)
    _, _, directions = torch.linalg.svd(x - center, full_matrices=False)
    basis = directions[:2]
    if len(basis) < 2:
        basis = torch.cat([basis, torch.zeros(2 - len(basis), x.shape[1])])
    return center, basis


def decision_boundary(probability: Array) -> tuple[Array, Array | None]:
    """Turn probabilities [GRID^2, K] into the two images of a Snapshot."""
    shape = (GRID, GRID)
    if probability.shape[1] == 1:
        return _bytes(probability[:, 0]).reshape(shape), None
    if probability.shape[1] == 2:
        return _bytes(probability[:, 1]).reshape(shape), None
    winner = probability.argmax(1).astype(np.uint8).reshape(shape)
    return _bytes(probability.max(1)).reshape(shape), winner


def _bytes(p: Array) -> Array:
    """255 p as uint8, so that p >= 0.5 and only that gives 128 or more."""
    levels: Array = np.clip(np.floor(np.nan_to_num(p) * 256), 0, 255).astype(np.uint8)
    return levels


def activation_histogram(block: Block) -> tuple[Array, tuple[float, float]]:
    """Count the activations of each hidden layer in BINS bins over one common range.

    Values that are not finite belong to no bin; double, because float32 cannot hold every limit.
    """
    layers = [a[-1].flatten().double() for a in block.activations]
    finite = [a[a.isfinite()] for a in layers]
    seen = [a for a in finite if len(a)]
    if not seen:
        return np.zeros((len(layers), BINS), np.float32), (0.0, 1.0)
    low, high = min(float(a.min()) for a in seen), max(float(a.max()) for a in seen)
    low, high = _round_range(low, high)
    counts = [torch.histc(f, BINS, low, high) / len(a) for f, a in zip(finite, layers, strict=True)]
    return torch.stack(counts).float().numpy(), (low, high)


def _round_range(low: float, high: float) -> tuple[float, float]:
    """Widen a range to round limits, so that the axis does not move with every frame."""
    size = max(abs(low), abs(high))
    if size == 0:
        return 0.0, 1.0
    step = 10.0 ** np.floor(np.log10(size)) / 2
    low, high = float(np.floor(low / step) * step), float(np.ceil(high / step) * step)
    return (low, high) if high > low else (low - float(step), low + float(step))


@dataclass(frozen=True)
class Curves:
    """Loss and accuracy against the epoch, thinned to at most CURVE_POINTS points.

    start is the index of the first point given here, counted in points that lie stride epochs
    apart; the last point is always the current state.
    """

    start: int
    stride: int
    epoch: Array
    train_loss: Array
    dev_loss: Array
    train_accuracy: Array
    dev_accuracy: Array


def curves(runner: Runner, now: EpochRecord, sent: Curves | None) -> Curves:
    """Return the points from the last one of ``sent`` on, or all when the stride has changed."""
    count = len(runner.records)
    stride = 1
    while count > CURVE_POINTS * stride:
        stride *= 2
    known = 0 if sent is None or sent.stride != stride else sent.start + len(sent.epoch) - 1
    rows = np.arange(known * stride, count, stride)

    def column(name: str, last: float) -> Array:
        values = runner.records.column(name)[rows] if count else np.empty(0)
        return np.append(values, last).astype(np.float32)

    return Curves(
        known,
        stride,
        column("epoch", now.epoch),
        column("train_loss", now.train_loss),
        column("dev_loss", now.dev_loss),
        column("train_accuracy", now.train_accuracy),
        column("dev_accuracy", now.dev_accuracy),
    )
