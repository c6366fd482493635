"""The walk through one training step: a slider, two buttons, a formula and its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark, tr, trn
from nndl_core.course.walkthrough.case import MOST_EXAMPLES, WorkedCase, case_of, pen_and_paper
from nndl_core.course.walkthrough.steps import Step, StepTable, walk
from pages.ui.link.linked import linked
from pages.ui.widgets.number_table import number, table

NETWORK, PAPER = mark("the network above"), mark("pen and paper")
MOST_CELLS = 8
PHASES = {
    "forward": mark(":blue-badge[forward]"),
    "backward": mark(":orange-badge[backward]"),
    "update": mark(":green-badge[update]"),
}
CONVENTION = mark(
    "\nThe homework's network has two inputs, two hidden units and two outputs, a sigmoid "
    "on every unit and\nno biases. It names its numbers so, and the learning rate is 1:\n\n"
    "- $h_1 = \\sigma(w_1 x_1 + w_3 x_2)$ and $h_2 = \\sigma(w_2 x_1 + w_4 x_2)$\n- $o_1 = "
    "\\sigma(w_5 h_1 + w_7 h_2)$ and $o_2 = \\sigma(w_6 h_1 + w_8 h_2)$\n- $L = \\tfrac12 "
    "(o_1 - y_1)^2 + \\tfrac12 (o_2 - y_2)^2$\n\nHere $A_1$ holds $h_1, h_2$, $P$ holds "
    "$o_1, o_2$, $W_1$ has the rows $w_1, w_3$ and $w_2, w_4$, and\n$W_2$ the rows $w_5, "
    "w_7$ and $w_6, w_8$.\n"
)
SHAPES = mark(
    "A row of X, Z, A, P or Y is an example; a row of W holds the weights that lead to "
    "one unit, as in torch.nn.Linear. The course's op classes hold W transposed. ⊙ "
    "multiplies entry by entry."
)


@st.fragment
def walk_section(config: RunConfig) -> None:
    """Show one operation at a time, forward, backward and the update."""
    steps = walk(_case(config))
    at = _position(len(steps))
    _show(steps[at], at, len(steps))
    st.caption(tr(SHAPES))


def _case(config: RunConfig) -> WorkedCase:
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        source = st.segmented_control(
            tr("Walk through"),
            [NETWORK, PAPER],
            default=NETWORK,
            format_func=tr,
            key=linked("walk_source", NETWORK, (NETWORK, PAPER)),
            required=True,
            on_change=_go,
            args=(1,),
        )
    if source == PAPER:
        st.markdown(tr(CONVENTION))
        return pen_and_paper()
    with right:
        count = st.slider(
            tr("Examples"),
            1,
            MOST_EXAMPLES,
            3,
            key=linked("walk_examples", 3, low=1, high=MOST_EXAMPLES),
        )
    st.caption(
        trn(
            "The first training example; the gradient is of its loss, the update one plain step "
            "of gradient descent. Precision float64.",
            "The first {n} training examples; the gradient is of their mean loss, the update "
            "one plain step of gradient descent. Precision float64.",
            int(count),
        )
    )
    return case_of(config, int(count))


def _position(count: int) -> int:
    """Draw the slider and its two buttons; return the place of the step, from 0."""
    state = st.session_state
    linked("walk_step", 1, low=1, high=count)
    state["walk_step"] = min(state.get("walk_step", 1), count)
    with st.container(horizontal=True, vertical_alignment="bottom", key="walk_bar"):
        back, on = ":material/chevron_left:", ":material/chevron_right:"
        here = state["walk_step"]
        st.button(
            tr("Back"),
            key="walk_back",
            icon=back,
            disabled=here == 1,
            on_click=_go,
            args=(here - 1,),
        )
        st.button(
            tr("Next"),
            key="walk_next",
            icon=on,
            disabled=here == count,
            on_click=_go,
            args=(here + 1,),
        )
        st.slider(tr("Step of {count}", count=count), 1, count, key="walk_step")
    return int(state["walk_step"]) - 1


def _go(step: int) -> None:
    st.session_state["walk_step"] = step  # no "+= 1": a click may arrive twice


def _show(step: Step, at: int, count: int) -> None:
    with st.container(border=True, key="walk_card"):
        st.markdown(
            tr(
                "{phases} **{at} of {count}: {name}**",
                phases=tr(PHASES[step.phase]),
                at=at + 1,
                count=count,
                name=step.name,
            )
        )
        st.latex(step.formula)
        st.markdown(step.sentence)
        left, right = st.columns([3, 2])
        with left:
            _tables(tr("Goes in"), step.inputs)
        with right:
            _tables(tr("Comes out"), step.outputs)


def _tables(title: str, tables: Sequence[StepTable]) -> None:
    st.markdown(f"**{title}**")
    with st.container(horizontal=True):
        for each in tables:
            st.html(array_table(each), width="content")


def array_table(array: StepTable) -> str:
    """Return an array as a table with its name and shape; of a large one the first corner."""
    rows, columns = array.shape
    shown = [row[:MOST_CELLS] for row in array.rows[:MOST_CELLS]]
    more = ["…"] * (columns > MOST_CELLS)
    header = ["", *map(str, range(1, len(shown[0]) + 1)), *more]
    body = [
        [str(at), *(number(value, ".5g") for value in row), *more]
        for at, row in enumerate(shown, start=1)
    ]
    if rows > MOST_CELLS:
        body.append(["…"] * len(header))
    caption = array.name if rows == columns == 1 else f"{array.name} [{rows}, {columns}]"
    return table(header, body, caption)
