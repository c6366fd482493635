"""Spot the bug, through AppTest: question, answer, both versions run, the address."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.course.bugs import material
from nndl_core.course.bugs.case import CaseOutcome, code_lines, difference, run
from nndl_core.course.bugs.catalog import CASES
from pages.ui.reading.bug_hunt import HELPERS
from pages.ui.widgets.listing import listing

OpenLab = Callable[..., AppTest]
FIRST = next(iter(CASES))


def opened(open_lab: OpenLab, **parameters: str) -> AppTest:
    at = open_lab("bugs.py", **parameters)
    assert not at.exception
    return at


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def answer(at: AppTest, name: str, line: int) -> AppTest:
    at.selectbox(key=f"line_{name}").set_value(line).run()
    assert not at.exception
    return at


def right_line(name: str) -> int:
    return next(n for n in code_lines(CASES[name]) if difference(CASES[name]).accepts(n))


def wrong_answer(name: str) -> int:
    return next(n for n in code_lines(CASES[name]) if not difference(CASES[name]).accepts(n))


def listings(at: AppTest) -> list[str]:
    bodies = [e.proto.body for e in at.get("html")]
    return [body for body in bodies if body.startswith('<div class="nndl-listing"')]


def progress(at: AppTest) -> str:
    bars = at.get("progress")
    text: str = bars[0].proto.text
    return text


def test_the_page_asks_first_and_shows_only_the_buggy_code(open_lab: OpenLab) -> None:
    at = opened(open_lab)
    assert progress(at) == f"0 of {len(CASES)} found"
    assert at.query_params == {"case": FIRST}
    code, helpers = listings(at)
    assert "named_parameters" in code
    assert "named_modules" not in code
    assert "data-mark" not in code + helpers
    assert not at.metric
    assert CASES[FIRST].explanation not in [m.value for m in at.markdown]


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_found_and_run(open_lab: OpenLab, name: str) -> None:
    at = opened(open_lab, case=name)
    assert at.subheader[0].value == CASES[name].title
    answer(at, name, right_line(name))
    assert progress(at) == f"1 of {len(CASES)} found: {list(CASES).index(name) + 1}"
    assert len(listings(at)) == 3
    assert 'class="new"' in listings(at)[1]
    assert not at.metric
    press(at, "run")
    shown = [m.value for m in at.metric] + [e.value for e in at.error]
    outcomes = [run(CASES[name].buggy), run(CASES[name].fixed)]
    for outcome in outcomes:
        if outcome.value is not None:
            assert f"{outcome.value:.4g}" in shown
    assert len(shown) == 2
    assert CASES[name].explanation in [m.value for m in at.markdown]


def test_a_wrong_answer_gets_the_hint_and_keeps_the_secret(open_lab: OpenLab) -> None:
    at = answer(opened(open_lab, case="order"), "order", wrong_answer("order"))
    assert CASES["order"].hint in at.info[0].value
    assert progress(at) == f"0 of {len(CASES)} found"
    assert len(listings(at)) == 2
    answer(at, "order", right_line("order"))
    assert progress(at).startswith(f"1 of {len(CASES)} found: ")


def test_giving_up_shows_the_answer_but_does_not_count(open_lab: OpenLab) -> None:
    at = press(opened(open_lab, case="gradient"), "show")
    assert len(listings(at)) == 3
    assert progress(at) == f"0 of {len(CASES)} found"
    assert not at.success


def test_the_buggy_code_can_be_run_before_the_answer(open_lab: OpenLab) -> None:
    at = press(opened(open_lab, case="history"), "run")
    assert [m.value for m in at.metric] == ["101"]


def test_an_error_is_shown_as_a_sentence(open_lab: OpenLab) -> None:
    at = press(opened(open_lab, case="load"), "run")
    assert "AttributeError" in at.error[0].value
    assert not at.metric


def test_next_goes_on_and_comes_round(open_lab: OpenLab) -> None:
    at = opened(open_lab)
    answer(at, FIRST, right_line(FIRST))
    for name in [*list(CASES)[1:], FIRST]:
        press(at, "next")
        assert at.selectbox(key="case").value == name
        assert at.query_params == {"case": name}
    assert progress(at) == f"1 of {len(CASES)} found: 1"
    assert len(listings(at)) == 3  # what was found stays found


@pytest.mark.parametrize("value", ["nonsense", "__init__", "<b>x</b>", "9" * 5000])
def test_an_unknown_case_gets_a_sentence(open_lab: OpenLab, value: str) -> None:
    at = opened(open_lab, case=value)
    assert "is not known" in at.warning[0].value
    assert len(at.warning[0].value) < 500
    assert at.selectbox(key="case").value == FIRST
    assert not at.selectbox(key="case").set_value("seed").run().warning


def test_a_listing_escapes_code_and_numbers_its_lines() -> None:
    body = '    """One\n    two <i>."""\n    return "<b>" if x < 1 else ""  # &'
    html = listing(f"def f(x: int) -> str:\n{body}", {4: "wrong", 1: "gap"})
    assert "<b>" not in html
    assert "<i>" not in html
    assert html.count("data-number=") == 4
    assert '<div data-number="4" class="wrong" data-mark="wrong">' in html
    assert '<span class="k">return</span>' in html
    assert html.count("<span") == html.count("</span>") > 10
    for line in html.split("<div data-number=")[1:]:
        assert line.count("<span") == line.count("</span>")


def test_the_helpers_are_those_that_the_cases_call() -> None:
    names = {helper.__name__ for helper in HELPERS}
    called = {
        name
        for case in CASES.values()
        for version in (case.buggy, case.fixed)
        for name in version.__code__.co_names + tuple(_inner_names(version))
    }
    assert called & set(vars(material)) - {"torch", "F", "nn", "Tensor", "Generator"} <= names


def _inner_names(version: Callable[[], float]) -> set[str]:
    inner = (c for c in version.__code__.co_consts if hasattr(c, "co_names"))
    return {name for code in inner for name in code.co_names}


def test_an_outcome_is_plain_data() -> None:
    assert CaseOutcome(1.0) == CaseOutcome(1.0, "")
