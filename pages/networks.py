"""Networks and the Runner: one hidden layer or two, and which checkpoint to keep."""

from pages.ui.lesson import lesson_page

lesson_page("networks", {})
