"""Claims about the first weights (E5, E6)."""

from __future__ import annotations

import math
from dataclasses import replace

from nndl_core.base.i18n import mark
from nndl_core.course.claims.measures import (
    CLEARLY,
    COURSE,
    accuracy,
    gap,
    last_accuracy,
    output_bias_moved,
    weights_and_hidden_biases_moved,
)
from nndl_core.studies.study import Claim, Condition, Measure

TOPIC = "initialization"

# In float32 rounding can break the symmetry at so large a learning rate.
BENT = replace(COURSE, noise=0.1, learning_rate=5, epochs=2000, dtype="float64")

CLAIMS = (
    Claim(
        "zeros-learn-nothing",
        TOPIC,
        "E5",
        mark("With all weights zero nothing is learned: the accuracy stays at 50 %."),
        {
            "zeros, 5 epochs": replace(COURSE, init="zeros", epochs=5),
            "zeros, 2000 epochs": replace(COURSE, init="zeros", epochs=2000),
            "N(0, 1), 2000 epochs": replace(COURSE, epochs=2000),
        },
        (
            accuracy(mark("zeros, 5 epochs"), "early_accuracy"),
            accuracy(mark("zeros, 2000 epochs"), "late_accuracy"),
            accuracy("N(0, 1), 2000 epochs", "random_accuracy"),
            Measure(
                "distinct_units",
                mark("distinct hidden units of 5 at the end"),
                lambda a: a["zeros, 2000 epochs"].last.layers[0].distinct_units,
            ),
        ),
        (
            Condition(mark("at chance after 5 epochs"), "early_accuracy", "below", 0.55),
            Condition(mark("still at chance after 2000"), "late_accuracy", "below", 0.55),
        ),
        "conditional",
        mark(
            "True for the five epochs that the chapter prints. After 2000 the five equal "
            "neurons, which work as one, are as accurate as a random start on these noisy moons."
        ),
        seeds=20,
    ),
    Claim(
        "equal-neurons-cost-accuracy",
        TOPIC,
        "E5",
        mark("Equal neurons cost accuracy where the boundary must bend."),
        {
            "zeros": replace(BENT, init="zeros"),
            "N(0, 1)": BENT,
        },
        (
            gap("N(0, 1)", mark("zeros")),
            accuracy("zeros", "zeros_accuracy"),
            accuracy("N(0, 1)", "random_accuracy"),
        ),
        (Condition(mark("at least five points"), "accuracy_gain", "above", 0.05),),
        "holds",
        mark("At noise 0.1 the moons need a curve. Five equal neurons draw one straight line."),
    ),
    Claim(
        "zeros-move-the-last-bias-only",
        TOPIC,
        "E5",
        mark("From all zeros, tanh and ReLU networks only ever move the last bias."),
        {
            "tanh": replace(COURSE, init="zeros", activation="tanh"),
            "ReLU": replace(COURSE, init="zeros", activation="relu"),
        },
        (
            Measure(
                "others_moved",
                mark("largest change of any other parameter, both networks"),
                lambda a: max(weights_and_hidden_biases_moved(o) for o in a.values()),
            ),
            Measure(
                "bias_moved",
                mark("change of the last bias, both networks' smaller"),
                lambda a: min(output_bias_moved(o) for o in a.values()),
            ),
        ),
        (
            Condition(mark("no other parameter moves at all"), "others_moved", "equals", 0),
            Condition(mark("the last bias moves"), "bias_moved", "above", 0),
        ),
        "holds",
        mark(
            "tanh(0) and ReLU(0) are 0: the last layer sees no input, the layers below no "
            "gradient. On exactly balanced data even the last bias stays, up to rounding."
        ),
    ),
    Claim(
        "spread-not-shape",
        TOPIC,
        "E6",
        mark("Gaussian and uniform weights of equal spread train alike."),
        {
            "N(0, 1)": COURSE,
            "U(-√3, √3)": replace(COURSE, init="uniform", init_scale=math.sqrt(3)),
        },
        (
            Measure(
                "accuracy_gap",
                mark("test accuracy: uniform minus Gaussian"),
                lambda a: last_accuracy(a["U(-√3, √3)"]) - last_accuracy(a["N(0, 1)"]),
                paired=True,
            ),
            Measure(
                "loss_gap",
                mark("train loss: uniform minus Gaussian"),
                lambda a: a["U(-√3, √3)"].last.train_loss - a["N(0, 1)"].last.train_loss,
                paired=True,
            ),
        ),
        (Condition(mark("within one point of accuracy"), "accuracy_gap", "within", CLEARLY),),
        "holds",
        mark(
            "What counts is the standard deviation. U(-1, 1) beside N(0, 1) compares 0.577 with 1."
        ),
        seeds=50,
    ),
)
