"""What a trainability map says of its cells: letters, the legend, the words under the pointer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nndl_core.base.i18n import mark, tr
from nndl_core.charts.style.parts import Trace
from nndl_core.charts.style.scales import short
from nndl_core.studies.map.axis import label_of
from nndl_core.studies.map.plan import MapPlan
from nndl_core.studies.map.trainability import QUANTITIES, CellMean, Status, Summary

Shown = Literal["accuracy", "train_accuracy", "loss", "gradient_ratio", "dead_share", "signs"]
SHOWN: Final[tuple[Shown, ...]] = get_args(Shown)
Cells = Sequence[Summary | None]
STATUS_LOOK: Final[dict[Status, tuple[str, str, str]]] = {
    "diverged": ("X", "#f2e34c", mark("X: the loss was no number any more")),
    "symmetric_units": ("S", "#7fd1c1", mark("S: a layer whose units are all the same")),
    "dead_layer": ("D", "#b9a37a", mark("D: a layer of dead units")),
    "zero_gradient": ("Z", "#a3a8ae", mark("Z: first layer's gradient exactly 0")),
    "vanishing_gradient": (
        "V",
        "#c7a5e8",
        mark("V: first layer's gradient under 1/1000 of the last's"),
    ),
    "at_chance": ("C", "#f3b5a5", mark("C: training set not learned")),
    "no_sign": ("", "#e4ebf2", mark("no sign")),
}
STATUS_WORDS: Final[dict[Status, str]] = {
    "diverged": mark("diverged"),
    "symmetric_units": mark("equal units"),
    "dead_layer": mark("dead layer"),
    "zero_gradient": mark("gradient exactly 0"),
    "vanishing_gradient": mark("vanishing gradient"),
    "at_chance": mark("at chance"),
    "no_sign": mark("no sign"),
}


def hover(plan: MapPlan, cells: Cells) -> dict[str, Any]:
    """Return the words under the pointer: a template, and every cell's numbers for it."""
    columns = len(plan.x.values)
    flat = [_numbers(cell) if cell else [] for cell in cells]
    labels = [tr(q.label) for q in QUANTITIES.values()]
    body = "".join(f"<br>{label}: %{{customdata[{at + 1}]}}" for at, label in enumerate(labels))
    return {
        "customdata": [flat[at : at + columns] for at in range(0, len(flat), columns)],
        "hovertemplate": f"<b>%{{customdata[0]}}</b>{body}"
        f"<br>{tr('signs')}: %{{customdata[{len(labels) + 1}]}}<extra></extra>",
        "hoverongaps": False,
    }


def _numbers(cell: Summary) -> list[str]:
    spreads = [spread_words(cell.spreads[name]) for name in QUANTITIES]
    return [name_of(cell), *spreads, signs_words(cell)]


def name_of(cell: Summary) -> str:
    """Name a cell by its values."""
    return ", ".join(f"{tr(label_of(name)).lower()} {v:.4g}" for name, v in cell.values.items())


def spread_words(spread: CellMean) -> str:
    """Write mean and standard deviation over the seeds, and how many had no finite value."""
    parts = []
    if not math.isnan(spread.mean):
        more = "" if math.isnan(spread.deviation) else f" ± {short(spread.deviation)}"
        parts.append(short(spread.mean) + more)
    parts += [tr("{n} exactly 0", n=spread.zeros)] if spread.zeros else []
    parts += [tr("{n} undefined", n=spread.odd)] if spread.odd else []
    return ", ".join(parts)


def signs_words(cell: Summary) -> str:
    """Write how many seeds show which sign; a count in brackets needs no plural."""
    return tr(", ").join(f"{tr(STATUS_WORDS[name])} ({n})" for name, n in cell.statuses)


def letters(plan: MapPlan, cells: Cells, shown: Shown, odd: NDArray[np.bool_]) -> list[Trace]:
    """Write on the cells what no color should say alone: signs, and gradients of exactly 0."""
    marked = []
    for cell in filter(None, cells):
        row, column = cell.index
        if shown == "signs":
            letter = STATUS_LOOK[cell.status][0]
        else:
            letter = "" if not odd[row, column] else "0" if cell.spreads[shown].zeros else "?"
        if letter:
            marked.append((plan.x.values[column], plan.y.values[row], letter))
    if not marked:
        return []
    x, y, letters = zip(*marked, strict=True)
    style = {"textfont": {"size": 12, "color": "#111820"}, "textposition": "middle center"}
    common = {"type": "scatter", "mode": "text", "showlegend": False, "hoverinfo": "skip"}
    return [common | style | {"x": list(x), "y": list(y), "text": list(letters)}]


def legend(z: NDArray[np.float64]) -> list[Trace]:
    """Name the signs that the map shows; the traces have no point of their own."""
    shown = [name for at, name in enumerate(get_args(Status)) if (z == at).any()]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [None],
            "y": [None],
            "name": tr(STATUS_LOOK[name][2]),
            "marker": {"symbol": "square", "size": 13, "color": STATUS_LOOK[name][1]},
        }
        for name in shown
    ]
