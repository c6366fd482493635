"""The figure of the run history: one curve of several runs over each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from nndl_core.charts.figures import lines
from nndl_core.charts.parts import Figure
from nndl_core.charts.theme import series_color, series_dash, series_symbol
from nndl_core.store.runs import Curves

Curve = Literal["train_loss", "dev_loss", "train_accuracy", "dev_accuracy"]
MOST_RUNS: Final = 8
"""Eight looks differ for every eye: where a dash comes again, the two colors are far apart."""
MARKS: Final = 9
"""Symbols on each line; one for each point would hide it."""

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


def overlay(runs: Mapping[str, Curves], curve: Curve, *, log: bool = False) -> Figure:
    """Draw one curve of up to MOST_RUNS named runs against the epoch.

    Raises ValueError for more runs.
    """
    if len(runs) > MOST_RUNS:
        raise ValueError(f"A figure shows at most {MOST_RUNS} runs, not {len(runs)}.")
    series = {name: (run.epoch, getattr(run, curve)) for name, run in runs.items()}
    drawn = lines(series, "epoch", curve.replace("_", " "), log_y=log, markers=True)
    for trace in drawn["data"]:
        if trace["mode"] == "lines+markers":
            trace["marker"]["maxdisplayed"] = MARKS
    drawn["layout"]["showlegend"] = True  # a single run has a name too
    return drawn


def swatch(index: int) -> str:
    """Return a small picture of a line of the figure as HTML, by its place in the legend."""
    color, dash = series_color(index), STROKES[series_dash(index)]
    line = f'<path d="M2 10H42" stroke="{color}" stroke-width="3" stroke-dasharray="{dash}"/>'
    mark = f'<path d="{SHAPES[series_symbol(index)]}" fill="{color}"/>'
    return f'<svg width="44" height="20" aria-hidden="true">{line}{mark}</svg>'
