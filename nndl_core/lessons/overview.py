"""All lessons as one Markdown text for teachers, written from the same data as the pages."""

from __future__ import annotations

from collections.abc import Iterator

from nndl_core.config import KNOBS, RunConfig
from nndl_core.i18n import mark, tr
from nndl_core.lessons import LESSONS, TOPICS, claims_of, lessons_of
from nndl_core.lessons.lesson import Lesson
from nndl_core.lessons.measured import signs_sentence
from nndl_core.study import Claim, Verdict

VERDICTS: dict[Verdict, str] = {
    "holds": "holds",
    "conditional": mark("holds only in part"),
    "false": mark("does not hold"),
    "undecided": mark("is undecided"),
}


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
            parts += [f"## {topic.title}", topic.intro]
        for lesson in lessons:
            parts += _lesson(lesson)
    return "\n\n".join(parts) + "\n"


def _lesson(lesson: Lesson) -> Iterator[str]:
    question = lesson.question
    yield f"### {lesson.title} ({lesson.experiment})"
    yield f"Page `/{lesson.topic}?lesson={lesson.name}`. {lesson.story}"
    yield "\n".join(f"- {_arm(lesson, name, config)}" for name, config in lesson.arms.items())
    yield f"**Question.** {question.text}"
    yield f"**Answer.** {question.options[question.answer]}. {question.because}"
    yield "\n".join(f"- {_claim(claim)}" for claim in claims_of(lesson))


def _arm(lesson: Lesson, name: str, config: RunConfig) -> str:
    changed = config.to_url().items()
    settings = ", ".join(f"{KNOBS[n].label.lower()} {v}" for n, v in changed)
    shown = lesson.shows[name]
    words = f"Signs: {signs_sentence(shown)}." if shown else tr("Healthy.")
    return f"**{name}**: {settings or tr('the defaults')}. {words}"


def _claim(claim: Claim) -> str:
    return (
        f"`{claim.name}`: *{claim.text}* It {VERDICTS[claim.verdict]} ({claim.seeds} seeds). "
        f"{claim.truth}"
    )
