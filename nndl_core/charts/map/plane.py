"""The plane of a trainability map: the borders of its cells, its axes, the frame around a cell."""

from __future__ import annotations

import itertools
import math
from typing import Any, Final

from nndl_core.base.i18n import tr
from nndl_core.charts.style.parts import Trace
from nndl_core.charts.style.scales import MINUS, axis
from nndl_core.studies.map.axis import Axis
from nndl_core.studies.map.plan import MapPlan

Index = tuple[int, ...]
MOST_TICKS: Final = 16


def edges(axis: Axis) -> list[float]:
    """Return the borders of the cells along an axis: halfway, on a log scale where it is one."""
    to, back = (math.log, math.exp) if axis.kind.log else (float, float)
    v = [to(value) for value in axis.values]
    if len(v) == 1:
        return [back(v[0] - 0.5), back(v[0] + 0.5)]
    middle = [(a + b) / 2 for a, b in itertools.pairwise(v)]
    return [back(e) for e in (2 * v[0] - middle[0], *middle, 2 * v[-1] - middle[-1])]


def axis_of(plan: MapPlan, one: Axis) -> dict[str, Any]:
    """Return the Plotly axis of one axis of a map."""
    ends = edges(one)
    span = [ends[0], ends[-1]]
    if one.kind.log:
        span = [math.log10(end) for end in span]
    return axis(
        axis_title(plan, one),
        type="log" if one.kind.log else "linear",
        range=span,
        showgrid=False,
        tickvals=(ticks := _ticks(one)),
        ticktext=[f"{tick:g}".replace("-", MINUS) for tick in ticks],
    )


def _ticks(one: Axis) -> list[float]:
    """The values themselves while they are few, else 1, 2, 5, 10, ... on a log axis."""
    values, ends = one.values, edges(one)
    if one.kind.log and not one.kind.whole:
        series = [float(f"{digit}e{power}") for power in range(-6, 4) for digit in (1, 2, 5)]
        found = [tick for tick in series if ends[0] <= tick <= ends[-1]]
        values = found if len(found) > 1 else values
    return values[:: -(-len(values) // MOST_TICKS)]


def axis_title(plan: MapPlan, one: Axis) -> str:
    """Name an axis; a weight scale is said to be a multiple of what."""
    if one.name != "init_scale":
        return tr(one.kind.label)
    of = {
        "normal": tr("standard deviation"),
        "uniform": tr("half width"),
        "constant": tr("every weight"),
    }
    init = plan.base.init
    unit = of.get(init) or tr("times {init}", init=init)
    return tr("{label} ({unit})", label=tr(one.kind.label), unit=unit)


def cell_frame(plan: MapPlan, selected: Index) -> list[Trace]:
    """Draw a frame around one cell, seen on every color."""
    (y0, y1), (x0, x1) = (
        edges(one)[at : at + 2] for one, at in zip((plan.y, plan.x), selected, strict=True)
    )
    path = {"x": [x0, x1, x1, x0, x0], "y": [y0, y0, y1, y1, y0]}
    common = {"type": "scatter", "mode": "lines", "showlegend": False, "hoverinfo": "skip"}
    return [
        common | path | {"line": {"color": color, "width": width}}
        for color, width in (("#111820", 6), ("#ffffff", 2.5))
    ]
