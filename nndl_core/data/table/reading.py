"""A table and the choice of its columns as a data set, or one sentence that says what to mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from nndl_core.base.config import ScaleName
from nndl_core.base.i18n import mark, tr
from nndl_core.data.catalog import Dataset, part_sizes, split_rows, standardize
from nndl_core.data.table.cells import MAX_NUMBER
from nndl_core.data.table.columns import (
    CELLS,
    MAX_CLASSES,
    MAX_FEATURES,
    Cells,
    Column,
    ColumnChoice,
    cells_of,
    default_choice,
    describe,
)
from nndl_core.data.table.file import Form, Grid, read_grid
from nndl_core.data.table.text import TableError, shown

MAX_ROWS, MIN_ROWS = 5_000, 4
MAX_NAME = 64  # characters of a column or class name, which are shown in charts
FEW = 3
"""A class with fewer rows can hardly be in train, dev and test."""


@dataclass(frozen=True, eq=False)
class TableReading:
    """Hold a data set made from a table, with what was done to its rows.

    rows: of the file. complete: those without a gap in a chosen column, of which at most MAX_ROWS
    are drawn. sizes: rows of each class; train_sizes: of them in the train part.
    """

    dataset: Dataset
    rows: int
    complete: int
    sizes: tuple[int, ...]
    train_sizes: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Whether train, dev and test are the same rows, because there are too few to divide."""
        return self.dataset.train is self.dataset.dev


@dataclass(frozen=True, eq=False)
class Table:
    """Hold a file that has been read, with the choice of its columns."""

    name: str
    grid: Grid
    columns: tuple[Column, ...]
    choice: ColumnChoice
    _made: dict[tuple[int, ScaleName], TableReading] = field(default_factory=dict)

    @classmethod
    def of(cls, content: bytes, name: str, form: Form | None = None) -> Table:
        """Read a file and choose its columns by default; raise TableError with one sentence."""
        grid = read_grid(content, form)
        columns = describe(grid)
        return cls(name, grid, columns, default_choice(columns))

    def choosing(self, choice: ColumnChoice) -> Table:
        """Return the same table with other columns."""
        return Table(self.name, self.grid, self.columns, choice)

    def read(self, data_seed: int = 0, scale: ScaleName = "on") -> TableReading:
        """Make the data set; equal arguments give the same one.

        Rows with a gap in a chosen column are left out. The others are shuffled by data_seed, cut
        to MAX_ROWS, divided like every data set, and scaled by mean and spread of the train part.
        Classes are sorted: by value where all are numbers, else as text. Raises TableError.
        """
        key = (data_seed, scale)
        if key not in self._made:
            reading = _read(self, data_seed, scale)
            while len(self._made) > 1:  # a remedy beside a run has a second one
                self._made.pop(next(iter(self._made)))
            self._made[key] = reading
        return self._made[key]

    def dataset(self, data_seed: int = 0, scale: ScaleName = "on") -> Dataset:
        """Return the data set of read()."""
        return self.read(data_seed, scale).dataset


def read_table(content: bytes, name: str, data_seed: int = 0, scale: ScaleName = "on") -> Dataset:
    """Read a file as a data set with everything found by itself; raise TableError."""
    return Table.of(content, name).dataset(data_seed, scale)


def _read(table: Table, data_seed: int, scale: ScaleName) -> TableReading:
    label, complete = _complete(table)
    classes, y = _classes(table, label, complete)
    x = _features(table, complete)
    generator = torch.Generator().manual_seed(data_seed)
    order = torch.randperm(len(complete), generator=generator)[:MAX_ROWS]
    x, y = x[order], y[order]
    if scale == "on":
        x = standardize(x, part_sizes(len(x))[0]).float()
        _check_scaled(table, x, complete[order.numpy()])
    train, dev, test = split_rows(x, y)
    names = tuple(table.grid.names[place] for place in table.choice.features)
    dataset = Dataset(table.name, train, dev, test, classes, names)
    sizes = [part.bincount(minlength=len(classes)).tolist() for part in (y, train.y)]
    rows = len(table.grid.cells)
    return TableReading(dataset, rows, len(complete), tuple(sizes[0]), tuple(sizes[1]))


def _complete(table: Table) -> tuple[Cells, NDArray[np.intp]]:
    """Return the cells of the label and the rows without a gap in a chosen column, of enough."""
    choice, columns = table.choice, table.columns
    if len(table.grid.cells) < MIN_ROWS:
        raise TableError(
            tr(
                "The table has {count} rows of data; at least {least} are needed.",
                count=len(table.grid.cells),
                least=MIN_ROWS,
            )
        )
    _check_choice(table)
    gaps = np.any([columns[place].gaps for place in choice.features], axis=0)
    label = cells_of(table.grid, choice.label)
    complete = np.flatnonzero(~gaps & ~_unlabelled(label, columns[choice.label]))
    _check_rows(table, len(complete))
    return label, complete


def _unlabelled(label: Cells, column: Column) -> NDArray[np.bool_]:
    """Tell which rows have no label; beside a + the sign - is a class, and not a gap."""
    if "+" not in label.texts or "-" not in label.texts:
        return column.gaps
    is_minus: NDArray[np.bool_] = label.rows == label.texts.index("-")
    return column.gaps & ~is_minus


def _check_choice(table: Table) -> None:
    choice, names = table.choice, table.grid.names
    features = [place for place in choice.features if place != choice.label]
    label = shown(names[choice.label])
    fault = ""
    if not features:
        fault = tr(
            "No column of numbers is left as a feature beside the label {label}; choose "
            "another label, or add a column of numbers.",
            label=label,
        )
    elif len(features) < len(choice.features):
        fault = tr(
            "Column {label} is the label and cannot be a feature too; leave it out of one.",
            label=label,
        )
    elif len(features) > MAX_FEATURES:
        fault = tr(
            "{count} columns are chosen as features; choose at most {most}.",
            count=len(features),
            most=MAX_FEATURES,
        )
    if fault:
        raise TableError(fault)
    _check_names(names, (*features, choice.label))


def _check_names(names: Sequence[str], places: Sequence[int]) -> None:
    for place in places:
        if len(names[place]) > MAX_NAME:
            raise TableError(
                tr(
                    "Column {column}: the name {shown} is longer than {most} characters; shorten "
                    "it, or leave the column out.",
                    column=place + 1,
                    shown=shown(names[place]),
                    most=MAX_NAME,
                )
            )


def _check_rows(table: Table, complete: int) -> None:
    if complete >= MIN_ROWS:
        return
    rows, used = len(table.grid.cells), (*table.choice.features, table.choice.label)
    worst = max(used, key=lambda place: int(table.columns[place].gaps.sum()))
    raise TableError(
        tr(
            "Only {complete} of {rows} rows have a value in every chosen column, and {least} are "
            "needed; leave out column {worst}, where {gaps} cells are empty.",
            complete=complete,
            rows=rows,
            least=MIN_ROWS,
            worst=shown(table.grid.names[worst]),
            gaps=int(table.columns[worst].gaps.sum()),
        )
    )


def _classes(
    table: Table, label: Cells, rows: NDArray[np.intp]
) -> tuple[tuple[str, ...], torch.Tensor]:
    """Return the names of the classes, sorted, and the class of each of these rows."""
    found, first, which = np.unique(label.rows[rows], return_index=True, return_inverse=True)
    texts, numbers = [label.texts[i] for i in found], label.numbers[found]
    if np.isfinite(numbers).all():  # 1 and 1.0 are one class
        order = {float(value): place for place, value in enumerate(sorted(set(numbers.tolist())))}
        places = [order[float(value)] for value in numbers]
    else:
        names = sorted(texts)
        places = [names.index(text) for text in texts]
    classes = [""] * (max(places) + 1)
    for place, text in sorted(zip(places, texts, strict=True), key=lambda each: -len(each[1])):
        classes[place] = text  # the shortest is last
    _check_classes(table, classes, _Met(rows[first], np.array(places), texts))
    return tuple(classes), torch.from_numpy(np.array(places, np.int64)[which])


class _Met(NamedTuple):
    """The different cells of the label: the row where each is first, its class, its text."""

    rows: NDArray[np.intp]
    places: NDArray[np.intp]
    texts: list[str]


def _check_classes(table: Table, classes: list[str], met: _Met) -> None:
    name = shown(table.grid.names[table.choice.label])
    if len(classes) < 2:
        raise TableError(
            tr(
                "In the label column {name} every row says {value}; 2 classes are needed: choose "
                "another column as the label.",
                name=name,
                value=shown(classes[0]),
            )
        )
    if len(classes) > MAX_CLASSES:
        raise _too_many(table, len(classes), met)
    for at in np.argsort(met.rows):
        if len(met.texts[at]) > MAX_NAME or "\n" in met.texts[at]:
            raise TableError(
                tr(
                    "Row {row}, column {name}: {value} is no name of a class, which has at most "
                    "{most} characters on one line; shorten it, or choose another label.",
                    **_met_at(table, met, int(at)),
                    most=MAX_NAME,
                )
            )


def _met_at(table: Table, met: _Met, at: int) -> dict[str, object]:
    """Return the row, the column and the text of a cell of the label, for a sentence."""
    return {
        "row": int(table.grid.rows[met.rows[at]]),
        "name": shown(table.grid.names[table.choice.label]),
        "value": shown(met.texts[at]),
    }


def _too_many(table: Table, count: int, met: _Met) -> TableError:
    seen: set[int] = set()
    at = 0
    for at in np.argsort(met.rows).tolist():
        seen.add(int(met.places[at]))
        if len(seen) > MAX_CLASSES:
            break
    text = mark(
        "Row {row}, column {name}: {value} is class number {number} of {count}; at most "
        "{most} can be learned: choose another column as the label."
    )
    if table.columns[table.choice.label].kind in ("number", "index"):
        text = mark(
            "Row {row}, column {name}: {value} is number {number} of {count} different ones; "
            "the lab learns classes, at most {most} of them, and no quantities yet: choose "
            "another column as the label."
        )
    values = {"number": len(seen), "count": f"{count:,}", "most": MAX_CLASSES}
    return TableError(tr(text, **_met_at(table, met, at), **values))


def _features(table: Table, rows: NDArray[np.intp]) -> torch.Tensor:
    """Read the features of these rows, float64 [rows, features]; refuse the first wrong cell."""
    columns, faults = [], []
    for place in table.choice.features:
        cells = cells_of(table.grid, place)
        codes = cells.rows[rows]
        columns.append(cells.numbers[codes])
        wrong = cells.kinds[codes] != CELLS.index("number")
        if wrong.any():
            at = int(wrong.argmax())
            faults.append((at, place, cells.texts[codes[at]], CELLS[cells.kinds[codes[at]]]))
    if faults:
        at, place, text, kind = min(faults)
        raise _wrong_cell(table, int(table.grid.rows[rows[at]]), place, text, kind)
    return torch.from_numpy(np.stack(columns, axis=1))


def _wrong_cell(table: Table, row: int, place: int, text: str, kind: str) -> TableError:
    is_comma = "," in text and table.grid.form.decimal == "."
    fault = _WRONG_CELLS.get(kind, _COMMA if is_comma else _NO_NUMBER)
    name = shown(table.grid.names[place])
    return TableError(tr(fault, row=row, name=name, value=shown(text), most=MAX_NUMBER))


_WRONG_CELLS = {
    "endless": mark(
        "Row {row}, column {name}: {value} is not a finite number; mend the cell, or leave the "
        "column out."
    ),
    "huge": mark(
        "Row {row}, column {name}: {value} is beyond {most:g}, the largest size allowed; mend "
        "the cell, or leave the column out."
    ),
}
_COMMA = mark(
    "Row {row}, column {name}: {value} is not a number; write decimals with a point, or "
    "leave the column out."
)
_NO_NUMBER = mark(
    "Row {row}, column {name}: {value} is not a number; mend the cell, or leave the column out."
)


def _check_scaled(table: Table, scaled: torch.Tensor, rows: NDArray[np.intp]) -> None:
    for position, column in (~scaled.isfinite()).nonzero().tolist():
        raise TableError(
            tr(
                "Row {row}, column {name}: the value is too far from the others to be scaled; mend "
                "the cell, or leave the column out.",
                row=int(table.grid.rows[rows[position]]),
                name=shown(table.grid.names[table.choice.features[column]]),
            )
        )
