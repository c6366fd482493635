"""The figure of the run history: eight looks, names as text, no run that hides the others."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import pytest

from nndl_core.charts.history import MOST_RUNS, overlay, swatch
from nndl_core.store.runs import KeptCurves

# Judged by lightness and hue as test_theme.py does: these four differ for every eye.
APART = 4


def falling(top: float = 1.0) -> KeptCurves:
    epochs = tuple(range(100))
    down = tuple(top / (1 + epoch) for epoch in epochs)
    return KeptCurves(epochs, down, down, down, down)


def drawn(count: int = MOST_RUNS, **more: Any) -> dict[str, Any]:
    return overlay({f"run {at}": falling(1 + at) for at in range(count)}, "dev_loss", **more)


def test_every_run_is_a_line_with_its_name_and_values() -> None:
    figure = drawn()
    assert [trace["name"] for trace in figure["data"]] == [f"run {at}" for at in range(MOST_RUNS)]
    assert figure["data"][3]["y"] == pytest.approx(list(falling(4.0).dev_loss))
    assert figure["layout"]["showlegend"]


def test_eight_runs_differ_in_dash_and_symbol_or_in_colors_that_every_eye_tells_apart() -> None:
    traces = drawn()["data"]
    colors = [trace["line"]["color"] for trace in traces]
    apart = list(dict.fromkeys(colors))[:APART]
    for one, other in combinations(traces, 2):
        same_dash = one["line"]["dash"] == other["line"]["dash"]
        same_symbol = one["marker"]["symbol"] == other["marker"]["symbol"]
        pair = {one["line"]["color"], other["line"]["color"]}
        assert not (same_dash or same_symbol) or (len(pair) == 2 and pair <= set(apart))


def test_symbols_stand_here_and_there_on_a_line() -> None:
    assert all(0 < trace["marker"]["maxdisplayed"] < 20 for trace in drawn()["data"])


def test_a_name_is_text() -> None:
    figure = overlay({"<b>bold</b>": falling()}, "dev_loss")
    assert "<b>" not in figure["data"][0]["name"]


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("worst", [1e34, math.inf])
def test_a_run_that_explodes_hides_no_other(log: bool, worst: float) -> None:
    up = KeptCurves((0, 1), (1.0, worst), (1.0, worst), (0.5, 0.5), (0.5, 0.5))
    figure = overlay({"fine": falling(), "explodes": up}, "dev_loss", log=log)
    low, high = figure["layout"]["yaxis"]["range"]
    assert (10**high if log else high) == pytest.approx(1.5)
    assert low < high
    assert [note["text"] for note in figure["layout"]["annotations"]] == [
        "A loss above 1.5 is cut off."
    ]
    accuracy = overlay({"explodes": up}, "dev_accuracy", log=log)
    assert accuracy["layout"]["annotations"] == []


def test_nine_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 8"):
        drawn(MOST_RUNS + 1)


def test_a_swatch_is_a_picture_of_its_own_line() -> None:
    pictures = [swatch(at) for at in range(MOST_RUNS)]
    assert len(set(pictures)) == MOST_RUNS
    for at, trace in enumerate(drawn()["data"]):
        assert trace["line"]["color"] in pictures[at]
