"""The chosen cell of a map: its numbers, the curves of its seeds, and its runs in the lab."""

from __future__ import annotations

import re
from base64 import b64encode
from html import escape as escape_html
from typing import Literal

import streamlit as st

from nndl_core.base.i18n import mark, tr
from nndl_core.charts.history import swatch
from nndl_core.charts.map.figure import cell_curves
from nndl_core.charts.map.words import signs_words, spread_words
from nndl_core.studies.map.trainability import QUANTITIES, Summary, summarize
from nndl_core.studies.sweep.cells import Cell
from pages.ui.lesson.controls import lab_address
from pages.ui.link import address
from pages.ui.link.linked import refuse
from pages.ui.map.session import MapSession
from pages.ui.widgets.figure import draw_figure
from pages.ui.widgets.number_table import in_parts, table

KEY, CURVE_PIXELS = "map_cell", 185
PLACE = re.compile(r"[0-9]{1,4}-[0-9]{1,4}")
ALTS = {
    "loss": mark("Train loss of every seed of the chosen cell against the epoch"),
    "accuracy": mark("Train accuracy of every seed of the chosen cell against the epoch"),
}
WHATS: tuple[Literal["loss", "accuracy"], ...] = ("loss", "accuracy")


def cell_section(session: MapSession) -> None:
    """Draw the fields that choose a cell, and what is known of it."""
    _link_choice(session)
    _choice(session)
    cell = session.cell
    if session.selected is None:
        st.caption(tr("Click a cell of the map, or choose it here, to see its runs."))
    elif cell is None:
        st.caption(tr("This cell is not trained yet."))
    else:
        _draw(cell, summarize(cell))


def _link_choice(session: MapSession) -> None:
    """Choose the cell that the link names, row and column from 1, and name the chosen one in it."""
    text = address.viewed(KEY)
    if not session.linked:
        session.linked = True
        if text is not None:
            if PLACE.fullmatch(text):
                session.choose([int(part) - 1 for part in text.split("-")])
            if session.selected is None:
                refuse(KEY, text)
    at = session.selected
    address.view(KEY, None if at is None else f"{at[0] + 1}-{at[1] + 1}")


def _choice(session: MapSession) -> None:
    """Draw one field per axis: the way to a cell without a pointer."""
    plan, chosen = session.plan, session.selected
    axes, places = (plan.y, plan.x), chosen if chosen is not None else (None, None)
    keys = [f"map_cell_{name}_{session.choice_version}" for name in ("row", "column")]
    with st.container(horizontal=True):
        for axis, place, key in zip(axes, places, keys, strict=True):
            values = axis.values
            st.selectbox(
                tr(axis.kind.label),
                range(len(values)),
                place,
                key=key,
                format_func=lambda at, values=values: f"{values[at]:g}",
                placeholder=tr("choose"),
                on_change=_choose,
                args=(session, keys),
            )


def _choose(session: MapSession, keys: list[str]) -> None:
    """Choose the cell at both fields, as soon as both say something."""
    session.choose([st.session_state[key] for key in keys])


def _draw(cell: Cell, summary: Summary) -> None:
    rows = [(tr(q.label), spread_words(summary.spreads[name])) for name, q in QUANTITIES.items()]
    rows.append((tr("signs"), signs_words(summary)))
    rows = [(escape_html(label), in_parts(text)) for label, text in rows]
    n = len(cell.outcomes)
    seeds = tr("one run") if n == 1 else tr("mean ± sd, {n} seeds", n=n)
    st.html(table([tr("this cell"), seeds], rows))
    for what, column in zip(WHATS, st.columns(len(WHATS)), strict=True):
        with column:
            draw_figure(
                cell_curves(cell, what),
                key=f"map_cell_{what}",
                alt=tr(ALTS[what]),
                height=CURVE_PIXELS,
            )
    links = " · ".join(
        f"{_line(seed)} [{tr('seed {seed}', seed=seed)}]({lab_address(outcome.config)})"
        for seed, outcome in enumerate(cell.outcomes)
    )
    st.markdown(tr("Open in the lab: {links}", links=links))


def _line(seed: int) -> str:
    """Show a seed's line: the links are the legend of both charts, which are narrow."""
    return f"![](data:image/svg+xml;base64,{b64encode(swatch(seed).encode()).decode()})"
