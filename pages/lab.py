"""The training lab: choose a network on the left, press Play, and watch it learn or fail."""

import streamlit as st

from pages.ui import controls, files, upload
from pages.ui.lab_twin import lab_twin
from pages.ui.live import live_panel
from pages.ui.messages import show_messages
from pages.ui.pair import pair_panel
from pages.ui.session import lab_session

session = lab_session()
with st.sidebar:
    config = controls.sidebar(session)
    session.apply(config)
    files.panel(session)
show_messages(session)
upload.picker(session)
controls.write_url(session.config)
if twin := lab_twin(session):
    show_messages(twin)
    pair_panel(twin, key="lab_pair", page="lab")
else:
    live_panel(session)
