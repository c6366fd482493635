"""Figures against what can be said of them without drawing: places, words, sizes, statistics."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
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
from nndl_core.studies.study import estimate

NAN, INF = math.nan, math.inf
X = [1.0, 2.0, 3.0]
EMPTY: dict[str, Callable[[], Figure]] = {
    "no lines": lambda: lines({}, "epoch", "loss", log_y=True),
    "a line without points": lambda: lines({"a": ([], [])}, "epoch", "loss"),
    "no bands": lambda: bands({}, "epoch", "loss", log_y=True),
    "no layers": lambda: layer_bars({}, "norm"),
    "a series without layers": lambda: layer_bars({"a": []}, "norm", log=False),
    "no histogram": lambda: histograms({}, "weight"),
    "a histogram of nothing": lambda: histograms({"a": []}, "weight"),
    "no strips": lambda: strips({}, "accuracy"),
    "no differences": lambda: differences([], "difference"),
    "only NaN": lambda: differences([NAN, INF], "difference"),
}
FULL: dict[str, Callable[[], Figure]] = {
    "lines": lambda: lines({"a": (X, X), "b": (X, [1, 0, NAN])}, "x", "y", log_y=True),
    "log x": lambda: lines({"a": ([0, 1e-3, 1], X)}, "x", "y", log_x=True, title="A <title>"),
    "reference": lambda: lines({"a": (X, X)}, "x", "y", reference={"limit": 0.5, "none": NAN}),
    "bands": lambda: bands({"a": (X, X, [0, 1, 2], [2, 3, INF])}, "x", "y", log_y=True),
    "bars": lambda: layer_bars({"a": [0, 1e-9, 1], "b": [1, NAN]}, "norm", layers=["in"]),
    "linear bars": lambda: layer_bars({"a": [-1, 0, 2]}, "mean", log=False),
    "histograms": lambda: histograms({"a": X, "b": [2, NAN]}, "w", curves={"c": (X, X)}),
    "strips": lambda: strips({"a": X, "b": [2.0], "c": [NAN]}, "acc", reference={"limit": 2}),
    "differences": lambda: differences([-1, 0, 0, 2], "difference"),
    "one value": lambda: lines({"a": ([5], [5])}, "x", "y"),
    "equal values": lambda: differences([0.5, 0.5, 0.5], "difference"),
}


def sizes(part: Any, inside: str = "") -> Iterator[float]:
    """Find the size of every font in a figure."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "size" and "font" in inside:
                yield value
            yield from sizes(value, name)
    elif isinstance(part, list):
        for value in part:
            yield from sizes(value, inside)


def notes(figure: Figure) -> list[str]:
    return [note["text"] for note in figure["layout"]["annotations"]]


def marked(figure: Figure) -> list[dict[str, Any]]:
    return [t for t in figure["data"] if isinstance(t.get("marker", {}).get("symbol"), list)]


@pytest.mark.parametrize("name", [*EMPTY, *FULL])
def test_every_figure_is_one_that_plotly_knows(name: str) -> None:
    figure = (EMPTY | FULL)[name]()
    go.Figure(figure)
    json.dumps(figure, allow_nan=False)
    assert min(sizes(figure)) >= 13


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_figure_says_so(name: str) -> None:
    assert "No data yet." in notes(EMPTY[name]())


@pytest.mark.parametrize("name", FULL)
def test_a_full_figure_does_not_say_that_it_is_empty(name: str) -> None:
    assert "No data yet." not in notes(FULL[name]())


def test_exact_zeros_stand_on_a_named_line_below_everything_else() -> None:
    figure = lines({"a": (X, [1e-6, 0.0, 1e-2])}, "epoch", "norm", log_y=True)
    axis = figure["layout"]["yaxis"]
    spot = axis["tickvals"][axis["ticktext"].index("exactly 0")]
    (marks,) = marked(figure)
    assert (marks["x"], marks["y"]) == ([2.0], [spot])
    assert axis["range"][0] < math.log10(spot) < -6
    assert figure["data"][0]["y"] == [1e-6, None, 1e-2]
    assert [shape["y0"] for shape in figure["layout"]["shapes"]] == [spot]


def test_what_is_not_finite_stands_above_everything_else() -> None:
    figure = lines({"a": (X, [1.0, INF, NAN])}, "epoch", "loss")
    axis = figure["layout"]["yaxis"]
    spot = axis["tickvals"][axis["ticktext"].index("not finite")]
    (marks,) = marked(figure)
    assert marks["y"] == [spot, spot]
    assert 1.0 < spot < axis["range"][1]


def test_log_axes_have_a_tick_per_decade() -> None:
    plain = lines({"a": (X, [1e-3, 1e-2, 0.5])}, "x", "y", log_y=True)["layout"]["yaxis"]
    assert (plain["type"], plain["dtick"], plain["range"]) == ("log", 1, [-3, 0])
    assert plain["exponentformat"] == "power"
    named = lines({"a": (X, [1e-3, 0, 0.5])}, "x", "y", log_y=True)["layout"]["yaxis"]
    ticks = dict(zip(named["ticktext"], named["tickvals"], strict=True))
    assert ticks.pop("exactly 0") < 1e-3
    assert ticks == {
        "10<sup>\N{MINUS SIGN}3</sup>": pytest.approx(1e-3),
        "10<sup>\N{MINUS SIGN}2</sup>": pytest.approx(1e-2),
        "10<sup>\N{MINUS SIGN}1</sup>": pytest.approx(1e-1),
        "1": 1,
    }


def test_many_decades_have_at_most_eight_ticks() -> None:
    axis = lines({"a": (X, [1e-300, 0, 1])}, "x", "y", log_y=True)["layout"]["yaxis"]
    assert len(axis["tickvals"]) <= 9


def test_a_point_between_two_gaps_is_drawn() -> None:
    many = [NAN if at % 2 else 1.0 for at in range(100)]
    figure = lines({"a": (range(100), many)}, "x", "y")
    assert figure["data"][0]["mode"] == "lines+markers"
    assert lines({"a": (range(100), range(100))}, "x", "y")["data"][0]["mode"] == "lines"


def test_reference_lines_are_named_with_their_value() -> None:
    figure = lines({"a": (X, X)}, "x", "y", reference={"Bayes limit": 0.82334})
    (shape,) = figure["layout"]["shapes"]
    assert (shape["y0"], shape["y1"]) == (0.82334, 0.82334)
    assert shape["name"] == "Bayes limit: 0.8233"
    assert figure["layout"]["showlegend"]
    assert figure["layout"]["yaxis"]["range"][0] < 0.82334


def test_a_band_runs_along_its_upper_edge_and_back_along_its_lower() -> None:
    figure = bands({"a": (X, [2, 3, 4], [1, 2, 3], [3, 4, 5])}, "x", "y")
    band, line = figure["data"]
    assert band["x"] == [1, 2, 3, 3, 2, 1]
    assert band["y"] == [3, 4, 5, 3, 2, 1]
    assert (band["fill"], line["y"]) == ("toself", [2, 3, 4])


def test_a_band_down_to_zero_reaches_the_line_of_zeros() -> None:
    figure = bands({"a": (X, X, [0, 0, 0], X)}, "x", "y", log_y=True)
    axis = figure["layout"]["yaxis"]
    spot = axis["tickvals"][axis["ticktext"].index("exactly 0")]
    assert figure["data"][0]["y"][3:] == [spot, spot, spot]


def test_zero_gradients_have_a_mark_and_words_instead_of_a_bar() -> None:
    figure = layer_bars({"sick": [0, 0], "cured": [1e-9, 0.5]}, "norm")
    sick, zeros, cured = figure["data"]
    assert sick["x"] == [None, None]
    assert cured["text"] == ["1e\N{MINUS SIGN}9", "0.5"]
    assert [words.strip() for words in zeros["text"]] == ["exactly 0", "exactly 0"]
    assert zeros["marker"]["symbol"] == ["diamond-open", "diamond-open"]
    low, high = figure["layout"]["xaxis"]["range"]
    assert all(low < math.log10(x) < -9 for x in zeros["x"])
    assert high > math.log10(0.5)


def test_fc1_is_on_top_and_missing_names_are_filled_in() -> None:
    axis = layer_bars({"a": [1, 2, 3]}, "norm", layers=["first"])["layout"]["yaxis"]
    assert axis["ticktext"] == ["first", "fc2", "fc3"]
    assert axis["range"][0] > axis["range"][1]


def test_words_beside_many_bars_are_left_out() -> None:
    figure = layer_bars({"a": [0.0] * 20, "b": [1.0] * 20}, "norm")
    assert all(trace["mode"] == "markers" for trace in marked(figure))
    assert "exactly<br>0" in figure["layout"]["xaxis"]["ticktext"]
    assert not any(figure["data"][-1]["text"])


def test_a_density_has_area_one_and_counts_have_the_number_of_values() -> None:
    values = np.random.default_rng(0).normal(size=500)
    (density,) = histograms({"a": [*values, NAN]}, "w", bins=13)["data"]
    assert sum(np.multiply(density["y"], density["width"])) == pytest.approx(1)
    figure = histograms({"a": [*values, NAN]}, "w", bins=13, density=False)
    assert sum(figure["data"][0]["y"]) == 500
    assert notes(figure) == ["a: 1 not finite"]


def test_two_histograms_share_their_bins() -> None:
    first, second = histograms({"a": [0, 1], "b": [5, 9]}, "w")["data"]
    assert (first["x"], first["width"]) == (second["x"], second["width"])


# n = 5, mean 3, standard error sqrt(.5), t = 2.776: 3 -+ 1.963
def test_strips_say_number_mean_and_interval() -> None:
    figure = strips({"a & b": [1, 2, 3, 4, 5]}, "accuracy")
    assert notes(figure) == ["<b>a &amp; b</b><br>n = 5, mean 3.0 (95 %: 1.0 to 5.0)"]
    mean = figure["data"][1]
    assert mean["x"] == [3.0]
    assert mean["error_x"]["array"][0] == pytest.approx(1.963, abs=0.005)


def test_an_interval_of_shares_stays_from_0_to_1_and_few_shares_are_said_one_by_one() -> None:
    few = strips({"a": [0.765, 0.433]}, "accuracy", share=True)
    assert notes(few) == ["<b>a</b><br>n = 2: 0.433, 0.765"]
    assert [trace["mode"] for trace in few["data"]] == ["markers"]  # the runs, and no mean
    assert few["data"][0]["marker"]["symbol"] != "diamond"
    rising = [0.5, 1.0, 1.0, 1.0, 1.0]  # Student's t: 0.9 -+ 0.278
    many = strips({"a": rising}, "accuracy", share=True)
    assert notes(many) == ["<b>a</b><br>n = 5, mean 0.90 (95 %: 0.62 to 1.00)"]
    bar = many["data"][1]["error_x"]
    assert bar["array"][0] == pytest.approx(0.1)
    assert bar["arrayminus"][0] == pytest.approx(0.278, abs=0.001)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_no_interval_of_shares_leaves_0_to_1(shares: list[float]) -> None:
    found = estimate(shares, share=True)
    assert 0 <= found.low <= found.mean + 1e-12
    assert found.mean - 1e-12 <= found.high <= 1


def test_one_value_has_a_mean_and_no_interval() -> None:
    figure = strips({"a": [0.5, NAN]}, "accuracy")
    assert notes(figure) == ["<b>a</b><br>n = 1, mean 0.5, 1 not finite"]
    assert figure["data"][1]["error_x"]["array"] == [0.0]


def test_every_run_is_a_dot_in_its_row() -> None:
    figure = strips({"a": np.arange(50.0), "b": [1.0, 2.0]}, "accuracy")
    first, _, second, _ = figure["data"]
    assert first["x"] == list(range(50))
    assert all(0 <= y < 0.3 for y in first["y"])
    assert all(1 <= y < 1.3 for y in second["y"])


def test_differences_count_both_sides_of_zero() -> None:
    figure = differences([-1, 0, 0, 2], "difference")
    (words,) = notes(figure)
    assert words.startswith("n = 4, mean 0.2")
    assert words.endswith("<br>1 below 0, 2 exactly 0, 1 above 0")
    (zero,) = figure["layout"]["shapes"]
    assert (zero["x0"], zero["x1"]) == (0, 0)


def test_the_first_two_series_differ_in_color_dash_and_symbol() -> None:
    sick, cured = lines({"sick": (X, X), "cured": (X, X)}, "x", "y")["data"]
    assert sick["line"]["color"] != cured["line"]["color"]
    assert sick["line"]["dash"] != cured["line"]["dash"]
    assert sick["marker"]["symbol"] != cured["marker"]["symbol"]


def test_names_are_words_and_never_tags() -> None:
    figure = lines({"<b>x</b>": (X, X)}, "<i>", "a & b", title="<s>")
    assert figure["data"][0]["name"] == "&lt;b&gt;x&lt;/b&gt;"
    assert figure["layout"]["xaxis"]["title"]["text"] == "&lt;i&gt;"
    assert figure["layout"]["title"]["text"] == "&lt;s&gt;"


def test_series_of_unequal_length_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=re.escape("a: 2 values of x do not fit 3 values of y.")):
        lines({"a": ([1, 2], X)}, "x", "y")
    with pytest.raises(ValueError, match="do not fit"):
        bands({"a": (X, X, X, [1])}, "x", "y")
    with pytest.raises(ValueError, match="at least one bin"):
        histograms({"a": X}, "w", bins=0)
