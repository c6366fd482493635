"""Autograd against your own derivative: results, times and a walk through the gradient."""

import streamlit as st

from pages.ui import autograd_sections as sections
from pages.ui.autograd_controls import network
from pages.ui.autograd_timing import timing_section
from pages.ui.autograd_walk import walk_section

st.header("Autograd against your own derivative", anchor=False)
sections.claim()
config = network()
sections.question_section(config)
st.subheader("The gradient, entry by entry", anchor="entries")
sections.entries_section(config)
st.subheader("The time of 1000 epochs", anchor="time")
timing_section(config)
st.subheader("One step of training, operation by operation", anchor="walk")
walk_section(config)
st.subheader("The code", anchor="code")
sections.code_section()
# Here come the claim cards of "autograd-result" and "autograd-time", and the panel of N seeds.
