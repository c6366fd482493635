"""Laws of the map's figure: every trained cell is drawn once, in its place, with its number."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any, get_args

import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.charts.map.figure import trainability_map
from nndl_core.charts.map.plane import edges
from nndl_core.charts.map.words import STATUS_LOOK, Shown
from nndl_core.charts.static.drawing import draw_static
from nndl_core.studies.map.axis import AXES, Axis
from nndl_core.studies.map.plan import MapPlan
from nndl_core.studies.map.trainability import QUANTITIES, CellMean, QuantityName, Status, Summary

NUMBERS = st.floats(-20, 20) | st.sampled_from([0.0, 1.0, 1e30, math.nan])
SHOWN: list[Shown] = [*get_args(QuantityName), "signs"]


@st.composite
def maps(draw: st.DrawFn) -> tuple[MapPlan, list[Summary | None]]:
    names = draw(st.lists(st.sampled_from(list(AXES)), min_size=2, max_size=2, unique=True))
    x, y = (replace(Axis.of(name), count=draw(st.integers(2, 5))) for name in names)
    plan = MapPlan(x, y)
    cells = [
        draw(st.none() | summaries((row, column), {y.name: v, x.name: u}))
        for row, v in enumerate(y.values)
        for column, u in enumerate(x.values)
    ]
    return plan, cells


def summaries(index: tuple[int, int], values: dict[str, Any]) -> st.SearchStrategy[Summary]:
    spread = st.builds(CellMean, NUMBERS, st.just(0.1), st.integers(0, 2), st.just(0))
    spreads = spread.map(lambda one: dict.fromkeys(QUANTITIES, one))
    status = st.sampled_from(get_args(Status)).map(lambda name: ((name, 4),))
    return st.builds(Summary, st.just(index), st.just(values), spreads, status)


def heatmaps(figure: dict[str, Any]) -> list[dict[str, Any]]:
    return [trace for trace in figure["data"] if trace["type"] == "heatmap"]


def filled(trace: dict[str, Any]) -> dict[tuple[int, int], float]:
    rows = enumerate(trace["z"])
    return {(r, c): v for r, row in rows for c, v in enumerate(row) if v is not None}


@settings(max_examples=40)
@given(maps(), st.sampled_from(SHOWN), st.booleans())
def test_every_trained_cell_is_drawn_once_with_its_own_value(
    made: tuple[MapPlan, list[Summary | None]], shown: Shown, theory: bool
) -> None:
    plan, cells = made
    figure = trainability_map(plan, cells, shown, theory=theory)
    go.Figure(figure)
    json.dumps(figure, allow_nan=False)
    solid = [trace for trace in heatmaps(figure) if "opacity" not in trace]
    drawn = [(index, value) for trace in solid[:1] for index, value in filled(trace).items()]
    odd = [index for trace in solid[1:] for index in filled(trace)]
    trained = {cell.index: cell for cell in cells if cell is not None}
    assert sorted([index for index, _ in drawn] + odd) == sorted(trained)
    for index, value in drawn:
        cell = trained[index]
        if shown == "signs":
            assert list(STATUS_LOOK)[int(value)] == cell.status
        else:
            assert value == cell.spreads[shown].mean
    for index in odd:
        assert shown != "signs"
        assert math.isnan(trained[index].spreads[shown].mean)


@settings(max_examples=40)
@given(maps(), st.sampled_from(SHOWN))
def test_what_is_not_trained_looks_like_a_trained_neighbor_and_says_nothing(
    made: tuple[MapPlan, list[Summary | None]], shown: Shown
) -> None:
    plan, cells = made
    figure = trainability_map(plan, cells, shown)
    pale = [trace for trace in heatmaps(figure) if "opacity" in trace]
    solid = filled(next(trace for trace in heatmaps(figure) if "opacity" not in trace))
    for trace in pale:
        assert trace["hoverinfo"] == "skip"
        assert set(filled(trace).values()) <= set(solid.values())
        assert not set(filled(trace)) & set(solid)
    # with one number known and anything missing, the plane is covered
    if solid:
        covered = set(solid) | {index for trace in pale for index in filled(trace)}
        assert len(covered) == len(cells)


@settings(max_examples=40)
@given(maps(), st.sampled_from(SHOWN))
def test_letters_stand_on_their_cells(
    made: tuple[MapPlan, list[Summary | None]], shown: Shown
) -> None:
    plan, cells = made
    texts = [t for t in trainability_map(plan, cells, shown)["data"] if t.get("mode") == "text"]
    at = {
        (plan.y.values.index(y), plan.x.values.index(x)): letter
        for trace in texts
        for x, y, letter in zip(trace["x"], trace["y"], trace["text"], strict=True)
    }
    for cell in filter(None, cells):
        if shown == "signs":
            expected = STATUS_LOOK[cell.status][0]
        else:
            spread = cell.spreads[shown]
            expected = "" if not math.isnan(spread.mean) else "0" if spread.zeros else "?"
        assert at.pop(cell.index, "") == expected  # type: ignore[arg-type]
    assert not at


@settings(max_examples=40)
@given(st.sampled_from(list(AXES)), st.integers(2, 20))
def test_the_borders_of_cells_lie_between_their_values(name: Any, count: int) -> None:
    axis = replace(Axis.of(name), count=count)
    ends, values = edges(axis), axis.values
    assert len(ends) == len(values) + 1
    assert all(a < v < b for a, v, b in zip(ends, values, ends[1:], strict=False))


@settings(max_examples=4, deadline=None)
@given(maps(), st.sampled_from(SHOWN))
def test_a_map_can_be_drawn_to_a_file(
    made: tuple[MapPlan, list[Summary | None]], shown: Shown
) -> None:
    plan, cells = made
    figure = trainability_map(plan, cells, shown, selected=(0, 1))
    assert draw_static(figure, "svg").startswith(b"<?xml")


@pytest.mark.parametrize("shown", SHOWN)
def test_a_map_without_a_trained_cell_shows_its_theory(shown: Shown) -> None:
    plan = MapPlan()
    figure = trainability_map(plan, [None] * plan.cells, shown)
    go.Figure(figure)
    names = [trace.get("name", "") for trace in figure["data"]]
    assert "depth 6 ξ" in names
