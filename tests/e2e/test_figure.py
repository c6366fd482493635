"""A figure in a real browser: it changes in place, keeps a zoom, and wears the page's colors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import IDLE, Server, free_port, stop, wait_until_healthy

ROOT = Path(__file__).parents[2]
WAIT = 20_000
APP = """
import streamlit as st
from pages.ui.server.plotly_asset import asset_routes

app = st.App("script.py", routes=asset_routes())
"""
SCRIPT = """
import streamlit as st
from nndl_core.charts.figures import layer_bars, lines
from pages.ui.widgets.figure import draw_figure

count = st.session_state.setdefault("count", 0)
axis = st.session_state.setdefault("axis", "epoch")

def more():
    st.session_state.count += 1

def rename():
    st.session_state.axis = "another quantity"

st.button("more", key="more", on_click=more)
st.button("rename", key="rename", on_click=rename)
curve = lines(
    {"a <b>": ([0, 1, 2, 3], [1, 1 + count, float("nan"), 2]), "b": ([0, 3], [0.5, 1])},
    axis, "loss", reference={"limit": 0.7}, title="Round %d <img src=x onerror=alert(1)>" % count,
)
def note(place):
    st.session_state.clicks = [*st.session_state.get("clicks", []), place]

draw_figure(curve, key="curve", alt="Line chart of the loss")
draw_figure(layer_bars({"sick": [0, 0], "cured": [1e-9, 0.5]}, "norm"), key="bars", alt="Bars")
draw_figure(lines({}, "epoch", "loss"), key="empty", alt="Nothing yet", height=200)
cells = {"type": "heatmap", "z": [[0, 1, 2], [3, 4, None]], "hoverongaps": False}
draw_figure({"data": [cells], "layout": {}}, key="cells", alt="Cells", on_click=note)
st.text("clicks: %s" % st.session_state.get("clicks", []))
st.session_state.runs = st.session_state.get("runs", 0) + 1
st.text("runs: %d" % st.session_state.runs)
st.container(height=1500, border=False, key="tail").write("end")
"""
PLOTS = "document.querySelectorAll('.nndl-figure .js-plotly-plot')"


@pytest.fixture(scope="module")
def figure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a page of three figures on a free port; fail when it logged a traceback."""
    folder = tmp_path_factory.mktemp("figures")
    (folder / "app.py").write_text(APP)
    (folder / "script.py").write_text(SCRIPT)
    port, log = free_port(), folder / "app.log"
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "app.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--server.port={port}"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        wait_until_healthy(running)
        yield running
    finally:
        stop(process)
    assert "Traceback" not in log.read_text(), log.read_text()


def opened(browser: Browser, server: Server, **context: Any) -> Iterator[Page]:
    """Open the page; fail when it met a script error, logged one, or asked another host."""
    tabs = browser.new_context(base_url=server.url, **context)
    tab = tabs.new_page()
    faults: list[str] = []
    own = (server.url, "data:", "blob:")
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    tab.on("request", lambda r: None if r.url.startswith(own) else faults.append(r.url))
    tab.goto("/")
    tab.wait_for_selector(IDLE, timeout=30_000)
    tab.wait_for_function(f"{PLOTS}.length === 4", timeout=WAIT)
    yield tab
    tabs.close()
    assert not faults


@pytest.fixture
def tab(browser: Browser, figure_server: Server) -> Iterator[Page]:
    yield from opened(browser, figure_server, viewport={"width": 1440, "height": 900})


@pytest.fixture
def phone(browser: Browser, figure_server: Server) -> Iterator[Page]:
    size = {"width": 390, "height": 844}
    yield from opened(browser, figure_server, viewport=size, has_touch=True, is_mobile=True)


def press_more(tab: Page) -> None:
    before = tab.evaluate(f"{PLOTS}[0].data[0].y[1]")
    tab.click(".st-key-more button")
    tab.wait_for_function(f"(y) => {PLOTS}[0].data[0].y[1] === y + 1", arg=before, timeout=WAIT)


def x_range(tab: Page) -> list[float]:
    read: list[float] = tab.evaluate(f"{PLOTS}[0]._fullLayout.xaxis.range.map(Number)")
    return read


def drag_over(tab: Page) -> None:
    """Zoom into the left half of the first figure."""
    box = tab.locator(".st-key-curve .nsewdrag").first.bounding_box()
    assert box is not None
    height = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + 20, height)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2, height, steps=6)
    tab.mouse.up()
    tab.wait_for_function(f"{PLOTS}[0]._fullLayout.xaxis.range[1] < 2", timeout=WAIT)


def test_new_data_are_drawn_into_the_same_node(tab: Page) -> None:
    tab.evaluate(f"{PLOTS}.forEach((node, at) => (node.mark = at))")
    tab.evaluate(f"{PLOTS}[0].querySelector('svg.main-svg').mark = 'svg'")
    press_more(tab)
    press_more(tab)
    assert tab.evaluate(f"[...{PLOTS}].map((node) => node.mark)") == [0, 1, 2, 3]
    assert tab.evaluate(f"{PLOTS}[0].querySelector('svg.main-svg').mark") == "svg"


def test_a_zoom_outlives_new_data_and_ends_with_a_double_click_or_another_axis(tab: Page) -> None:
    whole = x_range(tab)
    drag_over(tab)
    zoomed = x_range(tab)
    press_more(tab)
    assert x_range(tab) == pytest.approx(zoomed)
    tab.wait_for_timeout(400)  # else the next two clicks would count as the end of the drag
    tab.locator(".st-key-curve .nsewdrag").first.dblclick()
    tab.wait_for_function(f"{PLOTS}[0]._fullLayout.xaxis.range[1] > 2.9", timeout=WAIT)
    assert x_range(tab) == pytest.approx(whole)
    drag_over(tab)
    tab.click(".st-key-rename button")
    tab.wait_for_function(f"{PLOTS}[0]._fullLayout.xaxis.range[1] > 2.9", timeout=WAIT)


def test_words_are_words_and_the_picture_has_a_description(tab: Page) -> None:
    figure = tab.locator(".st-key-curve .nndl-figure")
    plot = figure.locator("[role=img]")  # Plotly's own pictures inside it have no name
    assert plot.get_attribute("aria-label") == "Line chart of the loss"
    assert figure.locator("figcaption").inner_text() == "Round 0 <img src=x onerror=alert(1)>"
    assert tab.locator(".st-key-curve img").count() == 0
    legend = figure.locator(".legendtext").all_text_contents()
    assert legend == ["a <b>", "b", "limit: 0.7"]
    assert "not finite" in figure.locator(".ytick").all_text_contents()
    assert "No data yet." in tab.locator(".st-key-empty .annotation").all_text_contents()
    assert tab.locator(".modebar-btn").count() == 0


def click_cell(tab: Page, row: int, column: int) -> None:
    box = tab.locator(".st-key-cells .nsewdrag").first.bounding_box()
    assert box is not None
    x = box["x"] + box["width"] * (column + 0.5) / 3
    tab.mouse.move(x, box["y"] + 2)  # Plotly looks for a point where the mouse has moved
    tab.mouse.move(x, box["y"] + box["height"] * (1 - (row + 0.5) / 2), steps=3)
    tab.mouse.down()
    tab.mouse.up()


def test_a_click_tells_the_page_which_cell_it_met_and_a_gap_is_none(tab: Page) -> None:
    tab.locator(".st-key-cells").scroll_into_view_if_needed()
    click_cell(tab, 0, 2)
    expect(tab.get_by_text("clicks: [[0, 2]]")).to_be_visible(timeout=WAIT)
    click_cell(tab, 1, 2)  # nothing is there
    tab.wait_for_timeout(500)  # two clicks in quick succession would be a double click
    click_cell(tab, 1, 0)
    expect(tab.get_by_text("clicks: [[0, 2], [1, 0]]")).to_be_visible(timeout=WAIT)


def test_a_figure_that_nobody_listens_to_leaves_the_page_alone(tab: Page) -> None:
    for figure, cursor in (("cells", "pointer"), ("bars", "crosshair")):
        drag = tab.locator(f".st-key-{figure} .nsewdrag").first
        assert drag.evaluate("(node) => getComputedStyle(node).cursor") == cursor
    bar = tab.locator(".st-key-bars .barlayer .point path").last
    for _ in range(2):
        bar.hover(force=True)
        bar.click(force=True)
        tab.wait_for_timeout(600)
    expect(tab.get_by_text("runs: 1", exact=True)).to_be_visible(timeout=WAIT)


def test_live_charts_share_the_one_plotly(tab: Page) -> None:
    live = """async () => {
      const source = document.querySelector('script[src$="plotly.min.js"]').src;
      await import(source.replace("plotly.min.js", "live/js/component.js"));
      return document.querySelectorAll('script[src*="plotly"]').length;
    }"""
    assert tab.evaluate(live) == 1


def test_dark_pages_have_light_words(tab: Page) -> None:
    color = "getComputedStyle(document.querySelector('.st-key-curve .xtitle')).fill"
    light = tab.evaluate(color)
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(f"(old) => {color} !== old", arg=light, timeout=WAIT)
    assert [light, tab.evaluate(color)] == ["rgb(27, 36, 48)", "rgb(238, 242, 246)"]


def test_a_finger_scrolls_the_page_over_a_figure(phone: Page) -> None:
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    place = phone.locator(".st-key-curve .nsewdrag").first.bounding_box()
    assert place is not None
    top = f"{PLOTS}[0].getBoundingClientRect().top"
    before = phone.evaluate(top)
    finger = {"x": place["x"] + place["width"] / 2, "y": place["y"] + place["height"] / 2}
    session = phone.context.new_cdp_session(phone)
    for move in ("touchStart", *["touchMove"] * 15, "touchEnd"):
        finger["y"] -= 10 if move == "touchMove" else 0
        touching = [] if move == "touchEnd" else [finger]
        session.send("Input.dispatchTouchEvent", {"type": move, "touchPoints": touching})
    phone.wait_for_function(f"(y) => {top} < y - 100", arg=before, timeout=WAIT)
    assert x_range(phone)[1] > 2.9
