"""The time of an epoch, measured in turns while the page answers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from time import perf_counter

import streamlit as st

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark, tr
from nndl_core.charts.times import time_strips
from nndl_core.theory.gradient_check import time_gradients, ways
from pages.ui.link.messages import escape
from pages.ui.widgets.clock import tick_every
from pages.ui.widgets.figure import draw_figure
from pages.ui.widgets.number_table import table

EPOCHS, REPEATS = 20, 60
SLICE_SECONDS = 0.06
TICK_SECONDS = 0.15
ROW_PIXELS = 82
WAY_NAMES = {
    "by_hand": mark("by hand"),
    "by_autograd": mark("by autograd"),
    "op_classes": mark("op classes"),
    "kernel": mark("kernel of this lab"),
}


class Timing:
    """The measurements of one network, taken a slice of time after another."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.running = False
        self.sentence = ""
        self.clear()

    def clear(self) -> None:
        """Forget all measurements."""
        self.seconds: dict[str, list[float]] = {way: [] for way in ways(self.config)}
        self._source: Iterator[tuple[str, float]] = time_gradients(self.config, EPOCHS, REPEATS)

    @property
    def count(self) -> int:
        """How many measurements there are of every way."""
        return min(map(len, self.seconds.values()))

    @property
    def finished(self) -> bool:
        """Whether every way has all its measurements."""
        return self.count == REPEATS

    def start(self) -> None:
        """Measure on; anew if it is finished or had to stop. Twice is as good as once."""
        if not self.running and (self.finished or self.sentence):
            self.clear()
        self.running, self.sentence = True, ""

    def stop(self) -> None:
        """Keep what is measured; start goes on from there."""
        self.running = False

    def tick(self) -> None:
        """Measure for a slice of time."""
        start = perf_counter()
        try:
            while self.running and perf_counter() - start < SLICE_SECONDS:
                way, seconds = next(self._source)
                self.seconds[way].append(seconds)
                self.running = not self.finished
        except ValueError as error:
            self.running, self.sentence = False, str(error)


def timing_section(config: RunConfig) -> None:
    """Draw the button and the distributions; only this part reruns while it measures."""
    timing = _timing(config)

    @st.fragment(key="timing")
    def panel() -> None:
        with st.container(horizontal=True, vertical_alignment="center"):
            _button(timing)
            st.caption(
                tr(
                    "{repeats} measurements of {epochs} epochs for each way, in turns: "
                    "processor time of one thread of this server. All ways start from the same "
                    "weights and end at the same.",
                    repeats=REPEATS,
                    epochs=EPOCHS,
                )
            )
        tick_every(TICK_SECONDS if timing.running else None, _tick, timing)

    panel()


def _button(timing: Timing) -> None:
    """Draw Stop or Measure; a click that arrives twice does the same again, not the opposite."""
    if timing.running:
        label, icon, action = tr("Stop"), ":material/stop:", timing.stop
    else:
        label, icon, action = tr("Measure"), ":material/timer:", timing.start
    st.button(label, key="measure", icon=icon, type="primary", on_click=action)


def _timing(config: RunConfig) -> Timing:
    timing = st.session_state.get("autograd_timing")
    if not isinstance(timing, Timing) or timing.config != config:
        timing = st.session_state["autograd_timing"] = Timing(config)
    return timing


def measured_times(config: RunConfig) -> Callable[[], dict[str, list[float]]]:
    """Return a function that gives this tab's times of a network: seconds per 1000 epochs."""
    timing = _timing(config)
    return lambda: _named(timing)


def _named(timing: Timing) -> dict[str, list[float]]:
    return {tr(WAY_NAMES[way]): values for way, values in timing.seconds.items() if values}


def _tick(timing: Timing) -> None:
    was_running = timing.running
    timing.tick()
    if was_running and not timing.running:
        st.rerun()  # the button stands outside this fragment
    if timing.sentence:
        st.warning(escape(timing.sentence), icon=":material/info:")
    st.progress(
        timing.count / REPEATS,
        text=tr("{count} of {repeats} measurements", count=timing.count, repeats=REPEATS),
    )
    if timing.count:
        _draw(timing)


def _draw(timing: Timing) -> None:
    seconds = _named(timing)
    left, right = st.columns([3, 2])
    with left:
        draw_figure(
            time_strips(seconds, tr("seconds per 1000 epochs")),
            key="timing_strips",
            alt=tr("Time of 1000 epochs in each way, every measurement a dot"),
            height=ROW_PIXELS * len(timing.seconds) + 60,
        )
    with right:
        st.html(times_table(seconds))
        st.caption(
            tr(
                "Ratio: of the medians, to by hand. By hand needs no value of the loss; the op "
                "classes and autograd compute it. The kernel is what the lab trains with: it also "
                "measures loss, accuracy and statistics of every layer in each epoch."
            )
        )


def times_table(seconds: dict[str, list[float]]) -> str:
    """Return the fastest, the median and the slowest time of each way as a table."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    base = next(iter(medians.values()))
    rows = [
        (
            name,
            f"{min(v):.3f}",
            f"{medians[name]:.3f}",
            f"{max(v):.3f}",
            f"{medians[name] / base:.2f}",
        )
        for name, v in seconds.items()
    ]
    header = (tr("way"), tr("fastest"), tr("median"), tr("slowest"), tr("ratio"))
    return table(header, rows, tr("Seconds per 1000 epochs"))
