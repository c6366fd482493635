"""The run history in a real browser: a run ends, is found, named and drawn; nobody else sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import IDLE, Server

WAIT = 30_000  # milliseconds; a shared machine may be busy
HEADER, ROW = 35, 35  # pixels of the table, which is a canvas
ENDED = """
() => ["finished", "diverged"].includes(document.querySelector(".nndl-live")?.dataset.status)
"""
OVER_TABLE = '[data-testid="stDataFrame"] .dvn-scroller'
TABLE = '[data-testid="stDataFrame"] canvas'


def train(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_selector(".nndl-live[data-epoch]", timeout=WAIT)
    page.click(".st-key-play button")
    page.wait_for_function(ENDED, timeout=WAIT)
    page.get_by_text("Kept in the run history.").wait_for(timeout=WAIT)


def tick(page: Page, row: int) -> None:
    page.wait_for_selector(TABLE, timeout=WAIT)
    page.locator(OVER_TABLE).first.click(position={"x": 16, "y": HEADER + ROW * row + ROW / 2})


def legend(page: Page) -> list[str]:
    return page.locator(".js-plotly-plot .legendtext").all_inner_texts()


def until_legend(page: Page, names: list[str]) -> None:
    wanted = """(names) => JSON.stringify(names) === JSON.stringify(
        [...document.querySelectorAll(".js-plotly-plot .legendtext")].map((e) => e.textContent))"""
    try:
        page.wait_for_function(wanted, arg=names, timeout=WAIT)
    except Exception:
        pytest.fail(f"The legend says {legend(page)}, not {names}.")


def test_a_run_is_kept_found_named_and_drawn_over_another(
    open_app: Callable[[str], Page], browser: Browser, server: Server
) -> None:
    page = open_app("/")
    train(page, "/?epochs=60")
    train(page, "/?epochs=40&activation=tanh&init=xavier_normal")
    page.get_by_role("link", name="Run history").click()
    tick(page, 0)
    until_legend(page, ["moons, 5 tanh, xavier_normal, sgd 0.2"])
    name = page.get_by_label("Name", exact=True)
    name.fill("steep <i>start</i>")
    name.press("Enter")
    until_legend(page, ["steep <i>start</i>"])
    tick(page, 1)
    until_legend(page, ["steep <i>start</i>", "moons, 5 sigmoid, normal, sgd 0.2"])
    lines = page.locator(".js-plotly-plot .scatterlayer .trace .js-line")
    assert lines.count() == 2
    assert page.evaluate("document.cookie.includes('nndl_browser')") is False
    page.reload()  # another session of the same browser
    tick(page, 0)
    until_legend(page, ["steep <i>start</i>"])
    stranger = browser.new_context(base_url=server.url)
    tab = stranger.new_page()
    tab.goto("/history")
    tab.wait_for_selector(IDLE, timeout=WAIT)
    tab.get_by_text("No run has ended in this browser yet").wait_for(timeout=WAIT)
    assert tab.locator(TABLE).count() == 0
    stranger.close()


def test_a_link_from_elsewhere_does_not_replace_the_key(page: Page, server: Server) -> None:
    """A page of another site links here: a strict cookie does not come with that first request."""
    train(page, "/?epochs=20")
    before = [c for c in page.context.cookies() if c["name"] == "nndl_browser"]
    assert (before[0]["httpOnly"], before[0]["sameSite"]) == (True, "Strict")
    page.goto(f"data:text/html,<a href='{server.url}/history'>lab</a>")
    page.get_by_text("lab").click()
    page.wait_for_selector(TABLE, timeout=WAIT)
    after = [c for c in page.context.cookies() if c["name"] == "nndl_browser"]
    assert [c["value"] for c in after] == [c["value"] for c in before]
