"""The button that makes a report of what a page holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import streamlit as st

from nndl_core.base.i18n import mark, tr
from nndl_core.studies.study import Claim, Study
from pages.ui.lesson.study import panel_of_claim
from pages.ui.link.language import spoken_here

CONTENT = mark(
    "A zip with the figures (SVG and PNG), the tables (CSV), the settings and a text "
    "with the measured numbers in it, to be completed with your analysis. It takes a few "
    "seconds; your browser then saves it among its downloads."
)


def report_button(name: str, make: Callable[[str], bytes], content: str = CONTENT) -> None:
    """Draw the download of make(date) at the moment of the click.

    make runs outside of the page, where there is no session state: it must hold what it reads.
    """
    st.markdown(tr(content))
    st.download_button(
        tr("Make the report"),
        spoken_here(lambda: make(date.today().isoformat())),
        file_name=f"{name}-report.zip",
        mime="application/zip",
        key=f"report_{name}",
        icon=":material/description:",
        on_click="ignore",
    )


def studies_of(claims: list[Claim]) -> Callable[[], list[Study]]:
    """Return a function that gives what this tab has measured of these claims when it is called."""
    panels = [panel_of_claim(claim) for claim in claims]
    return lambda: [panel.runs for panel in panels if panel.runs is not None]
