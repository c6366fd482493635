"""Python code as numbered lines of HTML, with colors and with marks on chosen lines."""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Mapping
from html import escape
from pathlib import Path

import streamlit as st

from nndl_core.base.i18n import mark, tr

STYLE = Path(__file__).parent / "listing.css"
MARKS = {"wrong": mark("wrong"), "new": mark("fixed"), "gap": mark("a line is missing below")}
KINDS = {tokenize.STRING: "string", tokenize.NUMBER: "number", tokenize.COMMENT: "comment"}


def draw_listing(code: str, marks: Mapping[int, str] | None = None) -> None:
    """Draw code; marks gives lines, counted from 1, one of the kinds wrong, new and gap."""
    st.html(STYLE)
    st.html(listing(code, marks or {}))


def listing(code: str, marks: Mapping[int, str]) -> str:
    """Return the HTML of a listing, in which the code's own text is escaped."""
    items = []
    for number, line in enumerate(_colored(code).split("\n"), start=1):
        kind = marks.get(number, "")
        sign = f' class="{kind}" data-mark="{tr(MARKS[kind])}"' if kind else ""
        items.append(f'<div data-number="{number}"{sign}>{line}</div>')
    return f'<div class="nndl-listing">{"".join(items)}</div>'


def _colored(code: str) -> str:
    """Wrap keywords, strings, numbers and comments into spans that end within their line."""
    lines, column, row, parts = code.split("\n"), 0, 1, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = _kind(token)
        if kind is None:
            continue
        while row < token.start[0]:
            parts.append(escape(lines[row - 1][column:]) + "\n")
            row, column = row + 1, 0
        parts.append(escape(lines[row - 1][column : token.start[1]]))
        inside = (escape(text) for text in token.string.split("\n"))
        parts.append("\n".join(f'<span class="{kind}">{text}</span>' for text in inside))
        row, column = token.end
    rest = [lines[row - 1][column:], *lines[row:]]
    return "".join(parts) + "\n".join(map(escape, rest))


def _kind(token: tokenize.TokenInfo) -> str | None:
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        return "keyword"
    return KINDS.get(token.type)
