"""The diagnosis of every run on the page: verdict, evidence, why, and remedies as buttons."""

from __future__ import annotations

from functools import partial
from typing import Literal

import streamlit as st

from nndl_core.base.i18n import mark, sentences, tr
from nndl_core.diagnosis.data_rules import asks_for_rival
from nndl_core.diagnosis.data_words import awaited
from nndl_core.diagnosis.facts import Facts, Finding
from nndl_core.diagnosis.remedies import Remedy, remedies_for, tempting_fix
from nndl_core.diagnosis.remedy_words import change_in_words, compared
from nndl_core.diagnosis.rival import add_rival
from nndl_core.diagnosis.words import (
    NAMES,
    explanation,
    layers_named,
    verdict,
)
from pages.ui.link.locks import changed_by, hidden, refusal
from pages.ui.link.messages import escape
from pages.ui.live import cure
from pages.ui.live.evidence import evidence_curve, evidence_table
from pages.ui.live.run import LiveRun

COLORS = {"fine": "green", "mild": "gray", "severe": "orange", "fatal": "red"}
MOST_BUTTONS = 3
SILENT = mark("There is no diagnosis before the first epochs: press Play.")


def diagnosis_panel(runs: dict[str, LiveRun], key: str) -> None:
    """Draw one card per run, side by side; a remedy is run beside its sick run."""
    if hidden("diagnosis"):
        return
    for column, (at, (name, run)) in zip(
        st.columns(len(runs)), enumerate(runs.items()), strict=True
    ):
        with column, st.container(border=True, key=f"diagnosis_{key}_{at}"):
            _card(run, name, f"{key}_{at}", key)
    if cure.is_new(key):
        st.rerun()  # the charts of the run stand outside this panel


def verdict_line(runs: dict[str, LiveRun], page: str) -> None:
    """Name above the charts what is wrong with every run, and what a chosen remedy does."""
    if hidden("diagnosis"):
        return
    for name, run in runs.items():
        found, facts = run.diagnosis()
        if found:
            badge = f"{COLORS[found[0].severity]}-badge[{tr(NAMES[found[0].disease])}]"
            words = escape(verdict(facts, found))
        else:
            badge, words = tr("gray-badge[Diagnosis]"), _silence(facts)
        title = f"**{escape(tr(name))}** " if name else ""
        st.markdown(f"{title}:{badge} :small[{words}]")
    found_cure = cure.running(page, {name: run.config for name, run in runs.items()})
    if found_cure is not None and found_cure.remedy.name in runs:
        sick = next(run for run in runs.values() if run.config == found_cure.config)
        cured = runs[found_cure.remedy.name]
        st.markdown(f":small[{escape(compared(sick.diagnosis(), cured.diagnosis()))}]")


def _card(run: LiveRun, name: str, key: str, page: str) -> None:
    records = run.runner.records
    found, facts = run.diagnosis()
    title = f"**{escape(tr(name))}** " if name else ""
    if not found:
        st.markdown(f"{title}:{tr('gray-badge[Diagnosis]')}")
        st.caption(_silence(facts))
        return
    first = found[0]
    start = int(records.column("epoch")[0]) if len(records) else 0
    st.markdown(f"{title}:{COLORS[first.severity]}-badge[{tr(NAMES[first.disease])}]")
    st.markdown(escape(verdict(facts, found)))
    if first.severity != "fine":
        where = f"{layers_named(first)} · " if first.layers else ""
        said = tr("first said at epoch {epoch:,}.", epoch=start + first.epoch)
        st.caption(escape(where + sentences(said, _others(found))))
    st.html(evidence_table(facts, first) + evidence_curve(facts, first))
    with st.expander(tr("Why this happens"), key=f"{key}_why"):
        st.markdown(explanation(facts, first))
    _rival(run, facts, key)
    _remedies(run, first, key, page)


def _rival(run: LiveRun, facts: Facts, key: str) -> None:
    """Offer to find out whether a run that stands still is at the limit of its data."""
    if asks_for_rival(facts):
        st.button(
            tr("Could a larger network do better?"),
            key=f"{key}_rival",
            icon=":material/compare_arrows:",
            help=tr("Trains one on the same data, which takes some seconds, and judges again."),
            on_click=partial(_judge_again, run),
        )


def _judge_again(run: LiveRun) -> None:
    add_rival(run.runner)


def _silence(facts: Facts) -> str:
    return awaited(facts) if facts.epochs else tr(SILENT)


def _others(found: list[Finding]) -> str:
    others = [finding for finding in found[1:] if finding.until is None]
    if not others:
        return ""
    names = tr(", ").join(tr(NAMES[finding.disease]).lower() for finding in others)
    if found[0].born:
        return tr("It brings with it: {names}.", names=names)
    return tr("Also seen: {names}.", names=names)


def _remedies(run: LiveRun, finding: Finding, key: str, page: str) -> None:
    offered = remedies_for(run.config, finding)[:MOST_BUTTONS]
    if not offered:
        return
    tempting = tempting_fix(run.config, finding)
    st.caption(tr("Run a remedy beside this run, on the same data:"))
    with st.container(key=f"{key}_remedies", gap="small"):
        for at, remedy in enumerate(offered):
            _choice(run, remedy, f"{key}_cure_{at}", page, kind="secondary" if at else "primary")
        if tempting is not None:
            label = tr("Why not {name}?", name=tr(tempting.name))
            _choice(run, tempting, f"{key}_tempting", page, label=label)


def _choice(
    run: LiveRun,
    remedy: Remedy,
    key: str,
    page: str,
    *,
    kind: Literal["primary", "secondary"] = "secondary",
    label: str = "",
) -> None:
    """Draw the button of a remedy and, beside it, exactly what it changes."""
    fixed = changed_by(run.config, remedy.applied(run.config))
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_row"):
        st.button(
            label or tr(remedy.name),
            key=key,
            icon=":material/help:" if label else ":material/healing:",
            type=kind,
            help=escape(refusal(fixed) if fixed else tr(remedy.why)),
            disabled=bool(fixed),
            on_click=partial(cure.choose, page, run.config, remedy),
        )
        st.markdown(f":small[{escape(change_in_words(run.config, remedy.change))}]")
