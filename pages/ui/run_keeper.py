"""What the lab gives to the run history: each run once, when it has ended."""

from __future__ import annotations

from functools import cache
from time import time
from typing import TYPE_CHECKING

import streamlit as st

from nndl_core.i18n import mark, tr
from pages.ui.address import kept as kept_parameters
from pages.ui.live_run import LiveRun
from pages.ui.messages import escape
from pages.ui.owner import owner

if TYPE_CHECKING:
    from nndl_core.store.keeper import Keeper, Kept

SOON = 0.6
"""Seconds in which a database that answers has written a run."""
KEPT, ON_ITS_WAY = mark("Kept in the run history."), mark("On its way into the run history.")
State = tuple[int, int]
"""Of a run that has ended: its number and its last epoch; with more epochs it ends once more."""


@cache
def history_keeper() -> Keeper:
    """Return the one keeper of this process."""
    from nndl_core.store.keeper import Keeper  # half a second that no first page has to wait for

    return Keeper()


def keep(run: LiveRun) -> None:
    """Give a run that has just ended to the history; a problem there never raises here."""
    if not run.runner.finished or not len(run.runner.records):
        return
    state = (run.run_id, run.runner.epoch)
    known: tuple[State, Kept] | None = st.session_state.get("kept_run")
    if known is not None and known[0] == state:
        return
    from nndl_core.finished_run import finished_run, kept_curves

    now, keeper = run.measure(), history_keeper()
    told = finished_run(run.runner, now, run.diagnosis(), time=time(), repeatable=run.is_repeatable)
    board = kept_parameters().get("board", "")
    kept = keeper.keep(owner(), told, kept_curves(run.runner, now), board)
    st.session_state["kept_run"] = (state, kept)
    if not keeper.problem:
        kept.settled.wait(SOON)


def kept_note(run: LiveRun) -> None:
    """Say below the charts whether the run is kept; nothing while it goes on."""
    known: tuple[State, Kept] | None = st.session_state.get("kept_run")
    if known is None or known[0] != (run.run_id, run.runner.epoch):
        words = ""
    elif known[1].settled.is_set():
        words = tr(known[1].refused) or f"{tr(KEPT)} {known[1].note}"
    else:
        words = tr(history_keeper().problem) or tr(ON_ITS_WAY)
    st.caption(escape(words))
