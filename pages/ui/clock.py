"""The clock of a panel: a fragment that draws itself again at an interval, or stands still."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep
from typing import ParamSpec

import streamlit as st

STOPPED = 86_400.0
SENT_SECONDS = 0.02

P = ParamSpec("P")


def tick_every(
    seconds: float | None, tick: Callable[P, None], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Draw tick and draw it again every so many seconds; None draws it once.

    Standing still is an interval of a day, for a fragment that is exchanged for a plain one takes
    its charts out of the page. The pause lets what was drawn leave for the browser: a tick that
    waits begins by dropping what is still here of itself, and the browser then removes the charts.
    """
    st.fragment(tick, run_every=seconds or STOPPED)(*args, **kwargs)
    if seconds is not None:
        sleep(SENT_SECONDS)
