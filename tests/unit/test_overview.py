"""The page of all lessons in docs is the one that the lessons' data give."""

from pathlib import Path

from nndl_core.claims import CLAIMS
from nndl_core.lessons import LESSONS
from nndl_core.lessons.overview import overview

PAGE = Path(__file__).parents[2] / "docs" / "lessons.md"


def test_the_page_in_docs_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == overview(), "run `make lessons`"


def test_it_names_every_lesson_and_every_claim_that_a_lesson_tests() -> None:
    text = overview()
    for lesson in LESSONS.values():
        assert f"?lesson={lesson.name}`" in text
        assert lesson.question.because in text
        for name in lesson.claims:
            assert f"`{name}`: *{CLAIMS[name].text}*" in text
