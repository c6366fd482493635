"""Claims about depth and about the checkpoint that is kept (E2, E11)."""

from __future__ import annotations

from dataclasses import replace

from nndl_core.base.i18n import mark
from nndl_core.course.claims.measures import CLEARLY, COURSE, accuracy, gap
from nndl_core.studies.study import Claim, Condition, Measure

TOPIC = "networks"

CLAIMS = (
    Claim(
        "deeper-is-better",
        TOPIC,
        "E2",
        mark("One more hidden layer (2-5-3-1 instead of 2-5-1) is clearly better."),
        {"2-5-1": COURSE, "2-5-3-1": replace(COURSE, hidden=(5, 3))},
        (
            gap("2-5-3-1", "2-5-1"),
            Measure(
                "train_loss_change",
                mark("train loss: 2-5-3-1 minus 2-5-1"),
                lambda a: a["2-5-3-1"].last.train_loss - a["2-5-1"].last.train_loss,
                paired=True,
            ),
            accuracy("2-5-1", "shallow_accuracy"),
            accuracy("2-5-3-1", "deep_accuracy"),
        ),
        (
            Condition(mark("at least one point more accurate"), "accuracy_gain", "above", CLEARLY),
            Condition(mark("a lower train loss"), "train_loss_change", "below", 0),
        ),
        "false",
        mark(
            "At noise 0.5 after 1000 epochs both networks are as good as a straight line, and "
            "the deeper one has the higher train loss: it starts more slowly."
        ),
        seeds=50,
    ),
    Claim(
        "deeper-pays-at-low-noise",
        TOPIC,
        "E2",
        mark("The extra layer pays where the boundary must bend: noise 0.2 and 5000 epochs."),
        {
            "2-5-1": replace(COURSE, noise=0.2, epochs=5000),
            "2-5-3-1": replace(COURSE, noise=0.2, epochs=5000, hidden=(5, 3)),
        },
        (
            gap("2-5-3-1", "2-5-1"),
            accuracy("2-5-1", "shallow_accuracy"),
            accuracy("2-5-3-1", "deep_accuracy"),
        ),
        (Condition(mark("at least one point more accurate"), "accuracy_gain", "above", CLEARLY),),
        "holds",
        mark(
            "With little noise the moons can be told apart by a curve, and the deeper network "
            "has the time to find it."
        ),
        seeds=50,
    ),
    Claim(
        "best-on-dev-tests-best",
        TOPIC,
        "E11",
        mark("The checkpoint with the best dev score is the one that tests best."),
        {"2-5-1": COURSE},
        (
            Measure(
                "best_minus_last",
                mark("test accuracy: best on dev minus last epoch"),
                lambda a: a["2-5-1"].test_best[0] - a["2-5-1"].test_last[0],
                paired=True,
            ),
            Measure(
                "best_epoch", mark("epoch of the best dev score"), lambda a: a["2-5-1"].best_epoch
            ),
            accuracy("2-5-1", "last_accuracy"),
        ),
        (Condition(mark("tests better than the last epoch"), "best_minus_last", "above", 0),),
        "false",
        mark(
            "Choosing one of 1000 evaluations on 160 points chooses luck: the winner is an early "
            "epoch, and it tests worse than the last one."
        ),
        seeds=100,
    ),
)
