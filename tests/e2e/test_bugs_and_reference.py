"""Spot the bug and the reference page in a real browser, each opened by its own address."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

OpenApp = Callable[[str], Page]
WAIT = 20_000  # milliseconds; the first optimizer of a process imports for seconds


def test_a_bug_is_found_run_and_counted(open_app: OpenApp) -> None:
    page = open_app("/bugs?case=history")
    expect(page.locator(".nndl-listing").first).to_contain_text("dev_scores.append(score)")
    expect(page.locator(".nndl-listing .new")).to_have_count(0)
    page.click(".st-key-line_history input")
    page.get_by_role("option", name="9: ").click()
    expect(page.locator("[data-testid=stProgress]")).to_contain_text("1 of 15", timeout=WAIT)
    expect(page.locator(".nndl-listing .new")).to_have_count(1)
    page.click(".st-key-run button")
    numbers = page.locator("[data-testid=stMetricValue]")
    expect(numbers).to_have_text(["101", "100"], timeout=WAIT)
    page.click(".st-key-next button")
    page.wait_for_url("**/bugs?case=eval-mode", timeout=WAIT)


def test_the_page_of_a_bug_fits_a_phone(open_app: OpenApp, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_app("/bugs?case=file")
    page.click(".st-key-show button")
    expect(page.locator(".nndl-listing .wrong")).to_have_count(2, timeout=WAIT)
    wide = (
        "[...document.querySelectorAll('.nndl-listing')].some(e => e.scrollWidth > e.clientWidth)"
    )
    assert not page.evaluate(wide)


def test_a_term_leads_to_the_case_that_shows_it(open_app: OpenApp) -> None:
    page = open_app("/reference")
    expect(page.locator(".nndl-calls .row").nth(1)).to_contain_text("torch.nn.Linear(2, 5)")
    page.get_by_role("tab", name="Glossary").click()
    page.locator("a[href*='case=logits']").click()
    page.wait_for_url("**/bugs?case=logits", timeout=WAIT)
    expect(page.locator(".nndl-listing").first).to_contain_text("with_logits", timeout=WAIT)
