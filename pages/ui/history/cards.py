"""One card for each chosen run: its line in the figure, name, pin, scores and diagnosis."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence

import streamlit as st

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.base.i18n import in_mine, mark, percent, tr
from nndl_core.charts.history import swatch
from nndl_core.store.errors import HistoryError
from nndl_core.store.history import History
from nndl_core.store.runs import MOST_NAME, KeptRun, clean_name
from pages.ui.link.address import with_frame
from pages.ui.link.messages import escape
from pages.ui.server.history_access import history_keeper
from pages.ui.server.owner import owner

COLUMNS = 2
NOT_REPEATABLE = mark(
    "Loaded, or its learning rate was changed on the way: the settings alone do not repeat it."
)


def cards(runs: Sequence[KeptRun]) -> None:
    """Draw the cards in the order of the figure's legend."""
    for start in range(0, len(runs), COLUMNS):
        for column, at in zip(st.columns(COLUMNS), range(start, len(runs)), strict=False):
            with column, st.container(border=True, key=f"history_card_{at}"):
                _card(runs[at], at)


def _card(run: KeptRun, at: int) -> None:
    name_key, pin_key = f"name_{run.id}", f"pin_{run.id}"
    st.session_state[name_key], st.session_state[pin_key] = run.name, run.pinned
    with st.container(horizontal=True, vertical_alignment="center"):
        picture = b64encode(swatch(at).encode()).decode()
        st.html(f'<img alt="" src="data:image/svg+xml;base64,{picture}"/>', width=44)
        st.text_input(
            tr("Name"),
            key=name_key,
            max_chars=MOST_NAME,
            label_visibility="collapsed",
            on_change=_rename,
            args=(run.id, name_key),
        )
        st.toggle(tr("Pinned"), key=pin_key, on_change=_pin, args=(run.id, pin_key))
    st.markdown(scores(run))
    for said in run.findings[:2]:
        st.caption(escape(in_mine(said.sentence)))
    if not run.repeatable:
        st.caption(tr(NOT_REPEATABLE))
    elif link := lab_link(run):
        st.markdown(f":small[[{tr('Open in the lab')}]({link})]")


def _score(name: str, accuracy: float) -> str:
    return f"{name} {percent(accuracy)}"


def scores(run: KeptRun) -> str:
    """Write a run's accuracies, its best epoch and where it diverged, in Markdown."""
    found = run.scores
    parts = ((tr("train"), found.train_accuracy), (tr("dev"), found.dev_accuracy))
    shown = [*parts, (tr("test"), found.test_accuracy)]
    words = [_score(name, value) for name, value in shown if value is not None]
    if found.best_epoch is not None:
        words.append(tr("best on dev at epoch {best_epoch:,}", best_epoch=found.best_epoch))
    if run.diverged_at is not None:
        words.append(tr("diverged at epoch {diverged_at:,}", diverged_at=run.diverged_at))
    return f":small[{escape(' · '.join(words))}]"


def lab_link(run: KeptRun) -> str:
    """Return the lab's address with these settings; empty where the lab cannot show them."""
    try:
        config = RunConfig.from_json(run.config)
    except ConfigError:
        return ""
    if config.dataset == "csv":  # the table is not kept
        return ""
    return f"./?{with_frame(config.to_url())}"


def _rename(run_id: str, key: str) -> None:
    name = clean_name(str(st.session_state[key]))
    _change(lambda history: history.rename(owner(), run_id, name))


def _pin(run_id: str, key: str) -> None:
    pinned = bool(st.session_state[key])
    _change(lambda history: history.pin(owner(), [run_id], pinned))


def _change(action: Callable[[History], object]) -> None:
    """Change the history; what it refuses becomes a sentence above the table."""
    try:
        history_keeper().do(action)
    except HistoryError as error:
        st.session_state.setdefault("history_notes", []).append(str(error))
