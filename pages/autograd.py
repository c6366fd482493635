"""Autograd against your own derivative: results, times and a walk through the gradient."""

import streamlit as st

from nndl_core.base.i18n import tr
from nndl_core.course.claims import CLAIMS
from pages.ui.autograd import sections
from pages.ui.autograd.controls import network
from pages.ui.autograd.report import report_section
from pages.ui.autograd.timing import timing_section
from pages.ui.autograd.walk import walk_section
from pages.ui.lesson.study import seeds_panel
from pages.ui.link.locks import hidden

st.header(tr("Autograd against your own derivative"), anchor=False)
sections.claim()
config = network()
sections.question_section(config)
st.subheader(tr("The gradient, entry by entry"), anchor="entries")
sections.entries_section(config)
st.subheader(tr("The time of 1000 epochs"), anchor="time")
timing_section(config)
if not hidden("answers"):
    st.subheader(tr("What many seeds say"), anchor="seeds")
    seeds_panel(CLAIMS["autograd-is-better"])
st.subheader(tr("One step of training, operation by operation"), anchor="walk")
walk_section(config)
st.subheader(tr("The code"), anchor="code")
sections.code_section()
st.subheader(tr("Your report"), anchor="report")
report_section(config)
