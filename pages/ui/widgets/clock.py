"""The clock of a panel: a fragment that draws itself again at an interval, or stands still."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from time import sleep
from typing import ParamSpec

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui.server.shares import GATE, SHARES

STOPPED = 86_400.0
SENT_SECONDS = 0.02

P = ParamSpec("P")


def tick_every(
    seconds: float | None, tick: Callable[P, None], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Draw tick and draw it again every so many seconds, or less often while others train too.

    None draws it once. Standing still is an interval of a day, for a fragment that is exchanged for
    a plain one takes its charts out of the page. The pause lets what was drawn leave for the
    browser: a tick that waits begins by dropping what is still here of itself, and the browser then
    removes the charts.
    """
    if seconds is None:
        st.fragment(tick, run_every=STOPPED)(*args, **kwargs)
        return
    SHARES.renew(_tab())
    name = f"interval of {tick.__module__}.{tick.__qualname__}"  # untranslated: a key
    interval = SHARES.renewed(seconds, st.session_state.get(name, seconds))
    st.session_state[name] = interval
    st.fragment(_in_turn(tick, seconds, interval), run_every=interval)(*args, **kwargs)
    sleep(SENT_SECONDS)


def _in_turn(tick: Callable[P, None], seconds: float, interval: float) -> Callable[P, None]:
    """Let ticks of all tabs follow each other; what a click draws does not wait for them."""
    is_first = True

    @wraps(tick)  # Streamlit knows a fragment by the name of its function
    def turn(*args: P.args, **kwargs: P.kwargs) -> None:
        nonlocal is_first
        if is_first:
            is_first = False
            tick(*args, **kwargs)
            return
        SHARES.renew(_tab())
        if SHARES.renewed(seconds, interval) != interval:
            st.rerun()  # the only way to another interval
        with GATE.turn():
            tick(*args, **kwargs)

    return turn


def _tab() -> str:
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""
