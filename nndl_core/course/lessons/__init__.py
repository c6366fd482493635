"""The lessons: the chapter's experiments as data, with the signs and the claims each must show."""

from __future__ import annotations

from typing import Any

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.base.i18n import mark
from nndl_core.course.claims import CLAIMS
from nndl_core.course.lessons import dying, initialization, networks, vanishing
from nndl_core.course.lessons.lesson import Lesson, Topic
from nndl_core.studies.study import Arms, Claim

TOPICS: dict[str, Topic] = {
    t.name: t
    for t in (
        Topic(
            "networks",
            mark("Networks and the Runner"),
            mark(
                "Two networks on the same moons from the same seeds: what does "
                "one more layer bring?"
            ),
        ),
        Topic(
            "autograd",
            mark("Autograd against your own derivative"),
            mark("The gradient by hand and by autograd, number by number."),
        ),
        Topic(
            "initialization",
            mark("Initialization"),
            mark("All zeros, Gaussian or uniform: what the first weights decide."),
        ),
        Topic(
            "vanishing",
            mark("Vanishing gradient"),
            mark(
                "On its way back through five layers the gradient loses decades. What takes them?"
            ),
        ),
        Topic(
            "dying",
            mark("Dying ReLU"),
            mark("A unit that is exactly flat on every training point learns nothing any more."),
        ),
    )
}

LESSONS: dict[str, Lesson] = {
    lesson.name: lesson
    for module in (networks, initialization, vanishing, dying)
    for lesson in module.LESSONS
}


def lessons_of(topic: str) -> list[Lesson]:
    """Return the lessons of a topic in the order of the chapter."""
    return [lesson for lesson in LESSONS.values() if lesson.topic == topic]


def claims_of(lesson: Lesson) -> list[Claim]:
    """Return the claims that a lesson tests."""
    return [CLAIMS[name] for name in lesson.claims]


def with_knobs(lesson: Lesson, changed: dict[str, object]) -> Arms:
    """Return the arms with the learner's settings, but for what makes the arms differ.

    Raises ConfigError with one sentence for a value that is not possible.
    """
    free = common_settings(lesson)
    settings = {n: v for n, v in changed.items() if n in lesson.knobs and n in free}
    return {
        name: RunConfig.from_dict({**vars(config), **settings})
        for name, config in lesson.arms.items()
    }


def common_settings(lesson: Lesson) -> dict[str, Any]:
    """Return the settings in which all arms of a lesson agree."""
    first, *others = lesson.arms.values()
    same = (n for n in KNOBS if all(getattr(o, n) == getattr(first, n) for o in others))
    return {name: getattr(first, name) for name in same}
