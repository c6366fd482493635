"""The table of the run history, in which runs are chosen by ticking them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import streamlit as st

from nndl_core.base.i18n import mark, tenths, tr
from nndl_core.diagnosis.words import NAMES
from nndl_core.store.runs import KeptRun
from pages.ui.link.presenter import TYPE_SCALE, is_presenting

ROW_HEIGHT, MOST_ROWS = 35, 9
HUGE = 1e4
"""A loss beyond it is no number to compare by, and too long for its column."""
DAY_MINUTES = 1440
LABELS = {
    "pinned": mark("pinned"),
    "name": mark("name"),
    "ended": mark("ended"),
    "finding": mark("finding"),
    "train": mark("train"),
    "dev": mark("dev"),
    "test": mark("test"),
    "test loss": mark("test loss"),
    "epochs": mark("epochs"),
    "best epoch": mark("best epoch"),
    "data": mark("data"),
    "hidden": mark("hidden"),
    "activation": mark("activation"),
    "init": mark("init"),
    "optimizer": mark("optimizer"),
    "rate": mark("rate"),
    "seed": mark("seed"),
}
SHARES = ("train", "dev", "test")
FORMS: dict[str, dict[str, Any]] = {
    **{name: {"width": 75} for name in SHARES},
    "test loss": {"format": "%.4f", "width": 90},
    "rate": {"format": "%g"},
}


def _columns() -> dict[str, Any]:
    """Return the columns with their labels in the reader's language."""
    columns: dict[str, Any] = {}
    percent = tr("{percent} %", percent="%.1f") + "%"
    for name, label in LABELS.items():
        if name in FORMS:
            form = FORMS[name] | ({"format": percent} if name in SHARES else {})
            columns[name] = st.column_config.NumberColumn(tr(label), **form)
        else:
            columns[name] = st.column_config.Column(
                tr(label), width=300 if name == "name" else None
            )
    return columns


def choose(runs: Sequence[KeptRun]) -> list[KeptRun]:
    """Draw the table and return the chosen runs in the order in which they were ticked."""
    ids = [run.id for run in runs]
    key = table_key(ids)
    chosen: list[str] = st.session_state.setdefault("history_chosen", [])
    if key not in st.session_state:
        rows = [at for at, run_id in enumerate(ids) if run_id in chosen]
        st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    st.dataframe(
        [row(run, _zone()) for run in runs],
        key=key,
        on_select=partial(_take, key, ids),
        selection_mode="multi-row",
        hide_index=True,
        placeholder="",
        height=_row_height() * (1 + min(MOST_ROWS, len(runs))) + 3,
        column_config=_columns(),
    )
    by_id = {run.id: run for run in runs}
    return [by_id[run_id] for run_id in chosen if run_id in by_id]


def _row_height() -> int:
    """Return the pixels of a row: it grows with the page's type."""
    return round(ROW_HEIGHT * TYPE_SCALE) if is_presenting() else ROW_HEIGHT


def table_key(ids: Sequence[str]) -> str:
    """Return the table's key, another one for each list of runs.

    A tick belongs to a place in the table and must never move to another run that comes there.
    """
    return "history_rows_" + hashlib.sha256("".join(ids).encode()).hexdigest()[:16]


def _take(key: str, ids: Sequence[str]) -> None:
    """Note what is ticked; the rows come from the browser, so they may be anything."""
    rows = st.session_state[key]["selection"]["rows"]
    ticked = [ids[at] for at in rows if isinstance(at, int) and 0 <= at < len(ids)]
    before: list[str] = st.session_state.get("history_chosen", [])
    kept = [run_id for run_id in before if run_id in ticked]
    st.session_state["history_chosen"] = [*kept, *(i for i in ticked if i not in kept)]


def row(run: KeptRun, zone: timezone) -> dict[str, Any]:
    """Return a run's row of the table, its times in a zone."""
    settings, scores = run.settings, run.scores
    first = run.findings[0].disease if run.findings else ""
    return {
        "pinned": run.pinned,
        "name": run.name,
        "ended": datetime.fromtimestamp(run.finished_at, zone).strftime("%Y-%m-%d %H:%M"),
        "finding": tr(NAMES.get(first, first)),  # type: ignore[call-overload]
        "train": _percent(scores.train_accuracy),
        "dev": _percent(scores.dev_accuracy),
        "test": _percent(scores.test_accuracy),
        "test loss": scores.test_loss if (scores.test_loss or 0) < HUGE else None,
        "epochs": run.epochs,
        "best epoch": scores.best_epoch,
        "data": settings.get("dataset"),
        "hidden": "-".join(map(str, settings.get("hidden", []))) or "none",
        "activation": settings.get("activation"),
        "init": settings.get("init"),
        "optimizer": settings.get("optimizer"),
        "rate": settings.get("learning_rate"),
        "seed": settings.get("init_seed"),
    }


def _percent(share: float | None) -> float | None:
    """Round here: the browser would round a half otherwise than the cards do."""
    return None if share is None else tenths(share)


def _zone() -> timezone:
    """Return the browser's offset; it comes from there, so it may be anything."""
    minutes = st.context.timezone_offset
    if not isinstance(minutes, int) or abs(minutes) >= DAY_MINUTES:
        return UTC
    return timezone(timedelta(minutes=-minutes))
