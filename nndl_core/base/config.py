"""Every setting of a run, declared once: default, bounds, unit and scale."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal

from nndl_core.base.i18n import mark, tr
from nndl_core.base.json_text import JsonError, parsed
from nndl_core.base.knobs import ConfigError as ConfigError
from nndl_core.base.knobs import Knob, knob, short

DatasetName = Literal[
    "moons", "circles", "xor", "blobs2", "blobs3", "spirals2", "spirals3", "iris", "digits", "csv"
]
ActivationName = Literal[
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "identity"
]
InitializerName = Literal[
    "zeros",
    "constant",
    "normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "orthogonal",
    "torch_default",
]
LossName = Literal["bce", "cross_entropy", "mse"]
OptimizerName = Literal["sgd", "momentum", "nesterov", "adam"]
DtypeName = Literal["float32", "float64"]
ScaleName = Literal["on", "off"]

MAX_DEPTH = 16
MAX_WIDTH = 64
NO_HIDDEN_LAYER = "none"


@dataclass(frozen=True)
class RunConfig:
    """The complete, hashable description of a run: equal configs give equal runs.

    Raises ConfigError with one sentence that names the setting, the value and what is allowed.
    """

    most_layers: ClassVar[int] = MAX_DEPTH
    most_units: ClassVar[int] = MAX_WIDTH
    wider_bounds: ClassVar[Mapping[str, tuple[float, float]]] = {}

    dataset: DatasetName = knob(
        "moons", mark("Data set"), mark("What is to be classified."), names=DatasetName
    )
    points: int = knob(
        1000,
        mark("Points"),
        mark("Train, dev and test points together (64/16/20 %)."),
        low=20,
        high=5000,
    )
    noise: float = knob(
        0.5,
        mark("Noise"),
        mark("Standard deviation of the jitter added to every position."),
        low=0,
        high=2,
    )
    label_noise: float = knob(
        0.0,
        mark("Flipped labels"),
        mark("Share of train and dev labels that are wrong."),
        low=0,
        high=0.5,
    )
    data_seed: int = knob(0, mark("Data seed"), mark("Draws the points."), low=0, high=999_999)
    scale: ScaleName = knob(
        "on",
        mark("Scale the columns"),
        mark(
            "Tables only: every column gets mean 0 and standard deviation 1 on the train part. "
            "Off: the network sees the raw numbers."
        ),
        names=ScaleName,
    )
    hidden: tuple[int, ...] = knob(
        (5,),
        mark("Hidden layers"),
        mark("Units of each hidden layer."),
        low=1,
        high=MAX_WIDTH,
        unit="units",
    )
    activation: ActivationName = knob(
        "sigmoid",
        mark("Activation"),
        mark("The function of every hidden unit."),
        names=ActivationName,
    )
    slope: float = knob(
        0.01, mark("Slope"), mark("Leaky ReLU: slope below zero; ELU: alpha."), low=0, high=2
    )
    init: InitializerName = knob(
        "normal", mark("Initialization"), mark("How the weights are drawn."), names=InitializerName
    )
    init_scale: float = knob(
        1.0,
        mark("Init scale"),
        mark("Std of normal, half-width of uniform, value of constant, multiplier of the others."),
        low=0,
        high=100,
    )
    bias: float = knob(0.0, mark("Bias value"), mark("Every bias starts here."), low=-10, high=10)
    init_seed: int = knob(0, mark("Weight seed"), mark("Draws the weights."), low=0, high=999_999)
    loss: LossName = knob("bce", mark("Loss"), mark("What training makes small."), names=LossName)
    optimizer: OptimizerName = knob(
        "sgd", mark("Optimizer"), mark("How a gradient becomes an update."), names=OptimizerName
    )
    learning_rate: float = knob(
        0.2, mark("Learning rate"), mark("Length of a step."), low=1e-6, high=1000, log=True
    )
    momentum: float = knob(
        0.9,
        mark("Momentum"),
        mark("How much of its last step momentum or nesterov keeps; for adam it is beta 1."),
        low=0,
        high=0.999,
    )
    weight_decay: float = knob(
        0.0,
        mark("Weight decay"),
        mark("Adds this times the parameter to its gradient."),
        low=0,
        high=1,
    )
    batch_size: int = knob(
        0, mark("Batch size"), mark("0 is the full training set."), low=0, high=5000, unit="points"
    )
    epochs: int = knob(
        1000,
        mark("Epochs"),
        mark("Passes over the training set."),
        low=1,
        high=100_000,
        unit="epochs",
    )
    dtype: DtypeName = knob(
        "float32",
        mark("Precision"),
        mark("How exact the numbers are: about 7 digits in float32, about 16 in float64."),
        names=DtypeName,
    )

    def __post_init__(self) -> None:
        if isinstance(self.hidden, list):
            object.__setattr__(self, "hidden", tuple(self.hidden))
        for name, k in KNOBS.items():
            if name in self.wider_bounds:
                low, high = self.wider_bounds[name]
                k = replace(k, low=low, high=high)
            if name != "hidden":
                object.__setattr__(self, name, k.checked(name, getattr(self, name)))
        _check_hidden(self.hidden, self.most_layers, self.most_units)

    def to_json(self) -> str:
        """Return the settings as a JSON object; from_json gives the equal config back."""
        return json.dumps({f.name: getattr(self, f.name) for f in fields(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> RunConfig:
        """Read a JSON object of settings; what is missing keeps its default."""
        return cls.from_dict(values_in(text))

    @classmethod
    def from_dict(cls, values: Any) -> RunConfig:
        """Build a config from plain values; an unknown setting is refused by name."""
        if not isinstance(values, dict):
            raise ConfigError(tr("A configuration is a JSON object of settings, such as {}."))
        unknown = sorted(str(name) for name in values if name not in KNOBS)
        if unknown:
            known = ", ".join(KNOBS)
            raise ConfigError(
                tr(
                    "{short} is not a setting; known are {known}.",
                    short=short(unknown[0]),
                    known=known,
                )
            )
        return cls(**values)

    def to_url(self) -> dict[str, str]:
        """Return the settings that differ from their default, as URL parameters."""
        default = RunConfig()
        changed = [n for n in KNOBS if getattr(self, n) != getattr(default, n)]
        return {name: url_value(getattr(self, name)) for name in changed}

    def with_url(self, parameters: Mapping[str, str]) -> tuple[RunConfig, list[str]]:
        """Return the config changed as URL parameters say, and one sentence for each refused."""
        config, refused = self, []
        for name in (n for n in KNOBS if n in parameters):
            text = parameters[name]
            try:
                value: Any = (
                    widths_from_text(text) if name == "hidden" else KNOBS[name].read(name, text)
                )
                config = replace(config, **{name: value})
            except ConfigError as error:
                refused.append(str(error))
        return config, refused

    @classmethod
    def from_url(cls, parameters: Mapping[str, str]) -> tuple[RunConfig, list[str]]:
        """Read URL parameters; return the config and one sentence for each refused value."""
        return cls().with_url(parameters)


KNOBS: dict[str, Knob] = {f.name: f.metadata["knob"] for f in fields(RunConfig)}


def values_in(text: str | bytes) -> Any:
    """Read the JSON of a configuration; raise ConfigError with one sentence for anything else."""
    try:
        return parsed(text)
    except JsonError as error:
        sentence = tr("The configuration is not valid JSON: {why}.", why=error)
        raise ConfigError(sentence) from None


def describe() -> dict[str, dict[str, Any]]:
    """Return every setting with default, bounds, unit, scale and choices, ready for JSON."""
    default = RunConfig()
    rows: dict[str, dict[str, Any]] = {}
    for name, k in KNOBS.items():
        row: dict[str, Any] = {
            "default": getattr(default, name),
            "unit": k.unit,
            "help": tr(k.help),
        }
        if k.choices:
            row["choices"] = list(k.choices)
        else:
            row |= {"low": k.low, "high": k.high, "scale": "log" if k.log else "linear"}
        rows[name] = row
    rows["hidden"] |= {"max_layers": MAX_DEPTH}
    return rows


def url_value(value: Any) -> str:
    """Write one setting for a URL: layer widths as 5-3, numbers in their shortest exact form."""
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or NO_HIDDEN_LAYER
    return str(value)


def widths_from_text(text: str) -> tuple[int, ...]:
    """Read layer widths written as 5-3 (also 5,3 or 5 3); the word none is no hidden layer."""
    parts = text.replace(",", " ").replace("-", " ").split()
    if parts == [NO_HIDDEN_LAYER] or not parts:
        return ()
    if not all(part.isdecimal() and len(part) <= 4 for part in parts):
        raise ConfigError(
            tr(
                "hidden: {short} is not a list of layer widths; write 5-3, or none; {allowed}.",
                short=short(text),
                allowed=_allowed(MAX_DEPTH, MAX_WIDTH),
            )
        )
    widths = tuple(map(int, parts))
    _check_hidden(widths)
    return widths


def _check_hidden(widths: Any, layers: int = MAX_DEPTH, units: int = MAX_WIDTH) -> None:
    whole = isinstance(widths, tuple) and all(type(w) is int for w in widths)
    if not whole or len(widths) > layers or not all(1 <= w <= units for w in widths):
        shown = list(widths) if isinstance(widths, tuple) else widths
        allowed = _allowed(layers, units)
        raise ConfigError(
            tr("hidden: {short} is not possible; {allowed}.", short=short(shown), allowed=allowed)
        )


def _allowed(layers: int, units: int) -> str:
    return tr("allowed are 0 to {layers} layers of 1 to {units} units", layers=layers, units=units)
