"""The config changes that cures are made of: sane weights, activations, steps and sizes."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median
from typing import Any, cast

from nndl_core.base.config import KNOBS, InitializerName, RunConfig
from nndl_core.data.catalog import DATASETS
from nndl_core.diagnosis import limits

Change = dict[str, Any]
BATCH = 64
RATE, ADAM_RATE = 0.1, 0.01
SHALLOW_RATES = {"sigmoid": 2.0, "tanh": 0.2}
"""Learning rates that suit weights of Xavier's or He's size; a shallow sigmoid network has slopes
of at most 1/4 and needs longer steps."""
EQUAL = ("zeros", "constant")
"""Initializations that make all units of a layer equal."""
SPREADS: dict[InitializerName, float] = {
    "xavier_normal": 1.0,
    "he_normal": math.sqrt(2),
    "torch_default": 1 / math.sqrt(3),
    "xavier_uniform": 1.0,
    "he_uniform": math.sqrt(2),
    "lecun_normal": 1.0,
    "orthogonal": 1.0,
}
"""Standard deviation of the weights times the root of the width, at scale 1; layers of one width
have fan-in and fan-out alike."""


def is_smooth(config: RunConfig) -> bool:
    """Whether the activation is one for which Xavier's weights are made."""
    return config.activation in ("sigmoid", "tanh", "identity", "softplus")


def start(config: RunConfig) -> Change:
    """Return weights of the size that keeps a signal as it is, and bias 0."""
    init = "xavier_normal" if is_smooth(config) else "he_normal"
    return {"init": init, "init_scale": 1.0, "bias": 0.0}


def passing(config: RunConfig) -> Change:
    """Return an activation that passes the signal through this depth, and wide enough layers."""
    change: Change = {}
    if len(config.hidden) >= limits.DEEP:
        if config.activation == "sigmoid":
            change["activation"] = "tanh"
        change["hidden"] = tuple(max(width, limits.WIDE) for width in config.hidden)
    return change


def rate(config: RunConfig) -> Change:
    """Return a learning rate that suits such weights, and as many updates as it needs."""
    if config.optimizer == "adam":
        sane = ADAM_RATE / 10 <= config.learning_rate <= 2 * ADAM_RATE
        return {} if sane else {"learning_rate": ADAM_RATE}
    usual, keep = usual_rate(config), kept(config)
    slow = config.activation == "sigmoid" and len(config.hidden) < limits.DEEP
    time, step = limits.SIGMOID_TIME if slow else limits.TIME, config.learning_rate / keep
    change: Change = {}
    if step > 2 * usual or step * updates(config) < time:
        change["learning_rate"] = rounded(usual * keep)
        step = usual
    if step * updates(config) < time:
        change["batch_size"] = BATCH
    return change


def whole(config: RunConfig, change: Change) -> Change:
    """Return a change with a sane start and the learning rate that goes with it."""
    change = change | start(replace(config, **change))
    return change | rate(replace(config, **change))


def only_weights(config: RunConfig) -> Change:
    """Return the change of one setting that brings the weights nearest to a sane size.

    Empty where they have it. Of equal weights, the initialization; else it or its scale.
    """
    width = median(config.hidden) if config.hidden else 1
    target = (1.0 if is_smooth(config) else math.sqrt(2)) / math.sqrt(width)
    size = _spread(config.init, config.init_scale, width)
    if config.init not in EQUAL and _apart(size, target) <= math.log(limits.NEAR):
        return {}
    names: list[InitializerName] = [n for n in (*SPREADS, "normal", "uniform") if n != config.init]
    nearest = min(names, key=lambda n: _apart(_spread(n, config.init_scale, width), target))
    left = _apart(_spread(nearest, config.init_scale, width), target)
    if left <= math.log(limits.NEAR) or size <= 0:
        return {"init": nearest}
    scale = min(rounded(config.init_scale * target / size), float(KNOBS["init_scale"].high or 0))
    return {"init_scale": scale}


def _spread(init: str, scale: float, width: float) -> float:
    """The standard deviation of weights of a layer of this width; 0 of equal ones."""
    if init in EQUAL:
        return 0.0
    if init in ("normal", "uniform"):
        return scale if init == "normal" else scale / math.sqrt(3)
    return scale * SPREADS[cast(InitializerName, init)] / math.sqrt(width)


def _apart(size: float, target: float) -> float:
    return abs(math.log(size / target)) if size > 0 else math.inf


def shorter(config: RunConfig) -> Change:
    """Return a tenth of the learning rate, or the usual one if that is less."""
    usual = ADAM_RATE / 2 if config.optimizer == "adam" else usual_rate(config) * kept(config)
    return {"learning_rate": in_range(min(config.learning_rate / 10, usual))}


def longer_steps(config: RunConfig) -> Change:
    """Return the usual learning rate where it is larger than the present one, else nothing."""
    usual = ADAM_RATE if config.optimizer == "adam" else usual_rate(config) * kept(config)
    usual = rounded(usual)
    return {"learning_rate": usual} if usual > config.learning_rate else {}


def usual_rate(config: RunConfig) -> float:
    """Return the learning rate that suits sane weights, for plain gradient descent."""
    return RATE if len(config.hidden) >= limits.DEEP else SHALLOW_RATES.get(config.activation, RATE)


def kept(config: RunConfig) -> float:
    """Return the share of a step that momentum leaves to one gradient."""
    return 1.0 if config.optimizer == "sgd" else 1 - config.momentum


def updates(config: RunConfig) -> float:
    """Return about how many updates a run makes."""
    n = 0.64 * config.points
    return config.epochs * (math.ceil(n / config.batch_size) if config.batch_size else 1)


def longer(config: RunConfig, times: int) -> Change:
    """Return this many times as many epochs, at most as many as are allowed."""
    return {"epochs": int(min(times * config.epochs, KNOBS["epochs"].high or math.inf))}


def enough(config: RunConfig) -> Change:
    """Return ten times as many epochs, or as many as make enough updates if those are more."""
    least = math.ceil(limits.ENOUGH_UPDATES * config.epochs / updates(config))
    wanted = max(10 * config.epochs, least)
    return {"epochs": int(min(wanted, KNOBS["epochs"].high or math.inf))}


def wider(config: RunConfig) -> Change:
    """Return twice as many units in every layer, at most as many as are allowed."""
    return {"hidden": tuple(min(2 * width, config.most_units) for width in config.hidden)}


def other_seed(config: RunConfig) -> Change:
    """Return the next weight seed."""
    return {"init_seed": (config.init_seed + 1) % (int(KNOBS["init_seed"].high or 0) + 1)}


def in_range(rate: float) -> float:
    """Return a learning rate in two digits, not below the least that is allowed."""
    return max(float(KNOBS["learning_rate"].low or 0), rounded(rate))


def rounded(value: float) -> float:
    """Return a number in two digits."""
    return float(f"{value:.2g}")


def is_generated(config: RunConfig) -> bool:
    """Whether more points of the same kind can be drawn; tables are what they are."""
    return config.dataset in DATASETS and not DATASETS[config.dataset].tabular
