"""Bars and heat maps of a figure dictionary, drawn by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nndl_core.charts.static.text import (
    PIXEL,
    Array,
    color_map,
    color_of,
    name_words,
    numbers,
    plain,
    spread,
    title_of,
)
from nndl_core.charts.style.theme import series_color

Trace = Mapping[str, Any]


def draw_bars(axes: Any, data: Sequence[Trace], index: int, layout: Mapping[str, Any]) -> Any:
    """Draw one trace of bars, lying or standing, beside its siblings; return its drawing."""
    trace = data[index]
    lying = trace.get("orientation") == "h"
    along, across = ("x", "y") if lying else ("y", "x")
    lengths = numbers(trace.get(along))
    given = trace.get(across)
    spots = numbers(range(len(lengths)) if given is None else given)
    name_words(axes, across, given)
    width = _widths(data, index, layout, spots)
    start = spots + _offset(data, index, layout, width)
    low = _floor(axes, along)
    draw = axes.barh if lying else axes.bar
    drawn = draw(start, lengths - low, width, low, align="edge", **_paint(trace, index))
    _bar_words(axes, trace, start + np.asarray(width) / 2, lengths, lying)
    return drawn


def _paint(trace: Trace, index: int) -> dict[str, Any]:
    marker = trace.get("marker", {})
    return {
        "color": _bar_colors(marker, index),
        "edgecolor": color_of(marker.get("line", {}).get("color"), "none"),
        "linewidth": marker.get("line", {}).get("width", 0) * PIXEL,
        "alpha": trace.get("opacity"),
    }


def _bar_colors(marker: Mapping[str, Any], index: int) -> Any:
    given = marker.get("color")
    if given is None or isinstance(given, str):
        return color_of(given, series_color(index))
    return [color_of(color, series_color(index)) for color in given]


def _floor(axes: Any, direction: str) -> float:
    """Return where bars begin: at 0, or at the end of a logarithmic axis."""
    if getattr(axes, f"get_{direction}scale")() != "log":
        return 0.0
    return float(min(getattr(axes, f"get_{direction}lim")()))


def _siblings(data: Sequence[Trace]) -> list[int]:
    return [at for at, trace in enumerate(data) if trace.get("type") == "bar"]


def _widths(data: Sequence[Trace], index: int, layout: Mapping[str, Any], spots: Array) -> Any:
    given = data[index].get("width")
    if given is not None:
        return given if isinstance(given, int | float) else numbers(given)
    gaps = np.diff(np.unique(spots[np.isfinite(spots)]))
    unit = float(gaps.min()) if gaps.size else 1.0
    share = unit * (1 - layout.get("bargap", 0.2))
    return share / len(_siblings(data)) if _is_grouped(layout) else share


def _is_grouped(layout: Mapping[str, Any]) -> bool:
    return bool(layout.get("barmode", "group") == "group")


def _offset(data: Sequence[Trace], index: int, layout: Mapping[str, Any], width: Any) -> Any:
    if data[index].get("offset") is not None:
        return data[index]["offset"]
    if not _is_grouped(layout) or data[index].get("width") is not None:
        return -np.asarray(width) / 2
    siblings = _siblings(data)
    return (siblings.index(index) - len(siblings) / 2) * np.asarray(width)


def _bar_words(axes: Any, trace: Trace, spots: Array, lengths: Array, lying: bool) -> None:
    words = spread(trace.get("text", ""), len(lengths))
    size = trace.get("textfont", {}).get("size", 13) * PIXEL
    for spot, length, word in zip(spots, lengths, words, strict=True):
        if not word or not math.isfinite(length):
            continue
        back = length < 0
        shift = -3 if back else 3
        side, other = ("right", "center") if back else ("left", "center")
        axes.annotate(
            plain(word),
            (length, spot) if lying else (spot, length),
            xytext=(shift, 0) if lying else (0, shift),
            textcoords="offset points",
            ha=side if lying else "center",
            va=other if lying else ("top" if back else "bottom"),
            fontsize=size,
        ).set_in_layout(False)


def draw_heatmap(axes: Any, trace: Trace) -> None:
    """Draw a heat map with its color bar; gaps stay white."""
    rows = [numbers(row) for row in trace.get("z") or []]
    if not rows or not len(rows[0]):
        return
    z = np.stack(rows)
    for direction in ("x", "y"):
        name_words(axes, direction, trace.get(direction))
    x, y = (_borders(trace.get(d), z.shape[at]) for d, at in (("x", 1), ("y", 0)))
    drawn = axes.pcolormesh(
        x,
        y,
        np.ma.masked_invalid(z),
        cmap=color_map(trace.get("colorscale")),
        vmin=trace.get("zmin"),
        vmax=trace.get("zmax"),
        alpha=trace.get("opacity"),
    )
    axes.grid(visible=False)
    if trace.get("showscale", True):
        bar = axes.figure.colorbar(drawn, ax=axes)
        bar.set_label(plain(title_of(trace.get("colorbar", {}))))


def _borders(centers: Any, count: int) -> Array:
    """Return the borders of cells: given as such, one more than cells, or from the centers."""
    spots = numbers(range(count) if centers is None else centers)
    if len(spots) == count + 1:
        return spots
    if len(spots) == 1:
        return np.array([spots[0] - 0.5, spots[0] + 0.5])
    middle = (spots[:-1] + spots[1:]) / 2
    return np.array([2 * spots[0] - middle[0], *middle, 2 * spots[-1] - middle[-1]])
