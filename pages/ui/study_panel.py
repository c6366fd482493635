"""The panel of many seeds: a claim, its study growing on the screen, and its verdict."""

from __future__ import annotations

from time import perf_counter

import streamlit as st

from nndl_core.charts.study import Drawn, study_figures
from nndl_core.config import ConfigError
from nndl_core.study import Claim, Condition, Estimate, Measure, State, Study, Verdict
from pages.ui.figure import draw_figure
from pages.ui.lesson_controls import draw_lab_links
from pages.ui.messages import escape
from pages.ui.number_table import table

TICK_SECONDS, SLICE_SECONDS, STOPPED = 0.4, 0.3, 86_400.0
FIGURE_SECONDS = 1.0
"""Between two drawings of a study that grows: the browser draws longer than a slice trains."""
VERDICTS: dict[Verdict, tuple[str, str]] = {
    "holds": ("Holds", "green"),
    "conditional": ("Holds only in part", "orange"),
    "false": ("Does not hold", "red"),
    "undecided": ("Undecided: more seeds", "gray"),
}
STATES: dict[State, str] = {"met": "yes", "refuted": "no", "open": "open"}


class SeedsPanel:
    """The study of one claim in one tab, and whether it trains."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.study: Study | None = None
        self.running = False
        self.refused = ""
        self.figures: list[Drawn] = []
        self.drawn_at = -FIGURE_SECONDS

    def start(self, seeds: int) -> None:
        """Start the study anew; an impossible number of seeds gets a sentence."""
        try:
            self.study, self.refused = Study(self.claim, seeds), ""
            self.figures, self.drawn_at = [], -FIGURE_SECONDS
        except ConfigError as error:
            self.refused = str(error)
            return
        self.running = True

    def draw(self, study: Study) -> list[Drawn]:
        """Return the figures of the study, at most FIGURE_SECONDS old while it grows."""
        now = perf_counter()
        if not self.running or now - self.drawn_at >= FIGURE_SECONDS:
            self.figures, self.drawn_at = study_figures(study), now
        return self.figures

    def toggle(self, seeds: int) -> None:
        """Stop a study that runs, go on with one that was stopped, else start."""
        study = self.study
        if self.running:
            self.running = False
        elif study is not None and not study.finished and study.seeds == seeds:
            self.running = True
        else:
            self.start(seeds)


def panel_of(claim: Claim) -> SeedsPanel:
    """Return this tab's panel of a claim."""
    kept = f"seeds_of_{claim.name}"
    if kept not in st.session_state:
        st.session_state[kept] = SeedsPanel(claim)
    panel = st.session_state[kept]
    assert isinstance(panel, SeedsPanel)
    return panel


def seeds_panel(claim: Claim) -> None:
    """Draw a claim with the button that measures it; only this panel reruns meanwhile."""
    panel, name = panel_of(claim), f"study_{claim.name}"

    @st.fragment(key=name)
    def draw() -> None:
        with st.container(border=True, key=f"card_{claim.name}"):
            st.markdown(f"**{escape(claim.text)}**  \n:small[Claim {claim.experiment}]")
            _draw_controls(panel)
            interval = TICK_SECONDS if panel.running else STOPPED
            st.fragment(_tick, run_every=interval)(panel)

    draw()


def _draw_controls(panel: SeedsPanel) -> None:
    claim = panel.claim
    label = "Stop" if panel.running else "Measure"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = f"n_{claim.name}"
        st.number_input("Seeds", value=claim.seeds, step=1, key=key, width=130)
        st.button(
            label,
            key=f"measure_{claim.name}",
            icon=":material/stop:" if panel.running else ":material/science:",
            on_click=_toggle,
            args=(panel, key),
        )
    if panel.refused:
        st.warning(escape(panel.refused), icon=":material/info:")


def _toggle(panel: SeedsPanel, key: str) -> None:
    """Take the number as it stands now: it may have been typed just before the click."""
    panel.toggle(int(st.session_state[key]))


def _tick(panel: SeedsPanel) -> None:
    study = panel.study
    if study is None:
        st.caption(
            "Not measured yet. Every seed trains each network with its own data and weights."
        )
        return
    if panel.running:
        study.advance(SLICE_SECONDS)
        if study.finished:
            panel.running = False
            st.rerun()  # the button, in the fragment around this one, says Measure again
    st.progress(study.share, text=f"{study.done} of {study.seeds} seeds · {study.seconds:.1f} s")
    _draw_card(study, panel.draw(study))


def _draw_card(study: Study, figures: list[Drawn]) -> None:
    claim, found = study.claim, study.estimates()
    if not found:
        return
    words, color = VERDICTS[study.verdict()]
    st.markdown(f":{color}-badge[{words}] &nbsp; measured with {study.done} seeds")
    if study.finished and study.verdict() == claim.verdict:
        st.markdown(escape(claim.truth))
    rows = [_condition(condition, state, study) for condition, state in study.states()]
    st.html(table(["The claim says", "measured, 95 % interval", "true?"], rows, names=1))
    for at, (alt, height, figure) in enumerate(figures):
        draw_figure(figure, key=f"figure_{claim.name}_{at}", alt=alt, height=height)
    with st.expander("All figures"):
        measures = [_measure(m, found[m.name]) for m in claim.measures]
        header = ["Measured in every seed", "mean", "standard error", "95 % interval", "n"]
        st.html(table(header, measures))
        draw_lab_links(claim.arms)


def _condition(condition: Condition, state: State, study: Study) -> list[str]:
    found = study.estimates()[condition.measure]
    return [escape_html(condition.text), _interval(found), f"<b>{STATES[state]}</b>"]


def _measure(measure: Measure, found: Estimate) -> list[str]:
    unit = f" {measure.unit}" if measure.unit else ""
    error = f"{found.standard_error:.2g}{' decades' if measure.geometric else unit}"
    mean = f"{found.mean:.4g}{unit}"
    return [escape_html(measure.text), mean, error, _interval(found), str(found.n)]


def _interval(found: Estimate) -> str:
    if found.low == found.high:
        return f"exactly {found.mean:.4g}"
    return f"{found.low:.4g} to {found.high:.4g}"


def escape_html(text: str) -> str:
    """Escape a plain text for a table's cell."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
