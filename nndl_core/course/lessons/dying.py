"""E9, E10: units that are exactly flat."""

from __future__ import annotations

from dataclasses import replace

from nndl_core.base.i18n import mark
from nndl_core.course.claims.measures import DYING_NET, SANE_RELU
from nndl_core.course.lessons.lesson import HEALTHY, Lesson, Question

HEALTHY_RELU = replace(SANE_RELU, epochs=1000)
LESSONS = (
    Lesson(
        "dying",
        "dying",
        "E9",
        mark("Dead from the start"),
        mark(
            "The five-layer ReLU network with every bias at -8: no unit ever fires. Beside it "
            "the same seeds with a sane start."
        ),
        Question(
            mark("All ReLUs are dead. What can training still change?"),
            (
                mark("Nothing at all"),
                mark("One number: the output bias"),
                mark("The biases of all layers"),
            ),
            1,
            mark(
                "The output unit has no ReLU. Its bias still gets a gradient and lowers the loss "
                "until the constant guess is as good as a constant can be."
            ),
        ),
        {"b = -8": DYING_NET, "b = 0.1, He": SANE_RELU},
        {
            "b = -8": frozenset({"dead_layer", "zero_gradient", "at_chance"}),
            "b = 0.1, He": HEALTHY,
        },
        ("dead-relu-cannot-update", "a-small-negative-bias-kills"),
        ("nndl_core.network.gradients:by_hand", "nndl_core.theory.dead_units:dead_start"),
        knobs=("hidden", "learning_rate", "epochs", "data_seed", "init_seed"),
        panels=("gradients", "units", "loss", "accuracy"),
    ),
    Lesson(
        "leaky",
        "dying",
        "E10",
        mark("Leaky ReLU as a remedy"),
        mark(
            "The dead network with a small slope below zero instead of none: the gradients are "
            "no longer exactly zero."
        ),
        Question(
            mark("With Leaky ReLU (slope 0.01) and b = -8, does the network recover?"),
            (mark("Yes: its gradients are back"), mark("No: they are back and far too small")),
            1,
            mark(
                "Each of the four hidden layers multiplies the gradient by the slope 0.01 and by "
                "weights of size 0.01."
            ),
        ),
        {"ReLU": DYING_NET, "Leaky ReLU": replace(DYING_NET, activation="leaky_relu")},
        {
            "ReLU": frozenset({"dead_layer", "zero_gradient", "at_chance"}),
            "Leaky ReLU": frozenset({"vanishing_gradient", "at_chance"}),
        },
        ("leaky-relu-is-a-remedy", "slope-to-the-fourth", "sane-start-is-the-remedy"),
        (
            "nndl_core.network.activations",
            "nndl_core.theory.dead_units:slope_law",
            "nndl_core.studies.relu_remedies",
        ),
        knobs=(
            "slope",
            "bias",
            "init_scale",
            "learning_rate",
            "epochs",
            "data_seed",
            "init_seed",
        ),
        panels=("gradients", "units", "loss", "accuracy"),
    ),
    Lesson(
        "large-step",
        "dying",
        "E10",
        mark("The natural way to die"),
        mark(
            "A healthy ReLU network, He's scale and biases at 0.1. The only difference is the "
            "learning rate. Step through the first epochs."
        ),
        Question(
            mark("A learning rate of 5: what happens to the units?"),
            (
                mark("They learn faster"),
                mark("The loss becomes infinite"),
                mark("Many die in the first steps"),
            ),
            2,
            mark(
                "One large step throws biases and weights so far that no training point reaches "
                "the unit again. Its gradient is exactly zero from then on."
            ),
        ),
        {"lr 0.1": HEALTHY_RELU, "lr 5": replace(HEALTHY_RELU, learning_rate=5)},
        {"lr 0.1": HEALTHY, "lr 5": frozenset({"dead_layer", "zero_gradient", "at_chance"})},
        ("one-large-step-kills",),
        ("nndl_core.studies.large_steps:large_steps", "nndl_core.network.optimizers"),
        knobs=("hidden", "epochs", "data_seed", "init_seed"),
        panels=("units", "loss", "gradients", "boundary"),
    ),
)
