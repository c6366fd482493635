"""The map while it trains: buttons, clock, the picture, and the cell that was chosen in it."""

from __future__ import annotations

import streamlit as st

from nndl_core.base.i18n import language, tr
from nndl_core.charts.map.figure import trainability_map
from nndl_core.charts.map.words import SHOWN
from nndl_core.charts.style.parts import Figure
from nndl_core.studies.map.trainability import QUANTITIES
from pages.ui.link.linked import linked
from pages.ui.link.messages import escape
from pages.ui.map.cell import cell_section
from pages.ui.map.controls import write_url
from pages.ui.map.export import export_buttons
from pages.ui.map.session import MapSession
from pages.ui.map.theory import theory_section
from pages.ui.server.shares import SHARES
from pages.ui.widgets.clock import tick_every
from pages.ui.widgets.figure import draw_figure

TICK_SECONDS, SLICE_SECONDS = 0.25, 0.16
MAP_PIXELS = 540


def map_panel(session: MapSession) -> None:
    """Draw the map with its buttons; only this panel reruns while it trains."""

    @st.fragment(key="map")
    def panel() -> None:
        _toolbar(session)
        write_url(session)
        tick_every(TICK_SECONDS if session.playing else None, _tick, session)
        export_buttons(session)

    panel()


def _toolbar(session: MapSession) -> None:
    """Draw the buttons; Play and Pause differ in key, so that a click that comes twice is one."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="map_toolbar"):
        if session.playing:
            st.button(
                tr("Pause"),
                key="map_pause",
                icon=":material/pause:",
                type="primary",
                on_click=session.pause,
            )
        else:
            st.button(
                tr("Play"),
                key="map_play",
                icon=":material/play_arrow:",
                type="primary",
                on_click=session.play,
                disabled=session.finished,
            )
        st.button(
            tr("Start again"),
            key="map_restart",
            icon=":material/replay:",
            on_click=session.start_again,
        )
        st.session_state.setdefault("map_color", session.shown)
        session.shown = st.selectbox(
            tr("Color"), SHOWN, key="map_color", format_func=_named, width=240
        )
        session.theory = st.toggle(tr("Theory"), session.theory, key=linked("map_theory", True))


def _named(shown: str) -> str:
    return next(
        (tr(q.label) for name, q in QUANTITIES.items() if name == shown), tr("signs of failure")
    )


def _tick(session: MapSession) -> None:
    """Draw, then train: what waits for a slice of training would fade in the browser."""
    if session.notice:
        st.warning(escape(session.notice), icon=":material/info:")
    words = tr(
        "{count} of {cells} cells · {seconds:.1f} s of training",
        count=len(session.cells),
        cells=session.plan.cells,
        seconds=session.seconds,
    )
    st.progress(session.sweep.share, text=words)
    left, right = st.columns(2)
    with left:
        _draw(session)
    with right:
        cell_section(session)
    theory_section(session)
    if session.playing:
        session.advance(SHARES.shortened(SLICE_SECONDS))
        if not session.playing:
            st.rerun()  # the button stands outside this fragment


def _draw(session: MapSession) -> None:
    state = (session.shown, session.theory, session.selected, language())
    figure = session.kept("figure", lambda: _figure(session), *state)
    x, y = (tr(axis.kind.label).lower() for axis in (session.plan.x, session.plan.y))
    alt = tr(
        "Map of {quantity}: {x} across, {y} up; trained cells: {count}",
        quantity=_named(session.shown),
        x=x,
        y=y,
        count=len(session.cells),
    )
    draw_figure(figure, key="map_figure", alt=alt, height=MAP_PIXELS, on_click=session.choose)
    pale = "" if session.finished else tr(" Pale: not trained yet, painted like the nearest cell.")
    if (n := session.plan.seeds) == 1:
        st.caption(tr("Each cell: one run.{pale} Click a cell.", pale=pale))
    else:
        st.caption(tr("Each cell: mean over {n} seeds.{pale} Click a cell.", n=n, pale=pale))


def _figure(session: MapSession) -> Figure:
    return trainability_map(
        session.plan,
        session.summaries,
        session.shown,
        theory=session.theory,
        selected=session.selected,
    )
