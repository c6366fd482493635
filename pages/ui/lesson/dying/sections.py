"""What the lessons on dead units have of their own: exact zeros, one bias, the deadly bias."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.charts import gradient_law as charts
from nndl_core.theory import dead_units as dead
from nndl_core.theory.dead_units import BiasPath, DeadStart
from nndl_core.theory.gradient_law import MAX_SEEDS
from pages.ui.lesson.dying import tables
from pages.ui.link.linked import linked
from pages.ui.link.messages import escape
from pages.ui.widgets.figure import draw_figure
from pages.ui.widgets.log_slider import log_slider, seeds_input

_start = st.cache_data(max_entries=200, show_spinner=False)(dead.dead_start)
_path = st.cache_data(max_entries=20, show_spinner=False)(dead.bias_path)
_counts = st.cache_data(max_entries=200, show_spinner=False)(dead.dead_by_bias)
_thresholds = st.cache_data(max_entries=200, show_spinner=False)(dead.death_thresholds)

MOST_EPOCHS = 10_000
"""More would keep the page waiting; a dead network has long come to rest."""
STEPS = [float(f"{digit}e{power}") for power in range(-4, 2) for digit in (1, 2, 3, 5, 8)]
SIZES = [step for step in STEPS if step <= 10]
BIASES = [*(-size for size in reversed(SIZES)), 0.0, *SIZES]
DEPTHS = [-(10 ** (k / 8)) for k in range(8, -49, -1)]
DEAD_FORM = (
    r"\frac{\partial L}{\partial b} = \frac1N\sum_i(\sigma(b)-y_i) = \sigma(b)-p_1",
    r"L = p_1\log(1+e^{-b}) + (1-p_1)\log(1+e^{b}) \;\overset{b=-8}{=}\; 8\,p_1+\log(1+e^{-8})",
)


@st.fragment
def zeros_section(config: RunConfig) -> None:
    """Show the first gradient of the dead network, exact zeros marked, beside the closed form."""
    found: DeadStart = _start(config)
    st.subheader(tr("Exactly zero, not just small"), anchor="zeros")
    left, right = st.columns(2)
    with left:
        st.html(tables.zeros_table(found.record))
    with right:
        st.html(tables.closed_form_table(found, config))
        st.markdown(escape(tables.zeros_sentence(found, config.bias)))
    with st.expander(tr("Where the closed form comes from")):
        st.markdown(
            tr(
                "If no unit of the last hidden layer fires, the output unit "
                "sees nothing but zeros. "
                "Each point then gets the same probability σ(b), whatever its "  # noqa: RUF001
                "position. With p₁ the "
                "share of class 1 in the training set:"
            )
        )
        for formula in DEAD_FORM:
            st.latex(formula)
        st.markdown(
            tr(
                "The gradient of the output weights is an error times a 0, so it is exactly 0; and "
                "behind a slope of 0 everything is."
            )
        )


@st.fragment
def path_section(config: RunConfig) -> None:
    """Follow the output bias through training, beside the recurrence of a lone bias."""
    st.subheader(tr("The one number that still moves"), anchor="path")
    shown = replace(config, epochs=min(config.epochs, MOST_EPOCHS))
    with st.spinner(tr("Training ...")):
        path: BiasPath = _path(shown)
    start: DeadStart = _start(shown)
    parts = [
        ("bias", tr("Output bias"), charts.bias_lines(path, start.best_bias)),
        ("loss", tr("Train loss"), charts.path_loss(path, start.best_loss)),
        ("accuracy", tr("Train accuracy"), charts.path_accuracy(path)),
    ]
    for column, (key, name, figure) in zip(st.columns(3), parts, strict=True):
        with column:
            st.markdown(f"**{name}**")
            draw_figure(
                figure,
                key=f"path_{key}",
                alt=tr("{name} against the epoch", name=name),
                height=300,
            )
    st.markdown(escape(tables.path_sentence(path, start)))
    if shown != config:
        st.caption(
            tr(
                "Shown are the first {most_epochs:,} of {epochs:,} epochs.",
                most_epochs=MOST_EPOCHS,
                epochs=config.epochs,
            )
        )


@st.fragment
def bias_section(config: RunConfig) -> None:
    """Count dead units at any bias, and say from which bias on all are dead."""
    st.subheader(tr("How far below zero is deadly?"), anchor="bias")
    columns = st.columns(3)
    bias = columns[0].select_slider(
        tr("Bias of every unit"),
        BIASES,
        -0.1,
        key=linked("bias_value", -0.1, BIASES),
        format_func=lambda b: f"{b:g}",
    )
    with columns[1]:
        std = log_slider(tr("Std of the weights"), 1e-3, 10, 0.01, key="bias_std")
    with columns[2]:
        seeds = seeds_input("bias_seeds", MAX_SEEDS)
    base = replace(config, init="normal", init_scale=std, bias=bias)
    thresholds = _thresholds(base, seeds).tolist()
    here = _counts(base, [bias], seeds)[0]
    st.metric(tr("Dead units"), tr("{n:g} of {all}", n=here[0].sum(), all=sum(base.hidden)))
    left, right = st.columns(2)
    with left:
        curves = _counts(base, DEPTHS, seeds).mean(1).T / [[width] for width in base.hidden]
        shares = {f"fc{at + 1}": row.tolist() for at, row in enumerate(curves)}
        marks = {tr("below this bias all are dead"): thresholds[0], tr("your bias"): bias}
        figure = charts.dead_curves(DEPTHS, shares, marks)
        draw_figure(figure, key="bias_curves", alt=tr("Dead units against the bias"), height=360)
    with right:
        st.html(tables.dead_table(here, base.hidden))
        st.markdown(escape(tables.threshold_sentence(here, base, thresholds)))
    with st.expander(tr("Where the threshold comes from")):
        st.markdown(
            tr(
                "A unit of fc1 gets w·x + b. It fires on no training point if b ≤ −max w·x, the "  # noqa: RUF001
                "maximum over the training set. If that holds for all of fc1, fc2 gets zeros, its "
                "pre-activations are b ≤ 0, and so on: every layer is dead. Small weights make the "
                "inputs of each layer smaller than those of the layer before, "
                "so a deeper layer dies "
                "of a bias much nearer to 0."
            )
        )
        st.latex(r"b^{*} = -\max_{j,\,i}\; w_j^{\top}x_i")
