"""What is on a board, live: scores by setting, who found which disease, and every run."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from datetime import UTC, datetime

import streamlit as st

from nndl_core.base.config import KNOBS
from nndl_core.base.i18n import mark, percent, sentences, tr, trn
from nndl_core.charts.distributions import strips
from nndl_core.diagnosis.words import NAMES
from nndl_core.reports.export.bundle import harmless
from nndl_core.store.board_values import Board, Entry
from nndl_core.store.errors import HistoryError
from pages.ui.board.store import BoardView, content
from pages.ui.board.teacher import value_words, varied
from pages.ui.lesson.study import escape_html
from pages.ui.link.messages import escape
from pages.ui.widgets.clock import tick_every
from pages.ui.widgets.figure import draw_figure
from pages.ui.widgets.number_table import table

TICK_SECONDS = 3.0
ROW_PIXELS, MOST_ROWS, MOST_GROUPS = 78, 100, 10
SCORES = {
    "test_accuracy": mark("Test accuracy"),
    "dev_accuracy": mark("Dev accuracy"),
    "train_accuracy": mark("Train accuracy"),
}


def results(board: Board) -> None:
    """Draw what is on a board; only this panel reruns, every few seconds."""

    @st.fragment(key="board_results")
    def panel() -> None:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.selectbox(
                tr("Score"),
                list(SCORES),
                key="board_score",
                width=200,
                format_func=lambda name: tr(SCORES[name]),
            )
            st.selectbox(
                tr("By"),
                varied(board) or list(KNOBS),
                key="board_by",
                width=200,
                format_func=lambda name: tr(KNOBS[name].label),
            )
        tick_every(TICK_SECONDS, _tick, board)

    panel()


def _tick(board: Board) -> None:
    try:
        seen = content(board)
    except HistoryError as error:
        st.warning(escape(tr(str(error))), icon=":material/cloud_off:")
        return
    if seen.is_other(board):
        st.rerun()  # closed, or another experiment: the whole page says so
    count = len(seen.entries)
    st.caption(
        sentences(
            trn("{n} has joined.", "{n} have joined.", len(seen.members)),
            trn("{n} run is here.", "{n} runs are here.", count),
        )
    )
    if not seen.entries:
        st.info(
            tr(
                "No run is here yet. A run that was played to its end for this "
                "board appears by itself."
            ),
            icon=":material/hourglass_empty:",
        )
        return
    _distribution(board, seen.entries)
    st.html(diseases(seen, board.nickname))
    _runs(board, seen.entries)


def groups(entries: list[Entry], score: str, by: str) -> dict[str, list[float]]:
    """Return the scores of the runs by a setting's value; the most frequent values only."""
    found: dict[str, list[float]] = {}
    for entry in entries:
        value = getattr(entry, score)
        if value is not None:
            found.setdefault(value_words(entry.settings, by), []).append(value)
    most = sorted(found, key=lambda name: -len(found[name]))[:MOST_GROUPS]
    return {name: found[name] for name in sorted(most, key=_order)}


def _order(value: str) -> tuple[float, str]:
    """Order numbers by size and words by letters, behind the numbers."""
    try:
        return float(value), ""
    except ValueError:
        return math.inf, value


def own_best(entries: list[Entry], score: str, nickname: str) -> dict[str, float]:
    """Return the best score of a member as a named line; none where there is none."""
    mine = [getattr(entry, score) for entry in entries if entry.nickname == nickname]
    known = [value for value in mine if value is not None]
    return {tr("your best run"): max(known)} if known else {}


def _distribution(board: Board, entries: list[Entry]) -> None:
    score, by = st.session_state["board_score"], st.session_state["board_by"]
    series = groups(entries, score, by)
    label, setting = tr(SCORES[score]), tr(KNOBS[by].label).lower()
    draw_figure(
        strips(series, label, reference=own_best(entries, score, board.nickname), share=True),
        key="board_figure",
        alt=tr("{score} of every run by {setting}, a dot each", score=label, setting=setting),
        height=110 + ROW_PIXELS * len(series),
    )


def named(nickname: str, me: str) -> str:
    """Write a nickname, and beside a student's own that it is theirs."""
    return tr("{name} (you)", name=nickname) if nickname == me else nickname


def diseases(seen: BoardView, me: str) -> str:
    """Build the table of who found which disease, with the number of runs."""
    found = Counter((entry.nickname, entry.disease) for entry in seen.entries)
    met = [name for name in NAMES if any(disease == name for _, disease in found)]
    rows = [
        [escape_html(named(name, me)), *(str(found[name, disease] or "") for disease in met)]
        for name in seen.members
        if any(found[name, disease] for disease in met)
    ]
    header = [tr("Nickname"), *(tr(NAMES[name]) for name in met)]
    return table(header, rows, tr("Who found which disease, in how many runs"))


def _runs(board: Board, entries: list[Entry]) -> None:
    names = varied(board)
    with st.expander(tr("Every run")):
        st.dataframe(
            [_row(entry, names, board.nickname) for entry in entries[:MOST_ROWS]],
            key="board_runs",
            hide_index=True,
        )
        if len(entries) > MOST_ROWS:
            st.caption(tr("The newest {n} are shown; the file has all.", n=MOST_ROWS))
    st.download_button(
        tr("Runs as CSV"),
        lambda: board_csv(entries, names).encode(),
        file_name=f"board-{board.code}.csv",
        mime="text/csv",
        key="board_csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _row(entry: Entry, names: list[str], me: str) -> dict[str, object]:
    row: dict[str, object] = {tr("Nickname"): named(entry.nickname, me)}
    row |= {tr(KNOBS[name].label): value_words(entry.settings, name) for name in names}
    scores = {n: getattr(entry, n) for n in SCORES}
    row |= {tr(SCORES[n]): "" if v is None else percent(v) for n, v in scores.items()}
    disease = NAMES.get(entry.disease, "")  # type: ignore[call-overload]
    return row | {tr("Finding"): tr(disease), tr("Epochs"): entry.epochs}


def board_csv(entries: list[Entry], names: list[str]) -> str:
    """Write the runs as CSV; no cell of a nickname begins a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["nickname", "finished_at", *names, *SCORES, "finding", "epochs"])
    for entry in entries:
        at = datetime.fromtimestamp(entry.finished_at, UTC).isoformat(timespec="seconds")
        cells = [value_words(entry.settings, name) for name in names]
        scores = [getattr(entry, name) for name in SCORES]
        words = [harmless(entry.nickname), at, *cells, *scores, entry.disease, entry.epochs]
        writer.writerow(words)
    return out.getvalue()
