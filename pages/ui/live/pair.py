"""Runs side by side, such as a sick and a cured one: one toolbar and one clock drive them all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter

import streamlit as st

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import Dataset
from pages.ui.live import cure
from pages.ui.live.component import draw_live
from pages.ui.live.diagnosis_panel import diagnosis_panel, verdict_line
from pages.ui.live.panel import interval, seeds, speed, toolbar
from pages.ui.live.player import Player
from pages.ui.live.ranges import in_common
from pages.ui.live.run import LiveRun, restarts
from pages.ui.live.run_keeper import keep, kept_note, note_seconds
from pages.ui.widgets.clock import tick_every

MOST_RUNS = 3
FIRST_PACE = 20
"""Epochs that are tried first at once; a network for which that is too long shows it then."""
PANELS = ("loss", "accuracy", "boundary", "gradients")
AFTER_SECONDS = 1.0
Configs = dict[str, RunConfig]
DataOf = Callable[[RunConfig], Dataset | None]
After = Callable[["PairSession"], None]


def _made_by_config(config: RunConfig) -> Dataset | None:
    return None


class PairSession(Player):
    """One to three named runs that advance together.

    data_of gives the data of a config that are not to be made, such as an uploaded table.
    Raises ValueError with one sentence if a config cannot be built.
    """

    def __init__(self, configs: Configs, data_of: DataOf = _made_by_config) -> None:
        super().__init__()
        self.pace, self.data_of = FIRST_PACE, data_of
        self.unkept: set[str] = set()
        """Names of runs that the history would have kept, had a remedy not been run beside them."""
        self.runs = _started(configs, data_of)

    @property
    def epochs(self) -> int:
        """The epochs of the longest run."""
        return max(run.runner.num_epochs for run in self.runs.values())

    @property
    def finished(self) -> bool:
        """Whether every run has ended or diverged."""
        return all(run.runner.finished for run in self.runs.values())

    def start_again(self) -> None:
        """Go back to the first weights of every run: the same seeds give the same weights."""
        for run in self.runs.values():
            run.start(run.config, self.data_of(run.config))

    def apply(self, configs: Configs) -> None:
        """Take over changed settings: live where that is possible, else by starting all anew."""
        if list(configs) != list(self.runs) or any(
            restarts(run.config, configs[name]) for name, run in self.runs.items()
        ):
            self._try_start(configs)
            return
        for name, run in self.runs.items():
            run.take_over(configs[name])

    def _try_start(self, configs: Configs) -> None:
        try:
            self.runs = _started(configs, self.data_of)
        except ValueError as error:
            self.messages.append(str(error))

    def advance(self, epochs: int, seconds: float) -> None:
        """Train every run that has not ended by the same number of epochs, however slow one is."""
        start, done, part = perf_counter(), 0, self.pace
        while done < epochs and not self.finished:
            part = min(part, epochs - done)
            for run in self.runs.values():
                run.runner.advance(part)
            done += part
            if perf_counter() - start > seconds / 2:
                break
            part = done  # twice as many in all: half the time is left
        share = seconds / (perf_counter() - start)
        self.pace = max(1, int(done * min(1.0, share)))

    def set_seeds(self, seeds: int) -> None:
        """Draw a band of this many further seeds around every run; 0 draws none."""
        for run in self.runs.values():
            run.set_seeds(seeds)

    @property
    def banding(self) -> bool:
        """Whether seeds of a band are still to be trained."""
        return any(run.banding for run in self.runs.values())

    def advance_bands(self, seconds: float) -> None:
        """Train seeds of all bands in turns, so that they grow together."""
        waiting = [run for run in self.runs.values() if run.banding]
        for run in waiting:
            run.advance_band(seconds / len(waiting))

    def frames(self, panels: tuple[str, ...]) -> list[bytes]:
        """Measure all runs and pack what the browser does not have yet of each."""
        runs = list(self.runs.values())
        for run in runs:
            run.show(panels)
        same = {"ended": self.ended, "messages": [run.message for run in runs if run.message]}
        epochs = {"epoch": max((run.runner.epoch, run.runner.num_epochs) for run in runs)}
        axes = in_common([run.measure_ranges() for run in runs])
        return [
            run.frame(self.playing, {**same, "ranges": ranges | epochs})
            for run, ranges in zip(runs, axes, strict=True)
        ]


def _started(configs: Configs, data_of: DataOf) -> dict[str, LiveRun]:
    if not 1 <= len(configs) <= MOST_RUNS:
        raise ValueError(
            tr(
                "A page shows 1 to {most_runs} runs; {count} were asked for.",
                most_runs=MOST_RUNS,
                count=len(configs),
            )
        )
    return {name: LiveRun(config, data_of(config), name=name) for name, config in configs.items()}


def pair_session(page: str, configs: Configs, fallback: Configs | None = None) -> PairSession:
    """Return this tab's session of a page, brought to these configs.

    The first time it is made; where the configs cannot be built, from the fallback and with a
    sentence in its messages. Raises ValueError if that cannot be built either.
    """
    session = st.session_state.get(page)
    if isinstance(session, PairSession):
        session.apply(configs)
        return session
    session = st.session_state[page] = _first_session(configs, fallback)
    return session


def _first_session(configs: Configs, fallback: Configs | None) -> PairSession:
    try:
        return PairSession(configs)
    except ValueError as error:
        if fallback is None:
            raise
        session = PairSession(fallback)
        session.messages.append(str(error))
        return session


def pair_panel(
    session: PairSession,
    *,
    panels: tuple[str, ...] = PANELS,
    key: str = "pair",
    after: After | None = None,
    page: str = "",
) -> None:
    """Draw the buttons and, side by side, the charts of every run; only this panel reruns.

    after(session) draws below the charts what was measured: at every button, at the end, and
    once a second while the runs play. It must always draw the same elements. A page's name asks
    for the diagnosis of the runs too, with remedies that the page is to run.
    """

    @st.fragment(key=key)
    def panel() -> None:
        toolbar(session)
        session.set_seeds(seeds())
        if page:
            tick_every(interval(session, AFTER_SECONDS), verdict_line, session.runs, page)
        tick_every(interval(session), _tick, session, panels, key, page)
        if after is not None:
            # A fragment of its own: drawn at every tick, a table would cost more than the charts;
            # drawn only when the clock stands, the page would jump at Play and at the end.
            tick_every(interval(session, AFTER_SECONDS), _measured, session, after)
        for run in _of_remedy(session, page)[-1:]:
            tick_every(note_seconds(run), kept_note, run)
        if page:
            tick_every(interval(session, AFTER_SECONDS), diagnosis_panel, session.runs, page)

    panel()


def _tick(session: PairSession, panels: tuple[str, ...], key: str, page: str) -> None:
    session.tick(speed(session))
    for run in _of_remedy(session, page):
        keep(run)
    columns = st.columns(len(session.runs))
    for at, frame in enumerate(session.frames(panels)):
        run = list(session.runs.values())[at]
        with columns[at]:
            draw_live(
                frame, key=f"{key}_{at}", on_full=run.ask_full, on_end=partial(_stop_clock, key)
            )


def _of_remedy(session: PairSession, page: str) -> list[LiveRun]:
    """Return the runs that go into the history: a remedy's, and the one that it interrupted."""
    found = cure.running(page, {name: run.config for name, run in session.runs.items()})
    names = {found.remedy.name, *session.unkept} if found is not None else set()
    return [run for name, run in session.runs.items() if name in names]


def _measured(session: PairSession, after: After) -> None:
    after(session)


def _stop_clock(key: str) -> None:
    """Show Play again: the browser has seen the end of all runs."""
    st.rerun(key)
