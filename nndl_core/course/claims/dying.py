"""Claims about dying ReLU and its remedies (E9, E10)."""

from __future__ import annotations

import math
from dataclasses import replace

from nndl_core.base.i18n import mark
from nndl_core.course.claims.measures import (
    DYING_NET,
    SANE_RELU,
    accuracy,
    dead_at_start,
    dead_units,
    output_bias_moved,
    weights_and_hidden_biases_moved,
)
from nndl_core.studies.study import Claim, Condition, Measure

TOPIC = "dying"

CLAIMS = (
    Claim(
        "dead-relu-cannot-update",
        TOPIC,
        "E9",
        mark("When its ReLUs have died, the network's parameters can no longer be updated."),
        {"b = -8": DYING_NET},
        (
            Measure(
                "others_moved",
                mark("largest change of any weight or hidden bias in 5000 epochs"),
                lambda a: weights_and_hidden_biases_moved(a["b = -8"]),
            ),
            Measure(
                "bias_moved",
                mark("change of the output bias"),
                lambda a: output_bias_moved(a["b = -8"]),
            ),
            Measure("dead_units", mark("dead units of 12"), lambda a: dead_units(a["b = -8"])),
            Measure(
                "loss_start", mark("train loss at epoch 0"), lambda a: a["b = -8"].first.train_loss
            ),
            Measure(
                "loss_end", mark("train loss at the end"), lambda a: a["b = -8"].last.train_loss
            ),
        ),
        (
            Condition(mark("no weight, no hidden bias moves"), "others_moved", "equals", 0),
            Condition(mark("the output bias does not move"), "bias_moved", "equals", 0),
        ),
        "conditional",
        mark(
            "All but one: the output bias moves and takes the loss from 4 to ln 2, while the "
            "accuracy stays where it was. A falling loss is no proof of learning."
        ),
    ),
    Claim(
        "a-small-negative-bias-kills",
        TOPIC,
        "E9",
        mark("It takes a bias as low as -8 to kill the network."),
        {
            "b = -0.1": replace(DYING_NET, bias=-0.1, epochs=1),
            "b = 0": replace(DYING_NET, bias=0.0, epochs=1),
        },
        (
            Measure(
                "dead_units",
                mark("dead units of 12, b = -0.1"),
                lambda a: dead_units(a["b = -0.1"]),
            ),
            Measure(
                "dead_at_zero", mark("dead units of 12, b = 0"), lambda a: dead_units(a["b = 0"])
            ),
        ),
        (Condition(mark("at b = -0.1 some units live"), "dead_units", "below", 11.5),),
        "false",
        mark(
            "With weights of std .01 no input can lift a unit over 0.1: b = -0.1 kills all twelve."
        ),
    ),
    Claim(
        "leaky-relu-is-a-remedy",
        TOPIC,
        "E10",
        mark("Leaky ReLU or ELU is a simple remedy for the dead network."),
        {
            "Leaky ReLU": replace(DYING_NET, activation="leaky_relu"),
            "ELU": replace(DYING_NET, activation="elu", slope=1.0),
        },
        (
            accuracy(mark("Leaky ReLU"), "leaky_accuracy"),
            accuracy("ELU", "elu_accuracy"),
            Measure(
                "leaky_gradient",
                mark("gradient of fc1 at epoch 0, Leaky ReLU"),
                lambda a: a["Leaky ReLU"].first.layers[0].weight_grad_norm,
                geometric=True,
            ),
            Measure(
                "elu_gradient",
                mark("gradient of fc1 at epoch 0, ELU"),
                lambda a: a["ELU"].first.layers[0].weight_grad_norm,
                geometric=True,
            ),
        ),
        (
            Condition(mark("Leaky ReLU learns (above .6)"), "leaky_accuracy", "above", 0.6),
            Condition(mark("ELU learns (above .6)"), "elu_accuracy", "above", 0.6),
        ),
        "false",
        mark(
            "The gradients are no longer 0, but after 5000 epochs neither network has learned "
            "anything: gradients so small move no weight."
        ),
    ),
    Claim(
        "sane-start-is-the-remedy",
        TOPIC,
        "E10",
        mark("A sane start, a small positive bias and He's scale, is the remedy."),
        {
            "b = 0.1": replace(SANE_RELU, init="normal", init_scale=0.01),
            "b = 0.1, He": SANE_RELU,
        },
        (
            accuracy("b = 0.1, He", "sane_accuracy"),
            accuracy("b = 0.1", "bias_only_accuracy"),
            Measure(
                "dead_units", mark("dead units of 12, He"), lambda a: dead_units(a["b = 0.1, He"])
            ),
        ),
        (Condition(mark("the network learns (above .7)"), "sane_accuracy", "above", 0.7),),
        "holds",
        mark(
            "Both have to change: with weights of std .01 the bias alone leaves the network at "
            "chance."
        ),
    ),
    Claim(
        "slope-to-the-fourth",
        TOPIC,
        "E10",
        mark("The gradient of fc1 grows with the fourth power of Leaky ReLU's slope."),
        {
            f"slope {slope}": replace(
                DYING_NET, activation="leaky_relu", slope=slope, epochs=1, dtype="float64"
            )
            for slope in (0.01, 0.02)
        },
        (
            Measure(
                "exponent",
                mark("exponent between slope .01 and .02"),
                lambda a: math.log2(
                    a["slope 0.02"].first.layers[0].weight_grad_norm
                    / a["slope 0.01"].first.layers[0].weight_grad_norm
                ),
            ),
        ),
        (Condition(mark("within 5 % of 4"), "exponent", "within", 0.2, 4),),
        "holds",
        mark("Four hidden layers, four factors of the slope on the way back."),
    ),
    Claim(
        "one-large-step-kills",
        TOPIC,
        "E10",
        mark("One learning-rate step that is too large kills units of a healthy ReLU network."),
        {
            "lr 0.1": replace(SANE_RELU, epochs=20),
            "lr 5": replace(SANE_RELU, epochs=20, learning_rate=5),
        },
        (
            Measure(
                "killed",
                mark("dead units of 12 after 20 epochs: lr 5 minus lr 0.1"),
                lambda a: dead_units(a["lr 5"]) - dead_units(a["lr 0.1"]),
                paired=True,
            ),
            Measure(
                "dead_before", mark("dead units at epoch 0"), lambda a: dead_at_start(a["lr 5"])
            ),
            Measure(
                "dead_large",
                mark("dead units after 20 epochs, lr 5"),
                lambda a: dead_units(a["lr 5"]),
            ),
        ),
        (Condition(mark("at least one unit more dies"), "killed", "above", 1),),
        "holds",
        mark("The step throws the biases so far down that no training point reaches the unit."),
    ),
)
