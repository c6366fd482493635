"""The pages of bugs, the reference and the steps of a walk, read by somebody who reads Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import speaking, tr
from nndl_core.course.bugs.catalog import CASES
from nndl_core.course.reference import terms
from nndl_core.course.walkthrough.case import case_of, pen_and_paper
from nndl_core.course.walkthrough.steps import walk

ROUTER = Path(__file__).resolve().parents[2] / "pages" / "_router.py"
CODE = re.compile(r"(?s)`[^`]*`|<style>.*?</style>|<code>.*?</code>|<svg.*?</svg>")
ENGLISH = re.compile(r"\b[A-Za-z][a-z']+,?(?: [a-z][a-z']*,?){3,}")
"""Four words of prose in a row; names of the code have dots, digits or underscores."""
NO_TEXT = {"id", "icon", "anchor", "queryString", "page", "script", "url", "fileId"}


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    """Let the test itself read Chinese; a page runs in a thread that only knows its session."""
    with speaking("zh"):
        yield


def opened(page: str, **parameters: str) -> AppTest:
    at = AppTest.from_file(ROUTER, default_timeout=120)
    at.switch_page(page)
    for name, value in {"lang": "zh", **parameters}.items():
        at.query_params[name] = value
    return looked_at(at.run())


def looked_at(at: AppTest) -> AppTest:
    assert not at.exception
    return at


def texts(block: Any) -> Iterator[str]:
    """Yield every string that a page sends to the browser, but for programs and their lines."""
    for part in block.children.values():
        if part.proto is not None and not is_listing(part.proto):
            yield from strings(MessageToDict(part.proto))
        if hasattr(part, "children"):
            yield from texts(part)


def is_listing(proto: Any) -> bool:
    body = getattr(proto, "body", "")
    return 'class="nndl-listing"' in body or "line_" in getattr(proto, "id", "")


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, entry in value.items():
            if name not in NO_TEXT:
                yield from strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from strings(entry)


def english(said: Iterator[str] | list[str]) -> list[str]:
    """Find the runs of English prose in texts."""
    return [found.group() for text in said for found in ENGLISH.finditer(CODE.sub("", text))]


def test_the_oracle_finds_english_prose() -> None:
    assert english(["梯度 Go back to the page 梯度", "fc1.weight", "`all of this is code`"]) == [
        "Go back to the page"
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_bug_is_told_in_chinese_until_it_is_found_and_after(name: str) -> None:
    at = opened("bugs.py", case=name)
    assert english(texts(at._tree)) == []
    assert tr(CASES[name].title) in [heading.value for heading in at.subheader]
    looked_at(at.selectbox(key=f"line_{name}").set_value(1).run())
    looked_at(at.button(key="show").click().run())
    looked_at(at.button(key="run").click().run())
    said = [text for text in texts(at._tree) if not re.match(r"\w+Error", text)]  # Python's own
    assert english(said) == []
    assert any(tr(CASES[name].explanation) in text for text in said)


def test_the_reference_is_in_chinese_and_is_searched_in_chinese() -> None:
    at = opened("reference.py")
    assert set(english(texts(at._tree))) <= {term.name for term in terms()}  # given beside
    shown = [markdown.value for markdown in at.markdown]
    for term in terms():
        assert any(f"**{tr(term.name)}" in text and tr(term.text) in text for text in shown)
    looked_at(at.text_input(key="call_words").set_value("交叉熵").run())
    assert any("binary_cross_entropy" in text for text in texts(at._tree))
    labels = {tab.label for tab in at.tabs}
    assert len(labels) == 3
    assert all(re.search(r"[\u4e00-\u9fff]", label) for label in labels), labels


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_every_step_of_a_walk_is_told_in_chinese(loss: str) -> None:
    for step in [*walk(pen_and_paper()), *walk(case_of(RunConfig.from_dict({"loss": loss})))]:
        assert re.search(r"[\u4e00-\u9fff]", step.name), step.name
        assert re.search(r"[\u4e00-\u9fff]", step.sentence), step.sentence
        assert not english([step.name, step.sentence])
        assert "。。" not in step.sentence
