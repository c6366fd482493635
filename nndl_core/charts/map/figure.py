"""The trainability map as a figure: a cell for every network, and the curves of one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nndl_core.base.i18n import mark, tr
from nndl_core.charts.figures import lines
from nndl_core.charts.map.plane import Index, axis_of, cell_frame, edges
from nndl_core.charts.map.theory import theory_lines
from nndl_core.charts.map.words import (
    STATUS_LOOK,
    Cells,
    Shown,
    hover,
    legend,
    letters,
)
from nndl_core.charts.style.parts import Figure, Trace, figure
from nndl_core.data.catalog import DATASETS
from nndl_core.studies.map.plan import MapPlan
from nndl_core.studies.map.trainability import QUANTITIES, Status, Summary
from nndl_core.studies.sweep.cells import Cell

Grid = NDArray[np.float64]

# The scale "cividis" (Nunez, Anderton and Renslow 2018), made to look the same to color-blind eyes.
DARK_TO_BRIGHT: Final = [
    [0.0, "#00224e"],
    [0.25, "#434e6c"],
    [0.5, "#7d7c78"],
    [0.75, "#bcae6c"],
    [1.0, "#fee838"],
]
BRIGHT_TO_DARK: Final = [
    [0.0, "#fee838"],
    [0.25, "#bcae6c"],
    [0.5, "#7d7c78"],
    [0.75, "#434e6c"],
    [1.0, "#00224e"],
]
ODD: Final = "#a3a8ae"
UNTRAINED: Final = "rgba(128,138,150,0.12)"
PREVIEW_OPACITY: Final = 0.4
MARKS: Final = 9
"""Symbols on each line of a cell's curves."""
WIDE: Final = 20  # a loss that falls by this factor is drawn on a log axis
MOST_LOSS: Final = 1.5  # times the loss of a guess; what is above looks the same


@dataclass(frozen=True)
class _Paint:
    """How numbers become colors: the stops, the ends of the range, and the words beside it."""

    stops: list[list[Any]]
    low: float
    high: float
    title: str


def trainability_map(
    plan: MapPlan,
    cells: Cells,
    shown: Shown,
    *,
    theory: bool = True,
    selected: Index | None = None,
) -> Figure:
    """Draw the cells of a sweep of a plan (row-major, None where not trained) in its plane.

    A trained cell has its own color once; the others show the nearest trained one, pale.
    """
    z, odd = _grids(plan, cells, shown)
    paint = _paint(plan, shown, z)
    data = [*_preview(plan, z, paint), *_measured(plan, cells, z, paint)]
    data += _odd(plan, cells, odd) + letters(plan, cells, shown, odd)
    data += legend(z) if shown == "signs" else []
    data += theory_lines(plan) if theory else ()
    data += cell_frame(plan, selected) if selected is not None else []
    x, y = axis_of(plan, plan.x), axis_of(plan, plan.y)
    return figure(data, xaxis=x, yaxis=y, plot_bgcolor=UNTRAINED)


def _grids(plan: MapPlan, cells: Cells, shown: Shown) -> tuple[Grid, NDArray[np.bool_]]:
    """Return the numbers to be painted, NaN for none, and 1 where a trained cell has none."""
    shape = (len(plan.y.values), len(plan.x.values))
    flat = [math.nan if cell is None else _number(cell, shown) for cell in cells]
    z = np.array(flat).reshape(shape)
    trained = np.array([cell is not None for cell in cells]).reshape(shape)
    return z, trained & np.isnan(z)


def _number(cell: Summary, shown: Shown) -> float:
    if shown == "signs":
        return float(get_args(Status).index(cell.status))
    return cell.spreads[shown].mean


def _paint(plan: MapPlan, shown: Shown, z: Grid) -> _Paint:
    if shown == "signs":
        return _Paint(_bands(), -0.5, len(STATUS_LOOK) - 0.5, "")
    classes = DATASETS[plan.base.dataset].classes
    known = z[np.isfinite(z)]
    title = tr(QUANTITIES[shown].label)
    if shown == "loss":
        most = MOST_LOSS * math.log(classes)
        return _Paint(
            BRIGHT_TO_DARK, 0, most, tr("{title} ({most:.2g}: or more)", title=title, most=most)
        )
    if shown == "gradient_ratio":
        low, high = (math.floor(known.min()), math.ceil(known.max())) if known.size else (-1, 0)
        return _Paint(DARK_TO_BRIGHT, low, max(high, low + 1), title)
    if shown == "dead_share":
        return _Paint(BRIGHT_TO_DARK, 0, 1, title)
    return _Paint(DARK_TO_BRIGHT, 1 / classes, 1, title)


def _bands() -> list[list[Any]]:
    """One flat color for each status, as a color scale."""
    n = len(STATUS_LOOK)
    looks = [color for _, color, _ in STATUS_LOOK.values()]
    return [[(at + end) / n, color] for at, color in enumerate(looks) for end in (0, 1)]


def _heatmap(plan: MapPlan, z: Grid, paint: _Paint, **more: Any) -> Trace:
    rows = [[None if math.isnan(v) else v for v in row] for row in z.tolist()]
    return {
        "type": "heatmap",
        "x": edges(plan.x),
        "y": edges(plan.y),
        "z": rows,
        "zmin": paint.low,
        "zmax": paint.high,
        "colorscale": paint.stops,
        "showscale": False,
        "showlegend": False,
        **more,
    }


def _preview(plan: MapPlan, z: Grid, paint: _Paint) -> list[Trace]:
    """Paint what is not trained like the nearest trained cell, so that the plane is covered."""
    known, missing = np.argwhere(np.isfinite(z)), np.argwhere(np.isnan(z))
    if not len(known) or not len(missing):
        return []
    # in shares of the plane, so that a step along either axis counts as it looks
    size = np.array(z.shape)
    far = ((missing[:, None] - known[None]) / size).__abs__().max(-1)
    near = known[far.argmin(1)]
    pale = np.full(z.shape, math.nan)
    pale[tuple(missing.T)] = z[tuple(near.T)]
    return [_heatmap(plan, pale, paint, opacity=PREVIEW_OPACITY, hoverinfo="skip")]


def _measured(plan: MapPlan, cells: Cells, z: Grid, paint: _Paint) -> list[Trace]:
    """The trained cells, each with its color and, under the pointer, all of its numbers."""
    bar = {"title": {"text": paint.title, "side": "right"}, "thickness": 14, "outlinewidth": 0}
    scale = {"showscale": True, "colorbar": bar} if paint.title else {}
    return [_heatmap(plan, z, paint, xgap=1, ygap=1, **scale, **hover(plan, cells))]


def _odd(plan: MapPlan, cells: Cells, odd: NDArray[np.bool_]) -> list[Trace]:
    """Trained cells without a finite number."""
    if not odd.any():
        return []
    paint = _Paint([[0, ODD], [1, ODD]], 0, 1, "")
    z = np.where(odd, 0.0, math.nan)
    return [_heatmap(plan, z, paint, xgap=1, ygap=1, **hover(plan, cells))]


CURVE_TITLES = {"loss": mark("train loss"), "accuracy": mark("train accuracy")}


def cell_curves(cell: Cell, what: Literal["loss", "accuracy"]) -> Figure:
    """Draw the train curve of every seed of a cell; a loss over decades on a log axis.

    Two of them stand beside each other: who draws them names the lines, once for both.
    """
    column = f"train_{what}"
    series = {
        tr("seed {seed}", seed=seed): (outcome.curves["epoch"], outcome.curves[column])
        for seed, outcome in enumerate(cell.outcomes)
    }
    values = [v for _, curve in series.values() for v in curve.tolist() if v > 0]
    wide = what == "loss" and bool(values) and max(values) > WIDE * min(values)
    drawn = lines(series, tr("epoch"), tr(CURVE_TITLES[what]), log_y=wide, markers=True)
    for trace in drawn["data"]:
        if trace["mode"] == "lines+markers":
            trace["marker"]["maxdisplayed"] = MARKS
    drawn["layout"]["showlegend"] = False
    return drawn
