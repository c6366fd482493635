"""Why a gradient shrinks on its way back, measured step by step.

Layers are fc1..fcL; step l leads from fc(l + 1) back to fc(l). The measured factors are exact for
any network.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nndl_core.base.config import KNOBS, ActivationName, ConfigError, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.records import EpochRecord
from nndl_core.engine.runner import Runner
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.initializers import INITIALIZERS
from nndl_core.network.losses import LOSSES, output_units, targets

Table = NDArray[np.float64]

MAX_SEEDS = 200
MOST_WORK = 100_000
"""Weights times seeds that are measured in about a second."""
SQUARES_FROM = 1e-140
"""The squares of much smaller numbers are 0 in float64."""
PIECE = 50_000
"""Numbers of one layer that are computed at once: larger tensors leave the processor's cache."""


@dataclass(frozen=True)
class Flow:
    """The backward pass before training, for S weight seeds, in float64.

    gradient_norm [S, L] is the L2 norm of each weight gradient. With delta = dL/dz over all units
    and examples and back_l = W_(l+1)^T delta_(l+1), the factors [S, L - 1] of step l are
    weights = |back_l| / |delta_(l+1)|, slope = |delta_l| / |back_l|, and inputs, which is left
    because a gradient is delta times the layer's input, summed over the examples. Their product
    is gradient_norm[l] / gradient_norm[l + 1]. Behind an exact 0 a factor is NaN.
    """

    gradient_norm: Table
    weights: Table
    slope: Table
    inputs: Table


@dataclass(frozen=True)
class Steps:
    """Decades (powers of ten) that each of L - 1 steps takes; negative where it gives some."""

    weights: Table
    slope: Table
    inputs: Table

    @property
    def total(self) -> Table:
        """Decades lost in each step, [L - 1]."""
        with np.errstate(invalid="ignore"):  # infinity less infinity is unknown
            total: Table = self.weights + self.slope + self.inputs
        return total

    @property
    def to_layer(self) -> Table:
        """Decades lost from the last layer to each layer, [L]; 0 for the last."""
        return np.append(self.total[::-1].cumsum()[::-1], 0.0)

    @property
    def parts(self) -> dict[str, float]:
        """Decades lost from the last layer to the first, by cause."""
        return {name: float(getattr(self, name).sum()) for name in ("weights", "slope", "inputs")}


@dataclass(frozen=True)
class Ratio:
    """Gradient norms with one activation divided by those with another, equal weights, [L].

    first is the seed of the config; mean is the geometric mean over the n seeds in which no norm
    is exactly 0, and error its relative standard error (NaN for fewer than two).
    """

    first: Table
    mean: Table
    error: Table
    n: int


def measure_flow(config: RunConfig, seeds: int = 1) -> Flow:
    """Measure networks with the weight seeds config.init_seed and the following, untrained.

    Raises ConfigError unless 1 <= seeds <= MAX_SEEDS and the config has a hidden layer.
    """
    return flows_by_scale(config, [config.init_scale], seeds)[0]


def flows_by_scale(config: RunConfig, scales: Sequence[float], seeds: int = 1) -> list[Flow]:
    """Measure the networks of measure_flow with other values of init_scale.

    Every seed's weights are drawn once and multiplied.
    """
    if not 1 <= seeds <= MAX_SEEDS:
        raise ConfigError(
            tr(
                "seeds: {seeds} is out of range; allowed is from 1 to {max_seeds}.",
                seeds=seeds,
                max_seeds=MAX_SEEDS,
            )
        )
    if not config.hidden:
        raise ConfigError(tr("hidden: a gradient needs at least one hidden layer to flow through."))
    torch.set_num_threads(1)  # for the reason that the Runner gives
    train = dataset_of(config).train
    with torch.inference_mode():
        unit = draw_seeds(replace(config, init_scale=1.0), seeds)
        x = train.x.double().T[None]
        y = targets(train.y, unit[-1].shape[1], torch.float64)[None]
        few = max(1, PIECE // (max(config.hidden) * x.shape[-1]))
        pieces = list(zip(*(torch.split(layer, few) for layer in unit), strict=True))
        return [
            _joined([_flow(config, [scale * w for w in piece], x, y) for piece in pieces])
            for scale in scales
        ]


def most_seeds(config: RunConfig) -> int:
    """Return how many seeds of a network are measured quickly, at most MAX_SEEDS."""
    weights = sum(n * m for n, m in itertools.pairwise(widths_of(config)))
    return min(MAX_SEEDS, max(1, MOST_WORK // weights))


def draw_seeds(config: RunConfig, seeds: int) -> list[Tensor]:
    """Draw the weights [seeds, fan_out, fan_in] of every layer as MLP.init_weights does.

    The seeds are config.init_seed and the following; float64 holds the float32 draws.
    """
    last, fans = int(KNOBS["init_seed"].high or 0), widths_of(config)
    draw, drawn = INITIALIZERS[config.init], []
    for seed in range(config.init_seed, config.init_seed + seeds):
        generator = torch.Generator().manual_seed(seed % (last + 1))
        shapes = itertools.pairwise(fans)
        drawn.append([draw(m, n, generator, config.init_scale) for n, m in shapes])
    return [torch.stack(layer).double() for layer in zip(*drawn, strict=True)]


def widths_of(config: RunConfig) -> list[int]:
    """Return the number of features, of units in each hidden layer, and of outputs."""
    data = dataset_of(config)
    return [len(data.features), *config.hidden, output_units(config.loss, len(data.classes))]


def _joined(pieces: Sequence[Flow]) -> Flow:
    """Put flows of different seeds together."""
    rows = zip(*((f.gradient_norm, f.weights, f.slope, f.inputs) for f in pieces), strict=True)
    return Flow(*(np.concatenate(row) for row in rows))


def _flow(config: RunConfig, w: Sequence[Tensor], x: Tensor, y: Tensor) -> Flow:
    act, p = ACTIVATIONS[config.activation], config.slope
    a, z = [x.expand(len(w[0]), -1, -1)], [w[0] @ x + config.bias]
    for weight in w[1:]:
        a.append(act.value(z[-1], p))
        z.append(weight @ a[-1] + config.bias)
    delta = LOSSES[config.loss].delta(z[-1], y) / y.shape[-1]
    norms, sizes, factors = [_norm(delta @ a[-1].mT)], [_norm(delta)], []
    for i in range(len(w) - 2, -1, -1):
        back = w[i + 1].mT @ delta
        delta = back * act.slope(z[i], p)
        norms.append(_norm(delta @ a[i].mT))
        before, passed = _norm(back), _norm(delta)
        factors.append((before / sizes[-1], passed / before))
        sizes.append(passed)
    norm, size = (torch.stack(rows[::-1], -1) for rows in (norms, sizes))
    weights, slope = (torch.stack(rows[::-1], -1) for rows in zip(*factors, strict=True))
    gained = norm / size
    inputs = gained[:, :-1] / gained[:, 1:]
    return Flow(norm.numpy(), weights.numpy(), slope.numpy(), inputs.numpy())


def _norm(values: Tensor) -> Tensor:
    """L2 norm over units and examples: [S, n, m] -> [S]."""
    norm: Tensor = torch.linalg.vector_norm(values, dim=(1, 2))
    if (norm > SQUARES_FROM).all():
        return norm
    largest = values.abs().amax((1, 2))
    unit = torch.where(largest > 0, largest, 1.0)
    scaled: Tensor = unit * torch.linalg.vector_norm(values / unit[:, None, None], dim=(1, 2))
    return scaled


def living(flow: Flow) -> NDArray[np.bool_]:
    """Tell for each seed whether no layer's gradient is exactly 0."""
    return np.asarray((flow.gradient_norm > 0).all(1))


def zero_seeds(flow: Flow) -> int:
    """Count the seeds in which some layer's gradient is exactly 0."""
    return len(flow.gradient_norm) - int(living(flow).sum())


def measured_ratio(config: RunConfig, other: ActivationName, seeds: int) -> Ratio:
    """Divide the gradient norms with another activation by the config's own, seed by seed."""
    flows = [measure_flow(c, seeds) for c in (config, replace(config, activation=other))]
    own, others = (flow.gradient_norm for flow in flows)
    alive = living(flows[0]) & living(flows[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        logs, first = np.log(others[alive] / own[alive]), others[0] / own[0]
    n = len(logs)
    nothing = np.full(own.shape[1], math.nan)
    mean = np.exp(logs.mean(0)) if n else nothing
    error = logs.std(0, ddof=1) / math.sqrt(n) if n > 1 else nothing
    return Ratio(first, mean, error, n)


def decades_lost(flow: Flow) -> Steps:
    """Return the mean decades of each step over the seeds without an exact 0; NaN if none."""
    alive = living(flow)
    if not alive.any():
        nothing = np.full(flow.slope.shape[1], math.nan)
        return Steps(nothing, nothing, nothing)
    rows = (flow.weights, flow.slope, flow.inputs)
    return Steps(*(-np.log10(factor[alive]).mean(0) for factor in rows))


def decades_to_layer(flow: Flow) -> tuple[Table, Table]:
    """Return the mean decades lost from the last layer to each layer, and its standard error, [L].

    Over the seeds without an exact 0; NaN where there are none, the error also for only one.
    """
    norms = flow.gradient_norm[living(flow)]
    lost, (n, layers) = np.log10(norms[:, -1:] / norms), norms.shape
    nothing = np.full(layers, math.nan)
    error = lost.std(0, ddof=1) / math.sqrt(n) if n > 1 else nothing
    return (lost.mean(0) if n else nothing), error


def first_update(config: RunConfig) -> EpochRecord:
    """Train one epoch and return its record: gradients, update ratios, shares that changed."""
    return next(Runner.from_config(config))


def decades(larger: float, smaller: float) -> float:
    """Return log10(larger / smaller); infinity for an exact 0 below, NaN for two."""
    if smaller == 0 or larger == 0:
        return math.nan if larger == smaller else math.copysign(math.inf, larger - smaller)
    return math.log10(larger / smaller)


def float32_gap(value: float) -> float:
    """Return the distance from a positive value to the next float32 above it."""
    return float(np.spacing(np.float32(value)))
