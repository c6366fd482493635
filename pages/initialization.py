"""Initialization: equal weights, the law of random ones, and what passes a deep network."""

from pages.ui.lesson.initialization import sections
from pages.ui.lesson.path import lesson_page
from pages.ui.live.pair import PairSession


def from_zeros(_: PairSession) -> None:
    """Look into the weights of a start from zero."""
    sections.trace_section()
    sections.endings_section()


def from_random(_: PairSession) -> None:
    """Look at the law of the weights, and at what it does to a deep network."""
    sections.draws_section()
    sections.signal_section()


lesson_page("initialization", {"zeros": from_zeros, "spread": from_random})
