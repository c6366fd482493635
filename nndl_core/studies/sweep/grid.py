"""The grid of a sweep: which runs there are, in what order, and which are trained together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nndl_core.base.config import KNOBS, MAX_DEPTH, MAX_WIDTH, ConfigError, RunConfig
from nndl_core.base.i18n import mark, tr
from nndl_core.base.knobs import short
from nndl_core.data.catalog import DATASETS
from nndl_core.network.losses import output_units

MAX_SEEDS, MAX_RUNS = 200, 100_000
SHORTHANDS = {"depth": (0, MAX_DEPTH), "width": (1, MAX_WIDTH)}
"""Axes that write ``hidden``, with their bounds."""
REFUSED = {
    "hidden": mark("it is swept by the axes depth and width"),
    "data_seed": mark("the number of seeds sets it"),
    "init_seed": mark("the number of seeds sets it"),
}
TASK_SECONDS, FEWEST_TOGETHER, MOST_TOGETHER = 0.3, 8, 96
"""The work of one chunk, and how many runs of one kind it may have."""
UNIT_SECONDS, STEP_SECONDS = 2.4e-9, 1e-6
"""About what a run among others takes for one unit on one example, and for a layer's update."""

Index = tuple[int, ...]


@dataclass(frozen=True)
class CellRun:
    """One run of a sweep: the cell it belongs to, in row-major order, its seed and its work.

    work is about how many seconds it takes among others of its kind.
    """

    cell: int
    seed: int
    work: float
    first: RunConfig

    @property
    def config(self) -> RunConfig:
        """The cell's config at this seed."""
        return replace(self.first, data_seed=self.seed, init_seed=self.seed)


Chunk = tuple[CellRun, ...]


@dataclass(frozen=True)
class Point:
    """One cell before it is trained: its position and its values on every axis."""

    index: Index
    values: dict[str, Any]
    config: RunConfig


def points(base: RunConfig, axes: Mapping[str, Sequence[Any]], seeds: int) -> list[Point]:
    """Return the cells of a grid in row-major order.

    Raises ConfigError with one sentence that names the setting, the value and what is allowed.
    """
    if isinstance(seeds, bool) or seeds not in range(1, MAX_SEEDS + 1):
        raise ConfigError(
            tr(
                "seeds: {short} is not a whole number from 1 to {max_seeds}.",
                short=short(seeds),
                max_seeds=MAX_SEEDS,
            )
        )
    base = replace(base, data_seed=0, init_seed=0)
    checked = {name: _values(base, name, axes[name]) for name in axes}
    _check_hidden(base, checked)
    count = math.prod(map(len, checked.values())) * seeds
    if count > MAX_RUNS:
        raise ConfigError(
            tr(
                "axes: {count:,} runs are too many; a sweep has at most {max_runs:,}.",
                count=count,
                max_runs=MAX_RUNS,
            )
        )
    cells = list(_cells(base, checked))
    _check_losses(cells)
    return cells


def _check_losses(cells: Sequence[Point]) -> None:
    """Refuse a loss that a data set of the grid has too many classes for."""
    for dataset, loss in dict.fromkeys((c.config.dataset, c.config.loss) for c in cells):
        if dataset == "csv":
            raise ConfigError(tr("dataset: 'csv' cannot be swept; choose a data set of the lab."))
        try:
            output_units(loss, DATASETS[dataset].classes)
        except ValueError as error:
            raise ConfigError(str(error)) from None


def _cells(base: RunConfig, axes: dict[str, list[Any]]) -> Iterator[Point]:
    for index in itertools.product(*(range(len(values)) for values in axes.values())):
        values = {name: axes[name][i] for name, i in zip(axes, index, strict=True)}
        yield Point(index, values, configured(base, values))


def configured(base: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """Return the config of one cell; depth alone repeats the base's first hidden layer."""
    settings = {name: value for name, value in values.items() if name not in SHORTHANDS}
    if len(settings) < len(values):
        width = values.get("width", base.hidden[0] if base.hidden else 0)
        settings["hidden"] = (width,) * values.get("depth", len(base.hidden))
    return replace(base, **settings)


def _values(base: RunConfig, name: str, values: Any) -> list[Any]:
    """Check one axis and return its values as a config holds them."""
    _check_axis(name, values)
    if name in SHORTHANDS:
        found = [_shorthand(name, value) for value in values]
    else:
        found = [getattr(replace(base, **{name: value}), name) for value in values]
    twice = [value for i, value in enumerate(found) if value in found[:i]]
    if twice:
        raise ConfigError(
            tr(
                "{name}: {short} is in the list twice; once is allowed.",
                name=name,
                short=short(twice[0]),
            )
        )
    return found


def _check_axis(name: str, values: Any) -> None:
    fault = ""
    if name in REFUSED:
        why = REFUSED[name]
        fault = tr("{name}: this setting cannot be an axis; {refused}.", name=name, refused=why)
    elif name not in KNOBS and name not in SHORTHANDS:
        known = ", ".join([*SHORTHANDS, *(n for n in KNOBS if n not in REFUSED)])
        fault = tr("{short} cannot be an axis; known are {known}.", short=short(name), known=known)
    elif isinstance(values, str) or not isinstance(values, Sequence) or not values:
        fault = tr(
            "{name}: {short} is not a list of at least one value.", name=name, short=short(values)
        )
    if fault:
        raise ConfigError(fault)


def _shorthand(name: str, value: Any) -> int:
    low, high = SHORTHANDS[name]
    whole = isinstance(value, int | float) and not isinstance(value, bool)
    if not whole or not low <= value <= high or value != int(value):
        raise ConfigError(
            tr(
                "{name}: {short} is not possible; allowed is a whole number from {low} to {high}.",
                name=name,
                short=short(value),
                low=low,
                high=high,
            )
        )
    return int(value)


def _check_hidden(base: RunConfig, axes: Mapping[str, list[Any]]) -> None:
    """Refuse an axis that would change nothing, because the base has no hidden layer."""
    for one, other in (("depth", "width"), ("width", "depth")):
        if one in axes and other not in axes and not base.hidden:
            raise ConfigError(
                tr(
                    "{one}: the base has hidden layers 'none'; give it at least one layer, or "
                    "add the axis {other}.",
                    one=one,
                    other=other,
                )
            )


def levels(count: int) -> list[int]:
    """Return the level of every position on an axis: 0 for both ends, 1 for the middle, and so on.

    The positions up to a level are spread evenly, and each level halves the distance.
    """
    found = [-1] * count
    level, parts = 0, 1
    while -1 in found:
        for j in range(parts + 1):
            at = round(j * (count - 1) / parts)
            if found[at] < 0:
                found[at] = level
        level, parts = level + 1, parts * 2
    return found


def chunks(cells: Sequence[Point], seeds: int) -> list[Chunk]:
    """Cut all runs into pieces of about TASK_SECONDS, coarse levels first, equal shapes together.

    All cells up to a level form a grid of their own. The result depends on the arguments alone.
    """
    shape = [max(at) + 1 for at in zip(*(cell.index for cell in cells), strict=True)]
    by_axis = [levels(count) for count in shape]
    by_level: dict[int, list[int]] = {}
    for at, cell in enumerate(cells):
        level = max((axis[i] for axis, i in zip(by_axis, cell.index, strict=True)), default=0)
        by_level.setdefault(level, []).append(at)
    return [chunk for _, ats in sorted(by_level.items()) for chunk in _level(cells, ats, seeds)]


def _level(cells: Sequence[Point], ats: Sequence[int], seeds: int) -> list[Chunk]:
    """Cut one level: first every kind of network for itself, then join what is small."""
    kinds: dict[tuple[object, ...], list[int]] = {}
    for at in ats:
        kinds.setdefault(_kind(cells[at].config), []).append(at)
    joined: list[Chunk] = []
    for group in kinds.values():
        for piece in _pieces(cells, group, seeds):
            if joined and _work(joined[-1]) + _work(piece) <= TASK_SECONDS:
                joined[-1] += piece
            else:
                joined.append(piece)
    return joined


def _pieces(cells: Sequence[Point], ats: Sequence[int], seeds: int) -> Iterator[Chunk]:
    """Cut runs of one kind evenly, between two cells where a cell is small enough."""
    work = _seconds(cells[ats[0]].config)
    runs = [CellRun(at, seed, work, cells[at].config) for at in ats for seed in range(seeds)]
    most = round(TASK_SECONDS / work)
    most = min(MOST_TOGETHER, max(FEWEST_TOGETHER, most))
    unit = seeds if seeds <= most else 1
    units = len(runs) // unit
    count = -(-units // (most // unit))
    for a, b in itertools.pairwise(units * i // count * unit for i in range(count + 1)):
        yield tuple(runs[a:b])


def _work(runs: Sequence[CellRun]) -> float:
    return sum(run.work for run in runs)


def _kind(c: RunConfig) -> tuple[object, ...]:
    """What runs trained as one batch have in common."""
    size = (c.dataset if DATASETS[c.dataset].tabular else c.points, c.batch_size, c.epochs)
    return (c.hidden, c.activation, c.loss, c.dtype, c.optimizer, c.momentum, *size)


def _seconds(c: RunConfig) -> float:
    units, examples = sum(c.hidden) + 1, 0.8 * c.points
    updates = -(-0.64 * c.points // c.batch_size) if c.batch_size else 1
    steps = updates * (len(c.hidden) + 1) * STEP_SECONDS
    return c.epochs * (units * examples * UNIT_SECONDS + steps)
