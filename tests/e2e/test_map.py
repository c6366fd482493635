"""The trainability map in a browser: it fills coarse to fine, and all of it answers meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import IDLE, Server

pytestmark = pytest.mark.timed

OpenApp = Callable[[str], Page]
WAIT = 60_000  # milliseconds; a shared machine may be busy
PLOT = "document.querySelector('.st-key-map_figure .js-plotly-plot')"
HEATMAPS = f"{PLOT}.data.filter((trace) => trace.type === 'heatmap')"
FILLED = "(trace) => trace.z.flat().filter((value) => value !== null).length"
TRAINED = f"{HEATMAPS}.filter((trace) => !trace.opacity).map({FILLED}).reduce((a, b) => a + b, 0)"
SMALL = "/map?x_count=5&y_count=4&y_high=7&seeds=1&epochs=20&points=200"
LONG = "/map?seeds=4&epochs=300"


def drawn(page: Page) -> Page:
    page.wait_for_selector(".st-key-map_figure .main-svg", timeout=WAIT)
    return page


def fill(page: Page, cells: int) -> None:
    page.click(".st-key-map_play button")
    page.wait_for_function(f"{TRAINED} === {cells}", timeout=WAIT)
    expect(page.locator(".st-key-map_play button")).to_be_disabled(timeout=WAIT)


def click_cell(page: Page, across: float, up: float) -> None:
    """Click at shares of the plane."""
    page.locator(".st-key-map_figure").scroll_into_view_if_needed()
    box = page.locator(".st-key-map_figure .nsewdrag").first.bounding_box()
    assert box is not None
    x, y = box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"]
    page.mouse.move(x - 6, y - 6)  # Plotly looks for a cell where the mouse has moved
    page.mouse.move(x, y, steps=3)
    page.mouse.down()
    page.mouse.up()


def test_a_cold_link_shows_its_settings_and_the_lines_before_anything_trains(
    open_app: OpenApp,
) -> None:
    page = drawn(open_app("/map?activation=tanh&init=xavier_normal&y_high=9&y_count=9&seeds=2"))
    expect(page.get_by_role("heading", name="Which networks can be trained?")).to_be_visible()
    expect(page.get_by_text("0 of 144 cells")).to_be_visible()
    names = f"{PLOT}.data.filter((trace) => trace.name).map((trace) => trace.name)"
    assert page.evaluate(names) == ["critical line, scale 1", "depth 6 ξ"]
    assert page.evaluate(TRAINED) == 0
    expect(page.get_by_label("Seeds of every cell")).to_have_value("2")


def test_the_map_covers_the_plane_before_it_is_complete(open_app: OpenApp) -> None:
    page = drawn(open_app(LONG))
    page.click(".st-key-map_play button")
    page.wait_for_function(f"{TRAINED} > 0", timeout=WAIT)
    covered = f"[{TRAINED}, {HEATMAPS}.map({FILLED}).reduce((a, b) => a + b, 0)]"
    trained, painted = page.evaluate(covered)
    assert trained < painted == 224
    page.click(".st-key-map_pause button")
    expect(page.locator(".st-key-map_play button")).to_be_enabled(timeout=WAIT)
    page.wait_for_selector(IDLE, timeout=WAIT)
    said = page.get_by_text(re.compile(r"\d+ of 224 cells")).inner_text()
    before = int(said.split()[0])
    page.wait_for_function(f"{TRAINED} === {before}", timeout=WAIT)  # the last slice is drawn
    page.wait_for_timeout(1500)
    assert page.evaluate(TRAINED) == before


def test_a_click_on_a_cell_shows_its_curves_and_opens_its_run_in_the_lab(
    open_app: OpenApp,
) -> None:
    page = drawn(open_app(SMALL))
    fill(page, 20)
    click_cell(page, across=0.5, up=0.95)
    for what in ("loss", "accuracy"):
        page.wait_for_selector(f".st-key-map_cell_{what} .main-svg", timeout=WAIT)
    lowest = page.evaluate(
        """[...document.querySelectorAll('.st-key-map_cell_loss, .st-key-map_cell_accuracy')].map(
        (node) => node.getBoundingClientRect().bottom + document.querySelector('.stMain').scrollTop
        )"""
    )
    assert max(lowest) <= 900  # the whole cell stands beside the map, without scrolling
    link = page.get_by_role("link", name="seed 0")
    address = str(link.get_attribute("href"))
    assert "hidden=8-8-8-8-8-8-8" in address
    assert "activation=relu" in address
    expect(page.get_by_text(re.compile(r"of 20 cells do as the rule"))).to_be_visible()
    with page.context.expect_page() as opened:
        link.click(modifiers=["Control"])
    lab = opened.value
    lab.wait_for_selector(".nndl-live[data-epoch]", timeout=WAIT)
    expect(lab.get_by_role("textbox", name="Layer widths")).to_have_value("8-8-8-8-8-8-8")


def test_other_controls_answer_while_the_map_trains(open_app: OpenApp) -> None:
    page = drawn(open_app(LONG))
    page.click(".st-key-map_play button")
    page.wait_for_function(f"{TRAINED} > 0", timeout=WAIT)
    page.locator(".st-key-map_theory label").click()
    page.wait_for_function(f"!{PLOT}.data.some((t) => t.name === 'depth 6 ξ')", timeout=WAIT)
    page.locator(".st-key-map_color [role=combobox]").click()
    page.get_by_role("option", name="signs of failure").click()
    page.wait_for_function(f"!{HEATMAPS}.some((trace) => trace.showscale)", timeout=WAIT)
    page.wait_for_function("location.search.includes('color=signs')", timeout=WAIT)
    before = page.evaluate(TRAINED)
    page.wait_for_function(f"{TRAINED} > {before}", timeout=WAIT)
    expect(page.locator(".st-key-map_pause button")).to_be_visible()
    page.click(".st-key-map_pause button")
    expect(page.locator(".st-key-map_play button")).to_be_visible(timeout=WAIT)


@pytest.fixture
def phone(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context(
        base_url=server.url,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    tab = context.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    context.close()
    assert not errors


def test_on_a_phone_a_finger_chooses_a_cell_and_nothing_scrolls_sideways(phone: Page) -> None:
    phone.goto(SMALL)
    phone.wait_for_selector(IDLE, timeout=WAIT)
    fill(drawn(phone), 20)
    phone.locator(".st-key-map_figure").scroll_into_view_if_needed()
    box = phone.locator(".st-key-map_figure .nsewdrag").first.bounding_box()
    assert box is not None
    phone.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    phone.wait_for_selector(".st-key-map_cell_loss .main-svg", timeout=WAIT)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    wide = "[...document.querySelectorAll('.stMain')].map((node) => node.scrollWidth)"
    assert phone.evaluate(wide) == [390]


def test_the_numbers_of_a_cell_stand_whole_in_chinese_too(open_app: OpenApp) -> None:
    page = open_app(SMALL.replace("seeds=1", "seeds=2") + "&lang=zh&view.map_cell=2-3")
    fill(drawn(page), 20)
    table = page.locator(".numbers").first
    expect(table).to_contain_text("随机种子", timeout=WAIT)
    for width in (1440, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert table.evaluate("node => node.scrollWidth <= node.clientWidth")
