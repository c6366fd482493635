"""The remedy that a reader has chosen: it runs beside the sick run, on the same data.

The link holds it as `view.PAGE_cure=1,init:he_normal,bias:0`: beside the page's first run one with
these settings changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from nndl_core.base.config import KNOBS, RunConfig, url_value
from nndl_core.base.i18n import mark, tr
from nndl_core.diagnosis.remedies import Remedy, remedy_between
from nndl_core.diagnosis.remedy_words import change_in_words
from pages.ui.link import address
from pages.ui.link.linked import refuse
from pages.ui.link.locks import changed_by
from pages.ui.link.messages import escape

LONGEST = 400
"""Characters of a remedy in a link; what a diagnosis offers has at most half as many."""
COMMON = {"dataset", "data_seed", "init_seed"}
"""What a run and its remedy have in common, whatever a link asks for; but other first weights may
be all of a remedy."""


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
    """Return the remedy of this page, chosen here or by the link, if its run is still there.

    The page calls it once, with its runs as they are without a remedy.
    """
    key = f"{page}_cure"
    if key not in st.session_state and (text := address.viewed(key)) is not None:
        asked = _read(text, list(configs.values())) if len(text) <= LONGEST else None
        if asked is None:
            refuse(key, text)
        else:
            st.session_state[key] = asked
    found = running(page, configs)
    if found is None:
        forget(page)
    else:
        address.view(key, _written(found, list(configs.values())))
    return found


def running(page: str, configs: dict[str, RunConfig]) -> Cure | None:
    """Return the remedy of this page if the run that it is for is among these."""
    found = st.session_state.get(f"{page}_cure")
    return found if isinstance(found, Cure) and found.config in configs.values() else None


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
    """Take the remedy away, from the link too."""
    st.session_state.pop(f"{page}_cure", None)
    address.view(f"{page}_cure", None)


def draw_note(page: str, found: Cure) -> None:
    """Say what runs beside what, with a button that takes it away."""
    words = escape(change_in_words(found.config, found.remedy.change))
    with st.container(horizontal=True, vertical_alignment="center", key=f"{page}_cure_note"):
        text = mark("Beside it **{remedy}**: {change}. Same seeds.")
        if "init_seed" in found.remedy.change:
            text = mark("Beside it **{remedy}**: {change}. Same data.")
        st.markdown(tr(text, remedy=escape(tr(found.remedy.name)), change=words))
        st.button(
            tr("Remove the remedy"),
            key=f"{page}_cure_away",
            icon=":material/close:",
            on_click=forget,
            args=(page,),
        )


def _written(found: Cure, configs: list[RunConfig]) -> str:
    changes = (f"{name}:{url_value(value)}" for name, value in found.remedy.change.items())
    return ",".join([str(configs.index(found.config) + 1), *changes])


def _read(text: str, configs: list[RunConfig]) -> Cure | None:
    """Read what a link says of a remedy; None if these runs have no such one, or it is locked.

    It does not play of itself.
    """
    number, *rest = text.split(",")
    changes = dict(part.partition(":")[::2] for part in rest)
    numbers = {str(at): config for at, config in enumerate(configs, start=1)}
    possible = changes.keys() <= KNOBS.keys() - COMMON or changes.keys() == {"init_seed"}
    if number not in numbers or not possible:
        return None
    config = numbers[number]
    cured, refused = config.with_url(changes)
    if refused or cured == config or changed_by(config, cured):
        return None
    return Cure(config, remedy_between(config, cured), new=False)
