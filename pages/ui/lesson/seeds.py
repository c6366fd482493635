"""A panel that trains runs over seeds in slices of time and draws what is done of them so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import streamlit as st

from nndl_core.base.config import ConfigError
from nndl_core.base.i18n import tr
from pages.ui.link.linked import linked
from pages.ui.link.messages import escape
from pages.ui.server.shares import SHARES
from pages.ui.widgets.clock import tick_every

TICK_SECONDS, SLICE_SECONDS = 0.4, 0.3


class SeedRuns(Protocol):
    """Runs over seeds that are trained a slice after another."""

    seeds: int

    @property
    def finished(self) -> bool:
        """Whether every run is done."""

    @property
    def share(self) -> float:
        """How much of the training is done, from 0 to 1."""

    def advance(self, seconds: float) -> object:
        """Train for about this long."""


T = TypeVar("T", bound=SeedRuns)


@dataclass(frozen=True)
class Task(Generic[T]):
    """What a panel trains: made anew for another subject, from a number of seeds.

    make raises ConfigError with a sentence for an impossible number; draw shows the runs so far.
    """

    key: str
    subject: Hashable
    make: Callable[[int], T]
    draw: Callable[[T], None]
    button: str
    idle: str
    usual_seeds: int


class Panel(Generic[T]):
    """The runs of one subject in one tab, and whether they train."""

    def __init__(self, subject: Hashable) -> None:
        self.subject = subject
        self.runs: T | None = None
        self.running = False
        self.refused = ""

    def go(self, seeds: int, make: Callable[[int], T]) -> None:
        """Go on with stopped runs of as many seeds, else start anew; twice is as good as once."""
        self.refused = ""
        if self.running:
            return
        if self.runs is None or self.runs.finished or self.runs.seeds != seeds:
            try:
                self.runs = make(seeds)
            except ConfigError as error:
                self.refused = str(error)
                return
        self.running = True

    def stop(self) -> None:
        """Keep what is done; go trains on from there."""
        self.running = False

    def advance(self) -> None:
        """Train for a slice of time."""
        if self.running and self.runs is not None:
            self.runs.advance(SHARES.shortened(SLICE_SECONDS))
            self.running = not self.runs.finished


def draw_panel(task: Task[T]) -> None:
    """Draw the number of seeds, the button and the runs; only this panel reruns meanwhile."""
    panel = panel_of(task)

    @st.fragment(key=task.key)
    def draw() -> None:
        _draw_controls(task, panel)
        tick_every(TICK_SECONDS if panel.running else None, _tick, task, panel)

    draw()


def panel_of(task: Task[T]) -> Panel[T]:
    """Return this tab's panel; other settings are another subject and start an empty one."""
    kept = st.session_state.get(f"{task.key}_panel")
    if not isinstance(kept, Panel) or kept.subject != task.subject:
        kept = st.session_state[f"{task.key}_panel"] = Panel(task.subject)
    return kept


def _draw_controls(task: Task[T], panel: Panel[T]) -> None:
    """Draw the controls; the two buttons differ in key, so that a click that comes twice is one."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = linked(f"{task.key}_seeds", task.usual_seeds, low=1)
        st.number_input(tr("Seeds"), value=task.usual_seeds, step=1, key=key, width=130)
        if panel.running:
            icon = ":material/stop:"
            st.button(tr("Stop"), key=f"{task.key}_stop", icon=icon, on_click=panel.stop)
        else:
            icon, go = ":material/science:", f"{task.key}_go"
            st.button(task.button, key=go, icon=icon, on_click=_go, args=(task, panel, key))
    if panel.refused:
        st.warning(escape(panel.refused), icon=":material/info:")


def _go(task: Task[T], panel: Panel[T], key: str) -> None:
    """Take the number as it stands now: it may have been typed just before the click."""
    panel.go(int(st.session_state[key]), task.make)


def _tick(task: Task[T], panel: Panel[T]) -> None:
    if panel.runs is None:
        st.caption(task.idle)
        return
    if panel.running:
        panel.advance()
        if not panel.running:
            st.rerun()  # the button, in the fragment around this one, says its own name again
    task.draw(panel.runs)
