"""Axes of figures: their range, their ticks, and a line of its own for what no axis can hold."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from nndl_core.base.i18n import mark
from nndl_core.charts.style.theme import REFERENCE

ZERO: Final = mark("exactly 0")
NEGATIVE: Final = mark("below 0")
NOT_FINITE: Final = mark("not finite")
BELOW: Final = (ZERO, NEGATIVE)
MARKS: Final = {ZERO: "diamond-open", NEGATIVE: "triangle-down-open", NOT_FINITE: "x"}
TICK_SIZE: Final = 13
MOST_DECADES: Final = 7
MINUS: Final = "\N{MINUS SIGN}"


def floats(values: Any) -> list[float]:
    """Read a sequence, an array or a single number as a flat list of floats; None is NaN."""
    return np.asarray(values, dtype=np.float64).ravel().tolist()


def kind_of(value: float, log: bool) -> str:
    """Say why an axis cannot hold a value: ZERO, NEGATIVE, NOT_FINITE, or "" when it can."""
    if not math.isfinite(value):
        return NOT_FINITE
    if not log or value > 0:
        return ""
    return ZERO if value == 0 else NEGATIVE


def escape(text: str) -> str:
    """Make a text safe for Plotly's labels, which read some tags."""
    return html.escape(str(text), quote=False)


def power(exponent: int) -> str:
    """Write a power of ten as a label: 1, 10, 10<sup>-3</sup>."""
    if exponent in (0, 1):
        return str(10**exponent)
    sign = MINUS if exponent < 0 else ""
    return f"10<sup>{sign}{abs(exponent)}</sup>"


def ten_to(exponent: float) -> float:
    """Return 10 ** exponent, held inside the positive floats."""
    return float(10.0 ** min(max(exponent, -323.0), 308.0))


@dataclass(frozen=True)
class Scale:
    """The range of one axis, in its values or, on a log axis, in their decimal logarithms."""

    log: bool
    low: float
    high: float
    kinds: tuple[str, ...] = ()
    share: float = 0.12  # of the range, for one line of unplaceable values

    @property
    def band(self) -> float:
        """Give the room that one line of unplaceable values takes."""
        return max(1.0 if self.log else 0.0, self.share * (self.high - self.low))

    def spot(self, kind: str) -> float:
        """Return the coordinate of the line on which values of this kind stand."""
        if kind == NOT_FINITE:
            return self.value(self.high + 0.6 * self.band)
        order = [str(name) for name in BELOW if name in self.kinds].index(kind)
        return self.value(self.low - (0.6 + order) * self.band)

    def value(self, coordinate: float) -> float:
        """Turn a coordinate of the range into a value of the axis."""
        return ten_to(coordinate) if self.log else coordinate

    def place(self, value: float) -> float:
        """Return where a value is drawn: itself, or the line of its kind."""
        kind = kind_of(value, self.log)
        return self.spot(kind) if kind else value

    def range(self) -> list[float]:
        """Return the ends of the axis, with room for the lines of unplaceable values."""
        below = sum(kind in self.kinds for kind in BELOW)
        low = self.low - (below + 0.2) * self.band if below else self.low
        high = self.high + (1.1 * self.band if NOT_FINITE in self.kinds else 0.0)
        return [low, high]

    def axis(self, title: str) -> dict[str, Any]:
        """Return the Plotly axis with this title, decade ticks where it is logarithmic."""
        layout = axis(title, range=self.range())
        if self.log:
            layout |= {"type": "log", "dtick": self._decades()}
        return layout | (self._named_ticks() if self.kinds else {})

    def _decades(self) -> int:
        return max(1, math.ceil((self.high - self.low) / MOST_DECADES))

    def _named_ticks(self) -> dict[str, Any]:
        """Name the lines of the unplaceable, and keep plain ticks out of their room."""
        spots = [self.spot(kind) for kind in self.kinds]
        ticks, words = self._decade_ticks() if self.log else self._linear_ticks()
        return {
            "tickmode": "array",
            "tickvals": [*ticks, *spots],
            "ticktext": [*words, *self.kinds],
        }

    def _decade_ticks(self) -> tuple[list[float], list[str]]:
        exponents = range(math.ceil(self.low), math.floor(self.high) + 1, self._decades())
        return [ten_to(e) for e in exponents], [power(e) for e in exponents]

    def _linear_ticks(self) -> tuple[list[float], list[str]]:
        step = nice_step((self.high - self.low) / 4)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        ticks = [step * k for k in range(first, last + 1)]
        return ticks, [f"{tick:.6g}".replace("-", MINUS) for tick in ticks]


def nice_step(size: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below a positive size."""
    decade = ten_to(math.floor(math.log10(max(size, 1e-300))))
    return next((k * decade for k in (1, 2, 5) if k * decade >= size), 10 * decade)


def scale_over(
    values: Iterable[float], *, log: bool, from_zero: bool = False, tight: bool = False
) -> Scale:
    """Make the scale that holds all values: whole decades, or 5 % (tight: 2 %) beyond them."""
    numbers = list(values)
    kinds = {kind_of(value, log) for value in numbers}
    plain = [value for value in numbers if not kind_of(value, log)]
    low, high = (
        _decade_ends(plain) if log else _padded_ends(plain, from_zero, 0.02 if tight else 0.05)
    )
    return Scale(log, low, high, tuple(kind for kind in (*BELOW, NOT_FINITE) if kind in kinds))


def _decade_ends(plain: list[float]) -> tuple[float, float]:
    if not plain:
        return -1.0, 0.0
    low = math.floor(math.log10(min(plain)))
    return float(low), float(max(math.ceil(math.log10(max(plain))), low + 1))


def _padded_ends(plain: list[float], from_zero: bool, pad: float) -> tuple[float, float]:
    if not plain:
        return 0.0, 1.0
    low, high = min(plain), max(plain)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    span = high - low
    if span <= 1e-9 * max(abs(low), abs(high)):
        span = 4 * abs(high) or 10.0
    touches = from_zero and low == 0
    return (0.0 if touches else low - pad * span), high + pad * span


def axis(title: str, **extra: Any) -> dict[str, Any]:
    """Return a Plotly axis with a title in the size that a projector needs."""
    return {
        "title": {"text": escape(title), "standoff": 8},
        "tickfont": {"size": TICK_SIZE},
        "automargin": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "exponentformat": "power",
        **extra,
    }


def baselines(scale: Scale, direction: str) -> list[dict[str, Any]]:
    """Return one dotted line per kind of unplaceable values; direction is "x" or "y"."""
    return [cross_line(scale.spot(kind), direction, "dot", 1) for kind in scale.kinds]


def cross_line(value: float, direction: str, dash: str, width: float) -> dict[str, Any]:
    """Return the shape of a line across the plot at one value of the axis x or y."""
    other = "y" if direction == "x" else "x"
    ends = {f"{direction}0": value, f"{direction}1": value, f"{other}0": 0, f"{other}1": 1}
    line = {"color": REFERENCE, "dash": dash, "width": width}
    return {"type": "line", f"{other}ref": "paper", "layer": "below", "line": line, **ends}


def short(value: float) -> str:
    """Write a number with three digits: 0.0123, 4.70e-8 as 4.7e-8."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}".replace("-", MINUS)
    digits, exponent = f"{value:.2e}".split("e")
    return f"{float(digits):g}e{int(exponent)}".replace("-", MINUS)
