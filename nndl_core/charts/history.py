"""The figure of the run history: one curve of several runs over each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from nndl_core.base.i18n import mark, tr
from nndl_core.charts.figures import lines
from nndl_core.charts.style.parts import Figure, note
from nndl_core.charts.style.scales import short
from nndl_core.charts.style.theme import series_color, series_dash, series_symbol
from nndl_core.store.runs import KeptCurves

Curve = Literal["train_loss", "dev_loss", "train_accuracy", "dev_accuracy"]
TITLES: Final[dict[Curve, str]] = {
    "train_loss": mark("train loss"),
    "dev_loss": mark("dev loss"),
    "train_accuracy": mark("train accuracy"),
    "dev_accuracy": mark("dev accuracy"),
}
MOST_RUNS: Final = 8
"""Eight looks differ for every eye: where a dash comes again, the two colors are far apart."""
MARKS: Final = 9
"""Symbols on each line; one for each point would hide it."""
ROOM, BEYOND = 1.5, 10.0
"""Times the highest loss at the start: the height of a figure, and of a line that leaves it."""

STROKES: Final = {
    "solid": "none",
    "dash": "9 5",
    "dot": "3 4",
    "dashdot": "9 4 3 4",
    "longdash": "15 5",
}
SHAPES: Final = {
    "circle": "M17 10a5 5 0 1 0 10 0a5 5 0 1 0 -10 0",
    "square": "M17 5h10v10h-10z",
    "triangle-up": "M22 4l6 11h-12z",
    "diamond": "M22 4l6 6l-6 6l-6 -6z",
    "cross": "M20 4h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
}


def overlay(runs: Mapping[str, KeptCurves], curve: Curve, *, log: bool = False) -> Figure:
    """Draw one curve of up to MOST_RUNS named runs against the epoch.

    Raises ValueError for more runs.
    """
    if len(runs) > MOST_RUNS:
        raise ValueError(
            tr(
                "A figure shows at most {most_runs} runs, not {count}.",
                most_runs=MOST_RUNS,
                count=len(runs),
            )
        )
    values = {name: getattr(run, curve) for name, run in runs.items()}
    top = _top(values.values()) if curve.endswith("loss") else math.inf
    series = {
        name: (run.epoch, [min(value, BEYOND * top) for value in values[name]])
        for name, run in runs.items()
    }
    drawn = lines(series, tr("epoch"), tr(TITLES[curve]), log_y=log, markers=True)
    if math.isfinite(top):
        _cut_off(drawn["layout"], top, log)
    for trace in drawn["data"]:
        if trace["mode"] == "lines+markers":
            trace["marker"]["maxdisplayed"] = MARKS
    drawn["layout"]["showlegend"] = True  # a single run has a name too
    return drawn


def _top(curves: Iterable[Sequence[float]]) -> float:
    """Return the loss above which a figure is cut off: one run that diverges hides all others."""
    read = [curve for curve in curves if curve]
    top = ROOM * max((curve[0] for curve in read), default=math.inf)
    highest = max((max(curve) for curve in read), default=0.0)
    return top if 0 < top < highest else math.inf


def _cut_off(layout: dict[str, Any], top: float, log: bool) -> None:
    low = layout["yaxis"]["range"][0] if log else -0.05 * top
    layout["yaxis"]["range"] = [low, math.log10(top) if log else top]
    if log:
        layout["yaxis"]["dtick"] = max(1, math.ceil((math.log10(top) - low) / 6))
    words = tr("A loss above {short} is cut off.", short=short(top))
    place = {"xref": "paper", "yref": "paper", "x": 1, "y": 1, "xanchor": "right", "yanchor": "top"}
    layout["annotations"].append(note(words, **place))


def swatch(index: int) -> str:
    """Return a small picture of a line of the figure as SVG, by its place in the legend."""
    color, dash = series_color(index), STROKES[series_dash(index)]
    line = f'<path d="M2 10H42" stroke="{color}" stroke-width="3" stroke-dasharray="{dash}"/>'
    mark = f'<path d="{SHAPES[series_symbol(index)]}" fill="{color}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="44" height="20">{line}{mark}</svg>'
