"""Laws of figures over any numbers: what is given is drawn, inside the axes, as Plotly knows it."""

from __future__ import annotations

import json
import math
from typing import Any

import plotly.graph_objects as go
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.charts.figures import (
    Figure,
    bands,
    differences,
    histograms,
    layer_bars,
    lines,
    strips,
)
from nndl_core.charts.static.drawing import draw_static
from nndl_core.charts.style.scales import kind_of

ORDINARY = st.floats(-1e300, 1e300)
SPECIAL = st.sampled_from([0.0, -0.0, 1.0, 1e-11, 5e-324, -2.0, math.inf, -math.inf, math.nan])
NUMBERS = st.lists(SPECIAL | ORDINARY | st.floats(1e-12, 1e3), max_size=12)
NAMED = st.dictionaries(st.text(max_size=8), NUMBERS, max_size=4)
FEW = settings(max_examples=60)


def check(figure: Figure) -> None:
    """A figure is one that Plotly knows, it is JSON, and all of it lies inside its axes."""
    go.Figure(figure)
    json.dumps(figure, allow_nan=False)
    for trace in figure["data"]:
        if trace["type"] == "scatter":
            for direction in ("x", "y"):
                assert all(
                    inside(v, figure["layout"][f"{direction}axis"]) for v in trace[direction]
                )


def inside(value: float | None, axis: dict[str, Any]) -> bool:
    if value is None:
        return True
    place = math.log10(value) if axis.get("type") == "log" else value
    low, high = sorted(axis["range"])
    slack = 1e-9 * max(abs(low), abs(high))
    return bool(low - slack <= place <= high + slack)


@FEW
@given(NAMED, NUMBERS, st.booleans(), st.booleans())
def test_lines_draw_every_value_once(
    series: dict[str, list[float]], x: list[float], log_x: bool, log_y: bool
) -> None:
    pairs = {name: (x[: len(y)], y[: len(x)]) for name, y in series.items()}
    figure = lines(pairs, "x", "y", log_x=log_x, log_y=log_y, reference={"one": 1.0})
    check(figure)
    drawn = sum(v is not None for trace in figure["data"] for v in trace["y"])
    assert drawn == sum(len(ys) for _, ys in pairs.values())


@FEW
@given(NAMED, st.booleans())
def test_bands_hold_any_edges(series: dict[str, list[float]], log: bool) -> None:
    four = {name: (range(len(y)), y, y[::-1], y) for name, y in series.items()}
    check(bands(four, "x", "y", log_y=log))


@FEW
@given(NAMED, st.booleans())
def test_each_layer_has_a_bar_or_a_mark(series: dict[str, list[float]], log: bool) -> None:
    figure = layer_bars(series, "norm", log=log)
    check(figure)
    bars = [v for t in figure["data"] if t["type"] == "bar" for v in t["x"] if v is not None]
    marks = [v for t in figure["data"] if t["type"] == "scatter" for v in t["x"]]
    odd = [v for values in series.values() for v in values if kind_of(v, log)]
    assert len(marks) == len(odd)
    assert len(bars) + len(marks) == sum(map(len, series.values()))


@FEW
@given(NAMED, st.integers(1, 80))
def test_histograms_count_every_finite_value(series: dict[str, list[float]], bins: int) -> None:
    figure = histograms(series, "w", bins=bins, density=False)
    check(figure)
    counted = [sum(trace["y"]) for trace in figure["data"]]
    assert counted == [sum(map(math.isfinite, values)) for values in series.values()]
    check(histograms(series, "w", bins=bins))


@FEW
@given(NAMED, NUMBERS)
def test_strips_and_differences_hold_any_values(
    series: dict[str, list[float]], values: list[float]
) -> None:
    check(strips(series, "accuracy", reference={"limit": 0.5, "none": math.nan}))
    check(differences(values, "difference"))


@settings(max_examples=6)
@given(NAMED, st.booleans())
def test_whatever_was_built_can_be_drawn_to_a_file(
    series: dict[str, list[float]], log: bool
) -> None:
    pairs = {name: (range(len(y)), y) for name, y in series.items()}
    for figure in (lines(pairs, "x", "y", log_y=log), strips(series, "x")):
        assert draw_static(figure, "svg").startswith(b"<?xml")
    assert draw_static(layer_bars(series, "norm", log=log), "png").startswith(b"\x89PNG")
