"""An uploaded CSV file as a data set, or one sentence that says what to mend in it."""

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from nndl_core.datasets import Dataset, part_sizes, split_rows, standardize
from nndl_core.i18n import tr

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 5_000
MIN_ROWS = 10
MAX_FEATURES = 64
MAX_CLASSES = 10
MAX_NAME = 64  # characters of a column or class name, which are shown in charts
MAX_LINE = 65_536  # characters; keeps one endless line from becoming millions of cells
MAX_NUMBER = 1e30  # squares of it are still finite, so a spread can be computed
LABEL_NAMES = ("label", "class", "target", "y")
DELIMITERS = (",", ";", "\t")
BINARY_STARTS = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"%PDF")


class CsvError(ValueError):
    """A file that cannot be used; the text is one sentence for the person who uploaded it."""


@dataclass(frozen=True)
class _Header:
    names: list[str]
    label: int  # index of the label column
    delimiter: str


@dataclass(frozen=True)
class _Body:
    x: list[list[float]]
    labels: list[str]
    rows: list[int]  # where in the file, for messages


def read_csv(content: bytes, name: str, data_seed: int = 0) -> Dataset:
    """Read a CSV file of numeric feature columns and one label column.

    The file is UTF-8 text with a header; cells are separated by comma, semicolon or tab, and a
    quoted cell stays on its line. The label is the column called label, class, target or y (in
    this order, upper or lower case), else the last one. Classes are sorted: by value where all
    are numbers, else as text. Rows are shuffled once by data_seed, divided like every data set
    and scaled with the mean and spread of the train part. Rows count from 1, the header.
    Raises CsvError naming row, column and value.
    """
    lines = _lines(_text(content))
    header = _read_header(lines)
    body = _read_body(lines, header)
    classes = _sorted_classes(set(body.labels))
    _check_amount(body, header, classes)
    index = {label: position for position, label in enumerate(classes)}
    order = torch.randperm(len(body.x), generator=torch.Generator().manual_seed(data_seed))
    x = torch.tensor(body.x, dtype=torch.float64)[order]
    y = torch.tensor([index[label] for label in body.labels])[order]
    features = tuple(n for i, n in enumerate(header.names) if i != header.label)
    scaled = standardize(x, part_sizes(len(x))[0]).float()
    _check_scaled(scaled, [body.rows[i] for i in order.tolist()], features)
    train, dev, test = split_rows(scaled, y)
    return Dataset(name, train, dev, test, classes, features)


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        size = len(content) / 1024**2
        raise CsvError(
            tr(
                "The file has {size:.1f} MB; at most {max_bytes} MB can be read.",
                size=size,
                max_bytes=MAX_BYTES // 1024**2,
            )
        )
    if content.startswith(BINARY_STARTS):
        raise CsvError(tr("The file is compressed or binary; upload the plain CSV text."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        row = 1 + before.count(b"\n")
        raise CsvError(
            tr('Row {row} is not UTF-8 text; save the file as "CSV UTF-8".', row=row)
        ) from None
    if "\0" in text:
        raise CsvError(tr('The file is binary or UTF-16, not UTF-8 text; save it as "CSV UTF-8".'))
    return text


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # Not str.splitlines: that also cuts at characters which may stand inside a cell.
    for row, line in enumerate(io.StringIO(text, newline=None), start=1):
        if len(line) > MAX_LINE:
            raise CsvError(
                tr("Row {row} is longer than {max_line} characters.", row=row, max_line=MAX_LINE)
            )
        if line.strip(" \n"):
            yield row, line.rstrip("\n")


def _cells(row: int, line: str, delimiter: str) -> list[str]:
    # One reader for each line: a quotation mark left open cannot swallow the rest of the file.
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        message = tr(
            "Row {row}: a quoted cell is not closed, or is followed by other text", row=row
        )
        raise CsvError(f"{message}: {_short(line)}.") from None
    return [cell.strip() for cell in cells]


def _read_header(lines: Iterator[tuple[int, str]]) -> _Header:
    row, line = next(lines, (0, ""))
    if row == 0:
        raise CsvError(tr("The file is empty."))
    # max keeps the first of equals, so a comma wins a tie.
    delimiter = max(DELIMITERS, key=re.sub('"[^"]*"', "", line).count)
    names = _cells(row, line, delimiter)
    if len(names) < 2:
        separators = tr("comma, semicolon or tab")
        raise CsvError(
            tr(
                "Row {row} has one column, {short}; a feature and a label separated by "
                "{separators} are needed.",
                row=row,
                short=_short(line),
                separators=separators,
            )
        )
    if len(names) > MAX_FEATURES + 1:
        raise CsvError(
            tr(
                "Row {row} has {count} columns; at most {max_features} features and one label "
                "can be read.",
                row=row,
                count=len(names),
                max_features=MAX_FEATURES,
            )
        )
    _check_names(row, names)
    return _Header(names, _label_index(names), delimiter)


def _check_names(row: int, names: list[str]) -> None:
    for column, name in enumerate(names, start=1):
        if not name:
            raise CsvError(tr("Row {row}: column {column} has no name.", row=row, column=column))
        if name in names[: column - 1]:
            raise CsvError(
                tr("Row {row}: the column name {short} occurs twice.", row=row, short=_short(name))
            )
        _check_name(f"Row {row}, column {column}", name)
    numbers = [_number(name) for name in names]
    # Pixel columns are often called 0, 1, 2, ...; any other numbers are data.
    counted = [str(i) for i in range(len(names))], [str(i) for i in range(1, len(names) + 1)]
    if None not in numbers[:-1] and not any(names[:-1] == each[:-1] for each in counted):
        raise CsvError(
            tr(
                "Row {row} must hold the column names, but column 1 is the number {short}.",
                row=row,
                short=_short(names[0]),
            )
        )


def _label_index(names: list[str]) -> int:
    lowered = [name.casefold() for name in names]
    return next((lowered.index(name) for name in LABEL_NAMES if name in lowered), len(names) - 1)


def _read_body(lines: Iterator[tuple[int, str]], header: _Header) -> _Body:
    body = _Body([], [], [])
    shown = [_short(name) for name in header.names]
    for row, line in lines:
        if len(body.rows) == MAX_ROWS:
            raise CsvError(
                tr(
                    "Row {row} is too many; at most {max_rows} rows of data can be read.",
                    row=row,
                    max_rows=MAX_ROWS,
                )
            )
        cells = _cells(row, line, header.delimiter)
        if len(cells) != len(header.names):
            raise CsvError(
                tr(
                    "Row {row} has {cells} cells, but the header has {names}: {short}.",
                    row=row,
                    cells=len(cells),
                    names=len(header.names),
                    short=_short(line),
                )
            )
        places = [f"Row {row}, column {name}" for name in shown]
        body.labels.append(_label(places.pop(header.label), cells.pop(header.label)))
        body.x.append([_feature(place, cell) for place, cell in zip(places, cells, strict=True)])
        body.rows.append(row)
    return body


def _label(place: str, cell: str) -> str:
    if not cell:
        raise CsvError(tr("{place}: the cell is empty.", place=place))
    _check_name(place, cell)
    return cell


def _check_name(place: str, name: str) -> None:
    if len(name) > MAX_NAME:
        raise CsvError(
            tr(
                "{place}: the name {short} is longer than {max_name} characters.",
                place=place,
                short=_short(name),
                max_name=MAX_NAME,
            )
        )


def _feature(place: str, cell: str) -> float:
    if not cell:
        raise CsvError(tr("{place}: the cell is empty.", place=place))
    number = _number(cell)
    if number is None:
        hint = tr("; write decimals with a point") if "," in cell else ""
        raise CsvError(
            tr(
                "{place}: {short} is not a number{hint}.",
                place=place,
                short=_short(cell),
                hint=hint,
            )
        )
    if not math.isfinite(number):
        raise CsvError(
            tr("{place}: {short} is not a finite number.", place=place, short=_short(cell))
        )
    if abs(number) > MAX_NUMBER:
        raise CsvError(
            tr(
                "{place}: {short} is beyond {max_number:g}, the largest size allowed.",
                place=place,
                short=_short(cell),
                max_number=MAX_NUMBER,
            )
        )
    return number


def _number(text: str) -> float | None:
    # float() takes 1_000, which is Python and not data.
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _sorted_classes(labels: set[str]) -> tuple[str, ...]:
    numbers = {label: _number(label) for label in labels}
    values = {label: n for label, n in numbers.items() if n is not None and math.isfinite(n)}
    if len(values) == len(labels):
        return tuple(sorted(labels, key=lambda label: (values[label], label)))
    return tuple(sorted(labels))


def _check_amount(body: _Body, header: _Header, classes: tuple[str, ...]) -> None:
    column = tr("the label column {short}", short=_short(header.names[header.label]))
    if len(body.rows) < MIN_ROWS:
        raise CsvError(
            tr(
                "The file has {count} rows of data; at least {min_rows} are needed.",
                count=len(body.rows),
                min_rows=MIN_ROWS,
            )
        )
    if len(classes) < 2:
        raise CsvError(
            tr(
                "In {column} every row says {short}; 2 classes are needed.",
                column=column,
                short=_short(classes[0]),
            )
        )
    if len(classes) > MAX_CLASSES:
        first = {label: row for row, label in reversed([*zip(body.rows, body.labels, strict=True)])}
        row, label = sorted((row, label) for label, row in first.items())[MAX_CLASSES]
        raise CsvError(
            tr(
                "Row {row}: {short} is class number {number} of {count} in {column}; at most "
                "{most} can be read.",
                row=row,
                short=_short(label),
                number=MAX_CLASSES + 1,
                count=len(classes),
                column=column,
                most=MAX_CLASSES,
            )
        )


def _check_scaled(scaled: torch.Tensor, rows: list[int], features: tuple[str, ...]) -> None:
    for position, column in (~scaled.isfinite()).nonzero().tolist():
        raise CsvError(
            tr(
                "Row {rows}, column {short}: the value is too far from the others to be scaled.",
                rows=rows[position],
                short=_short(features[column]),
            )
        )


def _short(text: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text[:20])
    return f'"{shown}…"' if len(text) > 20 else f'"{shown}"'
