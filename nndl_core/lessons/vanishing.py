"""E7, E8: the gradient on its way back."""

from __future__ import annotations

from dataclasses import replace

from nndl_core.claims.measures import FIVE_LAYERS, XAVIER
from nndl_core.lessons.lesson import HEALTHY, Lesson, Question

LESSONS = (
    Lesson(
        "vanishing",
        "vanishing",
        "E7, E8",
        "Five layers, sigmoid against ReLU",
        "2-3-3-3-3-1 with weights of standard deviation 0.01 and every bias 1, the same "
        "weights in both networks. Look at the gradient norms: the axis is logarithmic.",
        Question(
            "Does the ReLU network learn the moons in 5000 epochs?",
            ("Yes, ReLU cures the vanishing gradient", "No, its gradient has vanished too"),
            1,
            "ReLU passes the slope on unharmed, but each layer still multiplies the gradient "
            "by weights of size 0.01. Set the init scale to 1 and look again.",
        ),
        {
            "sigmoid": replace(FIVE_LAYERS, epochs=5000),
            "ReLU": replace(FIVE_LAYERS, epochs=5000, activation="relu"),
        },
        {
            "sigmoid": frozenset({"vanishing_gradient", "at_chance"}),
            "ReLU": frozenset({"vanishing_gradient", "at_chance"}),
        },
        ("relu-cures-vanishing", "relu-ratio-in-closed-form"),
        ("nndl_core.gradients:by_hand", "nndl_core.activations"),
        knobs=(
            "init_scale",
            "bias",
            "hidden",
            "learning_rate",
            "epochs",
            "data_seed",
            "init_seed",
        ),
        panels=("gradients", "loss", "accuracy", "activations"),
    ),
    Lesson(
        "scale",
        "vanishing",
        "E8",
        "The same with a sane scale",
        "Xavier's scale keeps the size of the signal from layer to layer. What is left is what "
        "the activation does.",
        Question(
            "With Xavier's weights, how much gradient does sigmoid lose from fc5 to fc1?",
            ("Nothing", "Two decades or so", "Eight decades, as before"),
            1,
            "Sigmoid's slope is at most 1/4, so four hidden layers cost about 4^4 = 256.",
        ),
        {
            "sigmoid": replace(XAVIER, learning_rate=0.2, epochs=1000),
            "ReLU": replace(XAVIER, learning_rate=0.2, epochs=1000, activation="relu"),
        },
        {"sigmoid": frozenset({"at_chance"}), "ReLU": HEALTHY},
        ("relu-cures-vanishing",),
        ("nndl_core.initializers", "nndl_core.activations"),
        knobs=("init", "hidden", "learning_rate", "epochs", "data_seed", "init_seed"),
        panels=("gradients", "loss", "accuracy", "activations"),
    ),
)
