"""The panel of many seeds: a claim, its study growing on the screen, and its verdict."""

from __future__ import annotations

from functools import partial
from time import perf_counter

import streamlit as st

from nndl_core.base.i18n import mark, tr, trn
from nndl_core.charts.study import CaptionedFigure, study_figures
from nndl_core.studies.study import Claim, Condition, Estimate, Measure, State, Study, Verdict
from pages.ui.lesson.controls import draw_lab_links
from pages.ui.lesson.seeds import Panel, Task, draw_panel, panel_of
from pages.ui.link.messages import escape
from pages.ui.widgets.figure import draw_figure
from pages.ui.widgets.number_table import table

FIGURE_SECONDS = 1.0
"""Between two drawings of a study that grows: the browser draws longer than a slice trains."""
IDLE = mark("Not measured yet. Every seed trains each network with its own data and weights.")
VERDICTS: dict[Verdict, tuple[str, str]] = {
    "holds": (mark("Holds"), "green"),
    "conditional": (mark("Holds only in part"), "orange"),
    "false": (mark("Does not hold"), "red"),
    "undecided": (mark("Undecided: more seeds"), "gray"),
}
STATES: dict[State, str] = {"met": mark("yes"), "refuted": mark("no"), "open": mark("open")}


class Figures:
    """The figures of a study as they were drawn last."""

    def __init__(self) -> None:
        self.shown: tuple[int, Study] | None = None
        self.figures: list[CaptionedFigure] = []
        self.drawn_at = 0.0

    def of(self, panel: Panel[Study]) -> list[CaptionedFigure]:
        """Return the figures of the study, at most FIGURE_SECONDS old while it grows."""
        study, now = panel.runs, perf_counter()
        assert study is not None
        state = (study.done, study)
        fresh = panel.running and now - self.drawn_at < FIGURE_SECONDS
        if self.shown is None or self.shown[1] is not study or (self.shown != state and not fresh):
            self.figures, self.drawn_at, self.shown = study_figures(study), now, state
        return self.figures


def seeds_panel(claim: Claim) -> None:
    """Draw a claim with the button that measures it; only this panel reruns meanwhile."""
    with st.container(border=True, key=f"card_{claim.name}"):
        st.markdown(
            tr(
                "**{claim}**  \n:small[Claim {experiment}]",
                claim=escape(tr(claim.text)),
                experiment=claim.experiment,
            )
        )
        draw_panel(_task(claim))


def panel_of_claim(claim: Claim) -> Panel[Study]:
    """Return this tab's panel of a claim."""
    return panel_of(_task(claim))


def _task(claim: Claim) -> Task[Study]:
    make, draw = partial(Study, claim), partial(_draw, claim)
    return Task(claim.name, claim.name, make, draw, tr("Measure"), tr(IDLE), claim.seeds)


def _draw(claim: Claim, study: Study) -> None:
    st.progress(
        study.share,
        text=trn(
            "{done} of {n} seed · {seconds:.1f} s",
            "{done} of {n} seeds · {seconds:.1f} s",
            study.seeds,
            done=study.done,
            seconds=study.seconds,
        ),
    )
    figures = st.session_state.setdefault(f"{claim.name}_figures", Figures())
    _draw_card(study, figures.of(panel_of_claim(claim)))


def _draw_card(study: Study, figures: list[CaptionedFigure]) -> None:
    claim, found = study.claim, study.estimates()
    if not found:
        return
    said, color = VERDICTS[study.verdict()]
    words = tr(said)
    st.markdown(
        trn(
            ":{color}-badge[{words}] &nbsp; measured with {n} seed",
            ":{color}-badge[{words}] &nbsp; measured with {n} seeds",
            study.done,
            color=color,
            words=words,
        )
    )
    if study.finished and study.verdict() == claim.verdict:
        st.markdown(escape(tr(claim.truth)))
    rows = [_condition(condition, state, study) for condition, state in study.states()]
    st.html(
        table([tr("The claim says"), tr("measured, 95 % interval"), tr("true?")], rows, names=1)
    )
    for at, (alt, height, figure) in enumerate(figures):
        draw_figure(figure, key=f"figure_{claim.name}_{at}", alt=alt, height=height)
    with st.expander(tr("All figures")):
        measures = [_measure(m, found[m.name]) for m in claim.measures]
        header = [
            tr("Measured in every seed"),
            tr("mean"),
            tr("standard error"),
            tr("95 % interval"),
            "n",
        ]
        st.html(table(header, measures))
        draw_lab_links(claim.arms)


def _condition(condition: Condition, state: State, study: Study) -> list[str]:
    found = study.estimates()[condition.measure]
    return [escape_html(condition.words), _interval(found), f"<b>{tr(STATES[state])}</b>"]


def _measure(measure: Measure, found: Estimate) -> list[str]:
    unit = f" {tr(measure.unit)}" if measure.unit else ""
    error = f"{found.standard_error:.2g}{tr(' decades') if measure.geometric else unit}"
    mean = f"{found.mean:.4g}{unit}"
    return [escape_html(measure.words), mean, error, _interval(found), str(found.n)]


def _interval(found: Estimate) -> str:
    if found.n == 1:
        return tr("{mean:.4g} in the one seed so far", mean=found.mean)
    if found.low == found.high:
        return tr("exactly {mean:.4g}", mean=found.mean)
    return tr("{low:.4g} to {high:.4g}", low=found.low, high=found.high)


def escape_html(text: str) -> str:
    """Escape a plain text for a table's cell."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
