"""The panel of remedies: all of them trained over seeds, the table growing on the screen."""

from __future__ import annotations

import streamlit as st

from nndl_core.config import ConfigError, RunConfig
from nndl_core.remedies import MAX_SEEDS, RECOVERED, REMEDIES, Trial
from pages.ui import dying_tables as tables
from pages.ui.messages import escape

TICK_SECONDS, SLICE_SECONDS, STOPPED = 0.4, 0.25, 86_400.0
USUAL_SEEDS = 10


class TrialPanel:
    """The trial of one sick network in one tab, and whether it trains."""

    def __init__(self, sick: RunConfig) -> None:
        self.sick = sick
        self.trial: Trial | None = None
        self.running = False
        self.refused = ""

    def toggle(self, seeds: int) -> None:
        """Stop a trial that runs, go on with one that was stopped, else start anew."""
        trial, self.refused = self.trial, ""
        if self.running:
            self.running = False
        elif trial is not None and not trial.finished and trial.seeds == seeds:
            self.running = True
        else:
            self._start(seeds)

    def _start(self, seeds: int) -> None:
        try:
            self.trial = Trial(self.sick, seeds)
        except ConfigError as error:
            self.refused = str(error)
            return
        self.running = True


def trial_section(sick: RunConfig) -> None:
    """Draw the button and the table; only this panel reruns while it trains."""
    panel = _panel(sick)

    @st.fragment(key="trial")
    def draw() -> None:
        st.subheader("Which remedy brings the network back?", anchor="remedies")
        st.markdown(
            f"{len(REMEDIES)} changes to the dead network, each trained for {sick.epochs:,} "
            "epochs from the same seeds. A network has recovered if its test accuracy is at least "
            f"{RECOVERED:g}."
        )
        _draw_controls(panel)
        st.fragment(_tick, run_every=TICK_SECONDS if panel.running else STOPPED)(panel)

    draw()


def _panel(sick: RunConfig) -> TrialPanel:
    """Return this tab's panel; another sick network is another trial."""
    kept = st.session_state.get("dying_trial")
    if not isinstance(kept, TrialPanel) or kept.sick != sick:
        kept = st.session_state["dying_trial"] = TrialPanel(sick)
    return kept


def _draw_controls(panel: TrialPanel) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("Seeds", value=USUAL_SEEDS, step=1, key="trial_seeds", width=130)
        st.button(
            "Stop" if panel.running else "Try all remedies",
            key="trial_go",
            icon=":material/stop:" if panel.running else ":material/healing:",
            on_click=_toggle,
            args=(panel,),
        )
    if panel.refused:
        st.warning(escape(panel.refused), icon=":material/info:")


def _toggle(panel: TrialPanel) -> None:
    """Take the number as it stands now: it may have been typed just before the click."""
    panel.toggle(int(st.session_state["trial_seeds"]))


def _tick(panel: TrialPanel) -> None:
    trial = panel.trial
    if trial is None:
        st.caption(f"Not tried yet. Up to {MAX_SEEDS} seeds; ten take about a minute.")
        return
    if panel.running:
        trial.advance(SLICE_SECONDS)
        if trial.finished:
            panel.running = False
            st.rerun()  # the button, in the fragment around this one, says Try again
    rows = trial.rows()
    done = sum(row.n for row in rows)
    st.progress(trial.share, text=f"{done} of {trial.seeds * len(REMEDIES)} networks are trained")
    st.html(tables.remedies_table(rows, REMEDIES, trial.seeds))
    if trial.finished:
        st.markdown(escape(tables.remedies_sentence(rows)))
