"""An uploaded file as a grid of text cells, with how it was read: found by itself, changeable."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nndl_core.base.i18n import tr
from nndl_core.data.table.cells import Decimal, decimal_mark, is_missing, number_in
from nndl_core.data.table.sheet import MAX_COLUMNS, is_workbook, sheet_rows
from nndl_core.data.table.text import TableError, check_size, shown, text_of

DELIMITERS = ("\t", ";", "|", ",", " ")
"""A tie goes to the first: a comma may be in a number, a blank anywhere."""
MAX_CELLS = 1_000_000
SAMPLE_LINES = 200
TELLING = {"label", "class", "target", "y", "id", "index", "name", "标签", "类别", "编号", "序号"}
"""Names that nobody would have as a value: where one stands in the first row, it holds names."""
DECLARED = re.compile(r"sep=(.)\n")
TOO_WIDE = re.compile(r"line (\d+), saw (\d+)")
OPEN_QUOTE = re.compile(r"EOF inside string starting at row (\d+)")  # untranslated: of pandas
Header = Literal["", "names", "data"]


@dataclass(frozen=True)
class Form:
    """How a file is read; what is empty is to be found.

    header: whether the first row holds names or data. sheet: of a workbook, which has neither
    encoding nor delimiter.
    """

    encoding: str = ""
    delimiter: str = ""
    decimal: Decimal | Literal[""] = ""
    header: Header = ""
    sheet: str = ""


@dataclass(frozen=True, eq=False)
class Grid:
    """Hold a table as stripped text: cells [rows, columns], and where in the file each row stands.

    unnamed: indices of the columns whose names are made up. The form is the one that was used.
    """

    names: tuple[str, ...]
    cells: pd.DataFrame
    rows: NDArray[np.int64]
    form: Form
    sheets: tuple[str, ...] = ()
    unnamed: tuple[int, ...] = ()


def read_grid(content: bytes, form: Form | None = None) -> Grid:
    """Read a file as CSV text or as an Excel workbook (.xlsx); form fixes what is not to be found.

    Rows count from 1, as an editor or Excel shows them. Raises TableError with one sentence.
    """
    form = form or Form()
    check_size(content)
    if is_workbook(content):
        rows, sheets, sheet = sheet_rows(content, form.sheet)
        form = Form(decimal=form.decimal, header=form.header, sheet=sheet)
        if not any(map(any, rows)):
            raise TableError(
                tr(
                    "Sheet {sheet} is empty; choose another, or upload a table with one row for "
                    "each example.",
                    sheet=shown(sheet),
                )
            )
        return _grid(pd.DataFrame(rows, dtype=str), form, sheets)
    text, encoding = text_of(content, form.encoding)
    if not text.strip():
        raise _empty()
    declared = DECLARED.match(text)  # a line that Excel writes for itself
    delimiter = form.delimiter or (declared[1] if declared else delimiter_of(text))
    form = Form(encoding, delimiter, form.decimal, form.header)
    return _grid(_frame(text, delimiter, is_first_said=declared is not None), form)


def delimiter_of(text: str) -> str:
    """Guess what separates the cells of a text: one of DELIMITERS.

    It is what cuts most of the first lines into the same number of cells, more than one.
    """
    lines = _first_lines(text)
    return max(DELIMITERS, key=lambda delimiter: _agreement(lines, delimiter))


def _agreement(lines: list[str], delimiter: str) -> float:
    """Return the share of lines that have as many cells as the most have, 0 if that is one."""
    widths = Counter(len(cells) for cells in _cut(lines, delimiter))
    width, count = widths.most_common(1)[0]
    share = count / widths.total() if width > 1 else 0.0
    return share / 2 if delimiter == " " else share  # only where nothing else is in question


def _cut(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == " ":
        return [line.split() for line in lines]
    # One reader for each line: a quotation mark left open swallows no other.
    return [next(csv.reader([line], delimiter=delimiter)) for line in lines]


def _first_lines(text: str) -> list[str]:
    lines = (line.rstrip("\n") for line in io.StringIO(text))
    return list(islice((line for line in lines if line.strip()), SAMPLE_LINES))


def _frame(text: str, delimiter: str, *, is_first_said: bool) -> pd.DataFrame:
    """Let pandas cut the text; the index is the line that a row stands in, less 1."""
    first = _first_lines(text)[1 if is_first_said else 0 :][:1]
    if not first:
        raise _empty()
    width = len(_cut(first, delimiter)[0])
    _check_width(width, first[0], 1 + text.count("\n", 0, text.find(first[0])))
    _check_cells(text.count("\n"), width)
    try:
        frame = _cells(text, delimiter, width)
    except pd.errors.ParserError as error:
        raise _misfit(str(error), width) from None
    return _evened(frame.iloc[1:] if is_first_said else frame, text, delimiter, width)


def _cells(text: str, delimiter: str, width: int) -> pd.DataFrame:
    with warnings.catch_warnings():
        # a row that is too long is found by _evened, with its number
        warnings.simplefilter("ignore", pd.errors.ParserWarning)
        return pd.read_csv(
            io.StringIO(text),
            sep=r"\s+" if delimiter == " " else delimiter,
            header=None,
            names=range(width + 1),  # one more, for a delimiter at the end of every row
            index_col=False,
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            skipinitialspace=True,
        )


def _check_cells(lines: int, width: int) -> None:
    if (lines + 1) * width > MAX_CELLS:
        raise TableError(
            tr(
                "The table has about {rows:,} rows of {columns} columns; at most {cells:,} cells "
                "can be read: leave out rows or columns.",
                rows=lines,
                columns=width,
                cells=MAX_CELLS,
            )
        )


def _misfit(words: str, width: int) -> TableError:
    """Say in a sentence what pandas found wrong with the shape of a file."""
    if found := TOO_WIDE.search(words):
        return _ragged(int(found[1]), int(found[2]), width)
    row = int(found[1]) + 1 if (found := OPEN_QUOTE.search(words)) else 1
    return TableError(
        tr(
            "Row {row}: a quotation mark opens a cell and none closes it; close it, or delete it.",
            row=row,
        )
    )


def _ragged(row: int, cells: int, width: int) -> TableError:
    return TableError(
        tr(
            "Row {row} has {cells} cells, but the first row has {width}; give it as many, or "
            "choose another delimiter.",
            row=row,
            cells=cells,
            width=width,
        )
    )


def _evened(frame: pd.DataFrame, text: str, delimiter: str, width: int) -> pd.DataFrame:
    """Drop the column that only delimiters at the end made; refuse rows of another length."""
    extra = frame[width].str.strip() != ""
    if extra.any():
        raise _ragged(int(frame.index[extra.argmax()]) + 1, width + 1, width)
    frame = frame.drop(columns=width)
    # pandas fills a short row up, so those that end in nothing are counted once more
    doubtful = np.flatnonzero((frame[width - 1] == "") & (frame != "").any(axis=1))
    lines = text.split("\n") if len(doubtful) else []
    if len(frame) == len(lines) - (not lines[-1] if lines else 0):  # no cell has lines of its own
        for place in (int(frame.index[i]) for i in doubtful):
            cells = len(_cut([lines[place]], delimiter)[0])
            if cells < width:
                raise _ragged(place + 1, cells, width)
    return frame


def _check_width(width: int, line: str, row: int) -> None:
    if width < 2:
        raise TableError(
            tr(
                "Row {row} has one column, {shown}; a feature and a label are needed, separated by "
                "comma, semicolon or tab.",
                row=row,
                shown=shown(line),
            )
        )
    if width > MAX_COLUMNS:
        raise TableError(
            tr(
                "Row {row} has {count} columns; at most {most} can be read: leave some out.",
                row=row,
                count=width,
                most=MAX_COLUMNS,
            )
        )


def _empty() -> TableError:
    return TableError(tr("The file is empty; upload a table with one row for each example."))


def _grid(frame: pd.DataFrame, form: Form, sheets: tuple[str, ...] = ()) -> Grid:
    """Drop rows without anything, take the first as names if it holds some, and name the rest."""
    frame = frame.apply(lambda column: column.str.strip())
    frame = frame.loc[(frame != "").any(axis=1)]
    if frame.empty:
        raise _empty()
    if sheets:
        frame = frame.loc[:, (frame != "").any(axis=0)]
        frame.columns = range(frame.shape[1])
        _check_width(frame.shape[1], str(frame.iloc[0, 0]), int(frame.index[0]) + 1)
    first = [str(cell) for cell in frame.iloc[0]]
    body = frame.iloc[1:]
    sample = body.head(1000)
    form = replace(form, decimal=form.decimal or _decimal_of(sample, form.delimiter))
    header = form.header or ("names" if _holds_names(first, sample, form.decimal) else "data")
    form = replace(form, header=header)
    if header == "data":
        names = [f"x{i}" for i in range(1, len(first) + 1)]
        rows = frame.index.to_numpy(np.int64) + 1
        return Grid(tuple(names), frame.reset_index(drop=True), rows, form, sheets)
    return _named(first, body, form, sheets, int(frame.index[0]) + 1)


def _decimal_of(sample: pd.DataFrame, delimiter: str) -> Decimal:
    cells = map(str, sample.to_numpy().ravel())
    return decimal_mark((cell for cell in cells if "," in cell or "." in cell), delimiter)


def _named(
    first: list[str], body: pd.DataFrame, form: Form, sheets: tuple[str, ...], row: int
) -> Grid:
    """Take the first row as names; drop what has neither name nor cells, name what has cells."""
    filled = (body != "").any(axis=0).tolist()
    kept = [i for i, name in enumerate(first) if name or filled[i]]
    body = body.loc[:, kept]
    names = [first[i] or tr("column {number}", number=i + 1) for i in kept]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise TableError(
                tr(
                    "Row {row}, column {column}: the name {shown} occurs twice; give every column "
                    "a name of its own.",
                    row=row,
                    column=kept[place] + 1,
                    shown=shown(name),
                )
            )
    if len(names) < 2:
        _check_width(len(names), names[0] if names else "", row)
    body.columns = range(len(kept))
    rows = body.index.to_numpy(np.int64) + 1
    unnamed = tuple(place for place, i in enumerate(kept) if not first[i])
    return Grid(tuple(names), body.reset_index(drop=True), rows, form, sheets, unnamed)


def _holds_names(first: list[str], body: pd.DataFrame, decimal: str) -> bool:
    """Tell whether the first row names the columns, by how it differs from what is below it."""
    numbers = [_is_number(cell, decimal) for cell in first]
    counted = [[str(i) for i in range(start, start + len(first))] for start in (0, 1)]
    if any(first[:-1] == each[:-1] for each in counted) or body.empty:
        return True  # pixel columns are often called 0, 1, 2, ...
    if any(cell.casefold() in TELLING for cell in first):
        return True
    words = [i for i, cell in enumerate(first) if not numbers[i] and not is_missing(cell)]
    columns = {i: [str(cell) for cell in body[i]] for i in words}
    if any(sum(_is_number(cell, decimal) for cell in columns[i]) > len(body) / 2 for i in words):
        return True
    if any(numbers) or not words:
        return False
    return not all(first[i] in columns[i] for i in words)


def _is_number(cell: str, decimal: str) -> bool:
    return number_in(cell, "," if decimal == "," else ".") is not None
