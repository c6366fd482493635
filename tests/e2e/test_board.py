"""A class board in real browsers: a teacher, two students, and their runs without a reload."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Server
from tests.e2e.test_history import ENDED, WAIT

OpenStudent = Callable[[], Page]
CODE = re.compile(r"[2-9A-HJKMNP-Z]{5}-[2-9A-HJKMNP-Z]{5}")


@pytest.fixture
def open_student(browser: Browser, server: Server) -> Iterator[OpenStudent]:
    """Open a tab in a browser of its own, with cookies of its own."""
    contexts = []

    def opened() -> Page:
        contexts.append(browser.new_context(base_url=server.url))
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        context.close()


def join(page: Page, code: str, nickname: str) -> None:
    page.goto(f"/board?board={code}")
    field = page.locator(".st-key-board_nickname input")
    field.wait_for(timeout=WAIT)
    field.fill(nickname)
    page.click(".st-key-board_enter button")


def until_joined(page: Page, nickname: str) -> None:
    page.get_by_text(f"You are {nickname} here.").wait_for(timeout=WAIT)


def run(page: Page, more: str, says: str) -> None:
    """Open the lab by the board's link in a new tab, train to the end and read what is said."""
    link = page.get_by_role("link", name="Open the experiment in the lab").get_attribute("href")
    assert link is not None
    tab = page.context.new_page()
    tab.goto(f"{link.removeprefix('.')}&{more}")
    tab.wait_for_selector(".nndl-live[data-epoch]", timeout=WAIT)
    tab.click(".st-key-play button")
    tab.wait_for_function(ENDED, timeout=WAIT)
    tab.get_by_text(says).wait_for(timeout=WAIT)
    tab.close()


def test_the_runs_of_a_class_appear_by_themselves(page: Page, open_student: OpenStudent) -> None:
    page.goto("/board")
    link = page.locator(".st-key-board_link_new input")
    link.wait_for(timeout=WAIT)
    link.fill("http://lab/?epochs=20")
    link.press("Enter")
    page.get_by_text("epochs 20").wait_for(timeout=WAIT)
    page.click(".st-key-board_open button")
    heading = page.get_by_role("heading", name=CODE).last
    heading.wait_for(timeout=WAIT)
    code = heading.inner_text().strip()

    anne, bo = open_student(), open_student()
    join(anne, code.lower(), "Anne <b>")
    until_joined(anne, "Anne <b>")
    join(bo, code, "anne <B>")
    bo.get_by_text("is taken on this board").wait_for(timeout=WAIT)
    join(bo, code.replace("-", " "), "小明")
    until_joined(bo, "小明")
    assert anne.locator(".st-key-board_clear").count() == 0

    run(anne, "activation=relu", "On the board.")
    run(bo, "learning_rate=0.5", "Not on the board: its experiment has Learning rate 0.2")
    run(bo, "activation=tanh", "On the board.")
    expect(page.get_by_text("2 have joined. 2 runs are here.")).to_be_visible(timeout=WAIT)
    names = page.locator(".numbers tbody tr td:first-child")
    assert sorted(names.all_inner_texts()) == ["Anne <b>", "小明"]
    bo.get_by_text("小明 (you)").wait_for(timeout=WAIT)

    page.click(".st-key-board_clear button")
    page.click(".st-key-board_clear_now button")
    expect(anne.get_by_text("2 have joined. 0 runs are here.")).to_be_visible(timeout=WAIT)
    page.click(".st-key-board_close button")
    page.click(".st-key-board_close_now button")
    anne.get_by_text("is no board").wait_for(timeout=WAIT)
