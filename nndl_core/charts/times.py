"""Figures of measured times."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from nndl_core.base.i18n import tr
from nndl_core.charts.figures import Figure, strips

SLOW = 3.0
"""A measurement so many times the largest median was interrupted by something else."""


def time_strips(seconds: Mapping[str, Sequence[float]], x_title: str) -> Figure:
    """Draw each way's times as dots with mean and interval; interrupted ones are only counted.

    Each series needs at least one time. The machine's other work makes a few measurements many
    times longer; on one axis with them the rest would be one dot.
    """
    limit = SLOW * max(map(statistics.median, seconds.values()))
    kept = {name: [v for v in values if v <= limit] for name, values in seconds.items()}
    lost = {name: len(values) - len(kept[name]) for name, values in seconds.items()}
    named = {
        tr("{name} ({lost} above {limit:.2g} s not drawn)", name=name, lost=lost[name], limit=limit)
        if lost[name]
        else name: values
        for name, values in kept.items()
    }
    return strips(named, x_title)
