"""Measures the trainability map in headless Chromium: time, updates, delays and memory of one map.

From the project's root, on a quiet machine: `PYTHONPATH=. python benchmarks/map_browser.py`.
"""

import argparse
import statistics
import sys
import time

from playwright.sync_api import Page, sync_playwright

from benchmarks.live_browser import CHROMIUM_FLAGS, ROOT, Report, Server, running_app

PLOT = "document.querySelector('.st-key-map_figure .js-plotly-plot')"
CELLS = f"{PLOT}.data.filter((t) => t.type === 'heatmap')"
PAINTED = f"{CELLS}.some((t) => t.z.flat().some((value) => value !== null))"
# Notes when the panel changed: its picture, or the line that tells how far it is.
WATCH = f"""
() => {{
  window.mapFrames = [];
  const figure = document.querySelector('.st-key-map_figure .nndl-figure');
  new MutationObserver(() => window.mapFrames.push(performance.now())).observe(
    figure, {{ attributeFilter: ["data-drawn"] }});
  window.mapLines = new Set();
  new MutationObserver(() => {{
    const line = document.querySelector("[data-testid=stProgress]");
    if (line) window.mapLines.add(line.innerText);
  }}).observe(document.querySelector(".stMain"),
    {{ subtree: true, childList: true, characterData: true }});
  window.hasTheory = () => {PLOT}.data.some((t) => t.name === "depth 6 ξ");
}}
"""


def open_map(page: Page, url: str) -> None:
    """Open the map and wait for its empty picture."""
    page.goto(url)
    page.wait_for_selector(".st-key-map_figure .main-svg", timeout=60_000)
    page.wait_for_timeout(2000)
    page.evaluate(WATCH)


def answer_delay(page: Page) -> float:
    """Switch the lines of theory; return the milliseconds until the picture follows."""
    before = page.evaluate("window.hasTheory()")
    begin = time.perf_counter()
    page.locator(".st-key-map_theory label").click()
    page.wait_for_function(f"window.hasTheory() !== {str(before).lower()}", polling=20)
    return 1000 * (time.perf_counter() - begin)


def measure(options: argparse.Namespace) -> Report:
    """Train a map to its end and use another control meanwhile."""
    report = Report()
    with sync_playwright() as playwright, running_app(options.app) as server:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        open_map(page, f"{server.url}/map{options.query}")
        _measure(page, server, report)
        browser.close()
    return report


def _measure(page: Page, server: Server, report: Report) -> None:
    idle, cpu, begin = server.rss_megabytes(), server.cpu_seconds(), time.perf_counter()
    page.click(".st-key-map_play button")
    page.wait_for_function(PAINTED, polling=20, timeout=60_000)
    report.add("first coarse picture", time.perf_counter() - begin, "s", "<= 3")
    page.wait_for_selector(".st-key-map_pause button")
    delays: list[float] = []
    most = idle
    while page.locator(".st-key-map_pause").count():
        if len(delays) < 12:
            delays.append(answer_delay(page))
        most = max(most, server.rss_megabytes())
        page.wait_for_timeout(1500)
    seconds = time.perf_counter() - begin
    lines, frames = page.evaluate("[window.mapLines.size, window.mapFrames.length]")
    report.add("map complete", seconds, "s", "<= 60")
    report.add("CPU of the server", server.cpu_seconds() - cpu, "s")
    report.add("updates of the panel", lines / seconds, "per s", ">= 2")
    report.add("pictures", frames / seconds, "per s")
    report.add("another control answers (median)", statistics.median(delays), "ms", "<= 500")
    report.add("another control answers (worst)", max(delays), "ms")
    report.add("memory above the idle page", most - idle, "MB", "<= 300")
    print(page.locator("[data-testid=stMarkdown]:has-text('do as the rule')").inner_text())


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=type(ROOT), default=ROOT / "app.py")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--query", default="", help="the address of another map, from the ? on")
    return parser.parse_args()


if __name__ == "__main__":
    missed = measure(parse_arguments()).missed
    sys.exit(f"goals missed: {', '.join(missed)}" if missed else 0)
