"""What the lab gives to the run history: each run once, when it has ended."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import streamlit as st

from nndl_core.base.i18n import mark, tr
from pages.ui.link.address import kept as kept_parameters
from pages.ui.link.messages import escape
from pages.ui.live.run import LiveRun
from pages.ui.server.history_access import history_keeper
from pages.ui.server.owner import owner

if TYPE_CHECKING:
    from nndl_core.store.keeper import PendingRun

NOTE_SECONDS = 2.0
SOON = 0.6
"""Seconds in which a database that answers has written a run."""
KEPT, ON_ITS_WAY = mark("Kept in the run history."), mark("On its way into the run history.")
State = tuple[int, int]
"""Of a run that has ended: its number and its last epoch; with more epochs it ends once more."""

_KEPT: WeakKeyDictionary[LiveRun, tuple[State, PendingRun]] = WeakKeyDictionary()
"""Not in the session's state: to write there may end this run of the page, for a click that waits,
and the next one would keep the run once more."""


def keep(run: LiveRun) -> None:
    """Give a run that has just ended to the history; a problem there never raises here."""
    if not run.runner.finished or not len(run.runner.records):
        return
    if _kept(run) is not None:
        return
    from nndl_core.store.finished_run import finished_run, kept_curves

    now, keeper = run.measure(), history_keeper()
    told = finished_run(run.runner, now, run.diagnosis(), time=time(), repeatable=run.is_repeatable)
    curves, me = kept_curves(run.runner, now), owner()
    kept = keeper.keep(me, told, curves, kept_parameters().get("board", ""))
    _KEPT[run] = ((run.run_id, run.runner.epoch), kept)
    if not keeper.problem:
        kept.settled.wait(SOON)


def note_seconds(run: LiveRun) -> float | None:
    """Return how often the note is to be drawn anew: only while a run is on its way."""
    kept = _kept(run)
    waits = kept is not None and not kept.settled.is_set()
    st.session_state["note_waits"] = waits
    return NOTE_SECONDS if waits else None


def _kept(run: LiveRun) -> PendingRun | None:
    known = _KEPT.get(run)
    is_this = known is not None and known[0] == (run.run_id, run.runner.epoch)
    return known[1] if known is not None and is_this else None


def kept_note(run: LiveRun) -> None:
    """Say below the charts whether the run is kept; nothing while it goes on."""
    kept = _kept(run)
    if kept is None:
        words = ""
    elif kept.settled.is_set():
        words = tr(kept.refused) or f"{tr(KEPT)} {kept.note}"
        if st.session_state.pop("note_waits", False):
            st.rerun()  # stops the clock of this note
    else:
        words = tr(history_keeper().problem) or tr(ON_ITS_WAY)
    st.caption(escape(words))
