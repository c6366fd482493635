"""What a trainability map is made of: two axes, the network they vary, seeds and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeVar

from nndl_core.base.config import MAX_DEPTH, ConfigError, RunConfig, url_value
from nndl_core.base.i18n import mark, tr
from nndl_core.base.knobs import short
from nndl_core.data.catalog import DATASETS
from nndl_core.studies.map.axis import MAX_WIDTH, Axis, AxisName, check_number

MAX_CELLS, MAX_SEEDS, MAX_RUN_EPOCHS, MAX_POINTS = 400, 10, 600_000, 1000
"""What a map may cost: it trains on a server that others share."""
BASE_KNOBS = (
    "dataset",
    "points",
    "noise",
    "activation",
    "slope",
    "init",
    "init_scale",
    "bias",
    "optimizer",
    "learning_rate",
    "epochs",
)
"""The settings of the network that a map offers; depth and width come beside them."""
SIZES = {"depth": (1, MAX_DEPTH), "width": (1, MAX_WIDTH), "seeds": (1, MAX_SEEDS)}
"""The whole numbers that a map has beside its network, with their bounds."""
PARTS = ("low", "high", "count")
Place = Literal["x", "y"]
PLACES: tuple[Place, ...] = ("x", "y")
Made = TypeVar("Made")


BASE = RunConfig(
    noise=0.2,
    hidden=(8,) * 4,
    activation="relu",
    init="he_normal",
    learning_rate=0.2,
    epochs=300,
)


@dataclass(frozen=True)
class MapPlan:
    """The complete description of a map: equal plans give equal maps.

    base.hidden are equal layers; what an axis varies is read from the axis alone; the base's loss
    is made to serve its number of classes. Raises ConfigError with one sentence where the axes are
    one, or the map would cost too much.
    """

    x: Axis = field(default_factory=lambda: Axis.of("init_scale"))
    y: Axis = field(default_factory=lambda: Axis.of("depth"))
    base: RunConfig = BASE
    seeds: int = 4

    def __post_init__(self) -> None:
        if self.x.name == self.y.name:
            raise ConfigError(
                tr("y: the axes must differ, and {name} is on both.", name=self.x.name)
            )
        check_number("seeds", self.seeds, 1, MAX_SEEDS, whole=True)
        check_number("width", max(self.base.hidden, default=0), 1, MAX_WIDTH, whole=True)
        object.__setattr__(self, "base", _with_fitting_loss(_checked(self.base)))
        self._check_cost()

    def _check_cost(self) -> None:
        if self.cells > MAX_CELLS:
            raise ConfigError(
                tr(
                    "cells: {cells} are too many; a map has at most {max_cells}. Ask for fewer "
                    "values on an axis.",
                    cells=self.cells,
                    max_cells=MAX_CELLS,
                )
            )
        if self.run_epochs > MAX_RUN_EPOCHS:
            raise ConfigError(
                tr(
                    "epochs: {cells} cells x {seeds} seeds x {epochs} epochs are {run_epochs:,} "
                    "epochs, too many; a map has at most {max_run_epochs:,}.",
                    cells=self.cells,
                    seeds=self.seeds,
                    epochs=self.base.epochs,
                    run_epochs=self.run_epochs,
                    max_run_epochs=MAX_RUN_EPOCHS,
                )
            )

    @property
    def axes(self) -> dict[str, list[float]]:
        """The axes as a sweep takes them: y first, so that a row of cells has one y."""
        return {axis.name: axis.values for axis in (self.y, self.x)}

    @property
    def cells(self) -> int:
        """The cells of the map."""
        return len(self.x.values) * len(self.y.values)

    @property
    def run_epochs(self) -> int:
        """The epochs of all runs together."""
        return self.cells * self.seeds * self.base.epochs

    @property
    def depth(self) -> int:
        """The hidden layers of the base."""
        return len(self.base.hidden)

    @property
    def width(self) -> int:
        """The units of a hidden layer of the base."""
        return self.base.hidden[0]

    def has(self, *names: AxisName) -> bool:
        """Tell whether these are the map's axes, in any order."""
        return {self.x.name, self.y.name} == set(names)

    def axis(self, name: AxisName) -> Axis:
        """Return the axis of this name; one of the two must have it."""
        return self.x if self.x.name == name else self.y

    def with_axis(self, place: Place, name: AxisName) -> MapPlan:
        """Return the plan with the usual range of another axis; two that would be one swap."""
        x, y = (name if place == here else getattr(self, here).name for here in PLACES)
        if x == y:
            return replace(self, x=self.y, y=self.x)
        return replace(self, x=Axis.of(name)) if place == "x" else replace(self, y=Axis.of(name))

    def to_url(self) -> dict[str, str]:
        """Return what differs from the first map, as URL parameters."""
        usual, axes = MapPlan(), {self.x.name, self.y.name}
        found = _axis_to_url("x", self.x, usual.x) | _axis_to_url("y", self.y, usual.y)
        rows = [(name, getattr(self, name), getattr(usual, name)) for name in SIZES]
        rows += [(n, getattr(self.base, n), getattr(usual.base, n)) for n in BASE_KNOBS]
        return found | {n: url_value(v) for n, v, at in rows if v != at and n not in axes}

    @classmethod
    def from_url(cls, parameters: Mapping[str, str]) -> tuple[MapPlan, list[str]]:
        """Read URL parameters; return the plan and one sentence for each refused value."""
        usual, refused = cls(), _Refused([])
        x = refused.instead(usual.x, lambda: _axis_from_url("x", parameters, usual.x))
        y = refused.instead(usual.y, lambda: _axis_from_url("y", parameters, usual.y))
        base = refused.base(parameters, usual.base)
        sizes = {n: refused.size(n, parameters, getattr(usual, n)) for n in SIZES}
        hidden = (sizes["width"],) * sizes["depth"]
        plan = refused.instead(
            usual, lambda: cls(x, y, replace(base, hidden=hidden), sizes["seeds"])
        )
        return plan, refused.sentences


@dataclass
class _Refused:
    """The sentences about what could not be used."""

    sentences: list[str]

    def instead(self, usual: Made, make: Callable[[], Made]) -> Made:
        """Make something, or note why that is impossible and return what is usual."""
        try:
            return make()
        except ConfigError as error:
            self.sentences.append(str(error))
            return usual

    def size(self, name: str, parameters: Mapping[str, str], usual: int) -> int:
        """Read one of SIZES."""
        if name not in parameters:
            return usual
        return self.instead(usual, lambda: _whole(name, parameters[name], *SIZES[name]))

    def base(self, parameters: Mapping[str, str], usual: RunConfig) -> RunConfig:
        """Read the settings of the network, each for itself."""
        base = usual
        for name in (n for n in BASE_KNOBS if n in parameters):
            config, sentences = RunConfig.from_url({name: parameters[name]})
            self.sentences += sentences
            changed = replace(base, **{name: getattr(config, name)})
            if not sentences:
                base = self.instead(base, partial(_checked, changed))
        return base


def _checked(base: RunConfig) -> RunConfig:
    """Return a base that a map can have, or raise ConfigError."""
    check_number("points", base.points, 20, MAX_POINTS, whole=True)
    if base.dataset == "csv":
        raise ConfigError(tr("dataset: 'csv' cannot be mapped; choose a data set of the lab."))
    return base


def _with_fitting_loss(base: RunConfig) -> RunConfig:
    """Give a base the loss that serves its number of classes."""
    two = DATASETS[base.dataset].classes == 2
    return replace(base, loss="bce" if two else "cross_entropy")


def _axis_to_url(place: str, axis: Axis, usual: Axis) -> dict[str, str]:
    start = Axis.of(axis.name)
    found = {place: axis.name} if axis.name != usual.name else {}
    changed = [part for part in PARTS if getattr(axis, part) != getattr(start, part)]
    return found | {f"{place}_{part}": url_value(getattr(axis, part)) for part in changed}


def _axis_from_url(place: str, parameters: Mapping[str, str], usual: Axis) -> Axis:
    name: Any = parameters.get(place, usual.name)
    start = Axis.of(name)
    keys = {part: f"{place}_{part}" for part in PARTS}
    read: dict[str, Any] = {
        p: _number(key, parameters[key]) for p, key in keys.items() if key in parameters
    }
    return replace(start, **read)


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ConfigError(
            tr("{name}: {short} is not a number.", name=name, short=short(text))
        ) from None
    return int(number) if number.is_integer() else number


def _whole(name: str, text: str, low: float, high: float) -> int:
    number = _number(name, text)
    check_number(name, number, low, high, whole=True)
    return int(number)


_TANH = replace(BASE, init="xavier_normal", activation="tanh")
_SIGMOID = replace(_TANH, activation="sigmoid")
PRESETS: dict[str, MapPlan] = {
    "ReLU": MapPlan(),
    "tanh": MapPlan(base=_TANH),
    "sigmoid": MapPlan(x=Axis("init_scale", 2, 50, 16), base=_SIGMOID),
    mark("Narrow ReLU"): MapPlan(x=Axis("width", 2, 16, 8), y=Axis("depth", 1, 15, 8)),
    mark("Bias"): MapPlan(x=Axis("bias", -3, 3, 13), y=Axis("learning_rate", 0.01, 10, 13)),
}
"""Maps to begin with, by name."""
