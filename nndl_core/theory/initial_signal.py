"""How much of a signal passes each layer before training: forward, and backward as a gradient."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from nndl_core.base.config import InitializerName, LossName, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import dataset_of
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.initializers import INITIALIZERS
from nndl_core.network.losses import LOSSES, output_units, targets
from nndl_core.theory.weight_laws import law_of

Table = NDArray[np.float64]

MAX_SEEDS = 50


@dataclass(frozen=True)
class Start:
    """A way to draw the weights."""

    init: InitializerName
    scale: float = 1.0


@dataclass(frozen=True)
class Signal:
    """One way to start, measured on the training set for several weight seeds, in float64.

    Tables are [seeds, layers]; H hidden layers, L = H + 1 layers. activation_std [S, H] is the
    spread over all units and examples; example_std [S, H] the part of it that differs between
    examples (the root of the mean variance of a unit). gradient_norm [S, L] is the L2 norm of
    a weight gradient, delta_size [S, L] the root mean square of delta = dL/dz. forward [S, L] is
    E[z_l^2] / E[z_(l-1)^2], with the inputs as z_0; backward [S, H] is E[delta_l^2] /
    E[delta_(l+1)^2] of layers 1..H. forward_law and backward_law are what the variance
    arithmetic gives for the same networks. passed [S, H] is E[a^2] / E[z^2], slope_square [S, H]
    is E[phi'(z)^2], n_var [L] is fan_in E[w^2]. Where a denominator is exactly 0 the value is NaN
    (or infinite, where only the denominator is).
    """

    start: Start
    activation_std: Table
    example_std: Table
    gradient_norm: Table
    delta_size: Table
    forward: Table
    forward_law: Table
    backward: Table
    backward_law: Table
    passed: Table
    slope_square: Table
    n_var: Table


def signals(config: RunConfig, starts: Sequence[Start], seeds: int = 10) -> list[Signal]:
    """Measure networks of ``config`` before training, each start with the same weight seeds.

    The seeds are config.init_seed and the following. Raises ValueError for no hidden layer and
    unless 1 <= seeds <= 50. The arithmetic is that of Glorot and Bengio 2010 and He et al. 2015.
    """
    if not config.hidden:
        raise ValueError(tr("hidden: at least one hidden layer is needed to follow a signal."))
    if not 1 <= seeds <= MAX_SEEDS:
        raise ValueError(
            tr(
                "seeds: {seeds} is out of range; allowed is from 1 to {max_seeds}.",
                seeds=seeds,
                max_seeds=MAX_SEEDS,
            )
        )
    data = dataset_of(config)
    outputs = output_units(config.loss, len(data.classes))
    sizes = (len(data.features), *config.hidden, outputs)
    x = data.train.x.double().T[None]
    y = targets(data.train.y, outputs, torch.float64)[None]
    torch.set_num_threads(1)  # for the reason that the Runner gives
    with torch.inference_mode():
        drawn = [_weights(sizes, start, config, seeds) for start in starts]
        return [_signal(config, s, w, x, y) for s, w in zip(starts, drawn, strict=True)]


def _weights(sizes: tuple[int, ...], start: Start, config: RunConfig, seeds: int) -> list[Tensor]:
    """Draw weights [seeds, fan_out, fan_in] as MLP.init_weights does for each seed."""
    shapes = list(itertools.pairwise(sizes))
    drawn: list[list[Tensor]] = [[] for _ in shapes]
    for seed in range(config.init_seed, config.init_seed + seeds):
        generator = Generator().manual_seed(seed)
        for layer, (fan_in, fan_out) in zip(drawn, shapes, strict=True):
            draw = INITIALIZERS[start.init]
            layer.append(draw(fan_out, fan_in, generator, start.scale))
    return [torch.stack(layer).double() for layer in drawn]


def _signal(config: RunConfig, start: Start, w: list[Tensor], x: Tensor, y: Tensor) -> Signal:
    z, a = _forward(config, w, x)
    slopes = [ACTIVATIONS[config.activation].slope(v, config.slope) for v in z[:-1]]
    deltas, norms = _backward(config.loss, w, z[-1], a, slopes, y)
    second = [law_of(start.init, start.scale, m.shape[2], m.shape[1]).mean_square for m in w]
    n_var = [v * m.shape[2] for v, m in zip(second, w, strict=True)]
    a2, d2 = _squares(a), _squares(deltas)
    z2 = torch.cat([a2[:, :1], _squares(z)], 1)
    slope2 = _squares(slopes)
    # Source of both: a sum over independent zero-mean weights has the sum of the variances.
    forward_law = (torch.tensor(n_var) * a2 + config.bias**2) / z2[:, :-1]
    fan_out_var = torch.tensor([v * m.shape[1] for v, m in zip(second[1:], w[1:], strict=True)])
    return Signal(
        start=start,
        activation_std=_table([v.flatten(1).std(1, correction=0) for v in a[1:]]),
        example_std=_table([v.var(2, correction=0).mean(1).sqrt() for v in a[1:]]),
        gradient_norm=_table(norms),
        delta_size=d2.sqrt().numpy(),
        forward=(z2[:, 1:] / z2[:, :-1]).numpy(),
        forward_law=forward_law.numpy(),
        backward=(d2[:, :-1] / d2[:, 1:]).numpy(),
        backward_law=(fan_out_var * slope2).numpy(),
        passed=(a2[:, 1:] / z2[:, 1:-1]).numpy(),
        slope_square=slope2.numpy(),
        n_var=np.array(n_var),
    )


def _forward(config: RunConfig, w: list[Tensor], x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return pre-activations z of fc1..fcL and inputs a of fc1..fcL, [seeds, units, examples]."""
    phi = ACTIVATIONS[config.activation].value
    a = [x.expand(len(w[0]), -1, -1)]
    z: list[Tensor] = []
    for weight in w:
        z.append((weight @ a[-1]).add_(config.bias))
        if weight is not w[-1]:
            a.append(phi(z[-1], config.slope))
    return z, a


def _backward(
    loss: LossName,
    w: list[Tensor],
    logits: Tensor,
    a: list[Tensor],
    slopes: list[Tensor],
    y: Tensor,
) -> tuple[list[Tensor], list[Tensor]]:
    """Return delta = dL/dz and the norm of the weight gradient of fc1..fcL."""
    delta = LOSSES[loss].delta(logits, y) / y.shape[-1]
    deltas, norms = [delta], [(delta @ a[-1].mT).flatten(1).norm(dim=1)]
    for i in range(len(slopes) - 1, -1, -1):
        delta = (w[i + 1].mT @ delta).mul_(slopes[i])
        deltas.append(delta)
        norms.append((delta @ a[i].mT).flatten(1).norm(dim=1))
    return deltas[::-1], norms[::-1]


def _squares(values: Sequence[Tensor]) -> Tensor:
    """Mean square over units and examples of each layer: [seeds, layers]."""
    return torch.stack([v.flatten(1).norm(dim=1).square() / v[0].numel() for v in values], 1)


def _table(columns: Sequence[Tensor]) -> Table:
    table: Table = torch.stack(list(columns), 1).numpy()
    return table


@dataclass(frozen=True)
class GeometricMean:
    """Positive numbers of several seeds: geometric mean, one standard deviation, exact zeros.

    low and high are the mean divided and multiplied by the geometric standard deviation of one
    seed. zeros counts seeds where the number is exactly 0; they are no part of the mean, which is
    NaN where nothing is left.
    """

    mean: float
    low: float
    high: float
    zeros: int


def geometric(column: Table) -> GeometricMean:
    """Summarize non-negative numbers [seeds] whose size spans decades."""
    zeros = int((column == 0).sum())
    logs = np.log(column[(column > 0) & np.isfinite(column)])
    if logs.size == 0:
        return GeometricMean(np.nan, np.nan, np.nan, zeros)
    mean, spread = logs.mean(), logs.std(ddof=1) if logs.size > 1 else 0.0
    low, middle, high = np.exp([mean - spread, mean, mean + spread]).tolist()
    return GeometricMean(middle, low, high, zeros)


@dataclass(frozen=True)
class Comparison:
    """A measured factor beside its prediction, means over seeds.

    ratio is the mean of measured / predicted and error its standard error over the seeds; NaN
    where nothing is left to compare.
    """

    measured: float
    predicted: float
    ratio: float
    error: float


def compare(measured: Table, law: Table) -> Comparison:
    """Compare factors [seeds, layers] with their law; layers are averaged within each seed.

    Seeds with an undefined factor (a dead layer) are left out.
    """
    usable = np.isfinite(measured).all(1) & (law > 0).all(1)
    measured, law = measured[usable], law[usable]
    n = len(measured)
    if n == 0 or measured.shape[1] == 0:
        return Comparison(np.nan, np.nan, np.nan, np.nan)
    ratios = (measured / law).mean(1)
    error = float(ratios.std(ddof=1)) / n**0.5 if n > 1 else np.nan
    return Comparison(float(measured.mean()), float(law.mean()), float(ratios.mean()), error)
