"""The report of the autograd page: its network, the times and the seeds measured so far."""

from __future__ import annotations

from nndl_core.base.config import RunConfig
from nndl_core.course.claims import CLAIMS
from nndl_core.reports.autograd import autograd_report
from pages.ui.autograd.timing import measured_times
from pages.ui.lesson.report_button import report_button, studies_of


def report_section(config: RunConfig) -> None:
    """Draw the button of the report."""

    times, studies = measured_times(config), studies_of([CLAIMS["autograd-is-better"]])

    def make(date: str) -> bytes:
        return autograd_report(config, times(), studies(), date=date)

    report_button("autograd", make)
