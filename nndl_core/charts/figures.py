"""Figures of lessons: numbers in, a plain dictionary in Plotly's vocabulary out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nndl_core.charts.bars import layer_bars
from nndl_core.charts.distributions import differences, histograms, strips
from nndl_core.charts.style.parts import (
    Figure,
    Pairs,
    Trace,
    figure,
    frame,
    marks,
    pairs,
    references,
)
from nndl_core.charts.style.scales import (
    Scale,
    escape,
    kind_of,
    scale_over,
)
from nndl_core.charts.style.theme import faded, series_color, series_dash, series_symbol

__all__ = ["Figure", "bands", "differences", "histograms", "layer_bars", "lines", "strips"]

FEW_POINTS = 30
"""Lines of so few points show every point."""
MOST_DTICKS = 12
"""A range of so few whole numbers has a tick for each."""


@dataclass(frozen=True)
class _Curve:
    """One series to be drawn: its points, and the edges of its band."""

    name: str
    index: int
    points: Pairs
    low: Sequence[float] = field(default=())
    high: Sequence[float] = field(default=())

    @property
    def color(self) -> str:
        return series_color(self.index)


def lines(
    series: Mapping[str, tuple[Any, Any]],
    x_title: str,
    y_title: str,
    *,
    log_x: bool = False,
    log_y: bool = False,
    markers: bool = False,
    reference: Mapping[str, float] = {},
    title: str = "",
) -> Figure:
    """Draw one line per series (x, y), with named horizontal reference lines.

    Values that an axis cannot hold (0 or less on a log axis, inf, NaN) stand as symbols on a
    dotted line of their own. Raises ValueError when x and y of a series differ in length.
    """
    curves = [_Curve(name, at, pairs(name, *xy)) for at, (name, xy) in enumerate(series.items())]
    axes = _scales(curves, reference, log_x, log_y)
    return _draw(curves, axes, (x_title, y_title), reference, title, markers=markers)


def bands(
    series: Mapping[str, tuple[Any, Any, Any, Any]],
    x_title: str,
    y_title: str,
    *,
    log_y: bool = False,
    reference: Mapping[str, float] = {},
    title: str = "",
) -> Figure:
    """Draw one line per series (x, median, low, high) inside the band from low to high.

    Raises ValueError when the four differ in length.
    """
    curves = [_banded(name, at, *four) for at, (name, four) in enumerate(series.items())]
    axes = _scales(curves, reference, False, log_y)
    return _draw(curves, axes, (x_title, y_title), reference, title)


def _banded(name: str, index: int, x: Any, median: Any, low: Any, high: Any) -> _Curve:
    edges = [[edge for _, edge in pairs(name, x, part)] for part in (low, high)]
    return _Curve(name, index, pairs(name, x, median), *edges)


def _scales(
    curves: Sequence[_Curve], reference: Mapping[str, float], log_x: bool, log_y: bool
) -> tuple[Scale, Scale]:
    x = [px for curve in curves for px, _ in curve.points]
    y = [v for curve in curves for v in (*(p[1] for p in curve.points), *curve.low, *curve.high)]
    known = [float(value) for value in reference.values()]
    across = replace(scale_over(x, log=log_x, tight=True), share=0.18)  # words under each other
    return across, scale_over([*y, *known], log=log_y)


def _draw(
    curves: Sequence[_Curve],
    axes: tuple[Scale, Scale],
    names: tuple[str, str],
    reference: Mapping[str, float],
    title: str,
    *,
    markers: bool = False,
) -> Figure:
    x, y = axes
    data = [_band(curve, x, y) for curve in curves if curve.low]
    for curve in curves:
        data += _line(curve, x, y, markers)
    layout = frame(x, y, *names, filled=any(curve.points for curve in curves))
    layout["shapes"] += references(reference, y)
    if not x.kinds and _counts_few([px for curve in curves for px, _ in curve.points]):
        layout["xaxis"]["dtick"] = 1
    return figure(data, title, **layout)


def _counts_few(values: Sequence[float]) -> bool:
    """Tell whether the values are whole numbers so close that each can have its tick."""
    whole = all(value.is_integer() for value in values)
    return bool(values) and whole and max(values) - min(values) <= MOST_DTICKS


def _line(curve: _Curve, x: Scale, y: Scale, markers: bool) -> list[Trace]:
    plain = [not kind_of(px, x.log) and not kind_of(py, y.log) for px, py in curve.points]
    shown = list(zip(curve.points, plain, strict=True))
    points = markers or len(plain) <= FEW_POINTS or _has_lonely(plain)
    name = escape(curve.name)
    trace = {
        "type": "scatter",
        "name": name,
        "legendgroup": name,
        "mode": "lines+markers" if points else "lines",
        "x": [px if ok else None for (px, _), ok in shown],
        "y": [py if ok else None for (_, py), ok in shown],
        "line": {"color": curve.color, "width": 2.5, "dash": series_dash(curve.index)},
        "marker": {"color": curve.color, "size": 7, "symbol": series_symbol(curve.index)},
        "hovertemplate": "%{x:.6g}: %{y:.4g}",
    }
    odd = [point for point, ok in shown if not ok]
    return [trace, *marks(curve.name, odd, x, y, curve.color)]


def _has_lonely(plain: Sequence[bool]) -> bool:
    """Tell whether some point has no neighbor to be joined with."""
    around = zip([False, *plain], plain, [*plain[1:], False], strict=False)
    return any(here and not before and not after for before, here, after in around)


def _band(curve: _Curve, x: Scale, y: Scale) -> Trace:
    """Fill from low to high; an edge that the axis cannot hold reaches to the line of its kind."""
    name = escape(curve.name)
    rows = zip(curve.points, curve.low, curve.high, strict=True)
    kept = [(px, lo, hi) for (px, _), lo, hi in rows if lo == lo and hi == hi]
    kept = [row for row in kept if not kind_of(row[0], x.log)]
    return {
        "type": "scatter",
        "name": name,
        "legendgroup": name,
        "showlegend": False,
        "mode": "lines",
        "x": [row[0] for row in kept] + [row[0] for row in reversed(kept)],
        "y": [y.place(row[2]) for row in kept] + [y.place(row[1]) for row in reversed(kept)],
        "fill": "toself",
        "fillcolor": faded(curve.color, 0.22),
        "line": {"width": 0, "color": curve.color},
        "hoverinfo": "skip",
    }
