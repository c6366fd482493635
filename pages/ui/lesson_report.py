"""The button that makes a lesson's report."""

from __future__ import annotations

from datetime import date

import streamlit as st

from nndl_core.lesson_report import lesson_report
from nndl_core.lessons.lesson import Lesson
from pages.ui.pair import PairSession
from pages.ui.study_panel import study_of


def report_button(lesson: Lesson, session: PairSession) -> None:
    """Draw the download of what this page holds at the moment of the click."""

    def make() -> bytes:
        runs = {name: run.runner for name, run in session.runs.items()}
        studies = [study for name in lesson.claims if (study := study_of(name)) is not None]
        return lesson_report(lesson, runs, studies, date=date.today().isoformat())

    st.markdown(
        "A zip with the figures (SVG and PNG), the tables (CSV), the settings and a text with "
        "the measured numbers in it, to be completed with your analysis."
    )
    st.download_button(
        "Make the report",
        make,
        file_name=f"{lesson.name}-report.zip",
        mime="application/zip",
        key=f"report_{lesson.name}",
        icon=":material/description:",
        on_click="ignore",
    )
