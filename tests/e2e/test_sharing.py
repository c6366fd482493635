"""A teacher's link and presenter mode in a real browser."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.e2e.test_lab import WAIT, Lab, open_lab

OpenLab = Callable[..., Lab]
__all__ = ["open_lab"]  # a fixture of the lab's tests


def largest_type(page: Page) -> float:
    tick = page.locator(".chart-loss .xtick text").first
    return float(tick.evaluate("node => parseFloat(getComputedStyle(node).fontSize)"))


def test_the_keyboard_drives_a_presentation_and_escape_ends_it(open_lab: OpenLab) -> None:
    lab = open_lab("/?epochs=100000")
    small = largest_type(lab.page)
    lab.page.goto(lab.page.url.split("?")[0] + "?epochs=100000&present=1")
    lab.until_status("ready")
    assert lab.page.locator("[data-testid=stSidebar][aria-expanded=true]").count() == 0
    lab.page.keyboard.press("ArrowRight")
    lab.until("live.epoch === '1'")
    assert largest_type(lab.page) > 1.2 * small
    lab.page.keyboard.press(" ")
    lab.until_status("playing")
    lab.page.keyboard.press(" ")
    lab.until_status("paused")
    lab.page.keyboard.press("r")
    lab.until("live.epoch === '0'")
    lab.page.keyboard.press("Escape")
    lab.page.wait_for_function("!location.search.includes('present')", timeout=WAIT)
    lab.page.wait_for_function(
        "given => parseFloat(getComputedStyle(document.querySelector("
        "'.chart-loss .xtick text')).fontSize) === given",
        arg=small,
        timeout=WAIT,
    )
    assert "epochs=100000" in lab.page.url


def test_a_key_that_is_typed_is_not_taken(open_lab: OpenLab) -> None:
    lab = open_lab("/?present=1&hidden=5")
    lab.page.click("[data-testid=stExpandSidebarButton]")
    field = lab.page.locator(".st-key-hidden input")
    field.click()
    field.press("ArrowRight")
    field.press("r")
    assert field.input_value().endswith("r")
    assert lab.epoch == 0


def test_the_dialog_makes_a_link_that_locks(open_lab: OpenLab) -> None:
    lab = open_lab("/?learning_rate=0.5")
    lab.press("share")
    lab.page.locator(".st-key-share_lock input").fill("Learning")
    lab.page.get_by_role("option", name="Learning rate").click()
    code = lab.page.locator("[role=dialog] [data-testid=stCode]")
    code.filter(has_text="lock=learning_rate").wait_for(timeout=WAIT)
    link = code.inner_text().strip()
    assert parse_qs(urlsplit(link).query) == {"learning_rate": ["0.5"], "lock": ["learning_rate"]}
    picture = lab.page.locator("[role=dialog] .nndl-qr").get_attribute("src") or ""
    assert re.match(r"<svg ", base64.b64decode(picture.partition(",")[2]).decode())
    lab.page.goto(link)
    lab.until_status("ready")
    fixed = ":is(input:disabled, [aria-disabled=true], [data-disabled])"
    lab.page.locator(f".st-key-learning_rate {fixed}").first.wait_for(
        timeout=WAIT, state="attached"
    )
    assert lab.page.locator(f".st-key-noise {fixed}").count() == 0


APART = """() => {
  const ends = (rule) => [...document.querySelectorAll(rule)]
    .filter((node) => getComputedStyle(node.closest(".rc-overflow-item") || node).opacity !== "0")
    .map((node) => node.getBoundingClientRect()).filter((box) => box.width > 0);
  const names = ends("[data-testid=stTopNav] :is(a, [data-testid=stTopNavSection])");
  const tools = ends(".st-key-frame_tools button");
  return tools.length && Math.max(0, ...names.map((name) => name.right)) <=
    Math.min(...tools.map((tool) => tool.left));
}"""


def until_apart_at_every_width(page: Page) -> None:
    for width in (640, 800, 1024, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 720})
        page.wait_for_function(APART, timeout=WAIT)


def test_the_bar_on_top_keeps_pages_and_tools_apart(open_lab: OpenLab) -> None:
    page = open_lab("/?present=1&lang=en").page
    until_apart_at_every_width(page)
    page.click("[data-testid=stExpandSidebarButton]")
    until_apart_at_every_width(page)
    page.keyboard.press("Escape")
    page.wait_for_function("!location.search.includes('present')", timeout=WAIT)
    for language in ("中文", "English"):
        page.click(f".st-key-language button:has-text('{language}')")
        until_apart_at_every_width(page)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.get_by_text("Lessons", exact=True).click(timeout=WAIT)  # not folded away, not covered


def test_what_a_control_stands_at_is_in_the_link_and_a_new_tab_opens_it(open_lab: OpenLab) -> None:
    lab = open_lab("/?epochs=100000&points=100")
    page = lab.page
    page.locator("[class*=st-key-speed] input").first.click()
    page.click("[role=option]:has-text('5 epochs / frame')")
    page.wait_for_function("location.search.includes('view.speed=5')", timeout=WAIT)
    page.click(".st-key-play button")
    lab.until_status("playing")
    lab.until("Number(live.epoch) > 20")
    assert "view.speed=5" in page.evaluate("location.search")
    page.reload()
    lab.until_status("ready")
    expect(page.locator("[class*=st-key-speed] input").first).to_have_value("5 epochs / frame")


def test_a_slider_of_a_section_comes_back_with_its_page(page: Page) -> None:
    slider = page.locator(".st-key-steps_large input[type=range]")
    page.goto("/dying?lesson=large-step")
    expect(slider).to_have_attribute("aria-valuetext", "15", timeout=WAIT)
    for moved in range(16, 19):
        slider.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuetext", str(moved), timeout=WAIT)
        page.wait_for_function(
            f"location.search.includes('view.steps_large={moved}')", timeout=WAIT
        )
    page.click("a[href*='gallery']")
    page.wait_for_function("location.pathname === '/gallery'", timeout=WAIT)
    page.wait_for_function("!location.search.includes('steps_large')", timeout=WAIT)
    page.goto("/dying?lesson=large-step&view.steps_large=18")
    expect(slider).to_have_attribute("aria-valuetext", "18", timeout=WAIT)


def test_the_tab_of_the_reference_page_is_in_its_link(page: Page) -> None:
    page.goto("/reference")
    page.click("[role=tab]:has-text('Glossary')")
    page.wait_for_function("location.search.includes('view.reference_tab=terms')", timeout=WAIT)
    page.reload()
    glossary = page.locator("[role=tab]:has-text('Glossary')")
    expect(glossary).to_have_attribute("aria-selected", "true", timeout=WAIT)
    page.click(".st-key-language button:has-text('中文')")
    spoken = page.locator("[role=tab]:has-text('术语')")
    expect(spoken).to_have_attribute("aria-selected", "true", timeout=WAIT)


def test_the_scale_of_a_chart_is_in_the_link_and_stays_through_a_run_of_the_page(
    open_lab: OpenLab,
) -> None:
    lab = open_lab("/?epochs=30&points=100")
    page = lab.page
    page.click(".chart-loss [data-scale=log]")
    page.wait_for_function("location.search.includes('view.loss_scale=log')", timeout=WAIT)
    page.locator(".st-key-noise [role=slider], .st-key-noise input").first.press("ArrowRight")
    page.wait_for_function("location.search.includes('noise=')", timeout=WAIT)
    assert "view.loss_scale=log" in page.evaluate("location.search")
    page.reload()
    lab.until_status("ready")
    log = page.locator(".chart-loss [data-scale=log]")
    expect(log).to_have_attribute("aria-pressed", "true", timeout=WAIT)
    page.click(".chart-loss [data-scale=linear]")
    page.wait_for_function("!location.search.includes('loss_scale')", timeout=WAIT)
    # Every address that a script wrote is the same entry: one step back is one page back.
    page.click("a[href*='gallery']")
    page.wait_for_function("location.pathname === '/gallery'", timeout=WAIT)
    page.get_by_role("link", name="Training lab").click()
    page.wait_for_function("location.search.includes('noise=')", timeout=WAIT)
    page.go_back()
    page.wait_for_function("location.pathname === '/gallery'", timeout=WAIT)
    page.go_back()
    page.wait_for_function("location.search.includes('noise=')", timeout=WAIT)
