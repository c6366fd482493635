"""Names of layers in a sentence: neighbors that have something in common are named together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from nndl_core.base.i18n import tr


def layer_runs(values: Sequence[int]) -> list[tuple[str, int]]:
    """Put neighboring layers with the same value together: ("fc1 to fc3", value)."""
    runs, first = [], 1
    for value, group in groupby(values):
        last = first + len(list(group)) - 1
        runs.append(
            (
                f"fc{first}"
                if first == last
                else tr("fc{first} to fc{last}", first=first, last=last),
                value,
            )
        )
        first = last + 1
    return runs
