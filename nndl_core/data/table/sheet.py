"""A sheet of an Excel workbook as rows of text; no formula in it is ever computed."""

from __future__ import annotations

import datetime
import io
import re
import warnings
import zipfile
from typing import Any

from openpyxl import load_workbook

from nndl_core.base.i18n import tr
from nndl_core.data.table.text import WORKBOOK, TableError, shown

MAX_UNPACKED = 25 * 1024 * 1024  # bytes of all parts of a workbook; a zip bomb has gigabytes
MAX_CELLS = 150_000  # of a sheet; a cell takes 13 microseconds, one of a CSV file a tenth of one
CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
MAX_COLUMNS = 512
Rows = list[list[str]]


def is_workbook(content: bytes) -> bool:
    """Tell whether a file is an Excel workbook in today's format (.xlsx), by what is in it."""
    if not content.startswith(WORKBOOK):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "[Content_Types].xml" in archive.namelist() and any(
                name.startswith("xl/") for name in archive.namelist()
            )
    except (zipfile.BadZipFile, ValueError, OSError):
        return False


def sheet_names(content: bytes) -> tuple[str, ...]:
    """Return the names of the sheets of a workbook; none where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_unpacked(content)
            book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
            names = tuple(each.title for each in book.worksheets)
            book.close()
            return names
    except Exception:  # as in sheet_rows, which says so in a sentence
        return ()


def sheet_rows(content: bytes, sheet: str = "") -> tuple[Rows, tuple[str, ...], str]:
    """Read a sheet; return its rows as text, the names of all sheets, and the name of this one.

    sheet: empty is the first. A formula counts with the value that was saved with it. Rows keep
    their places; every row is as wide as the widest. Raises TableError.
    """
    try:
        # A workbook of somebody else has a hundred ways to be damaged, each with an exception of
        # its own; and what openpyxl does not know, such as a style, it warns of.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_unpacked(content)
            return _read(content, sheet)
    except TableError:
        raise
    except Exception:
        raise TableError(
            tr("The workbook is damaged or locked; open it, and save it as CSV UTF-8.")
        ) from None


def _check_unpacked(content: bytes) -> None:
    # zipfile never unpacks more of a part than is declared here.
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(part.file_size for part in archive.infolist())
        if size > MAX_UNPACKED:
            raise TableError(
                tr(
                    "The workbook unpacks to {size:,.0f} MB; at most {most} MB can be read: save "
                    "the sheet as CSV UTF-8.",
                    size=size / 1024**2,
                    most=MAX_UNPACKED // 1024**2,
                )
            )
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                _check_cells(archive.read(name))


def _check_cells(sheet: bytes) -> None:
    """Count the cells before openpyxl makes an object of each, be they all in one row."""
    if b"\0" in sheet:  # UTF-16, which Excel never writes, would hide them from the count
        raise ValueError
    if (count := sum(1 for _ in CELL.finditer(sheet))) > MAX_CELLS:
        raise TableError(
            tr(
                "A sheet has {count:,} cells; at most {most:,} of a workbook can be read: leave "
                "some out, or save the sheet as CSV UTF-8.",
                count=count,
                most=MAX_CELLS,
            )
        )


def _read(content: bytes, sheet: str) -> tuple[Rows, tuple[str, ...], str]:
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    try:
        names = tuple(each.title for each in book.worksheets)
        if not names:
            raise TableError(tr("The workbook has no sheet with cells; upload one with a table."))
        name = sheet if sheet in names else names[0]
        page = book[name]
        page.reset_dimensions()  # what a file says of its own size may be wrong
        return _rows_of(page, name), names, name
    finally:
        book.close()


def _rows_of(page: Any, name: str) -> Rows:
    # Not pandas.read_excel: it fills each row up to its last cell, and a row that has one in
    # column XFD is 16 384 cells long. Here rows and columns are counted while they are read.
    rows: Rows = []
    width = 0
    for row in page.iter_rows(values_only=True):
        texts = [_text(value) for value in row]
        while texts and not texts[-1]:
            texts.pop()
        width = max(width, len(texts))
        if width > MAX_COLUMNS or len(rows) * max(1, width) > 2 * MAX_CELLS:
            raise TableError(
                tr(
                    "Sheet {sheet}, row {row}: a table may have {columns} columns and {cells:,} "
                    "cells; delete what stands far from it, or save the sheet as CSV UTF-8.",
                    sheet=shown(name),
                    row=len(rows) + 1,
                    columns=MAX_COLUMNS,
                    cells=2 * MAX_CELLS,
                )
            )
        rows.append(texts)
    return [row + [""] * (width - len(row)) for row in rows]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    return str(value).strip()
