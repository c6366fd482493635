"""The parts of the autograd page: the claim, the question, the entries and the code."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import streamlit as st

from nndl_core.base.config import DtypeName, RunConfig
from nndl_core.base.i18n import mark, tr
from nndl_core.network import gradients, op_classes
from nndl_core.theory.gradient_check import (
    GradientTable,
    difference_quotient,
    gradient_table,
    median_times,
)
from pages.ui.link.linked import linked
from pages.ui.link.locks import hidden
from pages.ui.link.messages import escape
from pages.ui.widgets.number_table import number, table

SAME_TIME = 0.1
CODE_PIXELS = 460
ROUNDING: dict[DtypeName, float] = {"float64": 2.2e-13, "float32": 1.2e-4}
"""A thousand times the rounding error of a number near 1, as a share of the largest entry."""
RESULTS = (mark("Equal in every digit"), mark("Equal up to rounding"), mark("Clearly different"))
TIMES = (
    mark("Autograd is faster"),
    mark("Both take the same time, within 10 %"),
    mark("By hand is faster"),
)
QUOTIENT_NOTE = mark(
    r"fc1.weight\[2,0\] leads from input 0 to unit 2 of fc1. The difference quotient is "
    "(L(θ + h) - L(θ - h)) / 2h for one parameter θ after the other, always in float64: "
    "it needs no derivative, so it judges both."
)
TRAINING_LOOP = """model = Model_MLP_L2(2, 5, 1)
loss_fn = BinaryCrossEntropyLoss(model)
optimizer = BatchGD(init_lr=0.2, model=model)
for epoch in range(1000):
    loss = loss_fn(model(X), y)  # X [n, 2], y [n, 1]
    loss_fn.backward()           # fills layer.grads from the last layer to the first
    optimizer.step()"""  # untranslated: code

# as a resource: a large table would be copied in every run of the page
_table = st.cache_resource(max_entries=10, show_spinner=False)(gradient_table)
_times = st.cache_data(max_entries=30, show_spinner=False)(median_times)


def claim() -> None:
    """State what the chapter claims."""
    st.markdown(
        tr(
            "> The chapter says: gradients by autograd are better than gradients by your own "
            "derivation, in **time** and in **result**."
        )
    )


@st.fragment
def question_section(config: RunConfig) -> None:
    """Ask what the learner expects; when both answers are there, show what was measured."""
    st.subheader(tr("What do you expect?"), anchor="question")
    left, right = st.columns(2)
    with left:
        result = st.radio(
            tr("The two gradients will be ..."),
            RESULTS,
            index=None,
            key="ask_result",
            format_func=tr,
        )
    with right:
        time = st.radio(
            tr("For the same epochs ..."), TIMES, index=None, key="ask_time", format_func=tr
        )
    if hidden("answers"):
        return
    if result is None or time is None:
        st.caption(tr("Answer both to see what is measured for the network above."))
        return
    with left:
        _reveal(result, *_measured_result(config))
    with right:
        try:
            _reveal(time, *_measured_time(config))
        except ValueError as error:
            st.warning(escape(str(error)), icon=":material/info:")


def _reveal(expected: str, measured: str, words: str) -> None:
    if expected == measured:
        st.success(
            tr("**{measured}**, as you expected. {words}", measured=tr(measured), words=words),
            icon=":material/check:",
        )
    else:
        st.info(
            tr("**{measured}.** {words}", measured=tr(measured), words=words),
            icon=":material/lightbulb:",
        )


def _measured_result(config: RunConfig) -> tuple[str, str]:
    """Return the right answer and the numbers behind it."""
    double, single = (_table(config, dtype) for dtype in ROUNDING)
    worst = max(answer_of(double, "float64"), answer_of(single, "float32"))
    return RESULTS[worst], (
        tr(
            "Of {count} entries the largest difference is {double:.2g} in float64 and "
            "{single:.2g} in float32.",
            count=len(double.rows),
            double=double.largest_absolute,
            single=single.largest_absolute,
        )
    )


def answer_of(found: GradientTable, dtype: DtypeName) -> int:
    """Return the place in RESULTS of what a table shows; a difference that is NaN is clear."""
    if found.equal == len(found.rows):
        return 0
    small = found.largest_absolute <= ROUNDING[dtype] * found.largest_entry
    return 1 if small else 2


def _measured_time(config: RunConfig) -> tuple[str, str]:
    times = _times(config)
    hand, auto = times["by_hand"], times["by_autograd"]
    return TIMES[faster(hand, auto)], (
        tr(
            "1000 epochs take {hand:.2f} s by hand and {auto:.2f} s by autograd on this server, "
            "{times:.1f} times as long (medians). Measure it properly below.",
            hand=hand,
            auto=auto,
            times=auto / hand,
        )
    )


def faster(hand: float, auto: float) -> int:
    """Return the place in TIMES of what two times show."""
    if abs(auto - hand) <= SAME_TIME * min(hand, auto):
        return 1
    return 0 if auto < hand else 2


@st.fragment
def entries_section(config: RunConfig) -> None:
    """Show every entry of the gradient in three ways, and the largest differences."""
    tables: dict[DtypeName, GradientTable] = {d: _table(config, d) for d in ROUNDING}
    st.html(summary(tables))
    chosen: DtypeName = st.segmented_control(
        tr("Precision of the table"),
        list(ROUNDING),
        default="float64",
        key=linked("precision", "float64", tuple(ROUNDING)),
        required=True,
    )
    found = tables[chosen]
    st.dataframe(
        columns_of(found),
        key="entries",
        hide_index=True,
        height=min(38 + 35 * len(found.rows), 420),
        column_config={tr("parameter"): st.column_config.Column(pinned=True)}
        | {tr(name): st.column_config.NumberColumn(format=form) for name, form in FORMATS.items()},
    )
    some = (
        ""
        if found.quotients == len(found.rows)
        else (
            tr(
                "In a network of this size, {quotients} entries have one.",
                quotients=found.quotients,
            )
        )
    )
    st.caption(f"{tr(QUOTIENT_NOTE)} {some}")


FORMATS = {
    mark("by hand"): "%.10e",
    mark("by autograd"): "%.10e",
    mark("difference quotient"): "%.10e",
    mark("|hand - autograd|"): "%.2e",
    mark("relative"): "%.2e",
    mark("|autograd - quotient|"): "%.2e",
}


def columns_of(found: GradientTable) -> dict[str, Sequence[str | float | None]]:
    """Return the table column by column."""
    rows = found.rows
    return {
        tr("parameter"): [row.name for row in rows],
        tr("by hand"): [row.by_hand for row in rows],
        tr("by autograd"): [row.by_autograd for row in rows],
        tr("difference quotient"): [row.quotient for row in rows],
        tr("|hand - autograd|"): [row.absolute for row in rows],
        tr("relative"): [row.relative for row in rows],
        tr("|autograd - quotient|"): [row.quotient_absolute for row in rows],
    }


def summary(tables: dict[DtypeName, GradientTable]) -> str:
    """Return the largest differences in each precision as a table."""
    found = tables.values()
    rows = [
        (tr("|hand - autograd|"), *(number(t.largest_absolute, ".2g") for t in found)),
        (tr("the same, relative"), *(number(t.largest_relative, ".2g") for t in found)),
        (tr("|autograd - quotient|"), *(number(t.largest_quotient, ".2g") for t in found)),
        (
            tr("equal in every digit"),
            *(tr("{n} of {all}", n=t.equal, all=len(t.rows)) for t in found),
        ),
    ]
    return table((tr("largest of all entries"), *tables), rows)


def code_section() -> None:
    """Show the code of both gradients as it runs here."""
    names = (
        tr("Course: the operations"),
        tr("Course: the training loop"),
        tr("By hand"),
        tr("By autograd"),
        tr("Quotient"),
    )
    tabs = st.tabs(list(names))
    sources = (
        "\n\n\n".join(map(inspect.getsource, OPERATIONS)),
        TRAINING_LOOP + "\n\n\n" + inspect.getsource(op_classes.BatchGD),
        inspect.getsource(gradients.by_hand),
        inspect.getsource(gradients.by_autograd),
        inspect.getsource(difference_quotient),
    )
    for tab, source in zip(tabs, sources, strict=True):
        with tab:
            st.code(source, language="python", height=CODE_PIXELS, wrap_lines=True)


OPERATIONS = (
    op_classes.Op,
    op_classes.Linear,
    op_classes.Logistic,
    op_classes.Model_MLP,
    op_classes.Model_MLP_L2,
    op_classes.BinaryCrossEntropyLoss,
)
