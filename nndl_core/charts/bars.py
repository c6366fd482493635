"""Bars for the layers of a network, in which an exact zero has a mark of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from nndl_core.base.i18n import tr
from nndl_core.charts.style.parts import Figure, Trace, figure, frame, mark_trace
from nndl_core.charts.style.scales import (
    NOT_FINITE,
    Scale,
    cross_line,
    escape,
    floats,
    kind_of,
    scale_over,
    short,
)
from nndl_core.charts.style.theme import series_color

MOST_WORDS: Final = 16  # bars of a chart; the words beside more of them would overlap


def layer_bars(
    series: Mapping[str, Sequence[float]],
    y_title: str,
    *,
    log: bool = True,
    layers: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw a group of horizontal bars per layer (fc1 on top), one bar per series.

    `y_title` names what the bars measure. On the log axis an exact 0 has a mark instead of a bar.
    A shorter series leaves the places of its missing layers empty.
    """
    read = {name: floats(values) for name, values in series.items()}
    every = [value for values in read.values() for value in values]
    scale = _bar_scale(every, log)
    worded = len(every) <= MOST_WORDS
    data = [t for at in range(len(read)) for t in _bars(list(read.items()), at, scale, worded)]
    layout = frame(scale, Scale(False, 0, 1), y_title, "", filled=bool(every))
    if every and worded:
        _drop_kinds(layout["xaxis"], len(scale.kinds))
    layout["yaxis"] |= _layer_axis(layers or (), max(map(len, read.values()), default=0))
    if not log and scale.low < 0:
        layout["shapes"].append(cross_line(0.0, "x", "solid", 1))
    return figure(data, title, barmode="overlay", **layout)


def _drop_kinds(axis: dict[str, Any], count: int) -> None:
    """Take the words for unplaceable values, the last ticks, away: the marks say it themselves."""
    if count:
        axis["ticktext"] = [*axis["ticktext"][:-count], *[""] * count]


def _bar_scale(values: Sequence[float], log: bool) -> Scale:
    """Make room for the numbers at the ends of the bars, and for the shortest bar to be seen."""
    scale = scale_over(values, log=log, from_zero=True)
    plain = [value for value in values if not kind_of(value, log)]
    high = math.log10(max(plain)) if log and plain else scale.high
    low = scale.low - 0.5 if log else scale.low
    room = 0.25 * (high - low)
    return replace(scale, low=low if log or low == 0 else low - room, high=high + room)


def _layer_axis(layers: Sequence[str], count: int) -> dict[str, Any]:
    names = [*layers, *(f"fc{at + 1}" for at in range(len(layers), count))]
    return {
        "range": [max(len(names), 1) - 0.5, -0.5],
        "tickvals": list(range(len(names))),
        "ticktext": [escape(name) for name in names],
        "showgrid": False,
    }


def _bars(
    series: Sequence[tuple[str, Sequence[float]]], index: int, scale: Scale, worded: bool
) -> Iterator[Trace]:
    name, values = series[index]
    width = 0.8 / len(series)
    shift = (index + 0.5) * width - 0.4
    shown = [None if kind_of(value, scale.log) else value for value in values]
    yield {
        "type": "bar",
        "orientation": "h",
        "name": escape(name),
        "legendgroup": escape(name),
        "x": shown,
        "y": list(range(len(values))),
        "offset": shift - 0.46 * width,
        "width": 0.92 * width,
        "marker": {"color": series_color(index)},
        "text": [short(v) if v is not None and worded else "" for v in shown],
        **_BAR_WORDS,
        "hovertemplate": "%{x:.4g}",
    }
    yield from _bar_marks(name, values, index, shift, scale, worded)


_BAR_WORDS: Final = {
    "textposition": "outside",
    "textfont": {"size": 13},
    "constraintext": "none",
    "cliponaxis": False,
}


def _bar_marks(
    name: str, values: Sequence[float], index: int, shift: float, scale: Scale, worded: bool
) -> Iterator[Trace]:
    kinds = {at: kind for at, v in enumerate(values) if (kind := kind_of(v, scale.log))}
    if not kinds:
        return
    trace = mark_trace(
        [scale.spot(kind) for kind in kinds.values()],
        [at + shift for at in kinds],
        list(kinds.values()),
    )
    color = series_color(index)
    trace["marker"] |= {"color": color, "line": {"width": 2, "color": color}}
    yield trace | {
        "name": escape(name),
        "legendgroup": escape(name),
        "mode": "markers+text" if worded else "markers",
        "text": [f"\N{NO-BREAK SPACE}{tr(kind)}\N{NO-BREAK SPACE}" for kind in kinds.values()],
        "textposition": [_inward(kind) for kind in kinds.values()],
        "textfont": {"size": 13},
        "hoverinfo": "skip",
    }


def _inward(kind: str) -> str:
    return "middle left" if kind == NOT_FINITE else "middle right"
