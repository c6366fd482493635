"""Dead from the start: what still moves, which bias is deadly, what a slope gives back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.records import EpochRecord
from nndl_core.engine.runner import Runner
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.theory.gradient_law import draw_seeds, measure_flow

Table = NDArray[np.float64]


@dataclass(frozen=True)
class DeadStart:
    """The network before training, and what the closed form says of a dead one.

    bias_gradient is dL/db of the output unit, with its sign; ones is the share p1 of class 1.
    If the last hidden layer is 0 everywhere, each output is sigma(b), so the gradient is
    sigma(b) - p1 and the loss p1 log(1 + e^-b) + (1 - p1) log(1 + e^b); else both are NaN.
    """

    record: EpochRecord
    bias_gradient: float
    ones: float
    expected_gradient: float
    expected_loss: float

    @property
    def best_bias(self) -> float:
        """The output bias at which a constant guess is best: the logit of p1."""
        with np.errstate(divide="ignore"):  # a single class asks for an infinite bias
            return float(np.log(self.ones) - np.log1p(-self.ones))

    @property
    def best_loss(self) -> float:
        """The loss of the best constant guess: the entropy of p1."""
        shares = (self.ones, 1 - self.ones)
        return -math.fsum(share * math.log(share) for share in shares if share > 0)


@dataclass(frozen=True)
class BiasPath:
    """The output bias, loss and accuracy of a run at some of its epochs, each [points].

    expected_bias repeats b <- b - lr (sigma(b) - p1) from the same start: what a network does in
    which nothing else moves. moved is the largest change of any other parameter from start to end.
    """

    epochs: list[int]
    bias: list[float]
    expected_bias: list[float]
    train_loss: list[float]
    train_accuracy: list[float]
    moved: float


def dead_start(config: RunConfig) -> DeadStart:
    """Measure a network before training, and give the closed form of a dead one.

    Raises ConfigError without a hidden layer and unless the loss is bce.
    """
    _check(config)
    record, block = Runner.from_config(config).measure()
    ones, b = _ones(config), config.bias
    form = (math.nan, math.nan)
    if bool((block.activations[-1] == 0).all()):
        form = _sigmoid(b) - ones, ones * _softplus(-b) + (1 - ones) * _softplus(b)
    return DeadStart(record, float(block.gradients[0, -1]), ones, *form)


def _check(config: RunConfig) -> None:
    if config.loss != "bce" or not config.hidden:
        raise ConfigError(tr("The closed form needs a hidden layer and the loss 'bce'."))


def _ones(config: RunConfig) -> float:
    return float(dataset_of(config).train.y.double().mean())


def _sigmoid(z: float) -> float:
    return 0.5 * (1 + math.tanh(0.5 * z))


def _softplus(z: float) -> float:
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def bias_path(config: RunConfig, points: int = 100) -> BiasPath:
    """Train for config.epochs and follow the output bias, the only parameter of a dead network."""
    _check(config)
    runner = Runner.from_config(config)
    state = runner.model.state_dict()
    start = {name: t.clone() for name, t in state.items()}
    own = list(state)[-1]
    epochs = sorted({round(config.epochs * i / points) for i in range(points + 1)})
    bias = [float(state[own][0])]
    for first, end in itertools.pairwise(epochs):
        runner.advance(end - first)
        bias.append(float(state[own][0]))
    last, rows = runner.measure()[0], epochs[:-1]
    loss, accuracy = (runner.records.column(f"train_{n}")[rows] for n in ("loss", "accuracy"))
    moved = max(float((state[n] - start[n]).abs().max()) for n in state if n != own)
    return BiasPath(
        epochs,
        bias,
        _lone_bias(config, epochs),
        [*loss.tolist(), last.train_loss],
        [*accuracy.tolist(), last.train_accuracy],
        moved,
    )


def _lone_bias(config: RunConfig, epochs: Sequence[int]) -> list[float]:
    b, ones, path = config.bias, _ones(config), [config.bias]
    for first, end in itertools.pairwise(epochs):
        for _ in range(end - first):
            b -= config.learning_rate * (_sigmoid(b) - ones)
        path.append(b)
    return path


def dead_by_bias(config: RunConfig, biases: Sequence[float], seeds: int = 1) -> Table:
    """Count dead units before training, [biases, seeds, hidden layers].

    Dead is a unit whose slope is exactly 0 on every training example.
    """
    w, x = draw_seeds(config, seeds), dataset_of(config).train.x.double().T[None]
    torch.set_num_threads(1)  # for the reason that the Runner gives
    with torch.inference_mode():
        rows = [_dead(config, w[:-1], x, b) for b in biases]
    return torch.stack(rows).double().numpy()


def _dead(config: RunConfig, w: list[Tensor], a: Tensor, bias: float) -> Tensor:
    act, p = ACTIVATIONS[config.activation], config.slope
    counts = []
    for weight in w:
        z = weight @ a + bias
        counts.append((act.slope(z, p) == 0).all(-1).sum(-1))
        a = act.value(z, p)
    return torch.stack(counts, -1)


def death_thresholds(config: RunConfig, seeds: int) -> Table:
    """Return the largest bias b <= 0 at which every ReLU is dead, [seeds] from config.init_seed on.

    A unit of fc1 fires nowhere if b <= -max of w x over the training set; behind a layer that
    fires nowhere only the bias is left, and it is not positive.
    """
    x = dataset_of(config).train.x.double()
    highest: Table = (draw_seeds(config, seeds)[0] @ x.T).amax((1, 2)).numpy()
    return np.minimum(0.0, -highest)


def slope_law(config: RunConfig, slopes: Sequence[float], seeds: int = 1) -> Table:
    """Return each layer's gradient norm for every Leaky slope (ELU: alpha), [slopes, layers].

    Geometric mean over the weight seeds; a seed with an exact 0 counts as 0 for all.
    """
    flows = [measure_flow(replace(config, slope=slope), seeds) for slope in slopes]
    with np.errstate(divide="ignore"):
        return np.array([np.exp(np.log(flow.gradient_norm).mean(0)) for flow in flows])


def fitted_exponents(slopes: Sequence[float], norms: Table) -> Table:
    """Fit norm = c slope^k for each layer by least squares of the logarithms; return k, [L].

    Raises ValueError for fewer than two slopes. NaN where a norm is 0.
    """
    if len(slopes) < 2:
        raise ValueError(tr("An exponent needs at least two slopes."))
    x = np.log(np.asarray(slopes))
    x -= x.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(norms)
        exponents: Table = (x @ (y - y.mean(0))) / (x @ x)
    return exponents
