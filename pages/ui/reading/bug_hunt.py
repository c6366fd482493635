"""The parts of the bug page: which case, the question, both versions and their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from nndl_core.base.i18n import mark, tr
from nndl_core.course.bugs import material
from nndl_core.course.bugs.case import BugCase, CaseOutcome, code_lines, difference, run, source
from nndl_core.course.bugs.catalog import CASES
from nndl_core.reports.bugs import bug_report
from pages.ui.link import address
from pages.ui.link.locks import hidden
from pages.ui.link.messages import escape
from pages.ui.widgets.listing import draw_listing

HELPERS = (
    material.network,
    material.draw,
    material.moons,
    material.blobs,
    material.train,
    material.bce,
    material.accuracy,
)
REPORT_CONTENT = mark(
    "A zip with a table (CSV) of every case of which you have run both versions, and a "
    "text with their numbers and lines, to be completed with your analysis."
)
NUMBERS = {name: n for n, name in enumerate(CASES, start=1)}


def progress() -> dict[str, Any]:
    """Return what this tab remembers: cases found, cases shown, and the outcomes of runs."""
    fresh: dict[str, Any] = {"found": set(), "shown": set(), "outcomes": {}, "last": ""}
    kept: dict[str, Any] = st.session_state.setdefault("bug_hunt", fresh)
    return kept


def choose_case() -> BugCase:
    """Draw the list of cases, which starts where the address says, and return the chosen one."""
    memory, state = progress(), st.session_state
    if "case" not in state:
        state["case"] = _from_address(memory["last"])
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    left.selectbox(tr("Case"), list(CASES), key="case", format_func=_name_in_list)
    right.button(
        tr("Next case"), key="next", on_click=_go_on, width="stretch", icon=":material/skip_next:"
    )
    memory["last"] = state["case"]
    address.write_one("case", state["case"])
    return CASES[state["case"]]


def draw_progress() -> None:
    """Say how many bugs this tab has found, and which."""
    found = sorted(NUMBERS[name] for name in progress()["found"])
    which = tr(": {cases}", cases=tr(", ").join(map(str, found))) if found else ""
    st.progress(
        len(found) / len(CASES),
        text=tr("{found} of {all} found{which}", found=len(found), all=len(CASES), which=which),
    )


def is_solved(case: BugCase) -> bool:
    """Tell whether the fixed code may be shown."""
    return case.id in progress()["found"] | progress()["shown"]


def ask(case: BugCase) -> None:
    """Draw the buggy code and the question; a right answer or giving up shows the fixed code."""
    left, right = st.columns([3, 2])
    with left:
        draw_listing(source(case.buggy))
    with right:
        lines = code_lines(case)
        st.selectbox(
            tr("Which line is wrong, or next to which one is a line missing?"),
            list(lines),
            index=None,
            key=f"line_{case.id}",
            format_func=lambda n: f"{n}: {lines[n].strip()}",
            placeholder=tr("Choose a line"),
            on_change=_check,
            args=(case,),
        )
        _reply(case)
        with st.container(horizontal=True):
            st.button(tr("Run this code"), key="run", on_click=_run, args=(case, ("buggy",)))
            if not hidden("answers"):
                st.button(
                    tr("Show the answer"),
                    key="show",
                    on_click=progress()["shown"].add,
                    args=(case.id,),
                )
        _number(case, "buggy", tr("This code"))


def explain(case: BugCase) -> None:
    """Draw both versions side by side, run them on demand, and say what was wrong."""
    if case.id in progress()["found"]:
        st.success(tr("Found."), icon=":material/check:")
    found = difference(case)
    left, right = st.columns(2)
    with left:
        st.markdown(tr("**Buggy**"))
        marks = dict.fromkeys(found.missing_after, "gap") | dict.fromkeys(found.wrong, "wrong")
        draw_listing(source(case.buggy), marks)
    with right:
        st.markdown(tr("**Fixed**"))
        draw_listing(source(case.fixed), dict.fromkeys(found.new, "new"))
    st.button(
        tr("Run both"), key="run", type="primary", on_click=_run, args=(case, ("buggy", "fixed"))
    )
    left, right = st.columns(2)
    with left:
        _number(case, "buggy", tr("Buggy"))
    with right:
        _number(case, "fixed", tr("Fixed"))
    st.markdown(tr(case.explanation))


def draw_helpers() -> None:
    """Draw the functions that the cases call, folded away."""
    with st.expander(tr("The functions that these cases call")):
        draw_listing("\n\n\n".join(source(helper) for helper in HELPERS))


def report_maker() -> Callable[[str], bytes]:
    """Return a function that packs the cases of which this tab has run both versions."""
    outcomes = progress()["outcomes"]
    return lambda date: bug_report(outcomes, date=date)


def _from_address(last: str) -> str:
    wanted = st.query_params.get("case", last)
    if wanted and wanted not in CASES:
        known = ", ".join(CASES)
        st.warning(
            escape(
                tr(
                    "case: {wanted!r:.40} is not known; choose one of {known}.",
                    wanted=wanted,
                    known=known,
                )
            )
        )
    return wanted if wanted in CASES else next(iter(CASES))


def _name_in_list(name: str) -> str:
    # no mark here: Streamlit takes an option whose text has changed for another option
    return f"{NUMBERS[name]}. {tr(CASES[name].title)}"


def _go_on() -> None:
    names = list(CASES)
    here = names.index(st.session_state["case"])
    st.session_state["case"] = names[(here + 1) % len(names)]


def _check(case: BugCase) -> None:
    line = st.session_state[f"line_{case.id}"]
    if line is not None and difference(case).accepts(line):
        progress()["found"].add(case.id)


def _reply(case: BugCase) -> None:
    line = st.session_state[f"line_{case.id}"]
    if line is not None:
        st.info(
            tr("Not line {line}. {hint}", line=line, hint=tr(case.hint)),
            icon=":material/lightbulb:",
        )


def _run(case: BugCase, versions: tuple[str, ...]) -> None:
    for version in versions:
        progress()["outcomes"][case.id, version] = run(getattr(case, version))


def _number(case: BugCase, version: str, title: str) -> None:
    outcome: CaseOutcome | None = progress()["outcomes"].get((case.id, version))
    if outcome is None:
        return
    with st.container(key=f"number_{version}", border=True, gap="xsmall"):
        st.markdown(f"**{title}** · {tr(case.label)}")
        if outcome.value is None:
            st.error(escape(outcome.error), icon=":material/error:")
        else:
            # a metric's own label is cut off on a phone
            st.metric(tr(case.label), f"{outcome.value:.4g}", label_visibility="collapsed")
            st.caption(tr(case.unit))
