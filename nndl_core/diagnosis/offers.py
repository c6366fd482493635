"""The remedies of every disease: names, reasons and config changes, best first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.base.i18n import mark
from nndl_core.diagnosis import limits
from nndl_core.diagnosis.changes import (
    ADAM_RATE,
    BATCH,
    EQUAL,
    Change,
    enough,
    is_generated,
    longer_steps,
    only_weights,
    other_seed,
    passing,
    shorter,
    start,
    updates,
    whole,
)
from nndl_core.diagnosis.facts import Disease, Finding

DECAY = 0.003
LEAKY: Change = {"activation": "leaky_relu", "slope": 0.2}


@dataclass(frozen=True)
class Remedy:
    """A config change: its name, the reason in a sentence, and the settings that it changes."""

    name: str
    why: str
    change: Change = field(default_factory=dict)

    def pruned(self, config: RunConfig) -> Remedy:
        """Return the remedy without the settings that it leaves as they are."""
        change = {k: v for k, v in self.change.items() if v != getattr(config, k)}
        return replace(self, change=change)

    def applied(self, config: RunConfig) -> RunConfig:
        """Return the config with the change."""
        return replace(config, **self.change)


def another_start(config: RunConfig) -> Remedy:
    """Return the remedy that leaves everything as it is but the first weights."""
    return Remedy(
        mark("Only another start"),
        mark("Other first weights may lead past this place; they need not."),
        other_seed(config),
    )


def _starts(config: RunConfig, finding: Finding) -> list[Remedy]:
    change = whole(config, passing(config))
    singles = _singles(config, finding)
    weights = Remedy(
        mark("Only the weights"),
        mark("Weights of a size that neither shrinks nor blows up what passes a layer."),
        {"init": start(config)["init"], "init_scale": 1.0},
    )
    return [_sane_start(config, change), *singles, weights, *_with_adam(config, change)]


def _sane_start(config: RunConfig, change: Change) -> Remedy:
    """Name a change by what it does to this config."""
    left = Remedy("", "", change).pruned(config).change
    if left.keys() & {"init", "init_scale", "bias"}:
        return Remedy(mark("A start that keeps the signal"), _reason(left), left)
    if left.keys() & {"activation", "hidden"}:
        why = mark("Units that pass more of a difference, and enough of them in every layer.")
        return Remedy(mark("Layers that pass the signal"), why, left)
    return Remedy(mark("Steps that suit the weights"), mark("Steps of a usual size."), left)


def _with_adam(config: RunConfig, change: Change) -> list[Remedy]:
    if config.optimizer == "adam":
        return []
    adam = change | {"optimizer": "adam", "learning_rate": ADAM_RATE}
    why, left = mark("Adam divides every gradient by its own size."), Remedy("", "", change)
    name = mark("The same change with adam") if left.pruned(config).change else mark("Adam")
    return [Remedy(name, why, adam)]


def _singles(config: RunConfig, finding: Finding) -> list[Remedy]:
    """Return changes of one setting each, what is furthest off first."""
    change = only_weights(config)
    name = mark("Only the size of the weights")
    if "init" in change:
        name = mark("Only the initialization")
    why = mark("Weights of a size that neither shrinks nor blows up what passes a layer.")
    bias = Remedy(
        mark("Only bias 0"), mark("Units work where their curve is steepest."), {"bias": 0.0}
    )
    layers = _only_layers(config, finding)
    deep_sigmoid = len(config.hidden) >= limits.DEEP and config.activation == "sigmoid"
    curve = layers[: int(deep_sigmoid and config.init not in EQUAL)]
    first = [*curve, Remedy(name, why, change), *layers]
    first = [bias, *first] if abs(config.bias) >= limits.FAR_BIAS else [*first, bias]
    if finding.born:
        return first
    steps = mark("Long steps throw units to where they are flat.")
    return [Remedy(mark("Only shorter steps"), steps, shorter(config)), *first]


def _only_layers(config: RunConfig, finding: Finding) -> list[Remedy]:
    offers, deep = [], len(config.hidden) >= limits.DEEP
    if deep and config.activation == "sigmoid":
        why = mark("The slope of tanh is up to 1, that of sigmoid up to 1/4.")
        offers.append(Remedy(mark("Only tanh"), why, {"activation": "tanh"}))
    if deep and finding.disease == "dying_relu" and min(config.hidden) < limits.WIDE:
        why = mark("Of few units all can be dead by chance, of many hardly.")
        wide = tuple(max(width, 12) for width in config.hidden)
        offers.append(Remedy(mark("Only wider layers"), why, {"hidden": wide}))
    if deep:
        why = mark("Every layer that is left out is one factor less.")
        offers.append(Remedy(mark("Only two hidden layers"), why, {"hidden": config.hidden[:2]}))
    return offers


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
    if config.activation == "leaky_relu":
        return starts
    leaky = Remedy(
        mark("Leaky ReLU with a fresh start"),
        mark("Below zero a slope of .2 stays, and weights and bias are those of He."),
        whole(config, passing(config) | LEAKY),
    )
    if len(config.hidden) >= limits.DEEP:
        return [leaky, *starts]
    return [starts[0], leaky, *starts[1:]]


def _explosion(config: RunConfig, finding: Finding) -> list[Remedy]:
    starts, calm = _starts(config, finding), _calm(config, finding)
    return [*starts, *calm] if finding.born else [*calm, *starts]


def _calm(config: RunConfig, finding: Finding) -> list[Remedy]:
    calm: Change = {"batch_size": BATCH} if 0 < config.batch_size < 32 else {}
    if config.optimizer in ("momentum", "nesterov"):
        calm["momentum"] = min(config.momentum, 0.9)
    calm |= shorter(replace(config, **calm))
    why, offers = mark("Steps that no longer jump over the valley."), []
    if calm["learning_rate"] < config.learning_rate:
        offers = [
            Remedy(mark("Only a smaller learning rate"), why, shorter(config)),
            Remedy(mark("Smaller steps"), why, calm),
        ]
    if 0 < config.batch_size < BATCH:
        why = mark("The mean of more points trembles less.")
        offers.append(Remedy(mark("Only larger batches"), why, {"batch_size": BATCH}))
    return offers


def _faster(config: RunConfig, finding: Finding) -> list[Remedy]:
    small: Change = {"batch_size": BATCH} if not 0 < config.batch_size <= BATCH else {}
    steps, time, offers = longer_steps(config), enough(config), []
    why = mark("Steps of a size that suits weights like these.")
    more = mark("An epoch of small batches makes many steps.")
    if steps:
        offers.append(Remedy(mark("Longer steps"), why, steps))
    if small and steps:
        offers.append(Remedy(mark("Longer and more steps"), why, steps | small))
    if small:
        offers.append(Remedy(mark("Only small batches"), more, small))
    name = mark("Only more epochs")
    if time["epochs"] == 10 * config.epochs:
        name = mark("Ten times as many epochs")
    epochs = Remedy(name, mark("The same steps, more of them."), time)
    offers = [epochs, *offers] if updates(config) < limits.FEW_UPDATES else [*offers, epochs]
    if config.optimizer != "adam":
        adam = {"optimizer": "adam", "learning_rate": ADAM_RATE, "batch_size": BATCH}
        offers.append(Remedy(mark("Adam"), mark("Every weight gets steps of the same size."), adam))
    return offers


def _simpler(config: RunConfig, finding: Finding) -> list[Remedy]:
    points = Remedy(
        mark("More points"), mark("What is memorised of 5000 points is the rule."), {"points": 5000}
    )
    stop: Change = {}
    if finding.best_epoch is not None:
        stop = {"epochs": min(config.epochs, max(1, finding.best_epoch))}
    early = mark("Only stop where the dev loss was least")
    more_decay = min(float(KNOBS["weight_decay"].high or 1), max(0.01, 3 * config.weight_decay))
    decay = {"weight_decay": more_decay}
    return [
        points,
        _less_room(config, stop),
        Remedy(early, mark("No time to memorise."), stop),
        Remedy(mark("Only weight decay"), mark("Sharp turns need large weights."), decay),
    ]


def _less_room(config: RunConfig, stop: Change) -> Remedy:
    """Decay, narrow layers where they are wide, and an end twice as far as the early one."""
    change: Change = {"weight_decay": max(config.weight_decay, DECAY)}
    name = mark("Weight decay, and stop in time")
    if max(config.hidden, default=0) > limits.NARROW:
        name = mark("Fewer units, weight decay, and stop in time")
        change["hidden"] = tuple(min(width, limits.NARROW) for width in config.hidden)
    if stop:
        change["epochs"] = min(config.epochs, 2 * stop["epochs"])
    why = mark("Less room to memorise, and an end soon after the dev loss was least.")
    return Remedy(name, why, change)


def _other_places(config: RunConfig, finding: Finding) -> list[Remedy]:
    """For a run that stands still: more units have fewer such places, another start other ones."""
    wide = tuple(min(max(4 * width, limits.WIDE), config.most_units) for width in config.hidden)
    return [
        Remedy(
            mark("Only more units"),
            mark("Among many units some lie right from the start, and fewer places hold them all."),
            {"hidden": wide or (limits.WIDE,)},
        ),
        another_start(config),
    ]


def _curves(config: RunConfig, finding: Finding) -> list[Remedy]:
    """For a network that is one straight line: something between its layers that is not."""
    if not config.hidden:
        change: Change = {"hidden": (limits.WIDE,)}
        if config.activation == "identity":
            change["activation"] = "tanh"
        why = mark("Every unit draws a line of its own, and the activation bends them together.")
        return [Remedy(mark("A hidden layer"), why, change)]
    if config.activation != "identity":
        return []
    why = mark("A curve between two layers is what makes two layers more than one.")
    return [
        Remedy(mark("Only tanh"), why, {"activation": "tanh"}),
        Remedy(mark("Only ReLU"), why, {"activation": "relu"}),
    ]


def _scaled(config: RunConfig, finding: Finding) -> list[Remedy]:
    """For inputs of another scale: the lab's switch, which tables have."""
    if is_generated(config):
        return []
    why = mark("Every column gets mean 0 and standard deviation 1, which weights are made for.")
    return [Remedy(mark("Only scale the columns"), why, {"scale": "on"})]


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
    "stalled": _other_places,
    "linear_network": _curves,
    "unscaled_inputs": _scaled,
}
"""Of data without a second class, or with rows that are no numbers, no setting cures."""
