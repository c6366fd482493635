"""The autograd page: its address, question, tables, measurements and walk, through AppTest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import RunConfig
from nndl_core.course.walkthrough.steps import StepTable
from nndl_core.theory.gradient_check import WAYS, GradientRow, GradientTable, gradient_table
from pages.ui.autograd.sections import RESULTS, TIMES, answer_of, faster
from pages.ui.autograd.timing import REPEATS, Timing, times_table
from pages.ui.autograd.walk import MOST_CELLS, array_table
from pages.ui.link.messages import escape

OpenLab = Callable[..., AppTest]
Open = Callable[..., AppTest]


@pytest.fixture
def open_page(open_lab: OpenLab) -> Open:
    def opened(**parameters: str) -> AppTest:
        at = open_lab("autograd.py", **({"points": "60"} | parameters))
        assert not at.exception
        return at

    return opened


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def entries(at: AppTest) -> dict[str, list[Any]]:
    table = at.dataframe[0].value
    return {str(name): table[name].tolist() for name in table.columns}


def texts(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.success, *at.info))


def timing_of(at: AppTest) -> Timing:
    timing = at.session_state["autograd_timing"]
    assert isinstance(timing, Timing)
    return timing


def measurements(at: AppTest) -> int:
    return sum(map(len, timing_of(at).seconds.values()))


def test_the_page_opens_with_the_course_network(open_lab: OpenLab) -> None:
    at = open_lab("autograd.py")
    assert not at.exception
    assert not at.warning
    assert at.query_params == {}
    rows = gradient_table(RunConfig(), "float64").rows
    shown = entries(at)
    assert shown["parameter"] == [row.name for row in rows]
    assert shown["by hand"] == [row.by_hand for row in rows]
    assert shown["by autograd"] == [row.by_autograd for row in rows]
    assert shown["difference quotient"] == [row.quotient for row in rows]
    assert shown["relative"] == [row.relative for row in rows]


def test_the_address_names_the_network_and_follows_the_controls(open_page: Open) -> None:
    at = open_page(hidden="5-3", activation="tanh", noise="0.2")
    assert len(entries(at)["parameter"]) == 37
    at.selectbox(key="autograd_loss").set_value("mse").run()
    at.text_input(key="autograd_hidden").set_value("4").run()
    at.number_input(key="autograd_init_seed").set_value(7).run()
    config = at.session_state["autograd"]
    assert at.query_params == config.to_url()
    assert config == RunConfig(
        points=60, hidden=(4,), activation="tanh", noise=0.2, loss="mse", init_seed=7
    )
    assert entries(at)["by hand"] == [row.by_hand for row in gradient_table(config, "float64").rows]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"activation": "foo"}, "activation: 'foo' is not known"),
        ({"hidden": "5-x"}, "hidden: '5-x' is not a list of layer widths"),
        ({"dataset": "csv"}, "dataset: 'csv' is not offered here"),
        ({"dataset": "blobs3", "loss": "bce"}, "loss: 'bce' separates 2 classes"),
    ],
)
def test_refused_values_are_answered_by_a_sentence(
    open_page: Open, parameters: dict[str, str], words: str
) -> None:
    at = open_page(**parameters)
    assert [w for w in at.warning if escape(words) in w.value]
    assert not at.run().warning


def test_widths_that_are_none_get_a_sentence_and_leave_the_network(open_page: Open) -> None:
    at = open_page()
    at.text_input(key="autograd_hidden").set_value("99").run()
    assert escape("hidden: [99] is not possible") in at.warning[0].value
    assert len(entries(at)["parameter"]) == 21


def test_three_classes_take_a_loss_that_can_serve_them(open_page: Open) -> None:
    at = open_page()
    at.selectbox(key="autograd_dataset").set_value("blobs3").run()
    assert not at.exception
    assert at.selectbox(key="autograd_loss").value == "cross_entropy"
    assert len(entries(at)["parameter"]) == 2 * 5 + 5 + 5 * 3 + 3


def test_the_answer_is_shown_only_after_both_expectations(open_page: Open) -> None:
    at = open_page()
    at.radio(key="ask_result").set_value(RESULTS[1]).run()
    assert "as you expected" not in texts(at)
    at.radio(key="ask_time").set_value(TIMES[0]).run()
    assert not at.exception
    assert f"{RESULTS[1]}**, as you expected." in texts(at)
    largest = gradient_table(RunConfig(points=60), "float64").largest_absolute
    assert f"{largest:.2g} in float64" in texts(at)
    assert "s by hand and" in texts(at)


def test_the_right_answer_follows_from_the_numbers() -> None:
    def answer(hand: float, auto: float) -> str:
        return RESULTS[answer_of(GradientTable([GradientRow("w", hand, auto, None)]), "float64")]

    assert answer(0.5, 0.5) == "Equal in every digit"
    assert answer(0.5, 0.5 + 1e-16) == "Equal up to rounding"
    assert answer(0.5, 0.5001) == answer(float("nan"), 0.5) == "Clearly different"
    assert [TIMES[faster(*pair)] for pair in ((1, 0.5), (1, 1.05), (1, 2))] == list(TIMES)


def test_precision_changes_the_table(open_page: Open) -> None:
    at = open_page()
    at.segmented_control(key="precision").set_value("float32").run()
    rows = gradient_table(RunConfig(points=60), "float32").rows
    assert entries(at)["by hand"] == [row.by_hand for row in rows]


def test_measuring_grows_stops_and_ends(open_page: Open) -> None:
    at = open_page()
    assert timing_of(at).count == 0
    press(at, "measure")
    assert at.button(key="measure").label == "Stop"
    first = measurements(at)
    assert 0 < first < REPEATS * len(WAYS)
    press(at, "walk_next")
    assert measurements(at) > first
    assert "**2 of 13" in texts(at)
    press(at, "measure")
    stopped = measurements(at)
    assert at.button(key="measure").label == "Measure"
    assert measurements(at.run()) == stopped
    press(at, "measure")
    for _ in range(REPEATS * len(WAYS)):  # on a busy machine a slice holds a single one
        if timing_of(at).finished:
            break
        at.run()
    assert at.button(key="measure").label == "Measure"
    assert {way: len(v) for way, v in timing_of(at).seconds.items()} == dict.fromkeys(WAYS, REPEATS)
    press(at, "measure")
    assert timing_of(at).count < REPEATS  # anew


def test_another_network_is_measured_anew(open_page: Open) -> None:
    at = press(open_page(), "measure")
    at.selectbox(key="autograd_activation").set_value("relu").run()
    assert not at.exception
    assert timing_of(at).count == 0
    assert not timing_of(at).running
    assert "op_classes" not in timing_of(at).seconds


def test_a_network_whose_loss_is_no_number_gets_a_sentence(open_page: Open) -> None:
    wide = "-".join(["64"] * 12)
    at = open_page(hidden=wide, activation="relu", init_scale="100", points="20")
    press(at, "measure")
    words = "The loss of this network is no longer a finite number"
    assert any(words in w.value for w in at.warning)
    assert at.button(key="measure").label == "Measure"
    at.radio(key="ask_result").set_value(RESULTS[1]).run()
    at.radio(key="ask_time").set_value(TIMES[1]).run()
    assert not at.exception


def test_the_table_of_times_compares_medians_with_by_hand() -> None:
    html = times_table({"by hand": [1.0, 2.0, 9.0], "by autograd": [5.0]})
    for cell in ("1.000", "2.000", "9.000", "1.00", "5.000", "2.50"):
        assert f"<td>{cell}</td>" in html


def test_the_walk_goes_forward_backward_and_to_its_ends(open_page: Open) -> None:
    at = open_page()
    assert "**1 of 13: Linear layer fc1**" in texts(at)
    assert at.button(key="walk_back").disabled
    assert at.latex[0].value.strip("$\n") == "Z_{1} = X W_{1}^T + b_{1}"
    press(at, "walk_next")
    assert "**2 of 13: Activation of fc1**" in texts(at)
    press(at, "walk_back")
    assert "**1 of 13" in texts(at)
    at.slider(key="walk_step").set_value(13).run()
    assert "**13 of 13: Loss after the step**" in texts(at)
    assert at.button(key="walk_next").disabled
    at.text_input(key="autograd_hidden").set_value("none").run()
    assert not at.exception
    assert "**7 of 7: Loss after the step**" in texts(at)


def test_pen_and_paper_states_its_convention_and_shows_its_numbers(open_page: Open) -> None:
    at = open_page()
    at.segmented_control(key="walk_source").set_value("pen and paper").run()
    assert not at.exception
    assert r"h_1 = \sigma(w_1 x_1 + w_3 x_2)" in texts(at)
    at.slider(key="walk_step").set_value(5).run()
    html = "".join(getattr(element, "value", "") for element in at.get("html"))
    assert "<td>0.20971</td>" in html  # the loss, computed by hand in tests/unit


def test_a_large_array_shows_its_corner_and_its_shape() -> None:
    html = array_table(StepTable("W1", [[0.5] * 30] * 20))
    assert "W1 [20, 30]" in html
    assert html.count("0.5</td>") == MOST_CELLS**2
    assert "…" in html
    assert "…" not in array_table(StepTable("L", [[1.0]]))


def test_the_code_shown_is_the_code_that_runs(open_page: Open) -> None:
    shown = "\n".join(element.value for element in open_page().code)
    for words in ("class Linear(Op)", "class BatchGD", "def by_hand", "def by_autograd"):
        assert words in shown
