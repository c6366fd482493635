"""Axes and plans of a map: their values, their limits in sentences, and the way through a URL."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.base.config import ConfigError
from nndl_core.studies.map.axis import AXES, Axis, AxisName
from nndl_core.studies.map.plan import BASE_KNOBS, MAX_CELLS, MAX_RUN_EPOCHS, PRESETS, MapPlan
from nndl_core.studies.sweep.grid import points


@st.composite
def axes(draw: st.DrawFn, names: Sequence[AxisName] = tuple(AXES)) -> Axis:
    name = draw(st.sampled_from(names))
    kind = AXES[name]
    ends = st.integers(1, 16) if kind.whole else st.floats(max(kind.low, 1e-3), kind.high)
    low, high = sorted(draw(st.lists(ends, min_size=2, max_size=2, unique=True)))
    return Axis(name, low, high, draw(st.integers(2, 60)))


@settings(max_examples=200)
@given(axes())
def test_an_axis_rises_from_its_low_end_to_its_high_end(axis: Axis) -> None:
    values = axis.values
    assert (values[0], values[-1]) == (axis.low, axis.high)
    assert all(a < b for a, b in itertools.pairwise(values))
    assert len(values) <= axis.count
    if axis.kind.whole:
        assert all(isinstance(value, int) for value in values)


def test_steps_are_equal_on_the_scale_of_the_axis() -> None:
    scale = Axis("init_scale", 0.01, 100, 9).values
    assert [b / a for a, b in itertools.pairwise(scale)] == pytest.approx(
        [math.sqrt(10)] * 8, rel=1e-3
    )
    assert Axis("bias", -8, 2, 6).values == [-8, -6, -4, -2, 0, 2]
    assert Axis("depth", 1, 14, 14).values == list(range(1, 15))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "<b>"}, "axis: '<b>' is not known; choose one of depth, "),
        ({"low": 0.0}, "init_scale: 0.0 is not possible; allowed is a number from 0.001 to 100."),
        ({"high": math.nan}, "init_scale: nan is not possible"),
        ({"low": 5.0}, "init_scale: the axis must begin below its end"),
        ({"count": 1}, "init_scale values: 1 is not possible; allowed is a whole number from 2"),
        ({"count": 2.5}, "init_scale values: 2.5 is not possible"),
        ({"name": "depth", "low": 1.5}, "depth: 1.5 is not possible; allowed is a whole number"),
    ],
)
def test_an_impossible_axis_gets_a_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        replace(Axis("init_scale", 0.2, 5.0, 16), **change)
    assert str(refused.value).startswith(sentence)
    assert str(refused.value).endswith(".")


def test_the_first_map_is_the_one_of_the_task() -> None:
    plan = MapPlan()
    assert [len(values) for values in plan.axes.values()] == [14, 16]
    assert (plan.seeds, plan.width, plan.base.epochs, plan.base.dataset) == (4, 8, 300, "moons")
    assert 64 * plan.base.points // 100 == 640
    assert plan.cells == 224


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_are_maps_that_a_sweep_takes(name: str) -> None:
    plan = PRESETS[name]
    cells = points(plan.base, plan.axes, plan.seeds)
    assert len(cells) == plan.cells
    assert cells[1].index == (0, 1)  # row-major: x runs first
    assert MapPlan.from_url(plan.to_url()) == (plan, [])


def test_another_axis_comes_with_its_usual_range_and_two_equal_ones_swap() -> None:
    plan = replace(MapPlan(), x=Axis("init_scale", 1, 2, 3))
    assert plan.with_axis("y", "bias") == replace(plan, y=Axis.of("bias"))
    assert plan.with_axis("x", "noise") == replace(plan, x=Axis.of("noise"))
    for place, name in (("x", "depth"), ("y", "init_scale")):
        assert plan.with_axis(place, name) == replace(plan, x=plan.y, y=plan.x)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="cells: 420"):
        replace(plan, x=Axis("init_scale", 1, 2, 30), y=Axis.of("width")).with_axis("y", "depth")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"y": Axis.of("init_scale")}, "y: the axes must differ, and init_scale is on both."),
        ({"seeds": 0}, "seeds: 0 is not possible; allowed is a whole number from 1 to 10."),
        ({"x": Axis("init_scale", 0.1, 1, 30)}, "cells: 420 are too many; a map has at most 400."),
        ({"seeds": 9}, "epochs: 224 cells x 9 seeds x 300 epochs are 604,800 epochs, too many;"),
        ({"base": replace(MapPlan().base, points=1001)}, "points: 1001 is not possible"),
        ({"base": replace(MapPlan().base, hidden=(33,))}, "width: 33 is not possible"),
        ({"base": replace(MapPlan().base, hidden=())}, "width: 0 is not possible"),
        ({"base": replace(MapPlan().base, dataset="csv")}, "dataset: 'csv' cannot be mapped"),
    ],
)
def test_an_impossible_map_gets_a_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        replace(MapPlan(), **change)
    assert str(refused.value).startswith(sentence)
    assert str(refused.value).endswith(".")


def test_the_limits_themselves_are_allowed() -> None:
    full = MapPlan(x=Axis("init_scale", 0.1, 1, 40), y=Axis("bias", -1, 1, 10), seeds=5)
    assert full.cells == MAX_CELLS
    assert full.run_epochs == MAX_RUN_EPOCHS


@st.composite
def plans(draw: st.DrawFn) -> MapPlan:
    names = draw(st.lists(st.sampled_from(list(AXES)), min_size=2, max_size=2, unique=True))
    x, y = (replace(draw(axes([name])), count=draw(st.integers(2, 9))) for name in names)
    base = replace(
        MapPlan().base,
        activation=draw(st.sampled_from(["relu", "tanh", "elu"])),
        bias=draw(st.floats(-10, 10)),
        epochs=draw(st.integers(1, 100)),
        optimizer=draw(st.sampled_from(["sgd", "adam"])),
        # what an axis writes is not part of the address
        hidden=(8,) * 4 if {"depth", "width"} & set(names) else (draw(st.integers(1, 32)),) * 3,
    )
    usual = MapPlan().base
    base = replace(base, **{n: getattr(usual, n) for n in names if n in BASE_KNOBS})
    return MapPlan(x, y, base, draw(st.integers(1, 10)))


@settings(max_examples=200)
@given(plans())
def test_a_plan_comes_back_from_its_url(plan: MapPlan) -> None:
    assert MapPlan.from_url(plan.to_url()) == (plan, [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x", "gravity"),
        ("y", "init_scale"),
        ("x_low", "abc"),
        ("x_low", "-1"),
        ("x_high", "1e999"),
        ("y_count", "1"),
        ("y_low", "1.5"),
        ("seeds", "2.5"),
        ("seeds", "1000"),
        ("depth", "17"),
        ("width", "0"),
        ("dataset", "csv"),
        ("points", "5000"),
        ("activation", "<script>"),
        ("bias", "nan"),
        ("epochs", "100000"),
    ],
)
def test_a_wrong_url_value_is_told_in_a_sentence(name: str, text: str) -> None:
    plan, refused = MapPlan.from_url({name: text})
    assert plan == MapPlan()
    [sentence] = refused
    assert sentence.endswith(".")


def test_a_wrong_value_leaves_the_others() -> None:
    given_values = {"x": "bias", "x_low": "-4", "y_high": "zzz", "bias": "900", "slope": "0.5"}
    plan, refused = MapPlan.from_url(given_values | {"epochs": "20", "dataset": "spirals3"})
    assert [sentence.partition(":")[0] for sentence in refused] == ["y_high", "bias"]
    assert plan.x == replace(Axis.of("bias"), low=-4)
    assert (plan.base.epochs, plan.base.slope, plan.base.loss) == (20, 0.5, "cross_entropy")
