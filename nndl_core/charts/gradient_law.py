"""Figures of the pages on vanishing gradients and dead units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nndl_core.base.i18n import mark, tr
from nndl_core.charts.figures import layer_bars, lines
from nndl_core.charts.style.parts import Figure
from nndl_core.charts.style.scales import cross_line, escape, short
from nndl_core.charts.style.theme import REFERENCE_DASHES
from nndl_core.studies.large_steps import DeathRate, Deaths
from nndl_core.theory.dead_units import BiasPath
from nndl_core.theory.gradient_law import Steps

PART_NAMES = {
    mark("weights"): mark("weights"),
    "slope": mark("slope of the activation"),
    mark("inputs"): mark("inputs"),
}
ROUNDING = 2.0**-24
"""A larger share of a weight always moves it in float32; less than half of this never does."""


def norm_bars(norms: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the gradient norm of each layer on a log axis, an exact 0 apart."""
    drawn = layer_bars(norms, tr("L2 norm of the weight gradient"))
    axis = drawn["layout"]["xaxis"]
    for name in {"tickvals", "ticktext"} & set(axis):
        axis[name] = axis[name][::-2][::-1]  # narrow, beside a table; the last may name a zero
    axis |= {"dtick": 2 * axis["dtick"], "tickangle": 0}
    return drawn


def part_bars(steps: Mapping[str, Steps]) -> Figure:
    """Draw for each network the decades that each cause takes from the last layer to the first."""
    series = {
        tr(words): [found.parts[part] for found in steps.values()]
        for part, words in PART_NAMES.items()
    }
    return layer_bars(series, tr("decades lost"), log=False, layers=list(steps))


def decades_by_scale(
    scales: Sequence[float], steps: Mapping[str, Sequence[Steps]], chosen: float
) -> Figure:
    """Draw the decades lost from the last layer to the first against the weights' std.

    An upright line stands at the chosen std if that is positive.
    """
    series = {
        name: (scales, [float(found.total.sum()) for found in row]) for name, row in steps.items()
    }
    drawn = lines(series, tr("standard deviation of the weights"), tr("decades lost"), log_x=True)
    for trace in drawn["data"]:
        trace["cliponaxis"] = False  # the first scale stands on the axis
    return _upright(drawn, {tr("chosen: {value:g}", value=chosen): chosen} if chosen > 0 else {})


def ratio_bars(ratios: Mapping[str, Sequence[float]]) -> Figure:
    """Draw |update| / |weight| of each layer on a log axis, and where float32 cannot add it."""
    drawn = layer_bars(ratios, tr("update / weight of the first step"))
    return _upright(drawn, {tr("half a float32 gap: {gap}", gap=short(ROUNDING)): ROUNDING})


def changed_bars(shares: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the share of each layer's parameters that a step changed at all."""
    drawn = layer_bars(shares, tr("share of weights and biases that changed"), log=False)
    quarters = [0, 0.25, 0.5, 0.75, 1]
    drawn["layout"]["xaxis"] |= {"tickmode": "array", "tickvals": quarters, "tickformat": ".0%"}
    return drawn


def bias_lines(path: BiasPath, best: float) -> Figure:
    """Draw the output bias against the epoch, measured and by the recurrence, and the best."""
    series = {
        tr("measured"): (path.epochs, path.bias),
        tr("recurrence"): (path.epochs, path.expected_bias),
    }
    return lines(
        series, tr("epoch"), tr("output bias"), reference={tr("best constant guess"): best}
    )


def path_loss(path: BiasPath, floor: float) -> Figure:
    """Draw the train loss against the epoch above the loss of the best constant guess."""
    series = {tr("train loss"): (path.epochs, path.train_loss)}
    return lines(
        series, tr("epoch"), tr("train loss"), reference={tr("best constant guess"): floor}
    )


def path_accuracy(path: BiasPath) -> Figure:
    """Draw the train accuracy against the epoch, on an axis from 0 to 1."""
    drawn = lines(
        {tr("train"): (path.epochs, path.train_accuracy)}, tr("epoch"), tr("train accuracy")
    )
    drawn["layout"]["yaxis"]["range"] = [0, 1]
    return drawn


def dead_curves(
    biases: Sequence[float], shares: Mapping[str, Sequence[float]], at: Mapping[str, float] = {}
) -> Figure:
    """Draw the share of dead units against -b on a log axis, with upright lines at some biases.

    All biases are negative; a line at one that is not is left out.
    """
    depths = [-b for b in biases]
    series = {name: (depths, row) for name, row in shares.items()}
    title = tr("−b: how far the bias lies below 0")  # noqa: RUF001
    drawn = lines(series, title, tr("share of dead units"), log_x=True)
    drawn["layout"]["yaxis"]["range"] = [-0.03, 1.03]
    drawn["layout"]["xaxis"]["dtick"] = 2
    return _upright(drawn, {name: -b for name, b in at.items() if b < 0})


def slope_lines(slopes: Sequence[float], norms: Any, at: Mapping[str, float] = {}) -> Figure:
    """Draw the gradient norm of each layer [slopes, layers] against the slope, both axes log.

    Upright lines stand at some positive slopes.
    """
    columns = np.asarray(norms).T
    series = {f"fc{layer + 1}": (slopes, column) for layer, column in enumerate(columns)}
    drawn = lines(series, tr("slope"), tr("L2 norm of the weight gradient"), log_x=True, log_y=True)
    return _upright(drawn, {name: slope for name, slope in at.items() if slope > 0})


def _upright(drawn: Figure, at: Mapping[str, float]) -> Figure:
    """Add upright lines that the legend names; the first dash is left to a level line."""
    for (name, value), dash in zip(at.items(), REFERENCE_DASHES[1:], strict=False):
        line = cross_line(value, "x", dash, 2) | {"showlegend": True, "name": escape(name)}
        drawn["layout"]["shapes"].append(line)
    drawn["layout"]["showlegend"] |= bool(at)
    return drawn


def death_lines(deaths: Deaths, large: int) -> Figure:
    """Draw the dead units of each hidden layer against the number of updates."""
    updates = list(range(len(deaths.dead)))
    series = {f"fc{at + 1}": (updates, column) for at, column in enumerate(deaths.dead.T)}
    drawn = lines(series, tr("updates"), tr("dead units"), markers=True)
    return _upright(drawn, _last_large(deaths, large))


def _last_large(deaths: Deaths, large: int) -> dict[str, float]:
    """Name the last large step, unless all steps were large."""
    return {tr("last large step"): large} if large < len(deaths.dead) - 1 else {}


def death_heights(deaths: Deaths, large: int) -> Figure:
    """Draw the largest pre-activation of each hidden layer, and 0, where a layer is dead.

    The axis reaches at most twice as far from 0 as the start: an explosion would flatten the rest.
    """
    updates = list(range(len(deaths.highest)))
    series = {f"fc{at + 1}": (updates, column) for at, column in enumerate(deaths.highest.T)}
    drawn = lines(
        series, tr("updates"), tr("largest z"), markers=True, reference={tr("dead below"): 0}
    )
    most = 2 * float(np.abs(deaths.highest[0]).max())
    shown = np.clip([0.0, *deaths.highest.flat], -most, most)
    drawn["layout"]["yaxis"]["range"] = [float(shown.min()) - 0.05 * most, float(shown.max())]
    return _upright(drawn, _last_large(deaths, large))


def death_loss(deaths: Deaths, large: int) -> Figure:
    """Draw the train loss against the number of updates on a log axis."""
    updates = list(range(len(deaths.train_loss)))
    series = {tr("train loss"): (updates, deaths.train_loss)}
    drawn = lines(series, tr("updates"), tr("train loss"), log_y=True, markers=True)
    return _upright(drawn, _last_large(deaths, large))


def death_rates(rates: Sequence[DeathRate]) -> Figure:
    """Draw the share of runs that lose a whole layer, and of units that die, against the rate."""
    x = [row.learning_rate for row in rates]
    series = {
        tr("a whole layer died"): (x, [row.layer_died for row in rates]),
        tr("units that died"): (x, [row.units_died / max(row.units, 1) for row in rates]),
    }
    return lines(
        series, tr("learning rate of the large steps"), tr("share"), log_x=True, markers=True
    )
