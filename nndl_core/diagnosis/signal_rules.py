"""Rules of the mechanism: units, and the signal and the gradient that pass the layers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np

from nndl_core.base.i18n import mark
from nndl_core.diagnosis import limits
from nndl_core.diagnosis.facts import (
    Disease,
    Evidence,
    Facts,
    Finding,
    Severity,
    Span,
    always,
    pace,
    run_backward,
    run_forward,
)
from nndl_core.engine.records import EpochRecord


def symmetric_weights(run: Facts) -> Finding | None:
    """Find layers whose units were equal before and after updates: they compute one function.

    Judged before EQUAL_UNITS_EPOCHS, because round-off grows at the saddle.
    """
    one = (run.distinct[:, : run.hidden] == 1) & (run.units[:, : run.hidden] > 1)
    # of equal first weights it is known; at an exact saddle nothing but round-off tells units apart
    equal = run.config.init in ("zeros", "constant")
    proven = (one[:1] if equal else always(one)).any(1) & run.from_epoch(0, 2)
    on = proven & (np.arange(run.epochs) <= limits.EQUAL_UNITS_EPOCHS) & ~run.learned
    span = run.span(on, run.learned)
    if span is None:
        return None
    layers = np.flatnonzero(one[0])
    k, at = int(layers[0]), run.shown_at(span)
    shown = Evidence(
        mark("distinct units of this layer"), run.distinct[at, k], run.units[at, k], "below"
    )
    return _found("symmetric_weights", "fatal", span, (shown,), _names(layers), born=True)


def dying_relu(run: Facts) -> Finding | None:
    """Find layers of which most units have slope exactly 0 on every training example.

    The output layer is one of them where a network ends with ReLU, whatever stands before.
    """
    dead, learned = run.dead.copy(), run.learned
    if run.config.activation in ("sigmoid", "tanh"):
        dead[:, : run.hidden] = 0
    whole = (dead == 1).any(1) & run.from_epoch(0, 1)
    most = (dead >= limits.MOST_DEAD).any(1) & run.past_start
    span = run.span((whole | most) & ~learned, learned | (dead < limits.MOST_DEAD).all(1))
    if span is None:
        return None
    at = run.shown_at(span)
    worst = float(dead[at].max())
    layers = np.flatnonzero(dead[at] >= limits.MOST_DEAD)
    shown = [Evidence(mark("dead share of the layer"), worst, limits.MOST_DEAD, "above")]
    if run.gradient[at, 0] == 0:
        shown.append(Evidence(mark("gradient norm of fc1"), 0.0, 0.0, "below"))
    born = bool((dead[0] >= limits.MOST_DEAD).any())
    severity: Severity = "fatal" if worst == 1 else "severe"
    return _found("dying_relu", severity, span, tuple(shown), _names(layers), born)


def saturation(run: Facts) -> Finding | None:
    """Find layers of sigmoid or tanh that work where the curve is flat, while little is learned."""
    if not run.hidden or run.config.activation not in ("sigmoid", "tanh"):
        return None
    flat = run.flat[:, : run.hidden]
    if not run.epochs:
        return None
    # what came up in training is no cause where half is learned: sure answers are flat too
    born = bool((flat[0] > limits.MOSTLY_FLAT).any())
    learned = run.learned if born else run.progress >= limits.HALF
    stuck = (flat > limits.MOSTLY_FLAT).any(1) & ~learned
    ends = learned | (flat <= limits.MOSTLY_FLAT).all(1)
    span = run.span(stuck & run.past_start, ends)
    if span is None:
        return None
    at = run.shown_at(span)
    layers = np.flatnonzero(flat[at] > limits.MOSTLY_FLAT)
    worst = float(flat[at].max())
    shown = Evidence(mark("flat share of the outputs"), worst, limits.MOSTLY_FLAT, "above")
    return _found("saturation", "severe", span, (shown,), _names(layers), born)


def vanishing_gradient(run: Facts) -> Finding | None:
    """Find layers through which the difference of examples, or the gradient, does not get.

    The shrinking must be there before the first update and still be there.
    """
    if run.hidden < 2:
        return None
    forward, backward = run_forward(run), run_backward(run)
    lost = (forward < limits.SIGNAL_LOST) | (backward < limits.SIGNAL_LOST)
    stuck = lost & lost[:1] & (run.progress < limits.NOT_LEARNED)
    if run.config.optimizer == "adam":
        # its steps do not depend on the size of a gradient: short ones are the learning rate's
        stuck &= pace(run) >= limits.TURN
    span = run.span(
        stuck & run.past_start,
        (run.progress >= limits.MOSTLY_LEARNED) | (~lost & (run.progress >= limits.NOT_LEARNED)),
    )
    if span is None:
        return None
    signal, gradient = float(forward[run.shown_at(span)]), float(backward[run.shown_at(span)])
    shown = (
        Evidence(mark("signal, last hidden layer / fc1"), signal, limits.SIGNAL_LOST, "below"),
        Evidence(mark("gradient, fc1 / largest"), gradient, limits.SIGNAL_LOST, "below"),
    )
    layers = range(run.hidden)
    return _found("vanishing_gradient", "fatal", span, shown, _names(layers), born=True)


def on_the_flat_side(run: Facts) -> Finding | None:
    """Find layers of Leaky ReLU, ELU and the like that lie nearly whole where the slope is small.

    The slope is not 0, so no unit is dead; what passes is too little to move anything.
    """
    if not run.hidden or run.config.activation in ("sigmoid", "tanh", "relu", "identity"):
        return None
    flat = run.flat[:, : run.hidden]
    stuck = (flat >= limits.MOST_DEAD).any(1) & ~run.learned & run.past_start
    span = run.span(stuck, run.learned | (flat < limits.MOST_DEAD).all(1))
    if span is None:
        return None
    at = run.shown_at(span)
    layers = np.flatnonzero(flat[at] >= limits.MOST_DEAD)
    worst = float(flat[at].max())
    shown = Evidence(mark("flat share of the outputs"), worst, limits.MOST_DEAD, "above")
    born = bool((flat[0] >= limits.MOST_DEAD).any())
    return _found("saturation", "severe", span, (shown,), _names(layers), born)


def exploding_gradient(run: Facts) -> Finding | None:
    """Find a loss that left the finite numbers, or layers that blow the signal up and do harm."""
    grown = float(run_forward(run)[0]) if run.epochs and run.hidden > 1 else 1.0
    bounded = run.config.activation in ("sigmoid", "tanh")  # cannot blow a signal up
    # one odd label makes H small, and the logits of any start look far off beside it
    even = max(run.constant_loss, math.log(2))
    far = run.epochs == 0 or (run.loss[0] > limits.FAR_ABOVE * even and _has_logits(run))
    blown = not bounded and (far or grown > limits.SIGNAL_GROWN)
    growth = Evidence(
        mark("signal, last hidden layer / fc1, at the start"), grown, limits.SIGNAL_GROWN, "above"
    )
    if run.diverged_at is not None:
        shown = (Evidence(mark("training loss"), math.inf, math.inf, "above"), growth)
        return Finding("exploding_gradient", "fatal", run.diverged_at, shown, born=bool(blown))
    if not blown:
        return None
    span = run.span((run.progress < 0) & run.past_start, run.progress >= limits.NOT_LEARNED)
    if span is None:
        return None
    times = float(run.loss[run.shown_at(span)]) / run.constant_loss
    shown = (
        Evidence(mark("training loss / loss of a constant answer"), times, 1.0, "above"),
        growth,
    )
    return _found("exploding_gradient", "severe", span, shown, born=True)


def _has_logits(run: Facts) -> bool:
    """Tell whether a large loss means large logits: amounts can be far off, dead outputs are 0."""
    return run.config.loss != "mse" and bool(run.dead[0, -1] < 1)


def _found(
    disease: Disease,
    severity: Severity,
    span: Span,
    evidence: tuple[Evidence, ...],
    layers: tuple[int, ...] = (),
    born: bool = False,
) -> Finding:
    return Finding(
        disease, severity, span.epoch, evidence, layers=layers, born=born, until=span.until
    )


def _names(layers: Iterable[int]) -> tuple[int, ...]:
    return tuple(int(i) + 1 for i in layers)


Sign = Literal["symmetric_units", "dead_layer", "zero_gradient", "vanishing_gradient", "at_chance"]


def signs(start: EpochRecord, end: EpochRecord) -> frozenset[Sign]:
    """Return what a run shows beyond doubt, from its records before and after training.

    symmetric_units: a hidden layer of several units computes one function at the end. dead_layer:
    every unit of a layer is exactly flat over the training set at the end. zero_gradient: the
    gradient of the first layer's weights is exactly 0 at the end. vanishing_gradient: at the start
    it is not 0, but under VANISHED of the last layer's. at_chance: the training set is not learned.
    """
    hidden, first, last = end.layers[:-1], start.layers[0], start.layers[-1]
    vanished = limits.VANISHED * last.weight_grad_norm
    shown: dict[Sign, bool] = {
        "symmetric_units": any(w.units > 1 and w.distinct_units == 1 for w in hidden),
        "dead_layer": any(w.dead_units == w.units for w in hidden),
        "zero_gradient": end.layers[0].weight_grad_norm == 0,
        "vanishing_gradient": 0 < first.weight_grad_norm < vanished,
        "at_chance": end.train_accuracy < limits.CHANCE,
    }
    return frozenset(name for name, is_shown in shown.items() if is_shown)
