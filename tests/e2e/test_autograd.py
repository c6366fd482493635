"""The autograd page in a browser: formulas without the internet, times while the walk answers."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

OpenApp = Callable[[str], Page]
# Whether KaTeX's own fonts, served by Streamlit, are what draws the formula.
KATEX = "[...document.fonts].some(f => f.family.startsWith('KaTeX') && f.status === 'loaded')"


def test_a_cold_link_draws_formulas_and_entries(open_app: OpenApp) -> None:
    page = open_app("/autograd?hidden=4-3&activation=tanh")
    expect(page.locator(".st-key-walk_card .katex").first).to_be_visible(timeout=30_000)
    page.wait_for_function(KATEX)
    expect(page.get_by_role("textbox", name="Layer widths")).to_have_value("4-3")
    expect(page.get_by_test_id("stDataFrame").locator("canvas").first).to_be_visible()


def test_the_walk_answers_while_times_are_measured(open_app: OpenApp) -> None:
    page = open_app("/autograd?hidden=64-64-64")
    card, measure = page.locator(".st-key-walk_card"), page.locator(".st-key-measure button")
    expect(card).to_contain_text("1 of 25", timeout=30_000)
    measure.click()
    expect(measure).to_contain_text("Stop")
    expect(page.locator(".st-key-timing_strips .main-svg").first).to_be_visible(timeout=30_000)
    for step in (2, 3, 4):
        page.locator(".st-key-walk_next button").click()
        expect(card).to_contain_text(f"{step} of 25")
    expect(measure).to_contain_text("Stop")
    measure.click()
    expect(measure).to_contain_text("Measure")
