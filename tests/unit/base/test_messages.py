"""The catalogs: every text is translated once, with the fields of the English one."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from babel.messages.catalog import Message

from nndl_core.base import i18n
from nndl_core.base.i18n import (
    Language,
    ask_for_language,
    in_all_languages,
    in_mine,
    language_named,
    mark,
    speaking,
    tr,
    trn,
)
from nndl_core.reports.study import _written_estimate
from nndl_core.studies.study import Measure, estimate
from pages.ui.lesson.initialization.tables import trace_sentence
from pages.ui.lesson.study import _interval
from pages.ui.map.theory import agreement_words
from tests.messages import bare_texts, catalog, fields, messages, sources, wrong_calls


@pytest.fixture
def chinese() -> Iterator[None]:
    before = i18n._asked
    ask_for_language(lambda: "zh")
    yield
    ask_for_language(before)


def forms(message: Message) -> list[str]:
    """Return the translations of a message: one, or one for each plural form."""
    said = message.string or ""
    return [said] if isinstance(said, str) else list(said)


def test_no_message_is_put_together_before_it_is_translated() -> None:
    assert not [str(found) for found in wrong_calls(sources())]


def test_every_translation_has_the_fields_of_the_english_text() -> None:
    wrong = [
        text
        for text, message in catalog("zh").items()
        for said in forms(message)
        if fields(said) != fields(text if isinstance(message.id, str) else message.id[1])
    ]
    assert not wrong


def test_a_message_is_said_in_the_readers_language(chinese: None) -> None:
    assert tr("Training lab") == "训练实验室"


def test_english_needs_no_catalog() -> None:
    assert tr("Training lab") == "Training lab"
    assert tr(r"$e^{-3}$") == r"$e^{-3}$"
    assert tr("loss {loss:.2f}", loss=0.5) == "loss 0.50"
    assert [trn("{n} run", "{n} runs", n) for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert mark("text") == "text"


def test_one_thing_is_counted_in_the_singular() -> None:
    judged = SimpleNamespace(agreeing=1, judged=[0], share=1.0, limit=0.7, chance=0.5, best=0.9)
    assert agreement_words(judged).startswith("**1 of 1 cells does as")  # type: ignore[arg-type]
    first = SimpleNamespace(epoch=1, layers=[])
    assert trace_sentence(first) == (  # type: ignore[arg-type]
        "Distinct hidden neurons after 1 update: none."
    )
    measure = Measure("m", "a measure")
    assert _written_estimate(measure, estimate([0.5])) == "0.5 in the one seed."
    assert _interval(estimate([0.5])) == "0.5 in the one seed so far"


def test_a_message_without_translation_stays_english(chinese: None) -> None:
    assert tr("Nobody translated this.") == "Nobody translated this."
    assert tr("") == ""


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh_CN.UTF-8", "zh"),
        ("EN-us", "en"),
        ("C", None),
        ("", None),
    ],
)
def test_a_tag_names_a_language(tag: str, found: Language | None) -> None:
    assert language_named(tag) == found


def test_every_message_is_translated_and_every_translation_is_used() -> None:
    used = {found.text for found in messages(sources())}
    assert len(used) > 1000
    known = catalog("zh").keys()
    assert sorted(used - known) == []
    assert sorted(known - used) == []


def test_no_text_for_people_is_left_out() -> None:
    assert [str(found) for found in bare_texts(sources())] == []


def test_the_check_finds_a_text_that_is_not_translated(tmp_path: Path) -> None:
    path = tmp_path / "page.py"
    path.write_text(
        '''"""A page."""\nst.button("Frobnicate", key="k")\nx = f"{n} frogs in all"\n'''
    )
    assert [found.text for found in bare_texts([path])] == ["Frobnicate", " frogs in all"]


def test_a_text_kept_in_all_languages_is_read_in_each() -> None:
    kept = in_all_languages(lambda: tr("Train loss"))
    assert in_mine(kept) == "Train loss"
    with speaking("zh"):
        assert in_mine(kept) == tr("Train loss") != "Train loss"


@pytest.mark.parametrize(
    "text", ["", "Flat.", "{a", "[1]", "3", "null", '{"en": 1}', '{"fr": "x"}']
)
def test_another_text_is_read_as_it_is(text: str) -> None:
    assert in_mine(text) in (text, "1")
