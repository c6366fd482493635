"""What one tab may ask of the server, read from where each limit is enforced."""

from __future__ import annotations

from html import escape

import streamlit as st

from nndl_core.base.config import KNOBS, MAX_DEPTH, MAX_WIDTH
from nndl_core.base.i18n import tr
from nndl_core.data.table.columns import MAX_CLASSES, MAX_FEATURES
from nndl_core.data.table.reading import MAX_ROWS
from nndl_core.data.table.text import MAX_BYTES
from nndl_core.studies.map.plan import MAX_CELLS, MAX_RUN_EPOCHS
from nndl_core.studies.map.plan import MAX_SEEDS as MAP_SEEDS
from nndl_core.studies.seed_band import MOST_SEEDS
from pages.ui.server.guard import MOST_TABS, MOST_UPLOADED
from pages.ui.widgets.number_table import table

MEGA = 1_000_000


def limits() -> list[tuple[str, str]]:
    """Return what is limited, and to how much."""
    return [
        (tr("Hidden layers"), f"{MAX_DEPTH}"),
        (tr("Units of a layer"), f"{MAX_WIDTH}"),
        (tr("Points of a made data set"), f"{KNOBS['points'].high:,g}"),
        (tr("Epochs of a run"), f"{KNOBS['epochs'].high:,g}"),
        (tr("Rows, features and classes of a table"), _file_size()),
        (tr("Size of a table's file"), f"{MAX_BYTES / 1024**2:g} MB"),
        (tr("All files that a tab has uploaded"), f"{MOST_UPLOADED / MEGA:g} MB"),
        (tr("Further seeds of a run, a claim or a panel"), f"{MOST_SEEDS}"),
        (tr("Cells and seeds of a map"), f"{MAX_CELLS} x {MAP_SEEDS}"),
        (tr("Epochs of all runs of a map"), f"{MAX_RUN_EPOCHS:,}"),
        (tr("Tabs of one server"), f"{MOST_TABS}"),
    ]


def _file_size() -> str:
    return tr(
        "{rows:,} x {columns}, {classes} classes",
        rows=MAX_ROWS,
        columns=MAX_FEATURES,
        classes=MAX_CLASSES,
    )


def draw_limits() -> None:
    """Draw the limits and how tabs share the server."""
    st.markdown(
        tr(
            "One server serves a whole class. Training runs in slices that take turns, in the "
            "order in which they were asked for; a click goes before them. The more tabs train, "
            "the shorter the slices and the fewer the pictures per second; the numbers stay the "
            "same. A tab that is closed trains no more. Beyond a limit a sentence says so, and "
            "what runs stays as it is."
        )
    )
    rows = [(escape(what), escape(most)) for what, most in limits()]
    st.html(table((tr("What"), tr("At most")), rows))
