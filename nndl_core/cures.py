"""Cures: the config changes that a diagnosis offers, best first, and the tempting wrong one.

The textbook's single changes bring a gradient back and rarely cure: of 20 sigmoid networks with
weights of .01, ReLU alone cured none, and ReLU with He's weights and bias 0 all that are 8 wide. So
the first remedy changes together what the mechanism names; single changes come after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from nndl_core.config import KNOBS, RunConfig
from nndl_core.datasets import DATASETS
from nndl_core.findings import Disease, Finding
from nndl_core.i18n import mark

Change = dict[str, Any]
DEEP, WIDE, NARROW = 3, 8, 16
"""From DEEP hidden layers on, sigmoid loses the signal with any weights, for its slope is at most
1/4; ReLU layers narrower than WIDE die by chance; NARROW ones still draw a curved boundary."""
BATCH = 64
RATE, ADAM_RATE = 0.1, 0.01
SHALLOW_RATES = {"sigmoid": 2.0, "tanh": 0.2}
"""Learning rates that suit weights of Xavier's or He's size; a shallow sigmoid network has slopes
of at most 1/4 and needs longer steps."""
TIME, SIGMOID_TIME = 100.0, 2000.0
"""Learning rate times updates, below which plain gradient descent is still on its way."""
DECAY = 0.003
LEAKY = {"activation": "leaky_relu", "slope": 0.2}


@dataclass(frozen=True)
class Remedy:
    """A config change: its name, the reason in a sentence, and the settings that it changes."""

    name: str
    why: str
    change: Change = field(default_factory=dict)

    def applied(self, config: RunConfig) -> RunConfig:
        """Return the config with the change."""
        return replace(config, **self.change)


def remedies_for(
    config: RunConfig, finding: Finding, *, made_to_order: bool = True
) -> list[Remedy]:
    """Return what may cure a disease, best first; empty for a run that needs nothing.

    made_to_order is whether more data of the same kind can be had.
    """
    if finding.disease not in OFFERS:
        return []
    found = OFFERS[finding.disease](config, finding)
    kept: list[Remedy] = []
    for remedy in found:
        change = {k: v for k, v in remedy.change.items() if v != getattr(config, k)}
        useless = "points" in change and not (made_to_order and _is_generated(config))
        if change and not useless and all(change != other.change for other in kept):
            kept.append(replace(remedy, change=change))
    return kept


def tempting_fix(config: RunConfig, finding: Finding) -> Remedy | None:
    """Return the change that many try first and that does not cure, None if there is none."""
    fixes: dict[Disease, Remedy] = {
        "symmetric_weights": Remedy(
            mark("more units"), mark("Equal units stay one unit."), _wider(config)
        ),
        "vanishing_gradient": Remedy(
            mark("just ReLU"),
            mark("ReLU keeps the sign of a signal, not its size: the weights still shrink it."),
            {"activation": "relu"},
        ),
        "exploding_gradient": Remedy(
            mark("just a smaller learning rate"),
            mark("The first gradients are of the size that the weights made them."),
            {"learning_rate": _in_range(config.learning_rate / 10)},
        ),
        "dying_relu": Remedy(
            mark("just Leaky ReLU"),
            mark(
                "A small slope to the power of the depth is a gradient, but "
                "none that moves anything."
            ),
            {"activation": "leaky_relu", "slope": 0.01},
        ),
        "saturation": Remedy(
            mark("more epochs"), mark("A flat slope stays flat."), _longer(config, 3)
        ),
        "slow_convergence": Remedy(
            mark("more units"), mark("Each of them moves as little."), _wider(config)
        ),
        "oscillating_loss": Remedy(
            mark("more epochs"),
            mark("Steps that jump over the valley go on jumping."),
            _longer(config, 3),
        ),
        "overfitting": Remedy(
            mark("more epochs"), mark("The gap is what further epochs make."), _longer(config, 3)
        ),
    }
    return fixes.get(finding.disease)


def remedy_between(config: RunConfig, cured: RunConfig) -> Remedy:
    """Return the offer that leads from a config to another, by whatever disease it is made.

    A change that is nobody's offer is a remedy without a reason.
    """
    change = {n: getattr(cured, n) for n in KNOBS if getattr(cured, n) != getattr(config, n)}
    for disease in OFFERS:
        for best in (None, cured.epochs, cured.epochs // 2):  # where overfitting is told to stop
            finding = Finding(disease, "severe", 0, best_epoch=best)
            offers = [*remedies_for(config, finding), tempting_fix(config, finding)]
            for offer in filter(None, offers):
                if offer.applied(config) == cured:
                    return replace(offer, change=change)
    return Remedy(mark("Changed settings"), "", change)


def updates(config: RunConfig) -> float:
    """Return about how many updates a run makes."""
    n = 0.64 * config.points
    return config.epochs * (math.ceil(n / config.batch_size) if config.batch_size else 1)


def _is_generated(config: RunConfig) -> bool:
    return config.dataset in DATASETS and not DATASETS[config.dataset].tabular


def _start(config: RunConfig) -> Change:
    """Weights of the size that keeps a signal as it is, and bias 0."""
    smooth = config.activation in ("sigmoid", "tanh", "identity", "softplus")
    return {"init": "xavier_normal" if smooth else "he_normal", "init_scale": 1.0, "bias": 0.0}


def _passing(config: RunConfig) -> Change:
    """An activation that passes the signal through this depth, and layers that do not die."""
    change: Change = {}
    if len(config.hidden) >= DEEP:
        if config.activation == "sigmoid":
            change["activation"] = "tanh"
        change["hidden"] = tuple(max(width, WIDE) for width in config.hidden)
    return change


def _rate(config: RunConfig) -> Change:
    """A learning rate that suits such weights, and as many updates as it needs."""
    if config.optimizer == "adam":
        sane = ADAM_RATE / 10 <= config.learning_rate <= 2 * ADAM_RATE
        return {} if sane else {"learning_rate": ADAM_RATE}
    rate, keep = _usual_rate(config), _kept(config)
    slow = config.activation == "sigmoid" and len(config.hidden) < DEEP
    time, step = SIGMOID_TIME if slow else TIME, config.learning_rate / keep
    change: Change = {}
    if step > 2 * rate or step * updates(config) < time:
        change["learning_rate"] = _rounded(rate * keep)
        step = rate
    if step * updates(config) < time:
        change["batch_size"] = BATCH
    return change


def _usual_rate(config: RunConfig) -> float:
    return RATE if len(config.hidden) >= DEEP else SHALLOW_RATES.get(config.activation, RATE)


def _kept(config: RunConfig) -> float:
    """The share of a step that momentum leaves to one gradient."""
    return 1.0 if config.optimizer == "sgd" else 1 - config.momentum


def _whole(config: RunConfig, change: Change) -> Change:
    """A change with a sane start and the learning rate that goes with it."""
    change = change | _start(replace(config, **change))
    return change | _rate(replace(config, **change))


def _starts(config: RunConfig, finding: Finding) -> list[Remedy]:
    start = _start(config)
    whole = _whole(config, _passing(config))
    adam = {"optimizer": "adam", "learning_rate": ADAM_RATE}
    return [
        Remedy(mark("A start that keeps the signal"), _reason(whole), whole),
        Remedy(
            mark("Only the weights"),
            mark("Weights of a size that neither shrinks nor blows up what passes a layer."),
            {"init": start["init"], "init_scale": 1.0},
        ),
        Remedy(
            mark("Only bias 0"), mark("Units work where their curve is steepest."), {"bias": 0.0}
        ),
        Remedy(
            mark("The same start with adam"),
            mark("Adam divides every gradient by its own size."),
            _whole(config, _passing(config)) | adam,
        ),
    ]


_REASONS = {
    (False, False): mark("Weights and bias that neither shrink nor blow up what passes a layer."),
    (True, False): mark(
        "Weights and bias that neither shrink nor blow up what passes a layer, tanh, which passes "
        "more than a quarter of a difference."
    ),
    (False, True): mark(
        "Weights and bias that neither shrink nor blow up what passes a layer, steps that suit "
        "such weights."
    ),
    (True, True): mark(
        "Weights and bias that neither shrink nor blow up what passes a layer, tanh, which passes "
        "more than a quarter of a difference, steps that suit such weights."
    ),
}
"""By whether the activation and the steps change too."""


def _reason(change: Change) -> str:
    return _REASONS["activation" in change, "learning_rate" in change or "batch_size" in change]


def _leaky_starts(config: RunConfig, finding: Finding) -> list[Remedy]:
    """For dead units: deep networks need a slope below zero too, shallow ones only a sane start."""
    starts = _starts(config, finding)
    leaky = Remedy(
        mark("Leaky ReLU with a fresh start"),
        mark("Below zero a slope of .2 stays, and weights and bias are those of He."),
        _whole(config, _passing(config) | LEAKY),
    )
    if len(config.hidden) >= DEEP:
        return [leaky, *starts]
    return [starts[0], leaky, *starts[1:]]


def _explosion(config: RunConfig, finding: Finding) -> list[Remedy]:
    starts, calm = _starts(config, finding), _calm(config, finding)
    return [*starts, *calm] if finding.born else [*calm, *starts]


def _calm(config: RunConfig, finding: Finding) -> list[Remedy]:
    small = config.learning_rate / 10
    calm: Change = {"batch_size": BATCH} if 0 < config.batch_size < 32 else {}
    if config.optimizer == "adam":
        calm["learning_rate"] = min(small, ADAM_RATE / 2)
    else:
        calm["momentum"] = min(config.momentum, 0.9)
        keep = _kept(replace(config, momentum=calm["momentum"]))
        calm["learning_rate"] = min(small, _rounded(RATE * keep))
    return [
        Remedy(
            mark("Smaller steps"), mark("Steps that no longer jump over the valley."), _legal(calm)
        ),
        Remedy(mark("Only a tenth of the learning rate"), "", _legal({"learning_rate": small})),
    ]


def _faster(config: RunConfig, finding: Finding) -> list[Remedy]:
    adam: Change = {"optimizer": "adam", "learning_rate": ADAM_RATE, "batch_size": BATCH}
    fast: Change = {"learning_rate": ADAM_RATE}
    if config.optimizer != "adam":
        fast["learning_rate"] = _rounded(_usual_rate(config) * _kept(config))
        fast |= {} if config.batch_size else {"batch_size": BATCH}
    return [
        Remedy(mark("Longer steps"), mark("Steps of a size that suits weights like these."), fast),
        Remedy(mark("Adam"), mark("Every weight gets steps of the same size."), adam),
        Remedy(
            mark("Ten times as many epochs"),
            mark("The same steps, more of them."),
            _longer(config, 10),
        ),
    ]


def _simpler(config: RunConfig, finding: Finding) -> list[Remedy]:
    narrow: Change = {"hidden": tuple(min(width, NARROW) for width in config.hidden)}
    narrow["weight_decay"] = max(config.weight_decay, DECAY)
    stop: Change = {}
    if finding.best_epoch is not None:
        stop = {"epochs": max(1, finding.best_epoch)}
        narrow["epochs"] = min(config.epochs, 2 * stop["epochs"])
    return [
        Remedy(
            mark("More points"),
            mark("What is memorised of 5000 points is the rule."),
            {"points": 5000},
        ),
        Remedy(
            mark("Fewer units, weight decay, and stop in time"),
            mark("Less room to memorise, and an end soon after the dev loss was least."),
            narrow,
        ),
        Remedy(mark("Only stop where the dev loss was least"), mark("No time to memorise."), stop),
        Remedy(
            mark("Only weight decay"),
            mark("Sharp turns need large weights."),
            {"weight_decay": 0.01},
        ),
    ]


def _longer(config: RunConfig, times: int) -> Change:
    return {"epochs": int(min(times * config.epochs, KNOBS["epochs"].high or math.inf))}


def _wider(config: RunConfig) -> Change:
    return {"hidden": tuple(min(2 * width, config.most_units) for width in config.hidden)}


def _legal(change: Change) -> Change:
    return change | {"learning_rate": _in_range(change["learning_rate"])}


def _in_range(rate: float) -> float:
    return max(float(KNOBS["learning_rate"].low or 0), _rounded(rate))


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")


Offer = Callable[[RunConfig, Finding], list[Remedy]]
OFFERS: dict[Disease, Offer] = {
    "symmetric_weights": _starts,
    "vanishing_gradient": _starts,
    "exploding_gradient": _explosion,
    "dying_relu": _leaky_starts,
    "saturation": _starts,
    "slow_convergence": _faster,
    "oscillating_loss": _calm,
    "overfitting": _simpler,
}
