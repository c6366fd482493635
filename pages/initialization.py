"""Initialization: equal weights, the law of random ones, and what passes a deep network."""

from pages.ui import initialization_sections as sections
from pages.ui.lesson import lesson_page

lesson_page(
    "initialization",
    {
        "zeros": (sections.trace_section, sections.endings_section),
        "spread": (sections.draws_section, sections.signal_section),
    },
)
