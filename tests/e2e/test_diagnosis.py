"""The diagnosis on the pages: it speaks early, and its remedy runs beside the sick run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.timed

OpenApp = Callable[[str], Page]
WAIT = 30_000


def test_the_lesson_on_dying_relu_says_so_within_two_seconds_and_cures_beside_it(
    open_app: OpenApp,
) -> None:
    page = open_app("/dying")
    page.wait_for_selector(".nndl-live[data-epoch]", timeout=WAIT)
    verdict = page.locator(".stMarkdownBadge", has_text="Dying ReLU")
    expect(verdict).to_have_count(0)
    page.click(".st-key-play button")
    pressed = time.monotonic()
    expect(verdict.first).to_be_visible(timeout=2000)
    assert time.monotonic() - pressed < 2
    page.locator("[class*=st-key-dying_0_cure_0] button").first.click()
    runs = page.locator(".nndl-live")
    expect(runs).to_have_count(3, timeout=WAIT)
    expect(page.get_by_text("Same seeds.")).to_be_visible(timeout=WAIT)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.nndl-live')].every(n => +n.dataset.epoch > 200)",
        timeout=WAIT,
    )
    cured = page.locator("[class*=st-key-diagnosis_dying_1]")
    expect(cured).to_contain_text("Leaky ReLU with a fresh start")
    expect(cured.locator(".stMarkdownBadge")).to_have_text("Healthy", timeout=WAIT)
    share = re.search(r"([\d.]+) % of what there is", cured.inner_text())
    assert share is not None
    assert float(share[1]) > 20
    page.locator("[class*=st-key-dying_cure_away] button").first.click()
    expect(runs).to_have_count(2, timeout=WAIT)


def test_the_lab_shows_sick_and_cured_together_until_a_setting_changes(open_app: OpenApp) -> None:
    page = open_app("/?activation=relu&bias=-8&hidden=5-5")
    page.wait_for_selector(".nndl-live[data-epoch]", timeout=WAIT)
    page.click(".st-key-play button")
    page.locator("[class*=st-key-lab_0_cure_0] button").first.click(timeout=WAIT)
    runs = page.locator(".nndl-live")
    expect(runs).to_have_count(2, timeout=WAIT)
    badges = page.locator("[class*=st-key-diagnosis_lab] .stMarkdownBadge")
    expect(badges).to_have_text(["Dying ReLU", "Healthy"], timeout=WAIT)
    page.wait_for_function("location.search.includes('view.lab_cure=')", timeout=WAIT)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".nndl-live")).to_have_count(2, timeout=WAIT)
    expect(other.get_by_text("Same seeds.")).to_be_visible(timeout=WAIT)
    other.close()
    slider = page.locator(".st-key-bias input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(runs).to_have_count(1, timeout=WAIT)
    page.wait_for_function("!location.search.includes('lab_cure')", timeout=WAIT)


def test_the_gallery_trains_and_names_what_it_shows(open_app: OpenApp) -> None:
    page = open_app("/gallery")
    card = page.locator(".st-key-card_exploding")
    expect(card.locator(".stMarkdownBadge")).to_have_text("Exploding gradient", timeout=WAIT)
    expect(page.locator("[data-testid=stProgress]")).to_have_count(0, timeout=2 * WAIT)
    expect(page.locator(".st-key-card_no-answer .stMarkdownBadge")).to_have_text("None of these")
    expect(card).to_contain_text("Why not just a smaller learning rate?")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
