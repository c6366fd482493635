"""Measures the panel of many seeds in headless Chromium: 200 paired runs, and who still answers.

From the project's root, on a quiet machine: `PYTHONPATH=. python benchmarks/study_browser.py`.
"""

import argparse
import shutil
import statistics
import sys
import time

from playwright.sync_api import Page, sync_playwright

from benchmarks.live_browser import CHROMIUM_FLAGS, ROOT, Report, running_app

CLAIM = "deeper-is-better"


def open_lesson(page: Page, url: str) -> None:
    """Open the lesson on depth and wait for its first frame."""
    page.goto(f"{url}/networks")
    page.wait_for_selector(".nndl-live[data-epoch]", timeout=60_000)


def start(page: Page, seeds: int) -> float:
    """Ask for this many seeds; return the time of the click."""
    field = page.locator(f".st-key-{CLAIM}_seeds input")
    field.fill(str(seeds))
    field.press("Enter")
    page.wait_for_timeout(1000)
    page.click(f".st-key-{CLAIM}_go button")
    return time.perf_counter()


def answer_delay(page: Page, nth: int) -> float:
    """Choose another answer of the question; return the milliseconds until its text is there."""
    options = page.locator(".st-key-depth_answer [role=radiogroup] label")
    words = ("No: Over", "No: Over", "Yes.")[nth % 3]
    begin = time.perf_counter()
    options.nth(nth % 3).click()
    page.wait_for_selector(f"[data-testid=stAlert]:has-text('{words}')", timeout=20_000)
    return 1000 * (time.perf_counter() - begin)


def is_running(page: Page) -> bool:
    """Tell whether the panel offers to stop."""
    return page.locator(f".st-key-{CLAIM}_stop").count() > 0


def measured(page: Page) -> int:
    """Read how many seeds the panel shows."""
    words = page.inner_text(f".st-key-card_{CLAIM} [data-testid=stProgress]")
    return int(words.split()[0])


def measure(options: argparse.Namespace) -> Report:
    """Start the study, touch another control while it runs, and wait for its end."""
    report = Report()
    with sync_playwright() as playwright, running_app(options.app) as server:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        open_lesson(page, server.url)
        begin = start(page, options.seeds)
        delays: list[float] = []
        steps: set[int] = set()
        page.wait_for_selector(f".st-key-card_{CLAIM} [data-testid=stProgress]")
        while is_running(page) and time.perf_counter() - begin < 120:
            delays.append(answer_delay(page, len(delays) % 2 * 2))
            for _ in range(6):
                page.wait_for_timeout(200)
                steps.add(measured(page))
        seconds = time.perf_counter() - begin
        report.add(f"{measured(page)} paired runs of 1000 epochs", seconds, "s", "<= 25")
        report.add("different counts seen while it grew", len(steps), "", ">= 3")
        report.add("another control answers (median)", statistics.median(delays), "ms", "<= 1000")
        report.add("another control answers (worst)", max(delays), "ms")
        browser.close()
    return report


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=type(ROOT), default=ROOT / "app.py")
    parser.add_argument(
        "--chromium", default=shutil.which("chromium") or shutil.which("chromium-browser")
    )
    parser.add_argument("--seeds", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    missed = measure(parse_arguments()).missed
    sys.exit(f"goals missed: {', '.join(missed)}" if missed else 0)
