"""Python code as numbered lines of HTML, with colors and with marks on chosen lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers.python import PythonLexer

from nndl_core.base.i18n import mark, tr

STYLE = Path(__file__).parent / "listing.css"
MARKS = {"wrong": mark("wrong"), "new": mark("fixed"), "gap": mark("a line is missing below")}
LEXER, FORMATTER = PythonLexer(stripnl=False, ensurenl=False), HtmlFormatter(nowrap=True)


def draw_listing(code: str, marks: Mapping[int, str] | None = None) -> None:
    """Draw code; marks gives lines, counted from 1, one of the kinds wrong, new and gap."""
    st.html(STYLE)
    st.html(listing(code, marks or {}))


def listing(code: str, marks: Mapping[int, str]) -> str:
    """Return the HTML of a listing, in which the code's own text is escaped."""
    items = []
    lines = highlight(code, LEXER, FORMATTER).split("\n")[: code.count("\n") + 1]
    for number, line in enumerate(lines, start=1):
        kind = marks.get(number, "")
        sign = f' class="{kind}" data-mark="{tr(MARKS[kind])}"' if kind else ""
        items.append(f'<div data-number="{number}"{sign}>{line}</div>')
    return f'<div class="nndl-listing">{"".join(items)}</div>'
