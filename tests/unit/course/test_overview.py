"""The pages of all lessons in docs are the ones that the lessons' data give."""

import re

import pytest

from nndl_core.base.i18n import Language, speaking
from nndl_core.course.claims import CLAIMS
from nndl_core.course.lessons import LESSONS
from nndl_core.course.lessons.overview import DOCS, PAGES, overview


@pytest.mark.parametrize(("language", "name"), PAGES.items())
def test_the_page_in_docs_is_up_to_date(language: Language, name: str) -> None:
    with speaking(language):
        assert (DOCS / name).read_text(encoding="utf-8") == overview(), "run `make lessons`"


def test_it_names_every_lesson_and_every_claim_that_a_lesson_tests() -> None:
    text = overview()
    for lesson in LESSONS.values():
        assert f"?lesson={lesson.name}`" in text
        assert lesson.question.because in text
        for name in lesson.claims:
            assert f"`{name}`: *{CLAIMS[name].text}*" in text


def test_the_chinese_page_says_the_same_of_the_same_lessons() -> None:
    with speaking("zh"):
        chinese = overview()
    english = overview()
    assert re.findall("`[^`]+`", chinese) == re.findall("`[^`]+`", english)
    assert chinese.count("\n\n") == english.count("\n\n")
    assert not re.findall(r"\b[A-Za-z]+(?: [A-Za-z]+){2,}", re.sub("`[^`]+`", "", chinese))
