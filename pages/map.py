"""Trainability map: which networks can be trained, cell by cell, and what theory foretells."""

import streamlit as st

from nndl_core.base.i18n import tr
from pages.ui.link.messages import escape
from pages.ui.map import controls as map_controls
from pages.ui.map.panel import map_panel
from pages.ui.map.session import map_session

session = map_session()
st.header(tr("Which networks can be trained?"), anchor=False)
st.markdown(
    tr(
        "Every cell of the map is a network that differs from its neighbors in two settings, "
        "trained from several seeds. Before you press Play, look at the lines: where do you "
        "expect the border?"
    )
)
with st.sidebar:
    map_controls.sidebar(session)
for sentence in session.take_messages():
    st.warning(escape(sentence), icon=":material/info:")
map_panel(session)
