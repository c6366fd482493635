"""What one browser tab holds of a map: its plan, its sweep, the chosen cell, whether it trains."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from nndl_core.base.i18n import tr
from nndl_core.charts.map.words import SHOWN, Shown
from nndl_core.studies.map.plan import MapPlan
from nndl_core.studies.map.trainability import Summary, summarize
from nndl_core.studies.sweep.cells import Cell, Sweep
from pages.ui.link import address
from pages.ui.map.cache import cache_folder

Index = tuple[int, int]
Made = TypeVar("Made")


class MapSession:
    """A map while it is trained; all work happens inside the calls of its page."""

    def __init__(self, plan: MapPlan, shown: Shown = "accuracy") -> None:
        self.plan, self.shown = plan, shown
        self.theory, self.playing, self.linked = True, False, False
        self.messages: list[str] = []  # about what was asked for
        self.notice = ""  # about what happened meanwhile
        # what the page writes into a control gets a new key, by its version
        self.version = self.choice_version = 0
        self._cached = True
        self._start()

    def _start(self) -> None:
        cache = cache_folder() if self._cached else None
        plan = self.plan
        self.sweep = Sweep(plan.base, plan.axes, plan.seeds, cache=cache)
        self.summaries: list[Summary | None] = [None] * plan.cells
        self._kept: dict[str, tuple[object, Any]] = {}
        self.selected: Index | None = None
        self.seconds = 0.0

    @property
    def finished(self) -> bool:
        """Whether every cell is trained."""
        return self.sweep.finished

    @property
    def cells(self) -> list[Cell]:
        """The trained cells, in the order of the map."""
        return [cell for cell in self.sweep.cells if cell is not None]

    @property
    def cell(self) -> Cell | None:
        """The chosen cell, if it is trained."""
        return None if self.selected is None else self.sweep.cells[self._at(self.selected)]

    def _at(self, index: tuple[int, ...]) -> int:
        row, column = index
        return row * len(self.plan.x.values) + column

    def kept(self, name: str, make: Callable[[], Made], *state: object) -> Made:
        """Make something anew only when cells were added, or the state that it shows has changed.

        Most ticks of the clock finish no cell.
        """
        key = (len(self.cells), state)
        if self._kept.get(name, (None,))[0] != key:
            self._kept[name] = (key, make())
        made: Made = self._kept[name][1]
        return made

    def play(self) -> None:
        """Train on."""
        self.playing = not self.finished

    def pause(self) -> None:
        """Keep what is trained; play goes on from there."""
        self.playing = False

    def take_messages(self) -> list[str]:
        """Return the sentences that wait to be shown, once."""
        messages, self.messages = self.messages, []
        return messages

    def start_again(self) -> None:
        """Train anew; what this server has trained already comes from its memory."""
        self._start()
        self.playing = True

    def apply(self, plan: MapPlan) -> None:
        """Take over a changed plan: another map, which trains if this one did."""
        if plan != self.plan:
            self.plan = plan
            self._start()

    def adopt(self, plan: MapPlan) -> None:
        """Take over a plan that the controls do not stand at yet."""
        self.apply(plan)
        self.version += 1

    def advance(self, seconds: float) -> None:
        """Train for about this long; stop when the map is complete.

        Where the folder for finished runs cannot be written any more, the map starts without it.
        """
        start = time.perf_counter()
        try:
            for cell in self.sweep.advance(seconds):
                self.summaries[self._at(cell.index)] = summarize(cell)
        except OSError:
            self._cached = False
            self._start()
            self.notice = tr("Finished runs cannot be kept on this server; the map began anew.")
        self.seconds += time.perf_counter() - start
        self.playing = self.playing and not self.finished

    def choose(self, place: Any) -> None:
        """Choose the cell at [row, column]; what is no such place is left alone."""
        rows, columns = len(self.plan.y.values), len(self.plan.x.values)
        is_place = isinstance(place, list | tuple) and len(place) == 2
        if not is_place or not all(type(at) is int for at in place):
            return
        if 0 <= place[0] < rows and 0 <= place[1] < columns:
            self.selected = (place[0], place[1])
            self.choice_version += 1


def map_session() -> MapSession:
    """Return this tab's session; the first time, it is made from the page's address."""
    if "map" not in st.session_state:
        st.session_state["map"] = _from_address(address.own())
    session = st.session_state["map"]
    assert isinstance(session, MapSession)
    return session


def _from_address(parameters: dict[str, str]) -> MapSession:
    plan, refused = MapPlan.from_url(parameters)
    asked = parameters.get("color", "accuracy")
    shown = next((name for name in SHOWN if name == asked), None)
    if shown is None:
        known = ", ".join(SHOWN)
        refused.append(
            tr(
                "color: {asked!r:.40} is not known; choose one of {known}.",
                asked=asked,
                known=known,
            )
        )
    session = MapSession(plan, shown or "accuracy")
    session.messages = refused
    return session
