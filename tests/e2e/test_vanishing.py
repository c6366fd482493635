"""The page of the vanishing gradient in a browser: cold links, live runs, figures that follow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

OpenApp = Callable[[str], Page]
WAIT = 60_000  # milliseconds; a shared machine may be busy
EPOCHS = "[...document.querySelectorAll('.nndl-live')].map((run) => Number(run.dataset.epoch))"
FITS = "document.documentElement.scrollWidth <= innerWidth"
FIGURES = {
    "vanishing": ("norms_bars", "small_bars", "small_std_lines", "updates_ratio", "updates_share"),
    "scale": ("sane_bars", "sane_std_lines"),
}


def expect_figures(page: Page, lesson: str) -> None:
    for key in FIGURES[lesson]:
        expect(page.locator(f".st-key-{key} .main-svg").first).to_be_visible(timeout=WAIT)


def press_slider(page: Page, key: str, button: str) -> None:
    page.locator(f".st-key-{key}").locator("[role=slider], input[type=range]").first.focus()
    page.keyboard.press(button)


@pytest.mark.parametrize("lesson", FIGURES)
def test_a_cold_link_draws_the_figures_and_plays_to_the_end(open_app: OpenApp, lesson: str) -> None:
    page = open_app(f"/vanishing?lesson={lesson}&epochs=40")
    expect_figures(page, lesson)
    page.wait_for_function(f"{EPOCHS}.length === 2 && {EPOCHS}.every((e) => e === 0)", timeout=WAIT)
    page.click(".st-key-play button")
    page.wait_for_function(f"{EPOCHS}.every((epoch) => epoch === 40)", timeout=WAIT)
    expect(page.locator(".st-key-play button")).to_contain_text("Play", timeout=WAIT)
    expect(page.get_by_text("Measured in this run").first).to_be_visible()
    expect_figures(page, lesson)


def test_sliders_change_figures_and_tables(open_app: OpenApp) -> None:
    page = open_app("/vanishing?lesson=vanishing")
    bars = page.locator(".st-key-small_bars .main-svg").first
    curve = page.locator(".st-key-small_std_lines")
    expect(bars).to_contain_text("sigmoid, std 0.01", timeout=WAIT)
    expect(curve).to_contain_text("chosen: 0.01")
    press_slider(page, "small_std", "ArrowRight")
    expect(bars).to_contain_text("sigmoid, std 0.02", timeout=WAIT)
    expect(curve).to_contain_text("chosen: 0.02")
    expect(page.get_by_text("sigmoid, std 0.02, b = 1:")).to_be_visible()
    before = page.locator(".st-key-updates_ratio .main-svg").first.inner_html()
    press_slider(page, "updates_rate", "End")
    expect(page.get_by_text("with learning rate 100 none of them")).to_be_visible(timeout=WAIT)
    page.wait_for_function(
        "before => document.querySelector('.st-key-updates_ratio .main-svg').innerHTML !== before",
        arg=before,
        timeout=WAIT,
    )


@pytest.mark.parametrize("lesson", FIGURES)
def test_a_phone_shows_it_without_scrolling_sideways(
    open_app: OpenApp, page: Page, lesson: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_app(f"/vanishing?lesson={lesson}")
    expect_figures(page, lesson)
    assert page.evaluate(FITS)
    for key in FIGURES[lesson]:
        box = page.locator(f".st-key-{key} .main-svg").first.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
