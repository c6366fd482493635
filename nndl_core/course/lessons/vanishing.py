"""E7, E8: the gradient on its way back."""

from __future__ import annotations

from dataclasses import replace

from nndl_core.base.i18n import mark
from nndl_core.course.claims.measures import FIVE_LAYERS, XAVIER
from nndl_core.course.lessons.lesson import HEALTHY, Lesson, Question

LESSONS = (
    Lesson(
        "vanishing",
        "vanishing",
        "E7, E8",
        mark("Five layers, sigmoid against ReLU"),
        mark(
            "Two inputs, four hidden layers of three units and one output. Every bias is 1, and "
            "the weights are drawn with standard deviation 0.01, the same for both networks. "
            "Look at the gradient norms: on their logarithmic axis one decade is a factor of 10."
        ),
        Question(
            mark("Does the ReLU network learn the moons in 5000 epochs?"),
            (
                mark("Yes, ReLU cures the vanishing gradient"),
                mark("No, its gradient has vanished too"),
            ),
            1,
            mark(
                "ReLU's slope is 1 here, so it takes nothing away. But on its way back the "
                "gradient is also multiplied by the weights of every layer, and those are of "
                "size 0.01."
            ),
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
        ("nndl_core.network.gradients:by_hand", "nndl_core.network.activations"),
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
        mark("The same with a sane scale"),
        mark(
            "The same layers with Xavier's weights, whose scale is chosen so that a signal keeps "
            "its size from layer to layer, with bias 0.1 and learning rate 0.2. The weights take "
            "almost nothing now; what the gradient still loses, it loses to the activation."
        ),
        Question(
            mark("With Xavier's weights, how much gradient does sigmoid lose from fc5 to fc1?"),
            (mark("Nothing"), mark("Two decades or so"), mark("Ten decades, as before")),
            1,
            mark(
                "Sigmoid's slope is at most 1/4, so the slopes of four hidden layers alone take a "
                "factor of at least 4 · 4 · 4 · 4 = 256, which is 2.4 decades. ReLU's are 0 or 1."
            ),
        ),
        {
            "sigmoid": replace(XAVIER, learning_rate=0.2, epochs=1000),
            "ReLU": replace(XAVIER, learning_rate=0.2, epochs=1000, activation="relu"),
        },
        {"sigmoid": frozenset({"at_chance"}), "ReLU": HEALTHY},
        ("relu-cures-vanishing",),
        ("nndl_core.network.initializers", "nndl_core.network.activations"),
        knobs=("init", "hidden", "learning_rate", "epochs", "data_seed", "init_seed"),
        panels=("gradients", "loss", "accuracy", "activations"),
    ),
)
