"""What each column of a table holds, and which is the label and which are features by default."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nndl_core.data.table.cells import Cell, Decimal, kind_of, number_in
from nndl_core.data.table.file import Grid

Kind = Literal["number", "text", "date", "index", "constant", "empty"]
Rule = Literal["name", "last", "few", "chosen"]
"""Why a column is the label: its name, its place, its few values, or somebody's choice."""

MAX_FEATURES, MAX_CLASSES = 64, 10
CELLS: tuple[Cell, ...] = get_args(Cell)
MOSTLY = 0.75  # from this share of its cells on, a column is one of numbers, and others are faults
COUNTED_ROWS = 5  # fewer count up by chance
_NAMES = "label labels class classes target species outcome diagnosis category"  # untranslated
LABELS = (*_NAMES.split(), "标签", "类别", "分类", "种类", "目标", "品种", "y")
"""Names of a label column in any case; the first that occurs counts."""
_THINGS = "passenger|customer|user|order|sample|record|row|case|patient|student|employee|client"
INDEX = re.compile(
    rf"(.*[^a-z])?(id|idx|index|no|nr|number)[.:]?|#|unnamed:\s?\d+|row(name|num|number)?s?"
    rf"|.*(编号|序号|行号)|({_THINGS})id",
    re.IGNORECASE,
)
CAMEL_ID = re.compile(r".*[a-z]I[dD]")


@dataclass(frozen=True, eq=False)
class Cells:
    """Hold a column with equal cells counted once: rows [n] point at texts, numbers and kinds."""

    rows: NDArray[np.intp]
    texts: list[str]
    numbers: NDArray[np.float64]  # NaN where there is none
    kinds: NDArray[np.int8]  # index into CELLS


@dataclass(frozen=True, eq=False)
class Column:
    """Say what a column holds: values counts its different ones, gaps [rows] tells the missing."""

    name: str
    kind: Kind
    values: int
    gaps: NDArray[np.bool_]


@dataclass(frozen=True)
class ColumnChoice:
    """Which columns are used, by their places in the grid, and why the label is the label."""

    label: int
    features: tuple[int, ...]
    rule: Rule = "chosen"


def cells_of(grid: Grid, column: int) -> Cells:
    """Read what the cells of a column are."""
    rows, found = pd.factorize(grid.cells[column])
    texts: list[str] = found.to_numpy(dtype=object).tolist()
    decimal: Decimal = "," if grid.form.decimal == "," else "."
    numbers = [number_in(text, decimal) for text in texts]
    kinds = [CELLS.index(kind_of(t, n)) for t, n in zip(texts, numbers, strict=True)]
    values = [np.nan if n is None else n for n in numbers]
    return Cells(rows, texts, np.array(values, np.float64), np.array(kinds, np.int8))


def describe(grid: Grid) -> tuple[Column, ...]:
    """Say of every column what it holds."""
    return tuple(_column(grid, place) for place in range(len(grid.names)))


def default_choice(columns: tuple[Column, ...]) -> ColumnChoice:
    """Guess the label, and take as features all columns of numbers that may say something of it."""
    label, rule = _label(columns)
    kinds = ("number",) if any(c.kind == "number" for c in _others(columns, label)) else ("index",)
    features = [
        place
        for place, column in enumerate(columns)
        if place != label
        and column.kind in kinds
        and not (column.kind == "index" and is_index_name(column.name))
    ]
    features = _with_most_rows(columns, label, features)
    return ColumnChoice(label, tuple(features[:MAX_FEATURES]), rule)


def is_index_name(name: str) -> bool:
    """Tell whether a name is one of those that columns of identifiers have."""
    return bool(INDEX.fullmatch(name) or CAMEL_ID.fullmatch(name))


def _others(columns: tuple[Column, ...], label: int) -> list[Column]:
    return [column for place, column in enumerate(columns) if place != label]


def _column(grid: Grid, place: int) -> Column:
    cells, name = cells_of(grid, place), grid.names[place]
    count = np.bincount(cells.rows, minlength=len(cells.texts))
    by_kind = {kind: int(count[cells.kinds == i].sum()) for i, kind in enumerate(CELLS)}
    filled = len(cells.rows) - by_kind["missing"]
    gaps = cells.kinds[cells.rows] == CELLS.index("missing")
    different = int((cells.kinds != CELLS.index("missing")).sum())
    return Column(name, _kind(cells, name, by_kind, filled, different), different, gaps)


def _kind(cells: Cells, name: str, by_kind: dict[Cell, int], filled: int, different: int) -> Kind:
    if filled == 0:
        return "empty"
    if different == 1:
        return "constant"
    if by_kind["date"] >= MOSTLY * filled:
        return "date"
    if by_kind["number"] + by_kind["endless"] + by_kind["huge"] < MOSTLY * filled:
        return "text"
    return "index" if _is_index(cells, name) else "number"


def _is_index(cells: Cells, name: str) -> bool:
    """Tell whether every row has another whole number, and the name or the order says index."""
    values = cells.numbers[cells.rows]
    if len(cells.texts) < len(values) or not np.isfinite(values).all():
        return False
    if (values != np.floor(values)).any() or len(values) < COUNTED_ROWS:
        return False
    counts_up = values[0] in (0, 1) and bool((np.diff(values) == 1).all())
    return counts_up or is_index_name(name)


def _label(columns: tuple[Column, ...]) -> tuple[int, Rule]:
    names = [column.name.casefold() for column in columns]
    # x, y, color: here y is a coordinate
    known = LABELS[:-1] if "x" in names and len(names) > 2 else LABELS
    for name in known:
        if name in names:
            return names.index(name), "name"
    last = len(columns) - 1
    if columns[last].kind in ("number", "text") and 2 <= columns[last].values <= MAX_CLASSES:
        return last, "last"
    for place in range(last, -1, -1):
        if columns[place].kind == "text" and 2 <= columns[place].values <= MAX_CLASSES:
            return place, "few"
    return last, "last"


def _with_most_rows(columns: tuple[Column, ...], label: int, features: list[int]) -> list[int]:
    """Leave out the features with the most gaps while they cost more than half of the rows."""
    kept, rows = list(features), ~columns[label].gaps
    while kept:
        costs = np.array([int((columns[place].gaps & rows).sum()) for place in kept])
        lost = np.any([columns[place].gaps for place in kept], axis=0) & rows
        if 2 * int(lost.sum()) <= int(rows.sum()):
            break
        kept.pop(int(costs.argmax()))
    return kept
