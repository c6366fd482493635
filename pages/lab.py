"""The training lab: choose a network on the left, press Play, and watch it learn or fail."""

import streamlit as st

from pages.ui.lab import controls, files, upload
from pages.ui.lab.twin import lab_twin
from pages.ui.link.messages import show_messages
from pages.ui.live.pair import pair_panel
from pages.ui.live.panel import live_panel
from pages.ui.live.session import lab_session

session = lab_session()
with st.sidebar:
    config = controls.sidebar(session)
    session.apply(config)
    files.panel(session)
show_messages(session.take_messages())
upload.picker(session)
controls.write_url(session.config)
if twin := lab_twin(session):
    show_messages(twin.take_messages())
    pair_panel(twin, key="lab_pair", page="lab")
else:
    live_panel(session)
