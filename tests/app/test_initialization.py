"""The page of initialization as AppTest runs it: every control changes the numbers shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest


@pytest.fixture
def zeros(open_lab: Callable[..., AppTest]) -> AppTest:
    at = open_lab("initialization.py", lesson="zeros")
    assert not at.exception
    return at


@pytest.fixture
def spread(open_lab: Callable[..., AppTest]) -> AppTest:
    at = open_lab("initialization.py", lesson="spread")
    assert not at.exception
    return at


def html(at: AppTest) -> list[list[list[str]]]:
    """Return the cells of all tables, row by row, without their tags."""
    tables = []
    for element in at.get("html"):
        rows = re.findall(r"<tr>(.*?)</tr>", element.proto.body)
        cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]
        tables.append([[unescape(re.sub("<[^>]*>", "", c)) for c in row] for row in cells])
    return [table for table in tables if table]


def neurons(at: AppTest) -> list[list[list[str]]]:
    """Return the tables of the layers, from fc1 on."""
    return [table for table in html(at) if table[0][0] == "neuron"]


def named(at: AppTest, corner: str) -> list[list[str]]:
    """Return the first table whose first heading is this."""
    return next(table for table in html(at) if table[0][0] == corner)


def sentences(at: AppTest) -> str:
    return " ".join(m.value.replace("\\", "") for m in [*at.markdown, *at.caption])


def test_the_trace_of_the_notebook_is_shown(zeros: AppTest) -> None:
    zeros.slider(key="trace_update").set_value(2).run()
    assert not zeros.exception
    fc1, fc2 = neurons(zeros)
    assert [row[1] for row in fc1[1:]] == ["a"] * 5
    assert [float(row[-1]) for row in fc1[1:]] == pytest.approx([1.8309e-6] * 5, abs=2e-11)
    assert float(fc2[1][2]) == pytest.approx(-0.00383399, abs=2e-8)
    assert float(fc2[1][-1]) == pytest.approx(-0.00766798, abs=2e-8)
    assert "1 of 5 in fc1" in sentences(zeros)


def test_before_the_first_update_everything_is_zero(zeros: AppTest) -> None:
    zeros.slider(key="trace_update").set_value(0).run()
    fc1, fc2 = neurons(zeros)
    assert {cell for row in (*fc1[1:], *fc2[1:]) for cell in row[2:]} == {"0"}


def test_random_weights_make_the_neurons_distinct(zeros: AppTest) -> None:
    zeros.selectbox(key="trace_init").set_value("normal").run()
    assert [row[1] for row in neurons(zeros)[0][1:]] == ["a", "b", "c", "d", "e"]
    assert "5 of 5 in fc1" in sentences(zeros)


def test_a_shorter_trace_moves_its_slider(zeros: AppTest) -> None:
    zeros.number_input(key="trace_epochs").set_value(3).run()
    assert not zeros.exception
    assert zeros.slider(key="trace_update").value == 3
    zeros.number_input(key="trace_epochs").set_value(30).run()
    assert zeros.slider(key="trace_update").max == 30
    assert not zeros.exception


@pytest.mark.parametrize("widths", ["five", "0", "5-99", "5.5"])
def test_impossible_widths_get_a_sentence(zeros: AppTest, widths: str) -> None:
    zeros.text_input(key="trace_hidden").set_value(widths).run()
    assert not zeros.exception
    assert any("hidden" in w.value for w in zeros.warning)
    # what stands in the other controls outlives the mistake
    zeros.number_input(key="trace_data_seed").set_value(4).run()
    zeros.text_input(key="trace_hidden").set_value("none").run()
    assert not zeros.exception
    assert not zeros.warning
    assert zeros.number_input(key="trace_data_seed").value == 4


def test_the_endings_mark_exact_zeros(zeros: AppTest) -> None:
    head, *rows = named(zeros, "activation")
    counts = {(row[0], row[1]): row.count("exactly 0") for row in rows}
    assert counts["sigmoid", "333 + 307"] == 0
    assert counts["tanh", "333 + 307"] == counts["relu", "333 + 307"] == 3
    assert counts["sigmoid", "256 + 256"] == 4
    assert head[2:6] == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    text = sentences(zeros)
    assert "the network has learned as one neuron" in text
    assert text.count("Only the output bias moves") == 2
    assert "at epoch 2000 every parameter is exactly 0" in text


def test_the_endings_follow_their_controls(zeros: AppTest) -> None:
    zeros.number_input(key="endings_epochs").set_value(5).run()
    assert not zeros.exception
    _, sigmoid, *_ = named(zeros, "activation")
    assert float(sigmoid[-2]) < 0.55
    assert "At epoch 5 " in sentences(zeros)


def test_equal_spread_is_reached_by_the_other_scale(spread: AppTest) -> None:
    given, equal = (table for table in html(spread) if table[0][1] == "quantity")
    assert given[5][0] == equal[5][0] == ""
    assert given[4][0] == "B: uniform, scale 1"
    assert equal[4][0] == "B: uniform, scale 1.732"
    assert [float(cell) for cell in given[5][2:4]] == pytest.approx([0.577, 0.5774], abs=0.01)
    assert float(equal[5][2]) == pytest.approx(1, abs=0.02)
    assert equal[5][3] == "1"


def test_draws_follow_their_controls(spread: AppTest) -> None:
    before = named(spread, "initializer")
    spread.number_input(key="draws_seed").set_value(1).run()
    assert named(spread, "initializer") != before
    spread.selectbox(key="draws_first").set_value("he_normal").run()
    spread.number_input(key="draws_fan_in").set_value(8).run()
    spread.number_input(key="draws_first_scale").set_value(2.0).run()
    assert not spread.exception
    assert named(spread, "initializer")[2][3] == "1"  # 2 sqrt(2 / 8)


@pytest.mark.parametrize("name", ["zeros", "constant"])
def test_equal_values_have_no_spread_to_match(spread: AppTest, name: str) -> None:
    spread.selectbox(key="draws_second").set_value(name).run()
    assert not spread.exception
    assert any("no spread" in info.value for info in spread.info)


def test_the_signal_table_is_that_of_the_law(spread: AppTest) -> None:
    table = next(t for t in html(spread) if t[0][1] == "n Var(w)" and t[0][0] == "initializer")
    rows = {row[0]: row for row in table[1:]}
    assert rows["xavier_normal"][1] == "1"
    assert rows["he_normal"][1] == "2"
    assert float(rows["he_normal"][2]) == pytest.approx(2, abs=0.1)
    assert float(rows["he_normal"][3]) == pytest.approx(1, abs=0.2)
    assert float(rows["xavier_normal"][6]) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("depth", "width"), [(1, 1), (12, 4), (1, 32)])
def test_depth_and_width_follow_their_sliders(spread: AppTest, depth: int, width: int) -> None:
    spread.slider(key="signal_width").set_value(width)
    spread.slider(key="signal_depth").set_value(depth).run()
    assert not spread.exception
    assert len(named(spread, "layer")) == depth + 2


def test_dead_layers_are_told_as_exact_zeros(spread: AppTest) -> None:
    spread.number_input(key="signal_bias").set_value(-8.0).run()
    assert not spread.exception
    assert "normal 0.01: fc1 to fc7 in 10 of 10 seeds" in sentences(spread)
    spread.multiselect(key="signal_starts").set_value(["zeros", "constant"]).run()
    assert not spread.exception


def test_no_initializer_is_an_invitation(spread: AppTest) -> None:
    spread.multiselect(key="signal_starts").set_value([]).run()
    assert not spread.exception
    assert any("at least one initializer" in info.value for info in spread.info)


@pytest.mark.parametrize("name", ["iris", "digits", "spirals3"])
def test_other_data_sets_have_a_signal_too(spread: AppTest, name: str) -> None:
    spread.selectbox(key="signal_dataset").set_value(name).run()
    assert not spread.exception


def test_the_figures_can_show_other_quantities(spread: AppTest) -> None:
    spread.segmented_control(key="signal_spread").set_value("examples only").run()
    spread.segmented_control(key="signal_back").set_value("error δ").run()
    assert not spread.exception


@pytest.mark.parametrize(("rate", "noise"), [(1000.0, 2.0), (5.0, 0.1), (1e-6, 0.0)])
def test_extreme_settings_still_have_an_ending(zeros: AppTest, rate: float, noise: float) -> None:
    zeros.number_input(key="endings_epochs").set_value(200)
    zeros.number_input(key="endings_noise").set_value(noise)
    zeros.number_input(key="endings_learning_rate").set_value(rate).run()
    zeros.number_input(key="trace_learning_rate").set_value(rate)
    zeros.number_input(key="trace_scale").set_value(100.0)
    zeros.selectbox(key="trace_init").set_value("normal").run()
    assert not zeros.exception
    assert len(named(zeros, "activation")) == 6
