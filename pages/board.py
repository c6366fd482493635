"""The class board: a teacher sets an experiment, and the runs of all who join appear on it."""

import streamlit as st

from nndl_core.base.i18n import tr
from pages.ui.board.panel import board_panel

st.header(tr("Class board"), anchor=False)
board_panel()
