"""What the cells of a table hold: numbers with either decimal mark, gaps, dates, or words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Literal

Decimal = Literal[".", ","]
Cell = Literal["number", "missing", "date", "text", "endless", "huge"]
"""endless: infinite, or too large for a float64; huge: beyond MAX_NUMBER."""

MAX_NUMBER = 1e30  # squares of it are still finite, so a spread can be computed
MISSING = {"", "nan", "?", "na", "n/a", "#n/a", "<na>", "null", "-"}
GROUPS = {
    ".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"),
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?"),
}
"""Thousands set apart, by the decimal mark that goes with it."""
FRACTION = {
    ".": re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?"),
    ",": re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?"),
}
_TIME = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AP]M)?(Z|[+-]\d{2}:?\d{2})?"
_DAY = r"(\d{4}[-/.年]\d{1,2}([-/.月]\d{1,2}日?|月)|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))"
DATE = re.compile(f"{_DAY}([ T]{_TIME})?|{_TIME}", re.IGNORECASE)


def decimal_mark(cells: Iterable[str], separator: str) -> Decimal:
    """Guess the decimal mark of a table from cells of it, and from what separates its cells.

    A comma is one where a cell is a number with it and no cell is one with a point. Where every
    comma could set thousands apart (1,234), a table that is not separated by commas decides: who
    writes those has the comma as decimal mark.
    """
    seen, doubtful = {".": False, ",": False}, False
    for cell in cells:
        grouped = [mark for mark in ".," if GROUPS[mark].fullmatch(cell)]
        if "." in cell and "," in cell:
            for mark in grouped:
                seen[mark] = True
        elif grouped:
            doubtful |= "," in cell
        else:
            for mark in ".,":
                seen[mark] |= FRACTION[mark].fullmatch(cell) is not None
    if seen["."] or not (seen[","] or doubtful):
        return "."
    return "," if seen[","] or separator != "," else "."


def number_in(cell: str, decimal: Decimal) -> float | None:
    """Read a stripped cell as a number; None where it is none, infinite where it is too large."""
    if decimal == "," and "," not in cell and "." not in cell:
        decimal = "."  # a whole number has no mark
    if decimal == ".":
        number = _plain(cell)
        if number is None and GROUPS["."].fullmatch(cell):
            number = _plain(cell.replace(",", ""))
        return number
    if "." in cell and not GROUPS[","].fullmatch(cell):
        return None
    return _plain(cell.replace(".", "").replace(",", "."))


def _plain(cell: str) -> float | None:
    # float() takes 1_000, which is Python and not data, and nan, which is no number.
    try:
        number = float(cell) if "_" not in cell else math.nan
    except ValueError:
        return None
    return None if math.isnan(number) else number


def is_missing(cell: str) -> bool:
    """Tell whether a stripped cell stands for no value."""
    return cell.casefold() in MISSING


def kind_of(cell: str, number: float | None) -> Cell:
    """Say what a stripped cell holds, of which number_in gave this number."""
    if number is None:
        if is_missing(cell):
            return "missing"
        return "date" if DATE.fullmatch(cell) else "text"
    if not math.isfinite(number):
        return "endless"
    return "huge" if abs(number) > MAX_NUMBER else "number"
