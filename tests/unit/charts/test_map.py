"""The map's figure against what is known without drawing: lines of theory, ticks, words, colors."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, get_args
from xml.etree import ElementTree

import numpy as np
import pytest

from nndl_core.base.i18n import speaking
from nndl_core.charts.map.figure import (
    BRIGHT_TO_DARK,
    DARK_TO_BRIGHT,
    cell_curves,
    trainability_map,
)
from nndl_core.charts.map.plane import axis_of, edges
from nndl_core.charts.map.theory import critical_scale, deadly_width, theory_lines
from nndl_core.charts.map.words import STATUS_LOOK, signs_words, spread_words
from nndl_core.charts.static.drawing import draw_static
from nndl_core.charts.style.parts import Figure
from nndl_core.studies.map.axis import Axis
from nndl_core.studies.map.plan import BASE, PRESETS, MapPlan
from nndl_core.studies.map.trainability import QUANTITIES, CellMean, Status, Summary
from nndl_core.studies.sweep.cells import Cell
from nndl_core.theory.mean_field import born_dead

SVG = "{http://www.w3.org/2000/svg}"


def named(plan: MapPlan, start: str) -> dict[str, Any]:
    return next(t for t in theory_lines(plan) if str(t.get("name", "")).startswith(start))


def points(trace: dict[str, Any]) -> list[tuple[float, float]]:
    rows = zip(trace["x"], trace["y"], strict=True)
    return [(x, y) for x, y in rows if x is not None]


@pytest.mark.parametrize(
    ("name", "scale"),
    # tanh: sigma_w 1 with Xavier; ReLU: He; sigmoid: own quadrature with SciPy
    [("tanh", 1.0), ("ReLU", 1.0), ("sigmoid", 10.149263710019532)],
)
def test_the_critical_line_stands_at_the_critical_scale(name: str, scale: float) -> None:
    plan = PRESETS[name]
    assert critical_scale(plan) == pytest.approx(scale, rel=1e-6)
    line = points(named(plan, "critical line"))
    assert [x for x, _ in line] == pytest.approx([scale] * 2, rel=1e-6)
    depths = edges(plan.y)
    assert [y for _, y in line] == [depths[0], depths[-1]]


def test_the_scale_of_a_normal_start_is_a_standard_deviation() -> None:
    plan = MapPlan(
        x=Axis("init_scale", 0.1, 2, 9), base=replace(BASE, activation="tanh", init="normal")
    )
    assert critical_scale(plan) == pytest.approx(1 / math.sqrt(8), rel=1e-6)


def test_the_depth_limit_follows_its_closed_form() -> None:
    """For ReLU chi_1 is scale^2 in units of He's, so that 6 xi is 3 / |ln scale|."""
    line = points(named(PRESETS["ReLU"], "depth 6"))
    assert len(line) > 50
    for scale, depth in line:
        assert depth == pytest.approx(3 / abs(math.log(scale)), rel=1e-6)
    depths = edges(PRESETS["ReLU"].y)
    tops = sorted(scale for scale, depth in line if depth > depths[-1] - 0.01)
    # it leaves the map on both sides of the critical line, and not a step before its edge
    assert tops == pytest.approx([math.exp(-3 / depths[-1]), math.exp(3 / depths[-1])], rel=1e-3)


def test_swapped_axes_swap_the_line() -> None:
    plan = PRESETS["ReLU"]
    swapped = points(named(replace(plan, x=plan.y, y=plan.x), "depth 6"))
    assert [(y, x) for x, y in swapped] == points(named(plan, "depth 6"))


def test_lines_of_networks_that_are_born_dead() -> None:
    for hidden, p in ((1, 0.01), (4, 0.5), (14, 0.9)):
        width = deadly_width(hidden, p)
        assert 1 - (1 - 2**-width) ** hidden == pytest.approx(p, rel=1e-9)
    assert born_dead(3, 5)[1] == pytest.approx(1 - (1 - 1 / 8) ** 4)
    line = points(named(PRESETS["Narrow ReLU"], "born dead: at most 50%"))
    for width, depth in line:
        assert 1 - (1 - 2**-width) ** depth == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize(
    "plan",
    [
        PRESETS["Bias"],
        replace(PRESETS["Narrow ReLU"], base=replace(BASE, activation="tanh")),
        replace(PRESETS["Narrow ReLU"], base=replace(PRESETS["ReLU"].base, bias=0.1)),
        replace(MapPlan(), base=replace(BASE, init="constant")),
    ],
)
def test_where_theory_says_nothing_nothing_is_drawn(plan: MapPlan) -> None:
    assert theory_lines(plan) == ()


def test_axes_have_their_real_values() -> None:
    plan = MapPlan()
    scale, depth = axis_of(plan, plan.x), axis_of(plan, plan.y)
    assert (scale["type"], depth["type"]) == ("log", "linear")
    assert scale["tickvals"] == [0.2, 0.5, 1, 2, 5]
    assert depth["tickvals"] == list(range(1, 15))
    assert scale["title"]["text"] == "Weight scale (times he_normal)"
    assert 10 ** scale["range"][0] < 0.2 < 5 < 10 ** scale["range"][1]
    bias = axis_of(plan, Axis("bias", -8, 2, 6))
    assert bias["ticktext"][0] == "\N{MINUS SIGN}8"


def luminance(color: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colors_of_numbers_rise_in_brightness_so_that_hue_is_not_needed() -> None:
    steps = [luminance(str(color)) for _, color in DARK_TO_BRIGHT]
    assert all(b - a > 0.04 for a, b in itertools.pairwise(steps))
    assert [color for _, color in BRIGHT_TO_DARK] == [c for _, c in reversed(DARK_TO_BRIGHT)]


def test_letters_can_be_read_on_every_sign() -> None:
    ink = luminance("#111820")
    letters = [letter for letter, _, _ in STATUS_LOOK.values()]
    assert len(set(letters)) == len(letters)
    for letter, color, words in STATUS_LOOK.values():
        assert (luminance(color) + 0.05) / (ink + 0.05) > 6
        assert words.startswith(f"{letter}: ") or not letter


def test_a_spread_in_words() -> None:
    minus = "\N{MINUS SIGN}"
    assert spread_words(CellMean(0.75, 0.125, 0, 0)) == "0.75 ± 0.125"
    assert spread_words(CellMean(-3.5, math.nan, 1, 0)) == f"{minus}3.5, 1 exactly 0"
    assert spread_words(CellMean(math.nan, math.nan, 4, 0)) == "4 exactly 0"
    assert spread_words(CellMean(math.nan, math.nan, 1, 3)) == "1 exactly 0, 3 undefined"


def two_cells() -> list[Summary | None]:
    spreads = [dict.fromkeys(QUANTITIES, CellMean(mean, 0.1, 0, 0)) for mean in (0.5, 1.0)]
    status: Any = (("dead_layer", 3), ("no_sign", 1))
    plan = small()
    return [
        Summary((0, at), {"depth": 1, "init_scale": plan.x.values[at]}, spreads[at], status)
        for at in (0, 1)
    ] + [None, None]


def small() -> MapPlan:
    return MapPlan(Axis("init_scale", 0.5, 2, 2), Axis("depth", 1, 3, 2))


def test_the_words_under_the_pointer_are_those_of_the_cell() -> None:
    trace = next(
        t for t in trainability_map(small(), two_cells(), "loss")["data"] if "customdata" in t
    )
    template = trace["hovertemplate"]
    said = re.sub(
        r"%\{customdata\[(\d)\]\}", lambda m: trace["customdata"][0][1][int(m[1])], template
    )
    assert said.startswith("<b>hidden layers 1, weight scale 2</b><br>test accuracy: 1 ± 0.1<br>")
    assert "signs: dead layer (3), no sign (1)" in said
    assert not trace["hoverongaps"]


def test_every_sign_of_a_cell_has_a_name_in_chinese_without_an_english_word() -> None:
    every = Summary((0, 0), {}, {}, tuple((name, 2) for name in get_args(Status)))
    with speaking("zh"):
        said = signs_words(every)
    assert not re.search("[A-Za-z]", said)
    assert len(set(re.findall("[^、]+", said))) == len(get_args(Status))


def test_what_is_not_trained_looks_like_the_nearest_trained_cell() -> None:
    plan = MapPlan(Axis("init_scale", 0.5, 2, 6), Axis("depth", 1, 3, 3))
    left, right = (s for s in two_cells() if s is not None)
    cells: list[Summary | None] = [None] * 18
    cells[6], cells[11] = replace(left, index=(1, 0)), replace(right, index=(1, 5))
    pale = next(t for t in trainability_map(plan, cells, "accuracy")["data"] if "opacity" in t)
    rows = [[0.5] * 3 + [1.0] * 3] * 3
    assert [row[:] for row in pale["z"]] == [rows[0], [None, *rows[1][1:5], None], rows[2]]


def curves_of(*losses: list[float]) -> Figure:
    outcomes = [
        SimpleNamespace(curves={"epoch": np.arange(len(v)), "train_loss": np.array(v)})
        for v in losses
    ]
    return cell_curves(Cell((0, 0), {}, BASE, tuple(outcomes)), "loss")  # type: ignore[arg-type]


def test_a_cell_has_a_curve_per_seed_and_a_log_axis_where_a_loss_needs_one() -> None:
    flat, steep = curves_of([0.7, 0.5], [0.6, 0.1]), curves_of([0.7, 0.5], [30.0, 0.6])
    assert [trace["name"] for trace in flat["data"]] == ["seed 0", "seed 1"]
    assert flat["data"][1]["y"] == [0.6, 0.1]
    assert flat["layout"]["yaxis"].get("type") != "log"
    assert steep["layout"]["yaxis"]["type"] == "log"
    assert not steep["layout"]["showlegend"]  # the links below name the lines of both figures


def corners(svg: bytes, fill: str) -> list[np.ndarray[Any, Any]]:
    root = ElementTree.fromstring(svg)
    paths = [p for p in root.iter(f"{SVG}path") if f"fill: {fill}" in p.get("style", "")]
    read = [re.findall(r"-?\d+(?:\.\d+)?", p.get("d", "")) for p in paths]
    return [np.array(list(map(float, one))).reshape(-1, 2) for one in read]


def test_cells_of_the_file_have_equal_widths_on_a_log_axis() -> None:
    svg = draw_static(trainability_map(small(), two_cells(), "accuracy", theory=False), "svg")
    dark, bright = (corners(svg, color)[-1] for color in ("#00224e", "#fee838"))
    assert np.ptp(dark[:, 0]) == pytest.approx(np.ptp(bright[:, 0]), rel=1e-3)
    assert dark[:, 0].max() == pytest.approx(bright[:, 0].min(), abs=0.01)
