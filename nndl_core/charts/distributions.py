"""Figures of many values: histograms, runs as dots with their mean, paired differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nndl_core.base.i18n import tr
from nndl_core.charts.style.parts import (
    Figure,
    Trace,
    figure,
    frame,
    note,
    pairs,
    references,
)
from nndl_core.charts.style.scales import MINUS, Scale, cross_line, escape, floats, scale_over
from nndl_core.charts.style.theme import faded, series_color, series_dash, series_symbol
from nndl_core.studies.study import Estimate, estimate

GOLDEN = 0.6180339887498949  # its multiples fill the unit interval evenly: dots do not pile up
FEWEST_SHARES = 5
"""Fewer shares are all said: the interval around their mean would be most of what is possible."""
Array = NDArray[np.float64]


def histograms(
    series: Mapping[str, Any],
    x_title: str,
    *,
    bins: int = 60,
    density: bool = True,
    curves: Mapping[str, tuple[Any, Any]] = {},
    title: str = "",
) -> Figure:
    """Draw the distribution of each series over the same bins, with named curves (x, y) on top.

    Values that are not finite are left out and counted in a note. Raises ValueError for bins < 1.
    """
    if bins < 1:
        raise ValueError(tr("A histogram needs at least one bin, not {bins}.", bins=bins))
    read = {name: floats(values) for name, values in series.items()}
    finite = {name: _finite(values) for name, values in read.items()}
    edges = _edges([v for values in finite.values() for v in values], bins)
    named = enumerate(finite.items())
    data = [_histogram(name, v, edges, density, at, len(finite)) for at, (name, v) in named]
    data += [_curve(name, xy, len(read) + at) for at, (name, xy) in enumerate(curves.items())]
    y_title = tr("density") if density else tr("count")
    layout = _axes(data, x_title, y_title, filled=any(finite.values()))
    layout["annotations"] += _lost_notes({n: len(read[n]) - len(finite[n]) for n in read})
    return figure(data, title, barmode="overlay", bargap=0, **layout)


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _edges(values: Sequence[float], bins: int) -> Array:
    """Return bins + 1 edges from the smallest to the largest value; equal values get some room."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        half = 0.1 * abs(low) or 0.5
        low, high = low - half, low + half
    share = np.linspace(0.0, 1.0, bins + 1)
    return low * (1 - share) + high * share


def _histogram(
    name: str, values: Sequence[float], edges: Array, density: bool, index: int, of: int
) -> Trace:
    counts, _ = np.histogram(np.asarray(values, dtype=np.float64), edges)
    widths = np.diff(edges)
    heights = counts / (max(len(values), 1) * widths) if density else counts.astype(np.float64)
    color = series_color(index)
    return {
        "type": "bar",
        "name": escape(name),
        "x": (edges[:-1] + widths / 2).tolist(),
        "y": heights.tolist(),
        "width": widths.tolist(),
        "marker": {
            "color": faded(color, 0.45 if of > 1 else 0.7),
            "line": {"width": 1, "color": color},
        },
        "hovertemplate": "%{x:.4g}: %{y:.4g}",
    }


def _curve(name: str, xy: tuple[Any, Any], index: int) -> Trace:
    points = [p for p in pairs(name, *xy) if math.isfinite(p[0]) and math.isfinite(p[1])]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": escape(name),
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "line": {"color": series_color(index), "width": 2.5, "dash": series_dash(index)},
        "hovertemplate": "%{x:.4g}: %{y:.4g}",
    }


def _axes(data: Sequence[Trace], x_title: str, y_title: str, *, filled: bool) -> dict[str, Any]:
    x = [v for trace in data for v in _ends(trace)]
    y = [v for trace in data for v in trace["y"]]
    wide = scale_over(x, log=False, tight=True)
    tall = scale_over(y, log=False, from_zero=True)
    return frame(wide, tall, x_title, y_title, filled=filled)


def _ends(trace: Trace) -> list[float]:
    half = trace["width"][0] / 2 if "width" in trace else 0.0
    return [trace["x"][0] - half, trace["x"][-1] + half] if trace["x"] else []


def _lost_notes(lost: Mapping[str, int]) -> list[dict[str, Any]]:
    words = [
        tr("{name}: {count} not finite", name=escape(name), count=count)
        for name, count in lost.items()
        if count
    ]
    return [_corner("<br>".join(words), "right")] if words else []


def _corner(words: str, side: Literal["left", "right"]) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": 0 if side == "left" else 1, "y": 1}
    return note(words, xanchor=side, yanchor="top", xshift=6 if side == "left" else -6, **place)


def strips(
    series: Mapping[str, Any],
    x_title: str,
    *,
    reference: Mapping[str, float] = {},
    title: str = "",
    share: bool = False,
) -> Figure:
    """Draw every run as a dot, one row per series, with its mean and 95 % interval.

    Each row says n, mean and interval (Student's t); it needs about 75 pixels of height. Of
    shares (0 to 1) no interval leaves 0 to 1, and few are said one by one, without a mean.
    Vertical reference lines are named in the legend.
    """
    read = {name: floats(values) for name, values in series.items()}
    finite = [_finite(values) for values in read.values()]
    known = {name: float(v) for name, v in reference.items() if math.isfinite(v)}
    scale = scale_over([*(v for values in finite for v in values), *known.values()], log=False)
    data: list[Trace] = []
    layout = frame(scale, Scale(False, 0, 1), x_title, "", filled=any(finite))
    for row, (name, values) in enumerate(read.items()):
        data += _strip(name, finite[row], row, share)
        layout["annotations"].append(_row_note(name, values, row, share))
    layout["yaxis"] |= {"range": [max(len(read), 1) - 0.5, -0.75], "visible": False}
    layout["shapes"] += references(known, scale, "x")
    layout["margin"] = {"l": 16, "r": 16, "t": 12, "b": 48}
    return figure(data, title, **layout)


def _row_note(name: str, values: Sequence[float], row: int, share: bool) -> dict[str, Any]:
    words = f"<b>{escape(name)}</b><br>{summary(values, share=share)}"
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": row - 0.05, "yanchor": "bottom"}
    return note(words, **place)


def _strip(name: str, values: Sequence[float], row: int, share: bool) -> Iterator[Trace]:
    color = series_color(row)
    yield {
        "type": "scatter",
        "mode": "markers",
        "name": escape(name),
        "showlegend": False,
        "x": list(values),
        "y": [row + 0.22 * (at * GOLDEN % 1) for at in range(len(values))],
        "marker": {"color": color, "size": 7, "opacity": 0.6, "symbol": series_symbol(row)},
        "hovertemplate": "%{x:.4g}",
    }
    if not (share and len(values) < FEWEST_SHARES):
        yield from _mean(values, row + 0.34, color, share)


def _mean(
    values: Sequence[float], height: float, color: str, share: bool = False
) -> Iterator[Trace]:
    """Draw the mean as a diamond on its interval; one value has no interval."""
    found = _estimate(values, share)
    if found is None:
        return
    yield {
        "type": "scatter",
        "mode": "markers",
        "name": tr("mean and 95 % interval"),
        "showlegend": False,
        "x": [found.mean],
        "y": [height],
        "marker": {"color": color, "size": 12, "symbol": "diamond"},
        "error_x": _interval(found, color),
        "hovertext": [summary(values, share=share)],
        "hoverinfo": "text",
    }


def _interval(found: Estimate, color: str) -> dict[str, Any]:
    below, above = found.mean - found.low, found.high - found.mean
    return {
        "type": "data",
        "array": [above if math.isfinite(above) else 0.0],
        "arrayminus": [below if math.isfinite(below) else 0.0],
        "symmetric": False,
        "color": color,
        "thickness": 3,
        "width": 7,
    }


def _estimate(values: Sequence[float], share: bool) -> Estimate | None:
    """Estimate the mean of finite values; None where it cannot be computed."""
    try:
        return estimate(list(values), share=share) if values else None
    except OverflowError:
        return None


def summary(values: Any, *, share: bool = False) -> str:
    """Say n, mean and 95 % interval of the finite values, and how many are not finite.

    Fewer shares than FEWEST_SHARES are said themselves.
    """
    read = floats(values)
    kept = _finite(read)
    lost = tr(", {count} not finite", count=len(read) - len(kept)) if len(kept) < len(read) else ""
    if share and 0 < len(kept) < FEWEST_SHARES:
        each = ", ".join(f"{value:.3g}" for value in sorted(kept))
        return tr("n = {n}: {values}", n=len(kept), values=each) + lost
    found = _estimate(kept, share)
    if found is None:
        return f"n = {len(kept)}{lost}"  # untranslated
    words = tr("n = {n}, mean {mean}", n=len(kept), mean=_rounded(found.mean, found))
    if math.isfinite(found.low):
        low, high = (_rounded(v, found) for v in (found.low, found.high))
        words += tr(" (95 %: {low} to {high})", low=low, high=high)
    return words + lost


def _rounded(value: float, found: Estimate) -> str:
    """Write a number with as many decimals as two digits of its interval need."""
    width = found.high - found.low
    if math.isfinite(width) and width > 0:
        decimals = 1 - math.floor(math.log10(width))
        if 0 <= decimals <= 6 and abs(value) < 1e6:
            return f"{value:z.{decimals}f}".replace("-", MINUS)
    return f"{value:.4g}".replace("-", MINUS)


def differences(values: Any, x_title: str, *, bins: int = 30, title: str = "") -> Figure:
    """Draw the histogram of paired differences with a line at 0, their mean and 95 % interval.

    Notes say n, mean and interval, and how many differences are below, exactly at and above 0.
    """
    read = floats(values)
    kept = _finite(read)
    data = [_histogram(tr("differences"), kept, _edges([*kept, 0.0], bins), False, 2, 1)]
    layout = _axes(data, x_title, tr("pairs"), filled=bool(kept))
    top = max(data[0]["y"], default=0.0) or 1.0
    layout["yaxis"] |= {"range": [0, 1.65 * top], "rangemode": "tozero"}
    data = [*data, *_mean(kept, 1.1 * top, series_color(2))] if kept else []
    if kept:
        layout["shapes"].append(cross_line(0.0, "x", "solid", 2))
        layout["annotations"].append(_corner(f"{summary(read)}<br>{_signs(kept)}", "left"))
    return figure([trace | {"showlegend": False} for trace in data], title, bargap=0, **layout)


def _signs(values: Sequence[float]) -> str:
    below, above = sum(v < 0 for v in values), sum(v > 0 for v in values)
    return tr(
        "{below} below 0, {zero} exactly 0, {above} above 0",
        below=below,
        zero=len(values) - below - above,
        above=above,
    )
