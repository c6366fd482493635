"""The axes of a trainability map: what can vary, over which range, in which steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from nndl_core.base.config import MAX_DEPTH, ConfigError
from nndl_core.base.i18n import mark, tr
from nndl_core.base.knobs import short

AxisName = Literal["depth", "init_scale", "bias", "learning_rate", "slope", "width", "noise"]

MAX_WIDTH = 32
MAX_VALUES = 200


@dataclass(frozen=True)
class AxisKind:
    """A setting that can be an axis: its name, its bounds, and the range it begins with."""

    label: str
    low: float
    high: float
    start: tuple[float, float, int]
    log: bool = False
    whole: bool = False


AXES: dict[AxisName, AxisKind] = {
    "depth": AxisKind(mark("Hidden layers"), 1, MAX_DEPTH, (1, 14, 14), whole=True),
    "init_scale": AxisKind(mark("Weight scale"), 1e-3, 100, (0.2, 5, 16), log=True),
    "bias": AxisKind(mark("Bias value"), -10, 10, (-8, 2, 11)),
    "learning_rate": AxisKind(mark("Learning rate"), 1e-6, 1000, (0.01, 10, 13), log=True),
    "slope": AxisKind(mark("Leaky slope"), 0, 2, (0, 1, 11)),
    "width": AxisKind(mark("Units per layer"), 1, MAX_WIDTH, (2, 16, 8), log=True, whole=True),
    "noise": AxisKind(mark("Noise"), 0, 2, (0, 1, 11)),
}


@dataclass(frozen=True)
class Axis:
    """One axis of a map: ``count`` values from low to high, on a log scale where its kind is.

    Raises ConfigError with one sentence that names the axis, the value and what is allowed.
    """

    name: AxisName
    low: float
    high: float
    count: int

    def __post_init__(self) -> None:
        _check_name(self.name)
        for end in (self.low, self.high):
            check_number(self.name, end, self.kind.low, self.kind.high, whole=self.kind.whole)
        if self.low >= self.high:
            raise ConfigError(
                tr(
                    "{name}: the axis must begin below its end, not at {low:g} "
                    "and end at {high:g}.",
                    name=self.name,
                    low=self.low,
                    high=self.high,
                )
            )
        check_number(f"{self.name} values", self.count, 2, MAX_VALUES, whole=True)

    @classmethod
    def of(cls, name: AxisName) -> Axis:
        """Return the range with which an axis begins."""
        _check_name(name)
        return cls(name, *AXES[name].start)

    @property
    def kind(self) -> AxisKind:
        """What is known of the setting."""
        return AXES[self.name]

    @property
    def values(self) -> list[float]:
        """The values in rising order, of four digits; whole ones are rounded, none stands twice."""
        found = [self._at(i / (self.count - 1)) for i in range(self.count)]
        if self.kind.whole:
            return list(dict.fromkeys(round(value) for value in found))
        inner = dict.fromkeys(float(f"{value:.4g}") for value in found[1:-1])
        return [self.low, *(value for value in inner if self.low < value < self.high), self.high]

    def _at(self, share: float) -> float:
        if self.kind.log:
            return float(self.low * (self.high / self.low) ** share)
        # a tenth of a value that is meant as 0 would be written as 5e-17
        return round(self.low + (self.high - self.low) * share, 12)


def label_of(name: str) -> str:
    """Return the name of an axis for a reader."""
    return next(kind.label for known, kind in AXES.items() if known == name)


def _check_name(name: str) -> None:
    if name not in AXES:
        known = ", ".join(AXES)
        raise ConfigError(
            tr("axis: {short} is not known; choose one of {known}.", short=short(name), known=known)
        )


def check_number(name: str, value: Any, low: float, high: float, *, whole: bool = False) -> None:
    """Raise ConfigError unless a value is a number, or a whole one, between two bounds."""
    kind = tr("a whole number") if whole else tr("a number")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or (whole and value != int(value)):
        raise ConfigError(
            tr(
                "{name}: {short} is not possible; allowed is {kind} from {low:g} to {high:g}.",
                name=name,
                short=short(value),
                kind=kind,
                low=low,
                high=high,
            )
        )
