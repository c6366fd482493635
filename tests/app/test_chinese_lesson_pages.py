"""The lessons' pages in Chinese: no English prose is left in what they show."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from nndl_core.base.i18n import speaking
from nndl_core.course.bugs.catalog import CASES
from nndl_core.course.lessons import LESSONS
from nndl_core.course.lessons.lesson import Lesson
from nndl_core.course.reference import terms
from pages.ui.autograd.sections import RESULTS, TIMES
from pages.ui.link.language import KEY

PAGES = Path(__file__).resolve().parents[2] / "pages"
SILENT = {
    *("id", "key", "element_id", "form_id", "icon", "language", "html_content"),
    *("js_content", "css_content", "query_param_key", "url_pathname"),
}
"""Fields of an element that nobody reads."""
CODE = re.compile(
    r"<style>.*?</style>|<code>.*?</code>|<div class=\"nndl-listing\">.*?</code></div>"
    r"|`[^`]*`|\$[^$]+\$|\]\([^)]*\)|\w+:[^.。]*=[^.。]*|\w+ \S+ → \S+",
    re.DOTALL,
)
PROSE = re.compile(r"[A-Za-z]{2,}(?:,? [A-Za-z]{2,}){2,}")

QUOTED = {"object has no attribute", *(term.name for term in terms())}
"""What stays English: an error of Python's, and the glossary's terms beside the Chinese ones."""


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    """AppTest finds a chosen option by its text, in the test's own thread."""
    with speaking("zh"):
        yield


def opened(page: str, language: str = "zh", **parameters: str) -> AppTest:
    """Open a page as a tab whose switch stands at a language."""
    at = AppTest.from_file(PAGES / f"{page}.py", default_timeout=120)
    at.session_state[KEY] = language
    for name, value in parameters.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def elements(block: Any) -> Iterator[Message]:
    """Yield what is drawn on a page, and the blocks around it, whose labels are read too."""
    for child in block.children.values():
        proto = getattr(child, "proto", None)
        if isinstance(proto, Message):
            yield proto
        if hasattr(child, "children"):
            yield from elements(child)


def strings(value: Any) -> Iterator[str]:
    """Yield every text inside a message, a figure's description among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Message):
        for field, inner in value.ListFields():
            if field.name == "spec":
                yield from strings(json.loads(inner))
            elif field.name not in SILENT:
                yield from strings(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("template", "bdata", "dtype"):
                yield from strings(inner)
    elif hasattr(value, "__iter__") and not isinstance(value, bytes):
        for inner in value:
            yield from strings(inner)


def english(at: AppTest) -> set[str]:
    """Return the runs of three and more English words that a page shows outside of code."""
    found: set[str] = set()
    for proto in elements(at._tree):
        if type(proto).__name__ == "Code":
            continue
        for text in strings(proto):
            if "nndl-listing" in text:
                continue
            plain = re.sub(r"<[^>]*?(?:alt|title)=\"([^\"]*)\"[^>]*>", r"|\1|", CODE.sub("|", text))
            found |= set(PROSE.findall(re.sub("<[^>]*>", "|", plain)))
    return found - QUOTED


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
def test_a_lesson_is_in_chinese(lesson: Lesson) -> None:
    at = opened(lesson.topic, lesson=lesson.name)
    at.radio(key=f"{lesson.name}_answer").set_value(lesson.question.answer)
    at.button(key="step").click().run()
    assert not at.exception
    assert english(at) == set()


def test_autograd_is_in_chinese() -> None:
    at = opened("autograd")
    at.radio(key="ask_result").set_value(RESULTS[1])
    at.radio(key="ask_time").set_value(TIMES[0]).run()
    for step in range(1, 14):
        at.slider(key="walk_step").set_value(step).run()
        assert not at.exception
        assert english(at) == set()


@pytest.mark.parametrize("case", CASES)
def test_a_bug_is_in_chinese(case: str) -> None:
    at = opened("bugs", case=case)
    at.button(key="show").click().run()
    at.button(key="run").click().run()
    assert not at.exception
    assert english(at) == set()


@pytest.mark.parametrize("page", ["reference", "gallery"])
def test_a_page_is_in_chinese(page: str) -> None:
    assert english(opened(page)) == set()


@pytest.mark.parametrize("page", ["networks", "reference", "bugs"])
def test_the_oracle_sees_english(page: str) -> None:
    assert len(english(opened(page, "en"))) > 10
