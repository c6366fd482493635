"""Networks and the Runner: one hidden layer or two, and which checkpoint to keep."""

from pages.ui.lesson.path import lesson_page
from pages.ui.lesson.runner_sections import runner_section

lesson_page("networks", {"depth": runner_section})
