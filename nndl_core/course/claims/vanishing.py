"""Claims about the vanishing gradient (E7, E8)."""

from __future__ import annotations

import math
from dataclasses import replace

from nndl_core.base.i18n import mark
from nndl_core.course.claims.measures import FIVE_LAYERS, XAVIER, accuracy, decades
from nndl_core.studies.study import Claim, Condition, Measure, Outcomes

TOPIC = "vanishing"


def _layer_ratio(layer: int) -> Measure:
    def ratio(arms: Outcomes) -> float:
        relu, sigmoid = (arms[name].first.layers[layer] for name in ("ReLU", "sigmoid"))
        return relu.weight_grad_norm / sigmoid.weight_grad_norm

    text = mark("gradient of fc{layer}: ReLU / sigmoid")
    name, fields = f"ratio_fc{layer + 1}", (("layer", layer + 1),)
    return Measure(name, text, ratio, geometric=True, fields=fields)


def _closed_form(layer: int) -> Condition:
    """The ratio of equal weights that are small: the activations' values and slopes at the bias.

    Each hidden layer above divides by the sigmoid's slope at 1; from fc2 on the layer's input
    is the bias itself with ReLU and sigmoid(1) with sigmoid.
    """
    sigmoid = 1 / (1 + math.exp(-FIVE_LAYERS.bias))
    slopes = (1 / (sigmoid * (1 - sigmoid))) ** (4 - layer)
    expected = slopes if layer == 0 else slopes * FIVE_LAYERS.bias / sigmoid
    text = mark("fc{layer}: within 1 % of {expected:.4g}")
    fields = (("layer", layer + 1), ("expected", expected))
    return Condition(text, f"ratio_fc{layer + 1}", "within", expected / 100, expected, fields)


CLAIMS = (
    Claim(
        "relu-cures-vanishing",
        TOPIC,
        "E8",
        mark("Sigmoid makes the gradient vanish, and ReLU cures it."),
        {
            "sigmoid": replace(FIVE_LAYERS, epochs=5000),
            "ReLU": replace(FIVE_LAYERS, epochs=5000, activation="relu"),
            "sigmoid, Xavier": replace(XAVIER, epochs=1),
            "ReLU, Xavier": replace(XAVIER, epochs=1, activation="relu"),
        },
        (
            decades("sigmoid", "sigmoid_decades"),
            decades("ReLU", "relu_decades"),
            accuracy("ReLU", "relu_accuracy"),
            decades(mark("sigmoid, Xavier"), "sigmoid_xavier_decades"),
            decades(mark("ReLU, Xavier"), "relu_xavier_decades"),
        ),
        (
            Condition(mark("ReLU loses under two decades at std .01"), "relu_decades", "below", 2),
            Condition(mark("the ReLU network learns (above .6)"), "relu_accuracy", "above", 0.6),
            Condition(
                mark("with Xavier's scale sigmoid loses a decade or more"),
                "sigmoid_xavier_decades",
                "above",
                1,
            ),
            Condition(
                mark("with Xavier's scale ReLU loses under one"), "relu_xavier_decades", "below", 1
            ),
        ),
        "conditional",
        mark(
            "Most decades are lost to weights of std .01, and ReLU's gradient passes through the "
            "same weights. Only with a sane scale is the activation the reason, and ReLU the "
            "cure."
        ),
    ),
    Claim(
        "relu-ratio-in-closed-form",
        TOPIC,
        "E8",
        mark(
            "With equal small weights, the ratio of ReLU's gradient to sigmoid's follows from "
            "their values and slopes at the bias."
        ),
        {
            "sigmoid": replace(FIVE_LAYERS, epochs=1, dtype="float64"),
            "ReLU": replace(FIVE_LAYERS, epochs=1, activation="relu", dtype="float64"),
        },
        tuple(_layer_ratio(layer) for layer in range(5)),
        tuple(_closed_form(layer) for layer in range(5)),
        "holds",
        mark(
            "Each hidden layer that a gradient passes multiplies it by the activation's slope at "
            "the bias, about a fifth for sigmoid at b = 1 and 1 for ReLU. The equal weights "
            "cancel."
        ),
        seeds=50,
    ),
)
