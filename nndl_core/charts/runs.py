"""The figures of runs side by side: loss and accuracy of train and dev, gradient norms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nndl_core.base.i18n import mark, tr
from nndl_core.charts.figures import layer_bars, lines
from nndl_core.charts.style.parts import Figure
from nndl_core.engine.runner import Runner

MOST_POINTS = 400
Runs = Mapping[str, Runner]


def loss_curves(runs: Runs) -> Figure:
    """Draw the loss of train and dev of every run against the epoch."""
    return lines(_curves(runs, "loss"), tr("epoch"), tr("loss"))


def accuracy_curves(runs: Runs) -> Figure:
    """Draw the accuracy on train and dev of every run against the epoch."""
    return lines(_curves(runs, "accuracy"), tr("epoch"), tr("accuracy"))


def gradient_bars(runs: Runs) -> Figure:
    """Draw the norm of every layer's weight gradient at the runs' current parameters."""
    norms = {
        tr(name): [layer.weight_grad_norm for layer in run.measure()[0].layers]
        for name, run in runs.items()
    }
    return layer_bars(norms, tr("L2 norm of the weight gradient"))


def _curves(runs: Runs, what: str) -> dict[str, tuple[list[float], list[float]]]:
    return {
        f"{tr(name)}, {tr(part)}": _thinned(run, f"{part}_{what}")
        for name, run in runs.items()
        for part in (mark("train"), mark("dev"))
    }


def _thinned(run: Runner, column: str) -> tuple[list[float], list[float]]:
    """Every stride-th epoch, and always the current state as the last point."""
    count, (now, _) = len(run.records), run.measure()
    rows = np.arange(0, count, -(-count // MOST_POINTS) or 1)
    epochs = run.records.column("epoch")[rows].tolist() if count else []
    values = run.records.column(column)[rows].tolist() if count else []
    return [*epochs, run.epoch], [*values, getattr(now, column)]
