"""Measures the live page in headless Chromium: frames, bytes, delays, CPU and memory of its server.

Run it from the project's root on a quiet machine: `python benchmarks/live_browser.py`.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, WebSocket, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DRAWN = ".nndl-live[data-epoch]"
SLIDER = "input[type=range]"
# Counts chart nodes that leave the page, and notes when each frame was drawn and each key pressed.
WATCH = """
() => {
  const charts = ".nndl-live, .live-card, .live-canvas, .js-plotly-plot, svg.main-svg";
  const bench = { removed: 0, frames: [], keydown: 0 };
  const isChart = (node) =>
    node.nodeType === 1 && (node.matches(charts) || node.querySelector(charts) !== null);
  new MutationObserver((records) => {
    for (const record of records)
      bench.removed += [...record.removedNodes].filter(isChart).length;
  }).observe(document.body, { childList: true, subtree: true });
  new MutationObserver(() => bench.frames.push(performance.now())).observe(
    document.querySelector(".nndl-live"), { attributeFilter: ["data-frame"] });
  document.addEventListener("keydown", () => { bench.keydown = performance.now(); }, true);
  window.nndlBench = bench;
}
"""
X_RANGE = "() => document.querySelector('.chart-loss .js-plotly-plot')._fullLayout.xaxis.range"


@dataclass
class Server:
    """A running app and what the kernel counts for its process."""

    process: subprocess.Popen[bytes]
    url: str
    started: float

    def cpu_seconds(self) -> float:
        """Read the CPU time used so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        user, system = stat.rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def rss_megabytes(self) -> float:
        """Read the resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@dataclass
class Traffic:
    """Bytes that the server sent over the page's WebSockets."""

    received: int = 0

    def listen(self, page: Page) -> None:
        """Count every message of every WebSocket that this page opens."""
        page.on("websocket", self._attach)

    def _attach(self, sockets: WebSocket) -> None:
        sockets.on("framereceived", self._count)

    def _count(self, payload: str | bytes) -> None:
        self.received += len(payload)


@dataclass
class Report:
    """Measured figures beside their goals."""

    missed: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, goal: str = "") -> None:
        """Print one figure; a goal reads like `<= 15` or `>= 8`."""
        verdict = ""
        if goal:
            relation, limit = goal.split()
            met = value <= float(limit) if relation == "<=" else value >= float(limit)
            verdict = f"goal {goal}: {'met' if met else 'MISSED'}"
            self.missed += [] if met else [name]
        print(f"{name:<46}{value:>9.2f} {unit:<10}{verdict}", flush=True)


def free_port() -> int:
    """Ask the kernel for a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_healthy(url: str) -> bool:
    """Tell whether the server answers its health check."""
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def running_app(app: Path) -> Iterator[Server]:
    """Start `streamlit run` on a free port, wait until it is healthy, stop it at the end."""
    port = free_port()
    options = [f"--server.port={port}", "--server.headless=true", "--server.address=127.0.0.1"]
    command = [sys.executable, "-m", "streamlit", "run", str(app), *options]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=app.parent, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        while not is_healthy(url):
            if process.poll() is not None or time.perf_counter() - started > 60:
                raise RuntimeError(f"the app did not start: {' '.join(command)}")
            time.sleep(0.02)
        yield Server(process, url, started)
    finally:
        process.terminate()
        process.wait(timeout=20)


def frames(page: Page) -> int:
    """Read how many frames the component has drawn."""
    return int(page.get_attribute(".nndl-live", "data-frame") or 0)


def click(page: Page, key: str) -> None:
    """Press the button of this key."""
    page.click(f".st-key-{key} button")


def set_status(page: Page, status: str) -> None:
    """Press Play (it is also Pause) until the page says this status."""
    if page.get_attribute(".nndl-live", "data-status") != status:
        click(page, "play")
        page.wait_for_selector(f".nndl-live[data-status={status}]", timeout=10_000)


def open_page(browser: Browser, url: str, traffic: Traffic | None = None) -> Page:
    """Open the page in a session of its own and wait until it has drawn a frame."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    if traffic:
        traffic.listen(page)
    page.goto(url)
    page.wait_for_selector(DRAWN, timeout=60_000)
    page.wait_for_selector(".st-key-play button:enabled")
    return page


def choose_slowest(page: Page, key: str) -> None:
    """Choose a slider's or list's first value: training then costs little of a frame's CPU."""
    if page.locator(f".st-key-{key} {SLIDER}").count():
        page.focus(f".st-key-{key} {SLIDER}")
        page.keyboard.press("Home")
    else:
        page.locator(f".st-key-{key} input").first.click()
        page.locator("[role=option]").first.click()
    page.wait_for_timeout(1500)


def measure_playing(report: Report, server: Server, page: Page, traffic: Traffic, s: float) -> None:
    """Measure rate, traffic, CPU and remounts while playing, and whether a zoom survives."""
    set_status(page, "playing")
    page.wait_for_timeout(2000)
    zoom(page)
    zoomed = page.evaluate(X_RANGE)
    page.evaluate("() => { window.nndlBench.removed = 0; }")
    before = (frames(page), server.cpu_seconds(), traffic.received, time.perf_counter())
    page.wait_for_timeout(1000 * s)
    after = (frames(page), server.cpu_seconds(), traffic.received, time.perf_counter())
    drawn, cpu, received, wall = (end - start for end, start in zip(after, before, strict=True))
    drawn = max(drawn, 1)
    report.add("frames per second", drawn / wall, "1/s", ">= 8")
    removed = page.evaluate("() => window.nndlBench.removed")
    report.add("chart remounts per frame", removed / drawn, "", "<= 0")
    report.add("received per frame", received / drawn / 1000, "kB", "<= 15")
    report.add("server CPU per frame", 1000 * cpu / drawn, "ms", "<= 25")
    report.add(
        "zoom kept while playing (1 = yes)", float(page.evaluate(X_RANGE) == zoomed), "", ">= 1"
    )


def zoom(page: Page) -> None:
    """Drag a rectangle on the loss chart."""
    box = page.locator(".chart-loss .nsewdrag").bounding_box()
    if box is None:
        raise RuntimeError("the loss chart is not on the page")
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)


def key_delay(page: Page, nth: int) -> float:
    """Press an arrow key; return the milliseconds until the nth frame after it was drawn."""
    page.keyboard.press("ArrowRight")
    script = f"""() => {{
      const {{ frames, keydown }} = window.nndlBench;
      const later = frames.filter((time) => time > keydown);
      return later.length >= {nth} ? later[{nth - 1}] - keydown : null;
    }}"""
    delay = page.wait_for_function(script, timeout=10_000, polling=20).json_value()
    page.wait_for_timeout(700)
    return float(delay)


def measure_slider(report: Report, page: Page, key: str, repeats: int) -> None:
    """Measure from a key press on a slider to the frame that shows it, paused and playing.

    Paused, the next frame is the answer. While playing, the next frame may have been on its way
    already, so the second one is given: an upper bound.
    """
    for status, nth, goal in (("paused", 1, "<= 250"), ("playing", 2, "")):
        set_status(page, status)
        page.wait_for_timeout(1000)
        page.focus(f".st-key-{key} {SLIDER}")
        delays = [key_delay(page, nth) for _ in range(repeats)]
        words = f"slider {key} to frame {nth}, {status} (median)"
        report.add(words, statistics.median(delays), "ms", goal)


def measure_sessions(report: Report, server: Server, browser: Browser, tabs: int) -> None:
    """Open idle tabs and share the growth of memory among them."""
    report.add("RSS with one session", server.rss_megabytes(), "MB", "<= 450")
    before = server.rss_megabytes()
    pages = [open_page(browser, server.url) for _ in range(tabs)]
    time.sleep(2)
    report.add(
        "RSS per further idle session", (server.rss_megabytes() - before) / tabs, "MB", "<= 2"
    )
    for page in pages:
        page.context.close()


def measure_leaving(report: Report, server: Server, page: Page) -> None:
    """Close a playing tab and measure what the server does from 10 to 15 s after."""
    set_status(page, "playing")
    page.wait_for_timeout(1000)
    page.context.close()
    time.sleep(10)
    before = server.cpu_seconds()
    time.sleep(5)
    percent = 100 * (server.cpu_seconds() - before) / 5
    report.add("server CPU 10 s after the tab is closed", percent, "%", "<= 2")


def measure_starts(report: Report, browser: Browser, options: argparse.Namespace) -> None:
    """Measure from starting a server to its first usable page, in a browser that is open already.

    The first start reads every file from the disk; the median is what the goal is set for.
    """
    browser.new_page().goto("data:text/html,<canvas></canvas>")
    seconds = []
    for _ in range(options.starts):
        with running_app(options.app.resolve()) as server:
            page = open_page(browser, server.url + options.query)
            seconds.append(time.perf_counter() - server.started)
            page.context.close()
    report.add("server start to usable page, the first time", seconds[0], "s")
    report.add("server start to usable page (median)", statistics.median(seconds), "s", "<= 6")


def measure(options: argparse.Namespace) -> Report:
    """Run every measurement once and print it as it comes."""
    report = Report()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=CHROMIUM_FLAGS)
        traffic = Traffic()
        measure_starts(report, browser, options)
        with running_app(options.app.resolve()) as server:
            page = open_page(browser, server.url + options.query, traffic)
            page.evaluate(WATCH)
            choose_slowest(page, options.speed)
            measure_playing(report, server, page, traffic, options.seconds)
            measure_slider(report, page, options.slider, options.repeats)
            set_status(page, "paused")
            measure_sessions(report, server, browser, options.tabs)
            measure_leaving(report, server, page)
        browser.close()
    return report


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    parser.add_argument("--app", type=Path, default=ROOT / "app.py")
    parser.add_argument("--query", default="/?epochs=100000", help="path and query of the page")
    parser.add_argument("--chromium", default=chromium)
    parser.add_argument("--seconds", type=float, default=20, help="length of the playing part")
    parser.add_argument("--slider", default="learning_rate", help="key of a slider")
    parser.add_argument("--speed", default="speed", help="key of the list of epochs per frame")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--starts", type=int, default=5, help="times the server is started")
    parser.add_argument("--tabs", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    missed = measure(parse_arguments()).missed
    sys.exit(f"goals missed: {', '.join(missed)}" if missed else 0)
