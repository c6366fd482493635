"""Spot the bug: read a short program, name the wrong line, run it beside the right one."""

import streamlit as st

from nndl_core.base.i18n import tr
from pages.ui.lesson.report_button import report_button
from pages.ui.reading import bug_hunt

st.title(tr("Spot the bug"))
st.markdown(
    tr(
        "These bugs circulate in exercise code for this chapter. Each program runs here for "
        "real, and one number betrays it. Find the line."
    )
)
bug_hunt.draw_progress()
case = bug_hunt.choose_case()
st.subheader(tr(case.title))
st.markdown(tr(case.story))
if bug_hunt.is_solved(case):
    bug_hunt.explain(case)
else:
    bug_hunt.ask(case)
bug_hunt.draw_helpers()
st.subheader(tr("Your report"), anchor="report")
report_button("bugs", bug_hunt.report_maker(), bug_hunt.REPORT_CONTENT)
