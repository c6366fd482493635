"""What controls beside the settings stand at is in the link, and a link sets them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from tests.app.conftest import OpenLab

# page and lesson, key, text in the link, value on the page
CASES: list[tuple[str, str, str, Any]] = [
    ("lab.py", "speed", "5", "5 epochs / frame"),
    ("lab.py", "speed", "most", "as fast as it goes"),
    ("lab.py", "seeds", "50", "+ 50 seeds"),
    ("lab.py", "by_autograd", "yes", True),
    ("map.py", "map_theory", "no", False),
    ("networks.py", "runner_network", "2-5-3-1", "2-5-3-1"),
    ("autograd.py", "walk_examples", "2", 2),
    ("autograd.py", "walk_step", "3", 3),
    ("initialization.py?lesson=spread", "signal_depth", "9", 9),
    (
        "initialization.py?lesson=spread",
        "signal_starts",
        "normal,he_normal",
        ["normal", "he_normal"],
    ),
    ("initialization.py", "trace_learning_rate", "0.35", 0.35),
    ("initialization.py", "trace_hidden", "4-2", "4-2"),
    ("vanishing.py", "norms_first", "relu", "relu"),
    ("vanishing.py", "small_std", "0.05", 0.05),
    ("vanishing.py", "small_depth", "7", 7),
    ("vanishing.py", "small_bias", "-0.5", -0.5),
    ("vanishing.py", "norms_seeds", "11", 11),
    ("dying.py?lesson=large-step", "steps_large", "4", 4),
    ("dying.py", "bias_value", "-1.0", -1.0),
    ("reference.py", "reference_tab", "terms", "Glossary"),
    ("reference.py", "area", "Layers", "Layers"),
]


def opened(open_lab: OpenLab, page: str, **parameters: str) -> AppTest:
    name, _, query = page.partition("?")
    return open_lab(name, **dict(parse_qsl(query)), **parameters)


@pytest.mark.parametrize(("page", "key", "text", "value"), CASES)
def test_a_link_sets_a_control_and_goes_on_saying_it(
    open_lab: OpenLab, page: str, key: str, text: str, value: Any
) -> None:
    at = opened(open_lab, page, **{f"view.{key}": text})
    assert not at.exception
    assert not at.toast
    assert at.session_state[key] == value
    assert at.query_params[f"view.{key}"] == text


@pytest.mark.parametrize(("page", "key"), sorted({case[:2] for case in CASES}))
def test_what_a_control_cannot_stand_at_gets_a_sentence(
    open_lab: OpenLab, page: str, key: str
) -> None:
    at = opened(open_lab, page, **{f"view.{key}": "<b>nine</b>"})
    assert not at.exception
    if key == "trace_hidden":  # a text: the page says what is wrong with it
        return
    (toast,) = at.toast
    assert f"view.{key}" in toast.value.replace("\\", "")
    assert f"view.{key}" not in at.query_params


def test_a_control_that_is_moved_writes_the_link_and_its_usual_value_nothing(
    open_lab: OpenLab,
) -> None:
    at = open_lab("dying.py", lesson="large-step")
    assert "view.steps_large" not in at.query_params
    at.slider(key="steps_large").set_value(6).run()
    assert at.query_params["view.steps_large"] == "6"
    at.slider(key="steps_large").set_value(15).run()
    assert "view.steps_large" not in at.query_params


def test_settings_of_the_run_and_of_controls_share_the_link(open_lab: OpenLab) -> None:
    at = open_lab("lab.py", activation="tanh", **{"view.speed": "5"})
    assert not at.exception
    assert not at.warning
    at.selectbox(key="activation").set_value("relu").run()
    assert "activation" not in at.query_params or at.query_params["activation"] == "relu"
    assert at.query_params["view.speed"] == "5"


def test_a_cell_of_the_map_is_in_the_link(open_lab: OpenLab) -> None:
    at = open_lab("map.py", **{"view.map_cell": "2-3"})
    assert not at.exception
    assert at.session_state["map"].selected == (1, 2)
    assert at.query_params["view.map_cell"] == "2-3"
    (toast,) = open_lab("map.py", **{"view.map_cell": "2-999"}).toast
    assert "map" in toast.value


@pytest.mark.parametrize(
    ("page", "key", "text"),
    [
        ("map.py", "map_cell", f"{'9' * 5000}-1"),
        ("map.py", "map_cell", "1-2-3"),
        ("dying.py?lesson=leaky", "trial_seeds", "9" * 17),
        ("dying.py?lesson=leaky", "trial_seeds", "9" * 5000),
        ("dying.py?lesson=large-step", "steps_large", "9" * 400),
        ("dying.py?lesson=large-step", "steps_rate", "nan"),
        ("vanishing.py", "small_bias", "1e400"),
        ("autograd.py", "walk_step", f"-{'9' * 400}"),
    ],
)
def test_numbers_beyond_all_bounds_get_a_sentence(
    open_lab: OpenLab, page: str, key: str, text: str
) -> None:
    at = opened(open_lab, page, **{f"view.{key}": text})
    assert not at.exception
    assert len(at.toast) == 1
    assert f"view.{key}" not in at.query_params


def _one_control() -> None:
    import streamlit as st

    from pages.ui.link.linked import linked

    usual = st.session_state["usual"]
    options, low, high = st.session_state["allowed"]
    linked("it", usual, options, low=low, high=high)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=100)
USUALS: list[tuple[Any, Any]] = [
    (3, (None, 1, 20)),
    (0.5, (None, -10, 10)),
    (True, (None, 0, 0)),
    ("a", (("a", "b"), 0, 0)),
    (["a"], (("a", "b"), 0, 0)),
    ("", (None, 0, 0)),
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, st.sampled_from(USUALS))
def test_any_text_is_taken_within_the_bounds_or_refused_with_a_sentence(
    text: str, control: tuple[Any, Any]
) -> None:
    usual, (options, low, high) = control
    at = AppTest.from_function(_one_control)
    at.session_state["usual"], at.session_state["allowed"] = usual, (options, low, high)
    at.query_params["view.it"] = text
    at.run()
    assert not at.exception
    if "it" not in at.session_state:
        assert len(at.toast) == 1
        return
    assert not at.toast
    value = at.session_state["it"]
    assert type(value) is type(usual)
    if options is not None:
        assert set(value) <= set(options)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        assert low <= value <= high


def test_a_link_reaches_no_other_state_of_the_tab(open_lab: OpenLab) -> None:
    at = open_lab("_router.py", **{"view.lab": "x", "view.frame": "x"})
    run = at.session_state["lab"]
    at.query_params["view.lab"] = "y"
    at.run()
    assert not at.exception
    assert at.session_state["lab"] is run


def _many_controls() -> None:
    import streamlit as st

    from pages.ui.link.address import keep_frame, kept
    from pages.ui.link.linked import linked

    if wanted := st.session_state.pop("switch", None):
        kept()["lang"] = wanted
    keep_frame()
    for at in range(30):
        st.slider(f"Control {at}", 0, 9, 1, key=linked(f"control_{at}", 1, low=0, high=9))


def test_a_browser_that_still_sends_the_address_of_before_turns_nothing_back() -> None:
    at = AppTest.from_function(_many_controls)
    at.query_params["lang"] = "en"
    at.run()
    at.slider(key="control_3").set_value(5).run()
    assert at.query_params["view.control_3"] == "5"
    at.session_state["switch"] = "zh"
    at.run()
    at.slider(key="control_3").set_value(7).run()
    for _ in range(4):
        at.query_params["lang"], at.query_params["view.control_3"] = "en", "5"
        at.run()
        assert not at.exception
        assert at.query_params["lang"] == "zh"
        assert at.query_params["view.control_3"] == "7"
        assert at.slider(key="control_3").value == 7


def test_an_address_that_is_new_is_taken_over() -> None:
    at = AppTest.from_function(_many_controls).run()
    at.slider(key="control_3").set_value(5).run()
    at.query_params["view.control_3"] = "8"
    at.run()
    assert at.slider(key="control_3").value == 8
