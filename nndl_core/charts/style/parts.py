"""Parts that every figure is put together from: the whole, its marks, notes and helper lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nndl_core.base.i18n import mark, tr
from nndl_core.charts.style.scales import (
    MARKS,
    Scale,
    baselines,
    cross_line,
    escape,
    floats,
    kind_of,
)
from nndl_core.charts.style.theme import REFERENCE_DASHES

Figure = dict[str, Any]
Trace = dict[str, Any]
Pairs = Sequence[tuple[float, float]]

NO_DATA: Final = mark("No data yet.")
MOST_MARKS: Final = 40  # symbols of one series on one line; more would hide each other
LEGEND: Final = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "y": 1.02,
    "yanchor": "bottom",
    "font": {"size": 13},
}


def figure(data: Sequence[Trace], title: str = "", **layout: Any) -> Figure:
    """Put traces and a layout together: fonts for a projector, the legend above the plot."""
    entries = sum(trace.get("showlegend", True) for trace in data)
    helpers = any(shape.get("showlegend") for shape in layout.get("shapes", []))
    base: dict[str, Any] = {
        "font": {"size": 14},
        "margin": {"l": 56, "r": 16, "t": 12, "b": 48},
        "showlegend": entries > 1 or helpers,
        "legend": dict(LEGEND),
        "hoverlabel": {"font": {"size": 13}},
        "hovermode": "closest",
    }
    if title:
        base["title"] = {"text": escape(title), "x": 0, "xref": "paper", "font": {"size": 16}}
    return {"data": list(data), "layout": base | layout}


def frame(x: Scale, y: Scale, x_title: str, y_title: str, *, filled: bool) -> dict[str, Any]:
    """Return axes, the lines of unplaceable values, and a sentence where there is no data."""
    bare = {} if filled else {"showticklabels": False, "ticks": "", "showgrid": False}
    return {
        "xaxis": _stacked(x.axis(x_title)) | bare,
        "yaxis": y.axis(y_title) | bare,
        "shapes": [*baselines(x, "x"), *baselines(y, "y")] if filled else [],
        "annotations": [] if filled else [empty_note()],
    }


def _stacked(layout: dict[str, Any]) -> dict[str, Any]:
    """Write the words at the ticks of an x axis under each other: they need less width."""
    if "ticktext" in layout:
        layout["ticktext"] = [words.replace(" ", "<br>") for words in layout["ticktext"]]
    return layout


def empty_note(text: str = NO_DATA) -> dict[str, Any]:
    """Return the annotation of a figure that has nothing to show."""
    place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
    return {"text": escape(text), **place, "showarrow": False, "font": {"size": 15}}


def note(text: str, **place: Any) -> dict[str, Any]:
    """Return an annotation without an arrow; the text may hold Plotly's tags."""
    return {"text": text, "showarrow": False, "font": {"size": 13}, "align": "left", **place}


def references(
    reference: Mapping[str, float], scale: Scale, direction: str = "y"
) -> list[dict[str, Any]]:
    """Return named lines across the plot; name and value stand in the legend, clear of the data."""
    return [
        cross_line(scale.place(float(value)), direction, REFERENCE_DASHES[at % 4], 2)
        | {
            "showlegend": True,
            "name": tr("{name}: {value}", name=escape(name), value=f"{value:.4g}"),
        }
        for at, (name, value) in enumerate(reference.items())
    ]


def pairs(name: str, x: Any, y: Any) -> list[tuple[float, float]]:
    """Read x and y as pairs of floats; raises ValueError when they differ in length."""
    xs, ys = floats(x), floats(y)
    if len(xs) != len(ys):
        raise ValueError(
            tr(
                "{name}: {xs} values of x do not fit {ys} values of y.",
                name=name,
                xs=len(xs),
                ys=len(ys),
            )
        )
    return list(zip(xs, ys, strict=True))


def marks(name: str, odd: Pairs, x: Scale, y: Scale, color: str) -> list[Trace]:
    """Return one trace of symbols, on the lines of their kinds, for values no axis can hold."""
    kept = odd[:: 1 + len(odd) // MOST_MARKS]
    if not kept:
        return []
    kinds = [kind_of(py, y.log) or kind_of(px, x.log) for px, py in kept]
    trace = mark_trace([x.place(px) for px, _ in kept], [y.place(py) for _, py in kept], kinds)
    trace["marker"] |= {"color": color, "line": {"width": 2, "color": color}}
    words = {
        "hovertext": [tr("{name}: {value}", name=escape(name), value=tr(kind)) for kind in kinds],
        "hoverinfo": "text",
    }
    return [trace | {"name": escape(name), "legendgroup": escape(name), **words}]


def mark_trace(x: list[float], y: list[float], kinds: Sequence[str]) -> Trace:
    """Return the trace of symbols that stand for values of these kinds."""
    return {
        "type": "scatter",
        "mode": "markers",
        "showlegend": False,
        "x": x,
        "y": y,
        "marker": {"symbol": [MARKS[kind] for kind in kinds], "size": 10},
        "cliponaxis": False,
    }
