"""All lessons as one Markdown text for teachers, written from the same data as the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.base.i18n import Language, mark, speaking, tr
from nndl_core.course.lessons import LESSONS, TOPICS, claims_of, lessons_of
from nndl_core.course.lessons.lesson import Lesson
from nndl_core.course.lessons.measured import signs_sentence
from nndl_core.studies.study import Claim, Verdict

VERDICTS: dict[Verdict, str] = {
    "holds": mark("It holds ({seeds} seeds)."),
    "conditional": mark("It holds only in part ({seeds} seeds)."),
    "false": mark("It does not hold ({seeds} seeds)."),
    "undecided": mark("It is undecided ({seeds} seeds)."),
}
PAGES: dict[Language, str] = {"en": "lessons.md", "zh": "lessons.zh.md"}
DOCS = Path(__file__).parents[3] / "docs"


def write_pages() -> None:
    """Write the page in docs, once in every language."""
    for language, name in PAGES.items():
        with speaking(language):
            (DOCS / name).write_text(overview(), encoding="utf-8")


def overview() -> str:
    """Write every lesson with its runs, its question and answer, and its claims."""
    claims = len({name for lesson in LESSONS.values() for name in lesson.claims})
    parts = [
        tr("# The lessons"),
        tr(
            "{count} lessons with {claims} claims, written by `make lessons` from the data that "
            "the pages read. The answers stand here: this page is for teachers. Every sign and "
            "every verdict is what the test suite finds when it trains the runs over many seeds.",
            count=len(LESSONS),
            claims=claims,
        ),
    ]
    for topic in TOPICS.values():
        lessons = lessons_of(topic.name)
        if lessons:
            parts += [f"## {tr(topic.title)}", tr(topic.intro)]
        for lesson in lessons:
            parts += _lesson(lesson)
    return "\n\n".join(parts) + "\n"


def _lesson(lesson: Lesson) -> Iterator[str]:
    question = lesson.question
    address = f"`/{lesson.topic}?lesson={lesson.name}`"
    yield tr("### {title} ({experiment})", title=tr(lesson.title), experiment=lesson.experiment)
    yield tr("Page {address}. {story}", address=address, story=tr(lesson.story))
    yield "\n".join(f"- {_arm(lesson, name, config)}" for name, config in lesson.arms.items())
    yield tr("**Question.** {question}", question=tr(question.text))
    yield tr(
        "**Answer.** {answer}. {because}",
        answer=tr(question.options[question.answer]),
        because=tr(question.because),
    )
    yield "\n".join(f"- {_claim(claim)}" for claim in claims_of(lesson))


def _arm(lesson: Lesson, name: str, config: RunConfig) -> str:
    changed = config.to_url().items()
    settings = tr(", ").join(f"{tr(KNOBS[n].label).lower()} {v}" for n, v in changed)
    shown = lesson.shows[name]
    signs = tr("Signs: {signs}.", signs=signs_sentence(shown)) if shown else tr("Healthy.")
    return tr(
        "**{arm}**: {settings}. {signs}",
        arm=tr(name),
        settings=settings or tr("the defaults"),
        signs=signs,
    )


def _claim(claim: Claim) -> str:
    verdict = tr(VERDICTS[claim.verdict], seeds=claim.seeds)
    return tr(
        "{name}: *{claim}* {verdict} {truth}",
        name=f"`{claim.name}`",
        claim=tr(claim.text),
        verdict=verdict,
        truth=tr(claim.truth),
    )
