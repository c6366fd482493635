"""A study that trains while its reader uses the page: one thread trains it, and it ends."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from nndl_core.course.claims import CLAIMS
from nndl_core.studies.study import Study

pytestmark = pytest.mark.timed

CLAIM, SEEDS = "deeper-is-better", 200
WAIT = 60_000


def test_what_is_measured_while_other_controls_are_used_is_what_is_measured_alone(
    open_app: Callable[[str], Page],
) -> None:
    page = open_app("/networks")
    field = page.locator(f".st-key-{CLAIM}_seeds input")
    field.fill(str(SEEDS), timeout=WAIT)
    field.press("Enter")
    page.locator(f".st-key-{CLAIM}_go button").click()
    stop = page.locator(f".st-key-{CLAIM}_stop")
    expect(stop).to_be_visible(timeout=WAIT)
    answers, clicks = page.locator(".st-key-depth_answer [role=radiogroup] label"), 0
    while stop.count() and clicks < 200:
        answers.nth(clicks % 2).click()
        clicks += 1
        page.wait_for_timeout(230)
    card = page.locator(f".st-key-card_{CLAIM}")
    expect(card).to_contain_text(f"measured with {SEEDS} seeds", timeout=WAIT)
    assert clicks > 3
    alone = Study(CLAIMS[CLAIM], SEEDS)
    alone.advance()
    for found in alone.estimates().values():
        expect(card).to_contain_text(f"{found.low:.4g} to {found.high:.4g}")
