"""The networks that the claims are about, and what is measured in them."""

from __future__ import annotations

import math
from dataclasses import replace

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark
from nndl_core.engine.ensemble import Outcome
from nndl_core.studies.study import Measure

COURSE = RunConfig()
"""E1: 2-5-1, sigmoid, N(0, 1), moons with noise .5, SGD .2, 1000 epochs."""
FIVE_LAYERS = RunConfig(hidden=(3, 3, 3, 3), init_scale=0.01, bias=1.0, learning_rate=0.01)
"""E7: 2-3-3-3-3-1, weights N(0, .01), every bias 1."""
DYING_NET = replace(FIVE_LAYERS, activation="relu", bias=-8.0, epochs=5000)
"""E9: the same with ReLU and every bias -8."""
XAVIER = replace(FIVE_LAYERS, init="xavier_normal", init_scale=1.0, bias=0.1)
"""The same with a scale that keeps the signal's size."""
SANE_RELU = replace(XAVIER, init="he_normal", activation="relu", learning_rate=0.1, epochs=5000)
"""A ReLU network that starts well: He's scale, and a bias that keeps narrow layers alive."""
CLEARLY = 0.01
"""A difference in accuracy that deserves the word: one point in a hundred."""


def last_accuracy(outcome: Outcome) -> float:
    """Accuracy on the test set, last epoch."""
    return outcome.test_last[0]


def decades_lost(outcome: Outcome) -> float:
    """Orders of magnitude between the last and the first layer's weight gradient, before training.

    Infinite if the first layer's is exactly 0.
    """
    first, last = outcome.first.layers[0], outcome.first.layers[-1]
    if first.weight_grad_norm == 0:
        return math.inf
    return math.log10(last.weight_grad_norm / first.weight_grad_norm)


def weights_and_hidden_biases_moved(outcome: Outcome) -> float:
    """Largest change, from start to end, of any parameter but the output bias."""
    return float(max(outcome.movement[:, 0].max(), outcome.movement[:-1, 1].max()))


def output_bias_moved(outcome: Outcome) -> float:
    """Change of the output bias from start to end."""
    return float(outcome.movement[-1, 1])


def dead_units(outcome: Outcome) -> float:
    """Hidden units that are exactly flat over the training set at the end."""
    return float(sum(layer.dead_units for layer in outcome.last.layers[:-1]))


def gap(more: str, less: str) -> Measure:
    """Measure the paired difference in test accuracy of two arms."""
    return Measure(
        "accuracy_gain",
        mark("test accuracy: {more} minus {less}"),
        lambda arms: last_accuracy(arms[more]) - last_accuracy(arms[less]),
        paired=True,
        fields=(("more", more), ("less", less)),
    )


def accuracy(arm: str, name: str) -> Measure:
    """Measure an arm's test accuracy."""
    return Measure(
        name,
        mark("test accuracy: {arm}"),
        lambda arms: last_accuracy(arms[arm]),
        fields=(("arm", arm),),
        share=True,
    )


def decades(arm: str, name: str) -> Measure:
    """Measure how many decades an arm's gradient loses on its way back."""
    text = mark("decades lost from the last to the first layer: {arm}")
    return Measure(name, text, lambda arms: decades_lost(arms[arm]), fields=(("arm", arm),))


def dead_at_start(outcome: Outcome) -> float:
    """Hidden units that are exactly flat over the training set before training."""
    return float(sum(layer.dead_units for layer in outcome.first.layers[:-1]))
