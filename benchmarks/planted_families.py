"""Families of candidates for planted cases: each draws settings in which one fault is planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from benchmarks.planted_tables import Table
from nndl_core.base.config import RunConfig

Settings = dict[str, Any]
DIVERGES = "the loss leaves the finite numbers"
SMOOTH = ("sigmoid", "tanh", "softplus")


@dataclass(frozen=True)
class Candidate:
    """A run in which a fault is planted, and the one change that takes it away.

    accept holds every answer that is as right as the label.
    """

    label: str
    config: RunConfig
    change: Settings
    why: str
    accept: tuple[str, ...]
    table: Table


Family = Callable[[Random], Candidate]


def _candidate(
    label: str,
    settings: Settings,
    change: Settings,
    why: str,
    *also: str,
    table: Table | None = None,
) -> Candidate:
    config = RunConfig(**settings)
    data = table or Table(config.dataset)
    if not data.is_plain:
        config = replace(config, dataset="csv", scale="off")
    return Candidate(label, config, change, why, (label, *also), data)


def _curved(random: Random) -> Settings:
    """Data that a straight line cannot part."""
    name = random.choice(["circles", "xor", "spirals2", "circles", "xor", "moons"])
    noise = {"circles": 0.1, "xor": 0.1, "spirals2": 0.03, "moons": 0.1}[name]
    return {
        "dataset": name,
        "noise": random.choice([noise / 2, noise]),
        "points": random.choice([400, 600, 1000]),
        "data_seed": random.randrange(1000),
    }


def _any_data(random: Random) -> Settings:
    if random.random() < 0.75:
        return _curved(random)
    name = random.choice(["blobs3", "iris", "spirals3"])
    return {
        "dataset": name,
        "noise": 0.05,
        "loss": "cross_entropy",
        "points": 600,
        "data_seed": random.randrange(1000),
    }


def _sane(random: Random, activation: str, *, depth: int = 2) -> Settings:
    """Settings with which such a network learns in a few hundred epochs."""
    optimizer = random.choice(["adam", "adam", "sgd", "momentum"])
    rate = {"adam": random.choice([0.005, 0.01, 0.02]), "sgd": 0.1, "momentum": 0.02}[optimizer]
    if activation == "sigmoid" and optimizer != "adam":
        rate *= 10
    return {
        "hidden": (random.choice([8, 12, 16, 24, 32]),) * depth,
        "activation": activation,
        "slope": 0.1 if activation == "leaky_relu" else 1.0 if activation == "elu" else 0.01,
        "init": "xavier_normal" if activation in SMOOTH else "he_normal",
        "optimizer": optimizer,
        "learning_rate": rate,
        "batch_size": random.choice([32, 64]),
        "epochs": random.choice([100, 150, 250]),
    }


def symmetric(random: Random) -> Candidate:
    activation = random.choice(["sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu"])
    sane = _sane(random, activation, depth=random.choice([1, 1, 2, 3]))
    init = random.choice(["zeros", "constant", "constant"])
    settings = sane | _any_data(random)
    settings |= {"init": init, "init_scale": random.choice([0.1, 0.3, 0.5, 1.0])}
    return _candidate(
        "symmetric_weights", settings, {"init": sane["init"], "init_scale": 1.0}, "equal weights"
    )


def vanishing(random: Random) -> Candidate:
    depth = random.randint(4, 10)
    kind = random.choice(["sigmoid", "small", "small", "adam"])
    activation = random.choice(["tanh", "relu", "leaky_relu", "elu", "gelu", "silu"])
    if kind == "sigmoid":
        activation = "sigmoid"
    sane = _sane(random, activation, depth=depth)
    settings = sane | _any_data(random)
    if kind == "sigmoid":
        change: Settings = {"activation": "tanh"}
        settings |= {"init": random.choice(["xavier_normal", "xavier_uniform", "lecun_normal"])}
        settings |= {"optimizer": random.choice(["sgd", "momentum"]), "learning_rate": 0.1}
        if settings["optimizer"] == "momentum":
            settings["learning_rate"] = 0.03
        return _candidate("vanishing_gradient", settings, change, "sigmoid in deep layers")
    change = {"init": sane["init"], "init_scale": 1.0}
    settings |= {"init": "normal", "init_scale": random.choice([0.01, 0.02, 0.05, 0.1])}
    settings |= {"optimizer": "sgd", "learning_rate": 0.1}
    if kind == "adam":
        settings |= {"optimizer": "adam", "learning_rate": random.choice([0.001, 0.003])}
        settings |= {"init_scale": random.choice([0.003, 0.01])}
    also = ("dying_relu",) if activation == "relu" else ()
    return _candidate("vanishing_gradient", settings, change, f"small weights, {kind}", *also)


def exploding(random: Random) -> Candidate:
    activation = random.choice(["relu", "leaky_relu", "elu", "gelu", "silu"])
    sane = _sane(random, activation, depth=random.randint(4, 10))
    settings = sane | _any_data(random) | {"init": "normal"}
    critical = (2 / settings["hidden"][0]) ** 0.5
    settings |= {"init_scale": round(critical * random.choice([2.0, 3.0, 4.0, 6.0]), 2)}
    settings |= {"optimizer": random.choice(["sgd", "momentum"]), "learning_rate": 0.05}
    if settings["optimizer"] == "momentum":
        settings["learning_rate"] = 0.01
    also = ("dying_relu",) if activation == "relu" else ()
    change = {"init": "he_normal", "init_scale": 1.0}
    return _candidate("exploding_gradient", settings, change, "large weights in deep layers", *also)


def dying(random: Random) -> Candidate:
    kind = random.choice(["bias", "bias", "narrow", "steps"])
    sane = _sane(random, "relu", depth=random.choice([1, 1, 2, 3]))
    settings = sane | _any_data(random)
    if kind == "bias":
        settings |= {"bias": random.choice([-10.0, -8.0, -6.0, -4.0, -3.0])}
        if random.random() < 0.3:
            settings |= {"init": "normal", "init_scale": 0.1, "bias": -1.0}
        return _candidate("dying_relu", settings, {"bias": 0.0}, "negative bias")
    if kind == "narrow":
        depth = random.randint(8, 14)
        settings |= {"hidden": (random.choice([2, 3]),) * depth, "optimizer": "adam"}
        settings |= {"learning_rate": 0.005}
        change: Settings = {"hidden": (12,) * depth}
        return _candidate("dying_relu", settings, change, "deep and narrow", "vanishing_gradient")
    settings |= {"optimizer": "sgd", "learning_rate": random.choice([3.0, 5.0, 10.0, 20.0])}
    also = ("oscillating_loss", "exploding_gradient")
    return _candidate("dying_relu", settings, {"learning_rate": 0.1}, "killed by long steps", *also)


def saturated(random: Random) -> Candidate:
    activation = random.choice(["tanh", "tanh", "sigmoid"])
    sane = _sane(random, activation, depth=random.randint(2, 4))
    settings = sane | _any_data(random)
    change: Settings = {"init": "xavier_normal", "init_scale": 1.0}
    if random.random() < 0.6:
        spread = random.choice([4.0, 6.0, 8.0, 12.0])
        kind = random.choice(["normal", "normal", "uniform"])
        settings |= {"init": kind, "init_scale": spread * (2 if activation == "sigmoid" else 1)}
        why = "large weights"
    else:
        low = 7.0 if activation == "sigmoid" else 4.0
        settings |= {"bias": random.choice([-1, 1]) * random.choice([low, low + 1, 10.0])}
        change, why = {"bias": 0.0}, "bias far from 0"
    if random.random() < 0.7:
        rate = 0.5 if activation == "sigmoid" else 0.05
        settings |= {"optimizer": "sgd", "learning_rate": rate, "epochs": 250}
    return _candidate("saturation", settings, change, why, "vanishing_gradient")


def slow(random: Random) -> Candidate:
    activation = random.choice(["relu", "leaky_relu", "tanh", "sigmoid", "elu", "silu"])
    sane = _sane(random, activation, depth=random.choice([1, 1, 2, 2, 3]))
    settings = sane | _any_data(random)
    adam = settings["optimizer"] == "adam"
    if random.random() < 0.6:
        change: Settings = {"learning_rate": sane["learning_rate"]}
        less = random.choice([1e-3, 3e-3] if adam else [1e-3, 3e-4, 3e-3])
        settings["learning_rate"] = sane["learning_rate"] * less
        why = "short steps"
    else:
        change = {"epochs": sane["epochs"]}
        settings["epochs"] = random.choice([3, 5, 8, 12])
        settings |= {"batch_size": 0} if random.random() < 0.5 else {}
        why = "few epochs"
        if settings["batch_size"] == 0:
            change["epochs"] = 20 * sane["epochs"]
    return _candidate("slow_convergence", settings, change, why)


def oscillating(random: Random) -> Candidate:
    activation = random.choice(["leaky_relu", "elu", "tanh", "tanh", "silu", "gelu", "sigmoid"])
    sane = _sane(random, activation, depth=random.choice([1, 2, 2, 3]))
    settings = sane | _any_data(random)
    optimizer = random.choice(["sgd", "momentum", "nesterov", "adam"])
    bounded = activation in SMOOTH
    rates = {
        "sgd": ([3.0, 6.0, 10.0], 0.2),
        "momentum": ([0.5, 1.0, 2.0], 0.02),
        "nesterov": ([0.5, 1.0, 2.0], 0.02),
        "adam": ([0.2, 0.3, 0.5], 0.005),
    }
    high, low = rates[optimizer]
    settings |= {"optimizer": optimizer, "batch_size": random.choice([4, 8, 16])}
    settings |= {"momentum": random.choice([0.9, 0.95]), "learning_rate": random.choice(high)}
    settings |= {"epochs": 80}
    also = ("saturation",) if bounded else ()
    return _candidate("oscillating_loss", settings, {"learning_rate": low}, "long steps", *also)


def diverging(random: Random) -> Candidate:
    """Steps so long that the loss leaves the finite numbers, from weights of a sane size."""
    activation = random.choice(["relu", "leaky_relu", "elu", "silu", "gelu"])
    sane = _sane(random, activation, depth=random.choice([2, 3, 4]))
    settings = sane | _any_data(random)
    settings |= {"optimizer": random.choice(["momentum", "nesterov", "sgd"])}
    settings |= {"momentum": 0.95, "batch_size": random.choice([4, 8, 16]), "epochs": 80}
    high, low = ([30.0, 100.0], 0.1) if settings["optimizer"] == "sgd" else ([3.0, 6.0, 10.0], 0.02)
    settings["learning_rate"] = random.choice(high)
    also = ("oscillating_loss",)
    return _candidate("exploding_gradient", settings, {"learning_rate": low}, DIVERGES, *also)


def overfitted(random: Random) -> Candidate:
    activation = random.choice(["relu", "tanh", "leaky_relu", "elu", "gelu"])
    sane = _sane(random, activation, depth=random.choice([2, 2, 3]))
    name = random.choice(["moons", "circles", "xor", "blobs2", "blobs3"])
    noise = {"moons": 0.4, "circles": 0.22, "xor": 0.6, "blobs2": 0.9, "blobs3": 0.8}[name]
    settings = sane | {"dataset": name, "noise": noise, "data_seed": random.randrange(1000)}
    settings |= {
        "points": random.choice([80, 120, 160, 240]),
        "hidden": (64,) * len(sane["hidden"]),
    }
    settings |= {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 32}
    settings |= {"epochs": random.choice([150, 200, 300])}
    if name == "blobs3":
        settings["loss"] = "cross_entropy"
    if random.random() < 0.4:
        settings |= {"noise": noise / 3, "label_noise": random.choice([0.15, 0.25])}
    return _candidate("overfitting", settings, {"points": 3000}, "few points, many units")


def stalled(random: Random) -> Candidate:
    activation = random.choice(["relu", "tanh", "sigmoid", "leaky_relu", "relu", "elu"])
    sane = _sane(random, activation, depth=1)
    name = random.choice(["xor", "xor", "xor", "circles"])
    width = random.choice([2, 3]) if name == "xor" else 2
    settings = sane | {"dataset": name, "noise": random.choice([0.0, 0.0, 0.05])}
    settings |= {"points": random.choice([200, 400, 1000]), "data_seed": random.randrange(1000)}
    settings |= {"hidden": (width,), "epochs": random.choice([1000, 2000])}
    settings |= {"batch_size": random.choice([0, 0, 64])}
    if activation == "sigmoid":
        settings |= {"init": "normal", "optimizer": "adam", "learning_rate": 0.05}
    return _candidate("stalled", settings, {"hidden": (16,)}, "too few units from this start")


def linear(random: Random) -> Candidate:
    sane = _sane(random, "tanh", depth=random.choice([1, 1, 2, 3]))
    settings = sane | _curved(random) | {"epochs": random.choice([100, 300, 1000])}
    if random.random() < 0.25:
        settings |= {"hidden": (), "activation": random.choice(["sigmoid", "relu", "tanh"])}
        change: Settings = {"hidden": (16,)}
        return _candidate("linear_network", settings, change, "no hidden layer")
    settings |= {"activation": "identity"}
    if random.random() < 0.3:
        settings |= {"init": "torch_default"}
    change = {"activation": random.choice(["tanh", "relu"])}
    return _candidate("linear_network", settings, change, "identity layers")


def unscaled(random: Random) -> Candidate:
    activation = random.choice(["sigmoid", "tanh", "relu", "relu", "leaky_relu", "silu"])
    sane = _sane(random, activation, depth=random.choice([1, 1, 2]))
    settings = sane | _any_data(random)
    if settings["dataset"] == "moons":
        settings["noise"] = 0.2
    scale, shift = random.choice(
        [
            ((30.0,), (92.0,)),
            ((1000.0,), (0.0,)),
            ((0.001,), (0.0,)),
            ((1.0, 500.0), (0.0, 0.0)),
            ((1.0,), (100.0,)),
            ((5.0, 0.01), (40.0, 3.0)),
        ]
    )
    settings |= {"init": random.choice([sane["init"], "torch_default"])}
    table = Table(settings["dataset"], scale=scale, shift=shift)
    return _candidate(
        "unscaled_inputs", settings, {"scale": "on"}, f"columns times {scale} plus {shift}",
        table=table,
    )  # fmt: skip


def sound(random: Random) -> Candidate:
    """A healthy run without anything that looks alarming."""
    names = ["relu", "tanh", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid"]
    sane = _sane(random, random.choice(names), depth=random.choice([1, 2, 3]))
    settings = sane | _any_data(random)
    why = "plain"
    if random.random() < 0.3:
        settings |= {"weight_decay": 0.001}
        why = "weight decay"
    if random.random() < 0.3:
        settings |= {"dtype": "float64"}
    return _candidate("healthy", settings, {}, why)


def alarming(random: Random) -> Candidate:
    """A healthy run that shows one sign of a disease."""
    settings, why, table = random.choice(_ALARMING)(random)
    return _candidate("healthy", settings, {}, why, table=table)


Alarming = tuple[Settings, str, Table | None]


def _low_bias(random: Random) -> Alarming:
    settings = _sane(random, "relu", depth=2) | _curved(random)
    return settings | {"bias": -1.0, "hidden": (32, 32), "optimizer": "adam",
                       "learning_rate": 0.01}, "bias -1", None  # fmt: skip


def _deep_sigmoid(random: Random) -> Alarming:
    settings = _sane(random, "sigmoid", depth=random.choice([3, 4])) | _curved(random)
    return settings | {"optimizer": "adam", "learning_rate": 0.02, "epochs": 300,
                       "hidden": (16,) * 4}, "deep sigmoid, Xavier, Adam", None  # fmt: skip


def _plateau(random: Random) -> Alarming:
    settings = {
        "dataset": "xor", "noise": random.choice([0.0, 0.1]), "points": 400,
        "data_seed": random.randrange(1000), "hidden": (random.choice([6, 8]),),
        "activation": random.choice(["sigmoid", "tanh"]), "init": "normal",
        "learning_rate": random.choice([1.0, 2.0]), "epochs": random.choice([4000, 6000]),
    }  # fmt: skip
    return settings, "a plateau that it leaves", None


def _small_batches(random: Random) -> Alarming:
    activation = random.choice(["relu", "tanh", "elu"])
    settings = _sane(random, activation) | _any_data(random)
    return settings | {"batch_size": random.choice([4, 8]), "optimizer": "sgd",
                       "learning_rate": 0.05}, "small batches", None  # fmt: skip


def _rare_class(random: Random) -> Alarming:
    name = random.choice(["circles", "blobs2", "moons"])
    settings = _sane(random, random.choice(["relu", "tanh"])) | {
        "dataset": name, "noise": 0.1, "points": 1500, "data_seed": random.randrange(1000),
        "optimizer": "adam", "learning_rate": 0.01,
    }  # fmt: skip
    return settings, "a rare class", Table(name, rare=random.choice([6, 8]))


def _converged(random: Random) -> Alarming:
    name = random.choice(["blobs2", "moons", "circles"])
    settings = _sane(random, random.choice(["relu", "tanh", "elu"])) | {
        "dataset": name, "noise": 0.0, "points": 600, "data_seed": random.randrange(1000),
        "optimizer": "adam", "learning_rate": 0.01, "epochs": 1000,
    }  # fmt: skip
    return settings, "converged to nothing", None


def _noisy(random: Random) -> Alarming:
    name = random.choice(["moons", "circles", "blobs2", "xor"])
    noise = {"moons": 0.5, "circles": 0.25, "blobs2": 1.2, "xor": 0.8}[name]
    settings = _sane(random, random.choice(["tanh", "sigmoid", "relu"]), depth=1) | {
        "dataset": name, "noise": noise, "points": random.choice([2000, 5000]),
        "data_seed": random.randrange(1000), "hidden": (random.choice([8, 12]),),
        "optimizer": "adam", "learning_rate": 0.005, "epochs": 100,
    }  # fmt: skip
    return settings, "as far as the data let it", None


def _linear_is_enough(random: Random) -> Alarming:
    hidden = random.choice([(), (), (5,), (8, 8)])
    name = random.choice(["blobs2", "blobs2", "iris"])
    settings = _sane(random, "tanh") | {
        "dataset": name, "noise": random.choice([0.1, 0.3]), "points": 600, "hidden": hidden,
        "data_seed": random.randrange(1000), "epochs": 300,
        "loss": "cross_entropy" if name == "iris" else "bce",
        "activation": "identity" if hidden else "relu",
    }  # fmt: skip
    return settings, "a straight boundary is enough", None


def _wrong_labels(random: Random) -> Alarming:
    settings = _sane(random, random.choice(["tanh", "relu"]), depth=1) | _curved(random)
    return settings | {"label_noise": 0.05, "points": 4000, "epochs": 60, "dataset": "circles",
                       "noise": 0.1, "optimizer": "adam", "learning_rate": 0.01,
                       "hidden": (12,)}, "some labels are wrong", None  # fmt: skip


def _digits(random: Random) -> Alarming:
    settings = _sane(random, random.choice(["relu", "tanh", "sigmoid", "gelu"]), depth=1) | {
        "dataset": "digits", "loss": random.choice(["cross_entropy", "mse"]), "points": 1797,
        "data_seed": random.randrange(1000), "optimizer": "adam", "learning_rate": 0.003,
        "epochs": 40, "hidden": (32,),
    }  # fmt: skip
    return settings, "digits", None


def _spirals(random: Random) -> Alarming:
    name = random.choice(["spirals2", "spirals3"])
    settings = _sane(random, random.choice(["tanh", "relu", "elu", "silu"]), depth=2) | {
        "dataset": name, "noise": 0.02, "points": 1000, "data_seed": random.randrange(1000),
        "loss": "bce" if name == "spirals2" else "cross_entropy", "hidden": (32, 32),
        "optimizer": "adam", "learning_rate": 0.01, "epochs": 300,
    }  # fmt: skip
    return settings, "spirals", None


def _squares(random: Random) -> Alarming:
    settings = _sane(random, random.choice(["tanh", "relu", "sigmoid"])) | _curved(random)
    return settings | {"loss": "mse", "optimizer": "adam", "learning_rate": 0.02,
                       "epochs": 300}, "squared error", None  # fmt: skip


def _wide_start(random: Random) -> Alarming:
    settings = _sane(random, random.choice(["sigmoid", "tanh"])) | _curved(random)
    return settings | {"init": "normal", "init_scale": random.choice([1.5, 2.0]), "epochs": 250,
                       "optimizer": "adam", "learning_rate": 0.01}, "partly flat", None  # fmt: skip


def _mild_columns(random: Random) -> Alarming:
    settings = _sane(random, random.choice(["relu", "tanh"])) | _curved(random)
    settings |= {"optimizer": "adam", "learning_rate": 0.01, "epochs": 250}
    return settings, "columns a little off", Table(settings["dataset"], scale=(2.0,), shift=(1.0,))


_ALARMING: tuple[Callable[[Random], Alarming], ...] = (
    _low_bias, _deep_sigmoid, _plateau, _small_batches, _rare_class, _converged, _noisy,
    _linear_is_enough, _wrong_labels, _digits, _spirals, _squares, _wide_start, _mild_columns,
)  # fmt: skip

FAMILIES: dict[str, tuple[Family, int]] = {
    "symmetric": (symmetric, 14),
    "vanishing": (vanishing, 16),
    "exploding": (exploding, 12),
    "dying": (dying, 14),
    "saturated": (saturated, 12),
    "slow": (slow, 14),
    "oscillating": (oscillating, 12),
    "diverging": (diverging, 8),
    "overfitted": (overfitted, 12),
    "stalled": (stalled, 16),
    "linear": (linear, 12),
    "unscaled": (unscaled, 12),
    "sound": (sound, 20),
    "alarming": (alarming, 42),
}
"""The families, and how many cases of each are wanted."""
