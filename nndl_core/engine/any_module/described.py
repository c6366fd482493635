"""The settings of a run that no config made, read off its network, optimizer and loss.

A diagnosis reads a config beside the records: which activation, which steps, how many epochs. For a
network of a student's own these are measured, as its activation is, or asked of its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch.utils.data import DataLoader

from nndl_core.base.config import InitializerName, LossName, OptimizerName, RunConfig
from nndl_core.engine.any_module.criterion import BINARY, SEVERAL, wanted_by
from nndl_core.engine.any_module.layer_stats import Layer, weight_of
from nndl_core.network.optimizers import Optimizer

UNKNOWN_ACTIVATION = "other"
ADAPTIVE = ("Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop")
"""How the names of optimizers begin or end whose steps do not depend on a gradient's size."""
TRAIN_SHARE = 0.64
"""Of the points of a config."""


@dataclass(frozen=True)
class DescribedConfig(RunConfig):
    """Settings read off a run: of any size, and with an activation that may be unknown."""

    most_layers: ClassVar[int] = 10_000
    most_units: ClassVar[int] = 10_000_000

    def __post_init__(self) -> None:
        """Check nothing: these are facts, not wishes."""


@dataclass(frozen=True)
class FirstWeights:
    """How the weights of a network were before its first update; bias is the mean of all."""

    init: InitializerName = "normal"
    scale: float = 1.0
    bias: float = 0.0


def first_weights(layers: Sequence[Layer]) -> FirstWeights:
    """Read off which weights a network begins with: all zero, all equal, or of some size."""
    if not layers:
        return FirstWeights()
    weights = [weight_of(layer.linear).double().flatten() for layer in layers]
    biases = [b.detach().double() for b in (layer.linear.bias for layer in layers) if b is not None]
    bias = float(torch.cat(biases).mean()) if biases else 0.0
    size = float(torch.cat(weights).square().mean().sqrt())
    if size == 0:
        return FirstWeights("zeros", 1.0, bias)
    if all(bool((w == w[0]).all()) for w in weights):
        return FirstWeights("constant", size, bias)
    return FirstWeights("normal", size, bias)


def described(
    layers: Sequence[Layer],
    first: FirstWeights,
    optimizer: Optimizer | torch.optim.Optimizer,
    loss_fn: object,
    epochs: int,
    train_set: tuple[int, Any],
) -> RunConfig:
    """Return the settings of a run; train_set is its number of examples and its batches."""
    count, batches = train_set
    size = batches.batch_size if isinstance(batches, DataLoader) else batches
    hidden = layers[:-1]
    names = {layer.activation for layer in hidden} or {"identity"}
    name: Any = (names.pop() if len(names) == 1 else None) or UNKNOWN_ACTIVATION
    return DescribedConfig(
        dataset="csv",  # nobody knows how such rows are drawn
        scale="off",  # they are taken as they come
        points=round(count / TRAIN_SHARE),
        hidden=tuple(layer.linear.out_features for layer in hidden),
        activation=name,
        slope=hidden[0].slope if hidden else 0.01,
        init=first.init,
        init_scale=first.scale,
        bias=first.bias,
        loss=_loss(loss_fn),
        epochs=max(1, epochs),
        batch_size=size if isinstance(size, int) and size < count else 0,
        dtype="float64"
        if layers and weight_of(layers[0].linear).dtype == torch.float64
        else "float32",
        **_steps(optimizer),
    )


def _loss(loss_fn: object) -> LossName:
    if isinstance(loss_fn, str):
        name: Any = loss_fn
        return name  # type: ignore[no-any-return]
    wants = wanted_by(loss_fn)
    return "bce" if wants in BINARY else "cross_entropy" if wants in SEVERAL else "mse"


def _steps(optimizer: Optimizer | torch.optim.Optimizer) -> dict[str, Any]:
    """Return the settings of an update rule."""
    if isinstance(optimizer, Optimizer):
        names = ("learning_rate", "momentum", "weight_decay")
        return {"optimizer": optimizer.name} | {n: getattr(optimizer, n) for n in names}
    group = optimizer.param_groups[0]
    momentum = float(group.get("momentum") or group.get("betas", (0.0,))[0])
    return {
        "optimizer": _rule(optimizer, group),
        "learning_rate": float(group["lr"]),
        "momentum": momentum,
        "weight_decay": float(group.get("weight_decay", 0.0)),
    }


def _rule(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> OptimizerName:
    kinds = [c.__name__ for c in type(optimizer).__mro__]
    if any(kind.startswith(ADAPTIVE) or kind.endswith("Adam") for kind in kinds):
        return "adam"
    if not group.get("momentum"):
        return "sgd"
    return "nesterov" if group.get("nesterov") else "momentum"
