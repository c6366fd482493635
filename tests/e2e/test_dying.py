"""The page of dying ReLU in a browser: cold links, figures, panels that train and others answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

OpenApp = Callable[[str], Page]
WAIT = 60_000  # milliseconds; the first run of a process imports for seconds
FIGURES = {
    "dying": ("path_bias", "path_loss", "path_accuracy", "bias_curves"),
    "leaky": ("slope_bars", "slope_lines"),
    "large-step": ("steps_units", "steps_pre-activation", "steps_loss"),
}
SCROLLS = """[document.documentElement, document.querySelector('[data-testid=stMain]')]
    .some(e => e.scrollWidth > e.clientWidth)"""


@pytest.mark.parametrize("lesson", FIGURES)
def test_a_cold_link_draws_every_figure(open_app: OpenApp, lesson: str) -> None:
    page = open_app(f"/dying?lesson={lesson}&epochs=30")
    for key in FIGURES[lesson]:
        drawn = page.locator(f".st-key-{key} .main-svg").first
        expect(drawn).to_be_visible(timeout=WAIT)
    expect(page.locator(".nndl-live[data-epoch]")).to_have_count(2, timeout=WAIT)
    expect(page.get_by_role("heading", name="Dying ReLU")).to_be_visible()


def test_the_dead_network_is_played_and_loses_loss_but_learns_nothing(open_app: OpenApp) -> None:
    page = open_app("/dying?lesson=dying&epochs=60")
    page.locator(".st-key-play button").click()
    expect(page.locator(".nndl-live").first).to_have_attribute("data-epoch", "60", timeout=WAIT)
    measured = page.locator(".numbers", has_text="Measured in this run")
    expect(measured.get_by_role("row", name="dead units")).to_contain_text("12 of 12")
    expect(measured.get_by_role("row", name="gradient norm of fc1")).to_contain_text("exactly 0")


def test_the_count_follows_the_bias(open_app: OpenApp) -> None:
    page = open_app("/dying?lesson=dying&epochs=30")
    count = page.get_by_test_id("stMetricValue")
    expect(count).to_have_text("12 of 12", timeout=WAIT)
    bias = page.locator(".st-key-bias_value input[type=range]")
    bias.focus()
    page.keyboard.press("End")
    expect(count).to_have_text("0 of 12", timeout=WAIT)
    page.keyboard.press("Home")
    expect(count).to_have_text("12 of 12", timeout=WAIT)


def test_remedies_train_while_another_control_answers(open_app: OpenApp) -> None:
    page = open_app("/dying?lesson=leaky&epochs=100000")
    page.locator(".st-key-trial_go button").click(timeout=WAIT)
    stop = page.locator(".st-key-trial_stop button")
    expect(stop).to_contain_text("Stop")
    page.locator(".st-key-slope_leaky input[type=range]").focus()
    page.keyboard.press("Home")
    law = page.locator(".numbers", has_text="power of the slope, fitted")
    leaky = law.get_by_role("row", name="fc1").get_by_role("cell").nth(2)
    expect(leaky).to_have_text("exactly 0", timeout=WAIT)
    expect(stop).to_be_visible()
    bar = page.get_by_role("progressbar")
    before = float(bar.get_attribute("aria-valuenow") or 0)
    page.wait_for_function(
        "before => +document.querySelector('[role=progressbar]').ariaValueNow > before",
        arg=before,
        timeout=WAIT,
    )
    stop.click()
    go = page.locator(".st-key-trial_go button")
    expect(go).to_contain_text("Try all remedies", timeout=WAIT)


def test_remedies_end_with_a_network_that_recovers(open_app: OpenApp) -> None:
    page = open_app("/dying?lesson=leaky&epochs=1200")
    seeds = page.locator(".st-key-trial_seeds input")
    seeds.fill("20", timeout=WAIT)
    page.locator(".st-key-trial_go button").click()
    rows = page.locator(".numbers", has_text="what is changed")
    sane = rows.get_by_role("row", name="bias 0.1, He's scale, learning rate 0.1")
    expect(sane).to_contain_text("0 of 20", timeout=WAIT)
    expect(sane.get_by_role("cell", name="20 of 20").last).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("Recovered with every seed:")).to_be_visible(timeout=WAIT)
    expect(page.locator(".st-key-trial_go button")).to_contain_text("Try all remedies")


@pytest.mark.parametrize("lesson", FIGURES)
def test_the_page_fits_a_phone(open_app: OpenApp, page: Page, lesson: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_app(f"/dying?lesson={lesson}&epochs=30")
    for key in FIGURES[lesson]:
        page.locator(f".st-key-{key}").scroll_into_view_if_needed(timeout=WAIT)
        expect(page.locator(f".st-key-{key} .main-svg").first).to_be_visible(timeout=WAIT)
    assert not page.evaluate(SCROLLS)
