"""The claim about autograd (E4)."""

from __future__ import annotations

from dataclasses import replace

from nndl_core.base.i18n import mark
from nndl_core.course.claims.measures import COURSE
from nndl_core.studies.study import Arms, Claim, Condition, Measure
from nndl_core.theory.gradient_check import largest_difference, seconds_per_1000_epochs

TOPIC = "autograd"


def _gradients_compared(arms: Arms) -> dict[str, float]:
    """Measure both ways to the gradient on one config: how far apart, and how fast."""
    config = arms["2-5-1"]
    by_hand = seconds_per_1000_epochs(config, "by_hand")
    return {
        "difference64": largest_difference(replace(config, dtype="float64")),
        "difference32": largest_difference(config),
        "time_ratio": seconds_per_1000_epochs(config, "by_autograd") / by_hand,
        "by_hand_seconds": by_hand,
    }


CLAIMS = (
    Claim(
        "autograd-is-better",
        TOPIC,
        "E4",
        mark("Autograd is better than the hand-derived gradient, in time and in result."),
        {"2-5-1": COURSE},
        (
            Measure("time_ratio", mark("time: autograd / by hand"), geometric=True),
            Measure("by_hand_seconds", mark("by hand, 1000 epochs"), unit="s"),
            Measure("difference64", mark("largest difference of two gradients, float64")),
            Measure("difference32", mark("largest difference of two gradients, float32")),
        ),
        (
            Condition(mark("autograd is faster"), "time_ratio", "below", 1),
            Condition(mark("the gradients differ beyond rounding"), "difference64", "above", 1e-12),
        ),
        "false",
        mark(
            "Both give the same gradient to the last digits, and the formulas are the faster "
            "way. What autograd saves is the derivation and its mistakes."
        ),
        seeds=5,
        trial=_gradients_compared,
    ),
)
