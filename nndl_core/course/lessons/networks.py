"""E1, E2, E11: one hidden layer or two."""

from __future__ import annotations

from dataclasses import replace

from nndl_core.base.i18n import mark
from nndl_core.course.claims.measures import COURSE
from nndl_core.course.lessons.lesson import HEALTHY, Lesson, Question

LESSONS = (
    Lesson(
        "depth",
        "networks",
        "E1, E2, E11",
        mark("One hidden layer or two"),
        mark(
            "Both networks train on the same 640 points from the same seeds. The chapter adds a "
            "hidden layer of three neurons and finds the result clearly better."
        ),
        Question(
            mark("After 1000 epochs, which network is more accurate on the test set?"),
            (
                mark("2-5-3-1, clearly: by a point or more"),
                mark("2-5-1, clearly: by a point or more"),
                mark("Over many seeds neither"),
            ),
            2,
            mark(
                "At noise 0.5 the two moons overlap so much that a straight line is as good as "
                "either network. One run may favor either of them: look at many seeds."
            ),
        ),
        {"2-5-1": COURSE, "2-5-3-1": replace(COURSE, hidden=(5, 3))},
        {"2-5-1": HEALTHY, "2-5-3-1": HEALTHY},
        ("deeper-is-better", "deeper-pays-at-low-noise", "best-on-dev-tests-best"),
        ("nndl_core.network.model:MLP", "nndl_core.engine.runner:Runner.train"),
    ),
)
