"""Initialization: equal weights, the law of random ones, and what passes a deep network."""

import streamlit as st

from pages.ui import initialization_sections as sections

st.header("Initialization", anchor=False)
sections.trace_section()
sections.endings_section()
sections.draws_section()
sections.signal_section()
