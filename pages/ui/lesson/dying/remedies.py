"""The lesson on remedies: what a slope gives back, and which change makes the network learn."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.charts import gradient_law as charts
from nndl_core.studies.relu_remedies import RECOVERED, REMEDIES, Trial
from nndl_core.theory import dead_units as dead
from nndl_core.theory.gradient_forms import expected_exponents
from nndl_core.theory.gradient_law import MAX_SEEDS
from pages.ui.lesson.dying import tables
from pages.ui.lesson.seeds import Task, draw_panel
from pages.ui.link.messages import escape
from pages.ui.widgets.figure import draw_figure
from pages.ui.widgets.log_slider import seeds_input, start_at

_norms = st.cache_data(max_entries=200, show_spinner=False)(dead.slope_law)

SLOPES = [0.0, *(float(f"{d}e{power}") for power in (-3, -2, -1) for d in (1, 2, 3, 5)), 1.0]
FITTED = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0]


@st.fragment
def slope_section(config: RunConfig) -> None:
    """Show what a slope below zero gives back to each layer, and the power law it follows."""
    st.subheader(tr("The slope to the fourth"), anchor="slope")
    columns = st.columns(3)
    slope = _slopes(columns[0], tr("Slope of Leaky ReLU"), config.slope, "slope_leaky")
    alpha = _slopes(columns[1], tr("Alpha of ELU"), 1.0, "slope_elu")
    with columns[2]:
        seeds = seeds_input("slope_seeds", MAX_SEEDS)
    leaky, elu = (replace(config, activation=name) for name in ("leaky_relu", "elu"))
    norms = {
        "ReLU": _norms(replace(config, activation="relu"), [0.0], seeds)[0].tolist(),
        f"Leaky ReLU {slope:g}": _norms(leaky, [slope], seeds)[0].tolist(),  # untranslated
        f"ELU {alpha:g}": _norms(elu, [alpha], seeds)[0].tolist(),
    }
    law = _norms(leaky, FITTED, seeds)
    left, right = st.columns(2)
    with left:
        st.markdown(tr("**Layer by layer**"))
        figure = charts.norm_bars(norms)
        height = 120 + 64 * law.shape[1]
        draw_figure(figure, key="slope_bars", alt=tr("Gradient of each layer"), height=height)
    with right:
        st.markdown(tr("**Against the slope of Leaky ReLU**"))
        here = {tr("your slope"): slope} if slope <= FITTED[-1] else {}
        figure = charts.slope_lines(FITTED, law, here)
        draw_figure(figure, key="slope_lines", alt=tr("Gradient against the slope"), height=height)
    fitted = dead.fitted_exponents(FITTED, law).tolist()
    expected = expected_exponents(config).tolist() if config.bias < 0 else [math.nan] * len(fitted)
    st.html(tables.exponents_table(norms, fitted, expected))
    st.markdown(escape(tables.slope_sentence(config, fitted, expected, (slope, alpha))))


def _slopes(column: Any, label: str, value: float, key: str) -> float:
    options = sorted({*SLOPES, value})
    start_at(key, value, options)
    return float(column.select_slider(label, options, key=key, format_func=lambda v: f"{v:g}"))


def trial_section(sick: RunConfig) -> None:
    """Train the dead network with each remedy over seeds; the table grows meanwhile."""
    st.subheader(tr("Which remedy brings the network back?"), anchor="remedies")
    st.markdown(
        tr(
            "{count} variants of the ReLU network above. Each changes only what the first column "
            "names and trains to epoch {epochs:,} from the same seeds. A run has recovered if its "
            "test accuracy is at least {recovered:g}.",
            count=len(REMEDIES),
            epochs=sick.epochs,
            recovered=RECOVERED,
        )
    )
    idle = tr("Not tried yet. With ten seeds this trains 110 networks; stop at any time.")
    draw_panel(
        Task("trial", sick, partial(Trial, sick), _draw_trial, tr("Try all remedies"), idle, 10)
    )


def _draw_trial(trial: Trial) -> None:
    rows = trial.rows()
    done, every = sum(row.n for row in rows), trial.seeds * len(REMEDIES)
    st.progress(trial.share, text=tr("Trained networks: {done} of {every}", done=done, every=every))
    st.html(tables.remedies_table(rows, REMEDIES, trial.seeds))
    if trial.finished:
        st.markdown(escape(tables.remedies_sentence(rows)))
