"""The optimizers: one update rule each, applied to all parameters as one flat vector."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from nndl_core.base.config import OptimizerName, RunConfig
from nndl_core.base.i18n import tr


@dataclass
class Optimizer:
    """The settings of an update rule and the parameters it was made for.

    The settings may change between two updates; ``learning_rate`` does so live. Runs of a batch
    may differ: rates and decays, flat vectors like the parameters, then stand in for
    learning_rate and weight_decay.
    """

    parameters: tuple[Tensor, ...]
    name: OptimizerName = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    rates: Tensor | None = None
    decays: Tensor | None = None

    @classmethod
    def from_config(cls, parameters: Iterable[Tensor], config: RunConfig) -> Optimizer:
        """Make the optimizer that a config asks for."""
        return cls(
            tuple(parameters),
            config.optimizer,
            config.learning_rate,
            config.momentum,
            config.weight_decay,
        )

    @classmethod
    def from_torch(cls, optimizer: torch.optim.Optimizer) -> Optimizer:
        """Read the settings of a torch.optim.SGD or Adam; refuse what is not one of these."""
        group = optimizer.param_groups[0]
        parameters = tuple(p for g in optimizer.param_groups for p in g["params"])
        decay = group["weight_decay"]
        plain = _has_plain_settings(optimizer.param_groups)
        if type(optimizer) is torch.optim.SGD and plain:
            name = "sgd" if not group["momentum"] else "momentum"
            name = "nesterov" if group["nesterov"] else name
            rule = cast(OptimizerName, name)
            return cls(parameters, rule, group["lr"], group["momentum"], decay)
        if type(optimizer) is torch.optim.Adam and plain and group["betas"][1] == BETA_2:
            return cls(parameters, "adam", group["lr"], group["betas"][0], decay)
        raise ValueError(
            tr(
                "The Runner trains with torch.optim.SGD or Adam, not {name} with these settings.",
                name=type(optimizer).__name__,
            )
        )


@dataclass
class OptimizerState:
    """What an update rule remembers: flat vectors like the parameters, and the step count."""

    vectors: list[Tensor] = field(default_factory=list)
    steps: int = 0


UpdateRule = Callable[[Optimizer, OptimizerState, Tensor, Tensor, Tensor], object]
"""(settings, state, parameters, gradient, out): write the updated parameters into out."""

BETA_2 = 0.999
EPSILON = 1e-8
PLAIN = {
    "dampening": 0,
    "maximize": False,
    "amsgrad": False,
    "decoupled_weight_decay": False,
    "eps": EPSILON,
}
"""The settings of torch.optim.SGD and Adam that these rules do not have, at their neutral value."""


def _has_plain_settings(groups: list[dict[str, Any]]) -> bool:
    """Tell whether all groups of a torch optimizer ask for one rule that is known here."""
    rules = [{name: v for name, v in g.items() if name != "params"} for g in groups]
    neutral = all(rules[0].get(name, value) == value for name, value in PLAIN.items())
    return neutral and all(rule == rules[0] for rule in rules)


def fresh_state(name: OptimizerName, parameters: Tensor) -> OptimizerState:
    """Return the state before the first step for a flat parameter vector."""
    return OptimizerState([torch.zeros_like(parameters) for _ in range(STATE_VECTORS[name])])


def update(
    optimizer: Optimizer, state: OptimizerState, parameters: Tensor, gradient: Tensor, out: Tensor
) -> None:
    """Do one step: parameters and gradient are flat vectors; out may be parameters itself."""
    state.steps += 1
    if optimizer.decays is not None:
        gradient = torch.addcmul(gradient, parameters, optimizer.decays)
    elif optimizer.weight_decay:
        gradient = torch.add(gradient, parameters, alpha=optimizer.weight_decay)
    OPTIMIZERS[optimizer.name](optimizer, state, parameters, gradient, out)


def _step(o: Optimizer, theta: Tensor, direction: Tensor, out: Tensor) -> None:
    if o.rates is None:
        torch.add(theta, direction, alpha=-o.learning_rate, out=out)
    else:
        torch.addcmul(theta, direction, o.rates, value=-1, out=out)


def _sgd(o: Optimizer, s: OptimizerState, theta: Tensor, g: Tensor, out: Tensor) -> None:
    _step(o, theta, g, out)


def _momentum(o: Optimizer, s: OptimizerState, theta: Tensor, g: Tensor, out: Tensor) -> None:
    velocity = s.vectors[0].mul_(o.momentum).add_(g)
    _step(o, theta, velocity, out)


def _nesterov(o: Optimizer, s: OptimizerState, theta: Tensor, g: Tensor, out: Tensor) -> None:
    velocity = s.vectors[0].mul_(o.momentum).add_(g)
    ahead = torch.add(g, velocity, alpha=o.momentum)
    _step(o, theta, ahead, out)


def _adam(o: Optimizer, s: OptimizerState, theta: Tensor, g: Tensor, out: Tensor) -> None:
    """Kingma and Ba 2015, with bias correction; beta 1 is the setting momentum."""
    mean, square = s.vectors
    mean.mul_(o.momentum).add_(g, alpha=1 - o.momentum)
    square.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
    root = square.sqrt().div_((1 - BETA_2**s.steps) ** 0.5).add_(EPSILON)
    correction = 1 - o.momentum**s.steps
    if o.rates is None:
        torch.addcdiv(theta, mean, root, value=-o.learning_rate / correction, out=out)
    else:
        length = (o.rates / correction).to(mean.dtype)
        torch.sub(theta, mean.mul(length).div_(root), out=out)


OPTIMIZERS: dict[OptimizerName, UpdateRule] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "adam": _adam,
}
STATE_VECTORS: dict[OptimizerName, int] = {"sgd": 0, "momentum": 1, "nesterov": 1, "adam": 2}
