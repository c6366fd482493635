"""Dying ReLU: exact zeros, what still moves, what brings a network back, and how units die."""

from pages.ui.lesson.dying import remedies as dying_remedies
from pages.ui.lesson.dying import sections as dying_sections
from pages.ui.lesson.dying import steps as dying_steps
from pages.ui.lesson.path import lesson_page
from pages.ui.live.pair import PairSession


def dead(session: PairSession) -> None:
    """Measure the dead network, follow its one living number, and look for the deadly bias."""
    config = next(iter(session.runs.values())).config
    dying_sections.zeros_section(config)
    dying_sections.path_section(config)
    dying_sections.bias_section(config)


def leaky(session: PairSession) -> None:
    """Measure what a slope gives back, and try every remedy."""
    config = next(iter(session.runs.values())).config
    dying_remedies.slope_section(config)
    dying_remedies.trial_section(config)


def large_step(session: PairSession) -> None:
    """Watch units die, and count how often they do."""
    healthy, sick = (run.config for run in session.runs.values())
    dying_steps.steps_section(healthy, sick.learning_rate)
    dying_steps.rates_section(healthy)


lesson_page("dying", {"dying": dead, "leaky": leaky, "large-step": large_step})
