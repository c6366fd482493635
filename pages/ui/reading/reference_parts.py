"""The parts of the reference page: the table of calls and the glossary."""

from __future__ import annotations

import re
from contextlib import suppress
from html import escape
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from nndl_core.base.i18n import mark, tr
from nndl_core.course.reference import Call, Term, calls, matching_calls, matching_terms
from pages.ui.link.linked import linked

STYLE = Path(__file__).parent / "reference.css"
COLUMNS = ("Paddle", "PyTorch", mark("Watch out"))


def draw_calls() -> None:
    """Draw the search, the areas, and the calls that match."""
    left, right = st.columns(2, vertical_alignment="bottom")
    words = left.text_input(
        tr("Search"), key=linked("call_words", ""), placeholder=tr("Linear, seed, norm ...")
    )
    areas = list(dict.fromkeys(call.area for call in calls()))
    area = right.pills(tr("Area"), areas, key=linked("area", None, areas), format_func=tr)
    found = matching_calls(words, area)
    st.caption(tr("{found} of {all} calls", found=len(found), all=len(calls())))
    if found:
        st.html(STYLE)
        st.html(calls_table(found))
    else:
        st.info(tr("No call contains these words. Try a shorter one, or another area."))


def calls_table(rows: list[Call]) -> str:
    """Return the HTML of the table; text in backquotes becomes code."""
    names = (mark("To do"), *COLUMNS)
    titles = "".join(f'<div role="columnheader">{tr(name)}</div>' for name in names)
    return (
        f'<div class="nndl-calls" role="table"><div class="row head" role="row">{titles}</div>'
        f"{''.join(map(_row, rows))}</div>"
    )


def draw_terms() -> None:
    """Draw the search and the terms that match, each with a link to where it can be seen."""
    words = st.text_input(
        tr("Search"), key=linked("term_words", ""), placeholder=tr("dead, seed, gradient ...")
    )
    found = matching_terms(words)
    if not found:
        st.info(tr("No term contains these words. Try a shorter one."))
    for term in found:
        _draw_term(term)


def in_both(term: Term) -> str:
    """Return the name of a term, with the English one that papers and code use."""
    name = tr(term.name)
    return name if name == term.name else f"{name} ({term.name})"


def _row(call: Call) -> str:
    codes = (f"<code>{escape(code)}</code>" for code in (call.paddle, call.torch))
    note = re.sub("`([^`]+)`", r"<code>\1</code>", escape(tr(call.note)))
    cells = zip(map(tr, COLUMNS), (*codes, note), strict=True)
    columns = "".join(
        f'<div role="cell" data-column="{title}">{cell}</div>' for title, cell in cells
    )
    use = f'<div class="use" role="rowheader">{escape(tr(call.use))}</div>'
    return f'<div class="row" role="row">{use}{columns}</div>'


def _draw_term(term: Term) -> None:
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.markdown(tr("**{term}**: {meaning}", term=in_both(term), meaning=tr(term.text)))
    # the router decides which pages there are; without its page a term is still worth reading
    with suppress(StreamlitPageNotFoundError):
        right.page_link(f"{term.page}.py", icon=":material/arrow_forward:", query_params=term.query)
