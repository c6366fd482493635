"""The page of initialization as AppTest runs it: every control changes the numbers shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

Open = Callable[[], AppTest]


@pytest.fixture
def page(open_lab: Callable[..., AppTest]) -> AppTest:
    at = open_lab("initialization.py")
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


def named(at: AppTest, corner: str) -> list[list[str]]:
    """Return the first table whose first heading is this."""
    return next(table for table in html(at) if table[0][0] == corner)


def sentences(at: AppTest) -> str:
    return " ".join(m.value.replace("\\", "") for m in [*at.markdown, *at.caption])


def test_the_trace_of_the_notebook_is_shown(page: AppTest) -> None:
    page.slider(key="trace_update").set_value(2).run()
    assert not page.exception
    fc1, fc2 = html(page)[:2]
    assert [row[1] for row in fc1[1:]] == ["a"] * 5
    assert [float(row[-1]) for row in fc1[1:]] == pytest.approx([1.8309e-6] * 5, abs=2e-11)
    assert float(fc2[1][2]) == pytest.approx(-0.00383399, abs=2e-8)
    assert float(fc2[1][-1]) == pytest.approx(-0.00766798, abs=2e-8)
    assert "1 of 5 in fc1" in sentences(page)


def test_before_the_first_update_everything_is_zero(page: AppTest) -> None:
    page.slider(key="trace_update").set_value(0).run()
    fc1, fc2 = html(page)[:2]
    assert {cell for row in (*fc1[1:], *fc2[1:]) for cell in row[2:]} == {"0"}


def test_random_weights_make_the_neurons_distinct(page: AppTest) -> None:
    page.selectbox(key="trace_init").set_value("normal").run()
    assert [row[1] for row in html(page)[0][1:]] == ["a", "b", "c", "d", "e"]
    assert "5 of 5 in fc1" in sentences(page)


def test_a_shorter_trace_moves_its_slider(page: AppTest) -> None:
    page.number_input(key="trace_epochs").set_value(3).run()
    assert not page.exception
    assert page.slider(key="trace_update").value == 3
    page.number_input(key="trace_epochs").set_value(30).run()
    assert page.slider(key="trace_update").max == 30
    assert not page.exception


@pytest.mark.parametrize("widths", ["five", "0", "5-99", "5.5"])
def test_impossible_widths_get_a_sentence(page: AppTest, widths: str) -> None:
    page.text_input(key="trace_hidden").set_value(widths).run()
    assert not page.exception
    assert any("hidden" in w.value for w in page.warning)
    # what stands in the other controls outlives the mistake
    page.number_input(key="trace_data_seed").set_value(4).run()
    page.text_input(key="trace_hidden").set_value("none").run()
    assert not page.exception
    assert not page.warning
    assert page.number_input(key="trace_data_seed").value == 4


def test_the_endings_mark_exact_zeros(page: AppTest) -> None:
    head, *rows = named(page, "activation")
    zeros = {(row[0], row[1]): row.count("exactly 0") for row in rows}
    assert zeros["sigmoid", "333 + 307"] == 0
    assert zeros["tanh", "333 + 307"] == zeros["relu", "333 + 307"] == 3
    assert zeros["sigmoid", "256 + 256"] == 4
    assert head[2:6] == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    text = sentences(page)
    assert "the network has learned as one neuron" in text
    assert text.count("Only the output bias moves") == 2
    assert "after 2000 epochs every parameter is exactly 0" in text


def test_the_endings_follow_their_controls(page: AppTest) -> None:
    page.number_input(key="endings_epochs").set_value(5).run()
    assert not page.exception
    _, sigmoid, *_ = named(page, "activation")
    assert float(sigmoid[-2]) < 0.55
    assert "After 5 epochs" in sentences(page)


def test_equal_spread_is_reached_by_the_other_scale(page: AppTest) -> None:
    given, equal = (table for table in html(page) if table[0][1] == "quantity")
    assert given[5][0] == equal[5][0] == ""
    assert given[4][0] == "B: uniform, scale 1"
    assert equal[4][0] == "B: uniform, scale 1.732"
    assert [float(cell) for cell in given[5][2:4]] == pytest.approx([0.577, 0.5774], abs=0.01)
    assert float(equal[5][2]) == pytest.approx(1, abs=0.02)
    assert equal[5][3] == "1"


def test_draws_follow_their_controls(page: AppTest) -> None:
    before = named(page, "initializer")
    page.number_input(key="draws_seed").set_value(1).run()
    assert named(page, "initializer") != before
    page.selectbox(key="draws_first").set_value("he_normal").run()
    page.number_input(key="draws_fan_in").set_value(8).run()
    page.number_input(key="draws_first_scale").set_value(2.0).run()
    assert not page.exception
    assert named(page, "initializer")[2][3] == "1"  # 2 sqrt(2 / 8)


@pytest.mark.parametrize("name", ["zeros", "constant"])
def test_equal_values_have_no_spread_to_match(page: AppTest, name: str) -> None:
    page.selectbox(key="draws_second").set_value(name).run()
    assert not page.exception
    assert any("no spread" in info.value for info in page.info)


def test_the_signal_table_is_that_of_the_law(page: AppTest) -> None:
    table = next(t for t in html(page) if t[0][1] == "n Var(w)" and t[0][0] == "initializer")
    rows = {row[0]: row for row in table[1:]}
    assert rows["xavier_normal"][1] == "1"
    assert rows["he_normal"][1] == "2"
    assert float(rows["he_normal"][2]) == pytest.approx(2, abs=0.1)
    assert float(rows["he_normal"][3]) == pytest.approx(1, abs=0.2)
    assert float(rows["xavier_normal"][6]) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("depth", "width"), [(1, 1), (12, 4), (1, 32)])
def test_depth_and_width_follow_their_sliders(page: AppTest, depth: int, width: int) -> None:
    page.slider(key="signal_width").set_value(width)
    page.slider(key="signal_depth").set_value(depth).run()
    assert not page.exception
    assert len(named(page, "layer")) == depth + 2


def test_dead_layers_are_told_as_exact_zeros(page: AppTest) -> None:
    page.number_input(key="signal_bias").set_value(-8.0).run()
    assert not page.exception
    assert "normal 0.01: fc1 10, fc2 10" in sentences(page)
    page.multiselect(key="signal_starts").set_value(["zeros", "constant"]).run()
    assert not page.exception


def test_no_initializer_is_an_invitation(page: AppTest) -> None:
    page.multiselect(key="signal_starts").set_value([]).run()
    assert not page.exception
    assert any("at least one initializer" in info.value for info in page.info)


@pytest.mark.parametrize("name", ["iris", "digits", "spirals3"])
def test_other_data_sets_have_a_signal_too(page: AppTest, name: str) -> None:
    page.selectbox(key="signal_dataset").set_value(name).run()
    assert not page.exception


def test_the_figures_can_show_other_quantities(page: AppTest) -> None:
    page.segmented_control(key="signal_spread").set_value("examples only").run()
    page.segmented_control(key="signal_back").set_value("error δ").run()
    assert not page.exception


@pytest.mark.parametrize(("rate", "noise"), [(1000.0, 2.0), (5.0, 0.1), (1e-6, 0.0)])
def test_extreme_settings_still_have_an_ending(page: AppTest, rate: float, noise: float) -> None:
    page.number_input(key="endings_epochs").set_value(200)
    page.number_input(key="endings_noise").set_value(noise)
    page.number_input(key="endings_learning_rate").set_value(rate).run()
    page.number_input(key="trace_learning_rate").set_value(rate)
    page.number_input(key="trace_scale").set_value(100.0)
    page.selectbox(key="trace_init").set_value("normal").run()
    assert not page.exception
    assert len(named(page, "activation")) == 6
