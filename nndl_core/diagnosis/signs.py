"""Signs: what a run shows beyond doubt, read from the mechanism and not from the loss."""

from __future__ import annotations

from typing import Literal

from nndl_core.engine.records import EpochRecord

Sign = Literal["symmetric_units", "dead_layer", "zero_gradient", "vanishing_gradient", "at_chance"]
VANISHED = 1e-3
"""A first layer whose weight gradient is this much smaller than the last layer's."""
CHANCE = 0.6
"""Train accuracy below which a balanced two-class problem has not been learned."""


def signs(start: EpochRecord, end: EpochRecord) -> frozenset[Sign]:
    """Return the signs of a run, from its records before and after training.

    symmetric_units: a hidden layer of several units computes one function at the end. dead_layer:
    every unit of a layer is exactly flat over the training set at the end. zero_gradient: the
    gradient of the first layer's weights is exactly 0 at the end. vanishing_gradient: at the start
    it is not 0, but under VANISHED of the last layer's. at_chance: the training set is not learned.
    """
    hidden, first, last = end.layers[:-1], start.layers[0], start.layers[-1]
    shown: dict[Sign, bool] = {
        "symmetric_units": any(w.units > 1 and w.distinct_units == 1 for w in hidden),
        "dead_layer": any(w.dead_units == w.units for w in hidden),
        "zero_gradient": end.layers[0].weight_grad_norm == 0,
        "vanishing_gradient": 0 < first.weight_grad_norm < VANISHED * last.weight_grad_norm,
        "at_chance": end.train_accuracy < CHANCE,
    }
    return frozenset(name for name, is_shown in shown.items() if is_shown)
