"""Vanishing gradient: how many decades the way back costs, and who takes them."""

from pages.ui.lesson.path import lesson_page
from pages.ui.lesson.vanishing import sections
from pages.ui.live.pair import PairSession


def small_weights(session: PairSession) -> None:
    """Measure the norms, their causes and the first step at the settings of the runs."""
    config = next(iter(session.runs.values())).config
    sections.norms_section(config)
    sections.causes_section(config, config.init_scale, "small")
    sections.updates_section(config)


def sane_weights(session: PairSession) -> None:
    """Measure the causes where the weights take little."""
    sections.causes_section(next(iter(session.runs.values())).config, 0.5, "sane")


lesson_page("vanishing", {"vanishing": small_weights, "scale": sane_weights})
