"""The report of the autograd page: its network, the times and the seeds measured so far."""

from __future__ import annotations

from nndl_core.autograd_report import autograd_report
from nndl_core.claims import CLAIMS
from nndl_core.config import RunConfig
from pages.ui.autograd_timing import measured_times
from pages.ui.report_button import report_button, studies_of


def report_section(config: RunConfig) -> None:
    """Draw the button of the report."""

    times, studies = measured_times(config), studies_of([CLAIMS["autograd-is-better"]])

    def make(date: str) -> bytes:
        return autograd_report(config, times(), studies(), date=date)

    report_button("autograd", make)
