"""What is done with the chosen runs: their curves over each other, names, pins, files, deletion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from nndl_core.base.i18n import mark, tr, trn
from nndl_core.charts.history import MOST_RUNS, Curve, overlay
from nndl_core.reports.export.history import runs_json, table_csv
from nndl_core.store.errors import HistoryError
from nndl_core.store.runs import KeptRun, unique_names
from pages.ui.history.cards import cards
from pages.ui.link.linked import linked
from pages.ui.link.messages import escape
from pages.ui.server.history_access import history_keeper
from pages.ui.server.owner import owner
from pages.ui.widgets.figure import draw_figure

SHOWN: dict[Curve, str] = {
    "dev_loss": mark("Dev loss"),
    "dev_accuracy": mark("Dev accuracy"),
    "train_loss": mark("Train loss"),
    "train_accuracy": mark("Train accuracy"),
}
TICK = mark(
    "Tick runs in the first column: the curves of up to {most_runs} are drawn over each other."
)
MANY = mark("The curves of the first {most_runs} ticked runs are drawn.")
NAMED = 8
"""So many names stand in the question before runs are deleted."""


def chosen_panel(chosen: Sequence[KeptRun], listed: Sequence[KeptRun]) -> None:
    """Draw the buttons for the listed and the chosen runs, the figure and a card for each."""
    with st.container(horizontal=True, vertical_alignment="center", key="history_actions"):
        _download(tr("Table as CSV"), "csv", partial(table_csv, listed))
        if chosen:
            _download(tr("Ticked runs as JSON"), "json", partial(json_bytes, owner(), chosen))
            _delete(chosen)
    if not chosen:
        st.caption(tr(TICK, most_runs=MOST_RUNS))
        return
    shown = chosen[:MOST_RUNS]
    if len(chosen) > len(shown):
        st.caption(tr(MANY, most_runs=MOST_RUNS))
    _figure(shown)
    cards(shown)


def _figure(runs: Sequence[KeptRun]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="history_curve_choice"):
        choice = st.segmented_control(
            tr("Curve"),
            list(SHOWN),
            default="dev_loss",
            key=linked("history_curve", "dev_loss", SHOWN),
            format_func=lambda name: tr(SHOWN[name]),
            required=True,
        )
        shown: Curve = choice or "dev_loss"
        log = st.toggle(tr("Logarithmic"), key=linked("history_log", False))
    me, ids = owner(), [run.id for run in runs]
    curves = history_keeper().do(lambda history: history.curves(me, ids))
    names = unique_names(runs)
    drawn = {names[run_id]: curves[run_id] for run_id in ids if run_id in curves}
    figure = overlay(drawn, shown, log=log and shown.endswith("loss"))
    alt = trn(
        "{quantity} against the epoch of {n} run: {names}.",
        "{quantity} against the epoch of {n} runs: {names}.",
        len(drawn),
        quantity=tr(SHOWN[shown]),
        names=", ".join(drawn),
    )
    draw_figure(figure, key="history_overlay", alt=alt, height=470)


def json_bytes(me: str, runs: Sequence[KeptRun]) -> bytes:
    """Return runs with their curves, read at the moment of the click."""
    try:
        curves = history_keeper().do(lambda history: history.curves(me, [run.id for run in runs]))
    except HistoryError as error:
        return str(error).encode()
    return runs_json(runs, curves)


def _download(label: str, form: str, make: Callable[[], bytes]) -> None:
    st.download_button(
        label,
        make,
        file_name=f"run-history.{form}",
        mime="text/csv" if form == "csv" else "application/json",
        key=f"history_{form}",
        icon=":material/download:",
        on_click="ignore",
    )


def _delete(chosen: Sequence[KeptRun]) -> None:
    """Draw the button that asks first."""
    count = tr("this run") if len(chosen) == 1 else tr("these {n} runs", n=len(chosen))
    with st.popover(tr("Delete"), icon=":material/delete:", key="history_delete"):
        more = tr(" and {n} more", n=len(chosen) - NAMED) if len(chosen) > NAMED else ""
        names = "; ".join(run.name for run in chosen[:NAMED])
        st.markdown(tr("Delete {runs} for good? {names}", runs=count, names=escape(names + more)))
        ids = [run.id for run in chosen]
        st.button(
            tr("Delete {count}", count=count),
            key="history_delete_now",
            type="primary",
            on_click=_forget,
            args=(ids,),
        )


def _forget(ids: Sequence[str]) -> None:
    me = owner()
    try:
        history_keeper().do(lambda history: history.delete(me, ids))
    except HistoryError as error:
        st.session_state.setdefault("history_notes", []).append(str(error))
        return
    st.session_state["history_chosen"] = []
