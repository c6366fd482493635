"""The run history of one browser: filters, table, and what is done with the chosen runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from nndl_core.base.i18n import mark, tr
from nndl_core.diagnosis.words import NAMES
from nndl_core.store.errors import HistoryError
from nndl_core.store.runs import MOST_PINNED, MOST_RUNS, KeptRun, RunFilter
from pages.ui.history.chosen import chosen_panel
from pages.ui.history.table import choose
from pages.ui.link.linked import linked
from pages.ui.link.messages import escape
from pages.ui.server.history_access import history_keeper
from pages.ui.server.owner import owner

EMPTY = mark(
    "No run has ended in this browser yet. Press Play in the training lab; at its last "
    "epoch the run comes here by itself."
)
NOTHING_FITS = mark("No run fits these filters.")
ANY = mark("any")


def history_panel() -> None:
    """Draw the history; one sentence stands in its place where the database does not answer."""
    try:
        keeper, me = history_keeper(), owner()
        every = keeper.do(lambda history: history.runs(me))
        _draw_notes()
        if not every:
            st.info(tr(EMPTY), icon=":material/info:")
            return
        wanted = _filters(every)
        listed = keeper.do(lambda history: history.runs(me, wanted))
        if not listed:
            st.caption(tr(NOTHING_FITS))
            return
        chosen_panel(choose(listed), listed)
    except HistoryError as error:
        _draw_problem(str(error))


def _draw_problem(sentence: str) -> None:
    st.warning(escape(tr(sentence)), icon=":material/cloud_off:")
    waiting = history_keeper().waiting(owner())
    if waiting:
        st.caption(tr("Waiting to be written: {waiting} of your runs.", waiting=waiting))
    st.button(tr("Try again"), key="history_again", icon=":material/refresh:")


def _draw_notes() -> None:
    if warning := history_keeper().warning:
        st.warning(escape(tr(warning)), icon=":material/info:")
    for sentence in st.session_state.pop("history_notes", []):
        st.warning(escape(sentence), icon=":material/info:")
    if waiting := history_keeper().waiting(owner()):
        st.caption(tr("Waiting to be written: {waiting} of your runs.", waiting=waiting))


def _filters(runs: Sequence[KeptRun]) -> RunFilter:
    """Draw the filters with what occurs among the runs, and return what they ask for."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="history_filters"):
        name = st.text_input(
            tr("Name contains"),
            key=linked("history_name", ""),
            max_chars=80,
            width=230,
            icon=":material/search:",
        )
        activation = _select(
            tr("Activation"), "activation", [r.settings.get("activation") for r in runs]
        )
        dataset = _select(tr("Data set"), "dataset", [r.settings.get("dataset") for r in runs])
        said = [said.disease for run in runs for said in run.findings]
        disease = _select(tr("Finding"), "disease", said, dict(NAMES.items()))
        pinned = st.toggle(
            tr("Pinned only"),
            key=linked("history_pinned", False),
            help=tr(
                "Of your runs the newest {most_runs} are kept. A pinned run stays; at most "
                "{most_pinned} can be pinned.",
                most_runs=MOST_RUNS,
                most_pinned=MOST_PINNED,
            ),
        )
    return RunFilter(name, activation, dataset, disease, pinned or None)


def _select(
    label: str, name: str, values: Sequence[object], words: Mapping[str, str] | None = None
) -> str:
    """Draw a choice among the values that occur; empty stands for any."""
    key, options = f"history_{name}", ["", *sorted({str(value) for value in values if value})]
    linked(key, "", options)
    if st.session_state.get(key) not in options:
        st.session_state[key] = ""  # what was chosen has been deleted since
    return str(
        st.selectbox(
            label,
            options,
            key=key,
            width=190,
            format_func=lambda value: tr((words or {}).get(value, value)) or tr(ANY),
        )
    )
