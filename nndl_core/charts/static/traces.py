"""Traces of a figure dictionary, drawn by matplotlib: lines, markers, words, bands, errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from nndl_core.base.i18n import tr
from nndl_core.charts.static.bars import draw_bars, draw_heatmap
from nndl_core.charts.static.text import (
    DASHES,
    PIXEL,
    SYMBOLS,
    Array,
    color_map,
    color_of,
    name_words,
    numbers,
    plain,
    spread,
)
from nndl_core.charts.style.theme import series_color

Trace = Mapping[str, Any]
ANCHORS: Final = {"left": "right", "right": "left", "center": "center"}
HEIGHTS: Final = {"top": "bottom", "bottom": "top", "middle": "center"}


def draw_trace(axes: Any, data: Sequence[Trace], index: int, layout: Mapping[str, Any]) -> Any:
    """Draw one of the traces; return what stands for it in the legend."""
    trace = data[index]
    kind = trace.get("type", "scatter")
    if kind in ("scatter", "scattergl"):
        return _scatter(axes, data, index)
    if kind == "bar":
        return draw_bars(axes, data, index, layout)
    if kind == "heatmap":
        return draw_heatmap(axes, trace)
    raise ValueError(tr("A report can draw scatter, bar and heatmap, not {kind}.", kind=kind))


def _scatter(axes: Any, data: Sequence[Trace], index: int) -> Any:
    trace = data[index]
    y = numbers(trace.get("y"))
    x = numbers(trace["x"]) if trace.get("x") is not None else np.arange(len(y), dtype=np.float64)
    for direction in ("x", "y"):
        name_words(axes, direction, trace.get(direction))
    color = _color(trace, index)
    _fill(axes, data, index, x, y, color)
    mode = trace.get("mode", "lines")
    handle = _line(axes, trace, x, y, color) if "lines" in mode else None
    if "markers" in mode:
        handle = _markers(axes, trace, x, y, color) or handle
    if "text" in mode:
        _words(axes, trace, x, y)
    _errors(axes, trace, x, y, color)
    return _entry(trace, mode, color, handle)


def _color(trace: Trace, index: int) -> Any:
    line, marker = trace.get("line", {}).get("color"), trace.get("marker", {}).get("color")
    single = marker if isinstance(marker, str) else None
    return color_of(line or single, series_color(index))


def _fill(axes: Any, data: Sequence[Trace], index: int, x: Array, y: Array, color: Any) -> None:
    trace = data[index]
    fill = trace.get("fill", "none")
    if fill in ("none", None):
        return
    paint = {"color": color_of(trace.get("fillcolor"), color), "linewidth": 0}
    if "fillcolor" not in trace:
        paint["alpha"] = 0.3
    if fill == "toself":
        kept = np.isfinite(x) & np.isfinite(y)
        axes.fill(x[kept], y[kept], **paint)
    elif fill == "tonexty" and index > 0:
        axes.fill_between(x, numbers(data[index - 1].get("y")), y, **paint)
    elif fill == "tozeroy":
        axes.fill_between(x, np.zeros_like(y), y, **paint)
    else:
        raise ValueError(
            tr("A report can fill toself, tonexty and tozeroy, not {fill}.", fill=fill)
        )


def _line(axes: Any, trace: Trace, x: Array, y: Array, color: Any) -> Any:
    line = trace.get("line", {})
    (drawn,) = axes.plot(
        x,
        y,
        color=color,
        linewidth=line.get("width", 2) * PIXEL,
        linestyle=DASHES.get(line.get("dash", "solid"), "-"),
        drawstyle="steps-post" if line.get("shape") == "hv" else "default",
        alpha=trace.get("opacity"),
        clip_on=trace.get("cliponaxis", True),
    )
    return drawn


def _markers(axes: Any, trace: Trace, x: Array, y: Array, color: Any) -> Any:
    """Draw the markers, those of one symbol at a time; return the last."""
    marker = trace.get("marker", {})
    symbols = spread(marker.get("symbol", "circle"), len(x))
    sizes = np.array(spread(marker.get("size", 6), len(x)), dtype=np.float64)
    colors = _marker_colors(marker, color, len(x))
    drawn = None
    for symbol in dict.fromkeys(symbols):
        kept = [at for at, other in enumerate(symbols) if other == symbol]
        paint = [colors[at] for at in kept]
        is_open = symbol.endswith("-open")
        drawn = axes.scatter(
            x[kept],
            y[kept],
            s=(sizes[kept] * PIXEL) ** 2,
            marker=SYMBOLS.get(symbol.removesuffix("-open"), "o"),
            facecolors="none" if is_open else paint,
            edgecolors=paint if is_open else _edges(marker, paint),
            linewidths=marker.get("line", {}).get("width", 1.5 if is_open else 0) * PIXEL,
            alpha=marker.get("opacity", trace.get("opacity")),
            clip_on=trace.get("cliponaxis", True),
            zorder=2.5,
        )
    return drawn


def _edges(marker: Mapping[str, Any], paint: list[Any]) -> Any:
    return color_of(marker.get("line", {}).get("color"), paint)


def _marker_colors(marker: Mapping[str, Any], color: Any, count: int) -> list[Any]:
    given = marker.get("color")
    if given is None or isinstance(given, str):
        return [color_of(given, color)] * count
    if given and all(isinstance(value, str) for value in given):
        return [color_of(value, color) for value in given]
    from matplotlib.colors import Normalize

    values = numbers(given)
    paint = color_map(marker.get("colorscale"))
    painted: list[Any] = list(paint(Normalize(marker.get("cmin"), marker.get("cmax"))(values)))
    return painted


def _words(axes: Any, trace: Trace, x: Array, y: Array) -> None:
    places = spread(trace.get("textposition", "middle center"), len(x))
    words = spread(trace.get("text", ""), len(x))
    size = trace.get("textfont", {}).get("size", 13) * PIXEL
    color = color_of(trace.get("textfont", {}).get("color"), None)
    for px, py, word, place in zip(x, y, words, places, strict=True):
        if not word or not (math.isfinite(px) and math.isfinite(py)):
            continue
        height, side = place.split()
        shift = {"left": -4, "right": 4, "center": 0}[side]
        axes.annotate(
            plain(word),
            (px, py),
            xytext=(shift, 0),
            textcoords="offset points",
            ha=ANCHORS[side],
            va=HEIGHTS[height],
            fontsize=size,
            color=color,
        ).set_in_layout(False)


def _errors(axes: Any, trace: Trace, x: Array, y: Array, color: Any) -> None:
    lengths = {d: _lengths(trace.get(f"error_{d}")) for d in ("x", "y")}
    for direction, length in lengths.items():
        if length is None:
            continue
        style = trace[f"error_{direction}"]
        axes.errorbar(
            x,
            y,
            **{f"{direction}err": length},
            fmt="none",
            ecolor=color_of(style.get("color"), color),
            elinewidth=style.get("thickness", 2) * PIXEL,
            capsize=style.get("width", 4) * PIXEL,
            capthick=style.get("thickness", 2) * PIXEL,
        )


def _lengths(error: Mapping[str, Any] | None) -> Array | None:
    if not error or error.get("visible") is False or error.get("array") is None:
        return None
    above = np.nan_to_num(numbers(error["array"]))
    below = error.get("arrayminus")
    return np.stack([above if below is None else np.nan_to_num(numbers(below)), above])


def _entry(trace: Trace, mode: str, color: Any, handle: Any) -> Any:
    """Make the legend's sign of a trace with line and marker: it shows both."""
    if "lines" not in mode or "markers" not in mode:
        return handle
    from matplotlib.lines import Line2D

    line, marker = trace.get("line", {}), trace.get("marker", {})
    symbol = marker.get("symbol", "circle")
    return Line2D(
        [],
        [],
        color=color,
        linestyle=DASHES.get(line.get("dash", "solid"), "-"),
        marker=SYMBOLS.get(symbol, "o") if isinstance(symbol, str) else "o",
        markersize=5,
    )
