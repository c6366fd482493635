"""The language is switched in a real browser: while a run plays, and with choices made before."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

OpenApp = Callable[[str], Page]
WAIT = 20_000  # milliseconds; a shared machine may be busy
LIVE = "document.querySelector('.nndl-live')?.dataset"


def speak(page: Page, name: str) -> None:
    page.click(f".st-key-language button:has-text('{name}')")


def choose(page: Page, key: str, label: str) -> None:
    chosen(page, key).click()
    page.click(f"[role=option]:has-text('{label}')")
    expect(chosen(page, key)).to_have_value(label, timeout=WAIT)


def chosen(page: Page, key: str) -> Locator:
    return page.locator(f"[class*=st-key-{key}] input").first


def until_further(page: Page) -> None:
    """Wait until the run has gone on by two frames."""
    page.wait_for_function(f"{LIVE}.status === 'playing'", timeout=WAIT)
    since = page.evaluate(f"Number({LIVE}.epoch)")
    page.wait_for_function(
        f"since => {LIVE}.status === 'playing' && Number({LIVE}.epoch) >= since + 2 * 5",
        arg=since,
        timeout=WAIT,
    )


def test_a_run_plays_on_through_two_switches(open_app: OpenApp) -> None:
    page = open_app("/?epochs=100000&points=100&lang=en")
    choose(page, "speed", "5 epochs / frame")
    page.click(".st-key-play button")
    until_further(page)
    title = page.locator(".chart-loss h3")
    expect(title).to_have_text("Loss")
    for name, tag, word, pace, pause in (
        ("中文", "zh", "损失", "5 轮 / 帧", "暂停"),
        ("English", "en", "Loss", "5 epochs / frame", "Pause"),
        ("中文", "zh", "损失", "5 轮 / 帧", "暂停"),
    ):
        speak(page, name)
        expect(title).to_have_text(word, timeout=WAIT)
        expect(page.locator(".st-key-play button")).to_contain_text(pause, timeout=WAIT)
        expect(chosen(page, "speed")).to_have_value(pace, timeout=WAIT)
        until_further(page)
        expect(page).to_have_url(re.compile(f"lang={tag}"), timeout=WAIT)
    page.click(".st-key-play button")
    page.click("a[href*='gallery']")
    expect(page.locator("h2, h3").first).to_have_text("病例图库", timeout=WAIT)
    assert "lang=zh" in page.url


def test_what_is_chosen_stays_chosen_in_the_other_language(open_app: OpenApp) -> None:
    page = open_app("/map?lang=zh")
    choose(page, "map_color", "训练损失")
    choose(page, "map_dataset", "两个圆环")
    page.click(".st-key-map_play button")
    expect(page.locator("[data-testid=stProgress]")).not_to_contain_text(" 0 个", timeout=WAIT)
    speak(page, "English")
    color = chosen(page, "map_color")
    expect(color).to_have_value("train loss", timeout=WAIT)
    expect(chosen(page, "map_dataset")).to_have_value("Two circles")
    page.wait_for_timeout(1500)  # the ticks that were under way still name the Chinese label
    expect(color).to_have_value("train loss")
    expect(page.locator("[data-testid=stAlert], [data-testid=stException]")).to_have_count(0)
    assert "color=loss" in page.url
    assert "dataset=circles" in page.url
