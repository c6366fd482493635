"""E5, E6: the first weights."""

from __future__ import annotations

from dataclasses import replace

from nndl_core.base.i18n import mark
from nndl_core.course.claims.measures import COURSE
from nndl_core.course.lessons.lesson import HEALTHY, Lesson, Question

LESSONS = (
    Lesson(
        "zeros",
        "initialization",
        "E5",
        mark("All weights zero"),
        mark(
            "Every neuron of a layer starts equal, receives an equal gradient, and stays equal. "
            "The chapter stops after five epochs and says that nothing is learned."
        ),
        Question(
            mark("With sigmoid neurons and all weights zero, what happens in 2000 epochs?"),
            (
                mark("Nothing: the accuracy stays at 50 %"),
                mark("The five neurons learn as one"),
                mark("The neurons slowly become different"),
            ),
            1,
            mark(
                "sigmoid(0) is 0.5, not 0: the last layer gets a gradient, then the first. All "
                "five neurons get the same one, so the network is one neuron five times over."
            ),
        ),
        {
            mark("all zeros"): replace(
                COURSE, init="zeros", data_seed=9, epochs=2000, dtype="float64"
            ),
            "N(0, 1)": replace(COURSE, data_seed=9, epochs=2000, dtype="float64"),
        },
        {"all zeros": frozenset({"symmetric_units"}), "N(0, 1)": HEALTHY},
        ("zeros-learn-nothing", "equal-neurons-cost-accuracy", "zeros-move-the-last-bias-only"),
        ("nndl_core.network.model:MLP.init_weights", "nndl_core.engine.telemetry:count_distinct"),
        knobs=("activation", "learning_rate", "epochs", "noise", "data_seed", "init_seed"),
        panels=("loss", "accuracy", "boundary", "units"),
    ),
    Lesson(
        "spread",
        "initialization",
        "E6",
        mark("Gaussian or uniform"),
        mark(
            "The chapter draws N(0, 1) and U(-1, 1) side by side. Their shapes differ, and so do "
            "their standard deviations: 1 and 0.577."
        ),
        Question(
            mark(
                "Uniform weights of the same standard deviation as the Gaussian ones: who trains "
                "better?"
            ),
            (mark("Gaussian"), mark("Uniform"), mark("Over many seeds neither")),
            2,
            mark("Forward and backward pass add up many weights: what counts is their variance."),
        ),
        {
            "N(0, 1)": COURSE,
            "U(-1, 1)": replace(COURSE, init="uniform"),
        },
        {"N(0, 1)": HEALTHY, "U(-1, 1)": HEALTHY},
        ("spread-not-shape",),
        ("nndl_core.network.initializers",),
        knobs=("activation", "learning_rate", "epochs", "noise", "data_seed", "init_seed"),
        panels=("loss", "accuracy", "gradients", "activations"),
    ),
)
