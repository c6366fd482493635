"""A report made in a real browser holds what the page has measured."""

from __future__ import annotations

import zipfile
from pathlib import Path

from playwright.sync_api import Page

IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def report_of(page: Page, name: str, folder: Path) -> str:
    """Make the report and return its text."""
    with page.expect_download(timeout=60_000) as waiting:
        page.locator(f".st-key-report_{name} button").click()
    path = folder / "report.zip"
    waiting.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        return archive.read("report.md").decode()


def open_path(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_selector(IDLE, timeout=60_000)


def test_the_report_of_a_lesson_holds_the_seeds_that_were_measured(
    page: Page, tmp_path: Path
) -> None:
    open_path(page, "/dying?lesson=leaky&epochs=5")
    panel = page.locator(".st-key-card_slope-to-the-fourth")
    panel.locator(".st-key-slope-to-the-fourth_seeds input").fill("3")
    panel.locator(".st-key-slope-to-the-fourth_seeds input").press("Enter")
    page.locator(".st-key-slope-to-the-fourth_go button").click()
    panel.get_by_text("3 of 3 seeds").wait_for(timeout=60_000)
    text = report_of(page, "leaky", tmp_path)
    assert "The claim holds. Measured with 3 seeds:" in text


def test_the_report_of_the_bugs_holds_the_case_that_was_run(page: Page, tmp_path: Path) -> None:
    open_path(page, "/bugs?case=init")
    page.locator(".st-key-show button").click()
    page.get_by_role("button", name="Run both").click()
    page.locator(".st-key-number_fixed").wait_for(timeout=60_000)
    text = report_of(page, "bugs", tmp_path)
    assert "## The initialization that changes nothing" in text
