"""The reference page through AppTest: search, areas, and links to the pages that there are."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.course.reference import Call, calls, terms
from pages.ui.reading.limits import limits
from pages.ui.reading.reference_parts import calls_table

ROUTER = Path(__file__).resolve().parents[2] / "pages" / "_router.py"


@pytest.fixture
def page() -> AppTest:
    at = AppTest.from_file(ROUTER, default_timeout=60)
    at.switch_page("reference.py")
    at.run()
    assert not at.exception
    return at


def table(at: AppTest) -> str:
    bodies: list[str] = [e.proto.body for e in at.get("html")]
    return next((body for body in bodies if body.startswith('<div class="nndl-calls"')), "")


def captions(at: AppTest) -> list[str]:
    return [caption.value for caption in at.caption]


def test_the_page_shows_every_call_and_every_term(page: AppTest) -> None:
    assert table(page).count('<div class="row" role="row">') == len(calls())
    shown = [m.value for m in page.markdown]
    for term in terms():
        assert f"**{term.name}**: {term.text}" in shown


def test_every_term_of_a_page_that_there_is_has_a_link(page: AppTest) -> None:
    offered = {"lab", "initialization", "bugs", "reference"}
    links = [link.proto for link in page.get("page_link")]
    assert len(links) >= sum(term.page in offered for term in terms())
    assert "Training lab" in {link.label for link in links}
    assert any("case=logits" in link.query_string for link in links)


def test_search_and_area_narrow_the_table(page: AppTest) -> None:
    page.text_input(key="call_words").set_value("zero_grad").run()
    assert table(page).count('<div class="row" role="row">') == 1
    assert captions(page) == [f"1 of {len(calls())} calls"]
    page.text_input(key="call_words").set_value("").run()
    page.button_group(key="area").select("Files").run()
    expected = sum(call.area == "Files" for call in calls())
    assert table(page).count('<div class="row" role="row">') == expected


def test_a_search_without_result_says_so(page: AppTest) -> None:
    page.text_input(key="call_words").set_value("<script> nothing").run()
    page.text_input(key="term_words").set_value("nothing at all").run()
    assert not page.exception
    assert table(page) == ""
    assert len(page.info) == 2


def test_the_table_escapes_text_and_marks_code() -> None:
    row = Call("A", "a < b", "p<0>", "t & u", ("torch.nn",), "see `x < 1` & <b>.")
    html = calls_table([row])
    assert "a &lt; b" in html
    assert "<code>p&lt;0&gt;</code>" in html
    assert "see <code>x &lt; 1</code> &amp; &lt;b&gt;." in html


def test_the_limits_are_stated_as_they_are_enforced(page: AppTest) -> None:
    shown = " ".join(e.proto.body for e in page.get("html"))
    for what, most in limits():
        assert f">{escape(what)}<" in shown
        assert f">{most}<" in shown
    for name, bound in (("points", 5000), ("epochs", 100_000)):
        with pytest.raises(ConfigError, match=name):
            RunConfig.from_dict({name: bound + 1})
        assert f"{bound:,}" in shown
