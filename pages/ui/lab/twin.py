"""The lab's run and a remedy beside it, for as long as the settings stay what they were."""

from __future__ import annotations

import streamlit as st

from nndl_core.base.i18n import mark
from pages.ui.live import cure
from pages.ui.live.pair import Configs, PairSession
from pages.ui.live.session import LabSession

AS_IT_IS = mark("As it is")


def lab_twin(session: LabSession) -> PairSession | None:
    """Draw what runs beside the lab's run and return both; None where no remedy is chosen.

    Both start anew from their seeds, and play unless a link has asked for them. Raises nothing: a
    remedy that cannot be built is refused with a sentence, and the lab stays as it is.
    """
    found = cure.chosen("lab", {AS_IT_IS: session.config})
    if found is None:
        st.session_state.pop("lab_twin", None)
        return None
    twin = st.session_state.get("lab_twin")
    configs = {AS_IT_IS: session.config, found.remedy.name: found.remedy.applied(session.config)}
    if found.new or not isinstance(twin, PairSession) or _configs(twin) != configs:
        twin = _start(session, configs)
        if twin is None:
            return None
        twin.playing, found.new = found.new, False
        st.session_state["lab_twin"] = twin
    with st.container(horizontal=True, vertical_alignment="center"):
        cure.draw_note("lab", found)
    return twin


def _configs(twin: PairSession) -> Configs:
    return {name: run.config for name, run in twin.runs.items()}


def _start(session: LabSession, configs: Configs) -> PairSession | None:
    session.playing = False
    try:
        twin = PairSession(configs, session.data_of)
        twin.unkept = set() if session.run.runner.finished else {AS_IT_IS}
        return twin
    except ValueError as error:
        st.warning(str(error))
        cure.forget("lab")
        return None
