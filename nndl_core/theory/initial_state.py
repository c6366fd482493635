"""What equal initial weights do: every parameter after each update, and where such runs end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nndl_core.base.config import ActivationName, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.runner import Runner
from nndl_core.engine.telemetry import SAME_UNIT
from nndl_core.network.activations import ACTIVATIONS

Vector = NDArray[np.float64]
Outcome = Literal[
    "nothing_moved",
    "last_bias_moved",
    "equal_neurons",
    "neurons_differ",
]

MAX_TRACE = 200
"""Epochs of a trace; every one keeps all parameters."""
SEEDS_SEARCHED = 100
EXACT_POINTS = 800
"""Gives 512 training points: 1/512 is a binary fraction, so that gradients cancel without rounding.

Of 320 + 320 points the terms +-1/640 are rounded, and their sum is some 1e-10 instead of 0.
"""


@dataclass(frozen=True)
class LayerParameters:
    """One layer: weight [fan_out, fan_in], bias [fan_out], and which of its neurons are equal.

    groups numbers the groups of equal rows (weights and bias) 0, 1, ... as they appear.
    """

    name: str
    weight: Vector
    bias: Vector
    groups: tuple[int, ...]

    @property
    def distinct(self) -> int:
        """The number of neurons that differ from one another."""
        return max(self.groups) + 1


@dataclass(frozen=True)
class EpochParameters:
    """All parameters after ``epoch`` updates, with loss and accuracy (a share) at that moment."""

    epoch: int
    train_loss: float
    train_accuracy: float
    dev_loss: float
    dev_accuracy: float
    layers: tuple[LayerParameters, ...]


def parameter_trace(config: RunConfig, epochs: int = 5) -> list[EpochParameters]:
    """Train and keep the parameters after 0, 1, ..., ``epochs`` updates.

    Shorter if the run diverges. Raises ValueError unless 0 <= epochs <= 200.
    """
    if not 0 <= epochs <= MAX_TRACE:
        raise ValueError(
            tr(
                "epochs: {epochs} is out of range; allowed is from 0 to {max_trace}.",
                epochs=epochs,
                max_trace=MAX_TRACE,
            )
        )
    runner = Runner.from_config(replace(config, epochs=max(1, epochs)))
    trace = [_parameters_now(runner)]
    while len(trace) <= epochs and runner.advance(1) and runner.diverged is None:
        trace.append(_parameters_now(runner))
    return trace


def _parameters_now(runner: Runner) -> EpochParameters:
    record, _ = runner.measure()
    layers = []
    for i, fc in enumerate(runner.model.layers, start=1):
        # a copy: in float64 the next update would write into the view
        weight, bias = (p.detach().double().clone() for p in (fc.weight, fc.bias))
        groups = row_groups(torch.cat([weight, bias[:, None]], 1))
        layers.append(LayerParameters(f"fc{i}", weight.numpy(), bias.numpy(), groups))
    scores = (record.train_loss, record.train_accuracy, record.dev_loss, record.dev_accuracy)
    return EpochParameters(record.epoch, *scores, tuple(layers))


def row_groups(rows: Tensor) -> tuple[int, ...]:
    """Number the groups of equal rows of [n, m], 0 for the first row's and then as they appear.

    Equal is what telemetry calls the same unit: a difference of at most SAME_UNIT of the norm.
    """
    norm = rows.norm(dim=1)
    gap = (rows[:, None] - rows[None]).norm(dim=2)
    same = gap <= SAME_UNIT * torch.maximum(norm[:, None], norm[None])
    groups: list[int] = []
    for i, first in enumerate(same.int().argmax(1).tolist()):
        groups.append(groups[first] if first < i else max(groups, default=-1) + 1)
    return tuple(groups)


@dataclass(frozen=True)
class Ending:
    """Where a run from equal neurons ended.

    movement gives the largest |change| of any entry of fc1.weight, fc1.bias, ...; distinct gives
    (distinct neurons, neurons) of each hidden layer; class_counts counts training labels;
    hidden_output is what a hidden neuron gives at pre-activation 0; first_gradient is the largest
    gradient norm of any weight matrix or bias vector before the first update. Accuracies are
    shares.
    """

    config: RunConfig
    epochs: int
    class_counts: tuple[int, ...]
    hidden_output: float
    first_gradient: float
    movement: dict[str, float]
    distinct: tuple[tuple[int, int], ...]
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float

    @property
    def balanced(self) -> bool:
        """Whether every class has the same number of training points."""
        return len(set(self.class_counts)) == 1

    @property
    def outcome(self) -> Outcome:
        """Say which of the endings it was, from the numbers alone."""
        moved = [name for name, size in self.movement.items() if size > 0]
        if not moved:
            return "nothing_moved"
        if moved == [list(self.movement)[-1]]:
            return "last_bias_moved"
        alike = all(k == 1 for k, _ in self.distinct)
        return "equal_neurons" if alike else "neurons_differ"


def zero_endings(
    base: RunConfig,
    epochs: int = 2000,
    activations: Sequence[ActivationName] = ("sigmoid", "tanh", "relu"),
) -> list[Ending]:
    """Train ``base`` from all-zero parameters with each activation, then twice on balanced data.

    The last two have the first activation and as many training points of each class: once with
    EXACT_POINTS, where rounding is no part of it, once with as many points as ``base`` has. Either
    is left out where no data seed below 100 gives balanced classes.
    """
    zero = replace(base, init="zeros", bias=0.0, epochs=epochs)
    configs = [replace(zero, activation=name) for name in activations]
    first = configs[0]
    balanced = (balance(replace(first, points=EXACT_POINTS)), balance(first))
    configs += [c for c in balanced if c is not None and c not in configs]
    return [ending(config) for config in configs]


def balance(config: RunConfig) -> RunConfig | None:
    """Return the config with the smallest data seed below 100 that balances its classes."""
    for seed in range(SEEDS_SEARCHED):
        candidate = replace(config, data_seed=seed)
        if len(set(_class_counts(candidate))) == 1:
            return candidate
    return None


def ending(config: RunConfig) -> Ending:
    """Train a config to its end and measure how far every parameter came."""
    runner = Runner.from_config(config)
    assert runner.dataset is not None
    start = {name: value.clone() for name, value in runner.model.state_dict().items()}
    first, _ = runner.measure()
    runner.advance(config.epochs)
    last, _ = runner.measure()
    test_accuracy, test_loss = runner.evaluate(runner.dataset.test)
    end = runner.model.state_dict()
    zero = torch.zeros(1, dtype=torch.float64)
    return Ending(
        config=config,
        epochs=runner.epoch,
        class_counts=_class_counts(config),
        hidden_output=ACTIVATIONS[config.activation].value(zero, config.slope).item(),
        first_gradient=max(max(v.weight_grad_norm, v.bias_grad_norm) for v in first.layers),
        movement={n: (end[n] - v).double().abs().max().item() for n, v in start.items()},
        distinct=tuple((layer.distinct_units, layer.units) for layer in last.layers[:-1]),
        train_loss=last.train_loss,
        train_accuracy=last.train_accuracy,
        test_loss=test_loss,
        test_accuracy=test_accuracy,
    )


def _class_counts(config: RunConfig) -> tuple[int, ...]:
    data = dataset_of(config)
    return tuple(torch.bincount(data.train.y, minlength=len(data.classes)).tolist())
