"""Figures of the initialization page: curves of a trace, histograms of draws, signals per layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from nndl_core.base.i18n import mark, tr
from nndl_core.charts.distributions import histograms
from nndl_core.charts.figures import bands, lines
from nndl_core.charts.style.parts import Figure
from nndl_core.theory.initial_signal import Signal, Table, geometric
from nndl_core.theory.initial_state import EpochParameters
from nndl_core.theory.weight_laws import Draws

Quantity = Literal["activation_std", "example_std", "gradient_norm", "delta_size"]
Y_TITLES: dict[Quantity, str] = {
    "activation_std": mark("standard deviation of the activations"),
    "example_std": mark("standard deviation over examples"),
    "gradient_norm": mark("L2 norm of the weight gradient"),
    "delta_size": mark("root mean square of δ = dL/dz"),
}


def trace_loss(trace: Sequence[EpochParameters]) -> Figure:
    """Draw train and dev loss against the number of updates."""
    epochs = [state.epoch for state in trace]
    series = {
        tr("train"): (epochs, [state.train_loss for state in trace]),
        tr("dev"): (epochs, [state.dev_loss for state in trace]),
    }
    return lines(series, tr("updates"), tr("loss"), markers=True)


def trace_accuracy(trace: Sequence[EpochParameters]) -> Figure:
    """Draw train and dev accuracy against the number of updates."""
    epochs = [state.epoch for state in trace]
    series = {
        tr("train"): (epochs, [state.train_accuracy for state in trace]),
        tr("dev"): (epochs, [state.dev_accuracy for state in trace]),
    }
    return lines(series, tr("updates"), tr("accuracy"), markers=True)


def draw_histograms(draws: Mapping[str, Draws]) -> Figure:
    """Draw the histogram of each sample with the density of its law.

    What stands before a colon in a name is short for it.
    """
    values = {name: sample.values for name, sample in draws.items()}
    curves = {
        tr("density of {name}", name=name.partition(":")[0]): sample.curve
        for name, sample in draws.items()
        if sample.curve is not None
    }
    return histograms(values, tr("weight"), curves=curves)


def layer_signals(signals: Mapping[str, Signal], quantity: Quantity) -> Figure:
    """Draw one quantity of every layer on a log axis: geometric mean and one standard deviation.

    A layer where every seed gives exactly 0 is marked as such.
    """
    series = {name: _band(getattr(signal, quantity)) for name, signal in signals.items()}
    return bands(series, tr("layer"), tr(Y_TITLES[quantity]), log_y=True)


def _band(table: Table) -> tuple[list[int], Table, Table, Table]:
    """Layer numbers, middle, low and high of a table [seeds, layers]."""
    spreads = [geometric(column) for column in table.T]
    rows = [(0.0, 0.0, 0.0) if s.zeros == len(table) else (s.mean, s.low, s.high) for s in spreads]
    middle, low, high = np.array(rows).T
    return list(range(1, len(rows) + 1)), middle, low, high
