"""The remedy that a reader has chosen: it runs beside the sick run, from the same seeds."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from nndl_core.config import RunConfig
from nndl_core.cures import Remedy
from nndl_core.diagnosis_words import change_in_words
from nndl_core.i18n import tr
from pages.ui.messages import escape


@dataclass
class Cure:
    """A remedy for a config; new until the page has started it."""

    config: RunConfig
    remedy: Remedy
    new: bool = True


def choose(page: str, config: RunConfig, remedy: Remedy) -> None:
    """Ask for a remedy to be run beside the run of this config."""
    st.session_state[f"{page}_cure"] = Cure(config, remedy)


def chosen(page: str, configs: dict[str, RunConfig]) -> Cure | None:
    """Return the remedy of this page if the run that it is for is still there."""
    found = st.session_state.get(f"{page}_cure")
    if isinstance(found, Cure) and found.config in configs.values():
        return found
    forget(page)
    return None


def beside(configs: dict[str, RunConfig], found: Cure | None) -> dict[str, RunConfig]:
    """Return the configs with the remedied one beside its sick run, and at most one more."""
    if found is None:
        return configs
    sick = next(name for name, config in configs.items() if config == found.config)
    cured = {sick: found.config, found.remedy.name: found.remedy.applied(found.config)}
    others = {name: config for name, config in configs.items() if name not in cured}
    return cured | dict(list(others.items())[:1])


def is_new(page: str) -> bool:
    """Whether a remedy waits to be started."""
    found = st.session_state.get(f"{page}_cure")
    return isinstance(found, Cure) and found.new


def forget(page: str) -> None:
    """Take the remedy away."""
    st.session_state.pop(f"{page}_cure", None)


def draw_note(page: str, found: Cure) -> None:
    """Say what runs beside what, with a button that takes it away."""
    words = escape(change_in_words(found.config, found.remedy.change))
    with st.container(horizontal=True, vertical_alignment="center", key=f"{page}_cure_note"):
        st.markdown(
            tr(
                "Beside it **{remedy}**: {change}. Same seeds.",
                remedy=escape(tr(found.remedy.name)),
                change=words,
            )
        )
        st.button(
            tr("Take it away"),
            key=f"{page}_cure_away",
            icon=":material/close:",
            on_click=forget,
            args=(page,),
        )
