"""The live panel: the buttons, the clock and the charts of one session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from pages.ui.live_component import draw_live
from pages.ui.session import AS_FAST_AS_IT_GOES, LabSession

Kind = Literal["primary", "secondary"]
TICK_SECONDS = 0.1
STOPPED = 86_400.0
SPEEDS = {
    "1 epoch / frame": 1,
    "5 epochs / frame": 5,
    "20 epochs / frame": 20,
    "100 epochs / frame": 100,
    "500 epochs / frame": 500,
    "as fast as it goes": AS_FAST_AS_IT_GOES,
}
DEFAULT_SPEED = "20 epochs / frame"


def live_panel(session: LabSession) -> None:
    """Draw the buttons and the charts; only this panel reruns while the run plays."""

    # A tick needs its own fragment: the interval is fixed when a fragment is made, and pressing
    # Play remakes the inner one without running the page again. It is one fragment, playing or
    # not: exchanging it for another would take the charts out of the page.
    @st.fragment(key="live")
    def panel() -> None:
        toolbar(session)
        st.fragment(_tick, run_every=TICK_SECONDS if session.playing else STOPPED)(session)

    panel()


def toolbar(session: LabSession) -> None:
    """Draw play or pause, one step, reset, new weights, and the speed."""
    icons = ("Pause", ":material/pause:") if session.playing else ("Play", ":material/play_arrow:")
    ticket = session.next_ticket()

    def button(label: str, key: str, icon: str, action: Callable[[], None], kind: Kind) -> None:
        st.button(
            label, key=key, icon=icon, type=kind, on_click=session.once, args=(ticket, action)
        )

    with st.container(horizontal=True, vertical_alignment="center", key="toolbar"):
        button(icons[0], "play", icons[1], session.toggle_play, "primary")
        button("Step", "step", ":material/skip_next:", session.step, "secondary")
        button("Reset", "reset", ":material/replay:", session.reset, "secondary")
        button("New weights", "new_weights", ":material/casino:", session.new_weights, "secondary")
        if session.wanted is not None:
            st.rerun()  # the controls stand outside this panel
        st.selectbox(
            "Speed",
            list(SPEEDS),
            index=list(SPEEDS).index(DEFAULT_SPEED),
            key="speed",
            label_visibility="collapsed",
            width=190,
        )


def _tick(session: LabSession) -> None:
    session.tick(SPEEDS[st.session_state.get("speed", DEFAULT_SPEED)])
    draw_live(session.frame(), key="charts", on_full=session.ask_full, on_end=_stop_clock)


def _stop_clock() -> None:
    """Show Play again: the browser has seen the end of the run."""
    st.rerun("live")
