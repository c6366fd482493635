"""Two live runs side by side in a real browser, on a page made for this test."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, TimeoutError

from tests.e2e.conftest import ROOT, Server, free_port, stop, wait_until_healthy

pytestmark = pytest.mark.timed

CHARTS = ("loss", "accuracy", "boundary", "gradients")
WAIT = 20_000  # milliseconds; a shared machine may be busy
# Notes every chart node that leaves the page.
WATCH = """
() => {
  const charts = ".nndl-live, .live-card, .live-canvas, .js-plotly-plot, svg.main-svg";
  const isChart = (node) =>
    node.nodeType === 1 && (node.matches(charts) || node.querySelector(charts) !== null);
  window.removedCharts = [];
  new MutationObserver((records) => {
    const removed = records.flatMap((record) => [...record.removedNodes]).filter(isChart);
    window.removedCharts.push(...removed.map((node) => node.outerHTML.slice(0, 80)));
  }).observe(document.body, { childList: true, subtree: true });
}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the page of this test alone; fail when it logged a traceback."""
    log = tmp_path_factory.mktemp("pair") / "app.log"
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "tests/e2e/pair_app.py"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--server.port={port}"], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
    running = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        wait_until_healthy(running)
        yield running
    finally:
        stop(process)
    assert "Traceback" not in log.read_text(), log.read_text()


@dataclass(frozen=True)
class Pair:
    """One tab with two runs, operated and read as a person does."""

    page: Page

    def says(self, name: str) -> list[str]:
        script = "name => [...document.querySelectorAll('.nndl-live')].map(n => n.dataset[name])"
        read: list[str] = self.page.evaluate(script, name)
        return read

    def press(self, key: str) -> None:
        self.page.click(f".st-key-{key} button")

    def until(self, condition: str, given: object = None) -> None:
        """Wait until a JavaScript condition on `runs`, the data of both components, holds."""
        script = f"(given) => {{ const nodes = [...document.querySelectorAll('.nndl-live')]; \
            const runs = nodes.map((node) => node.dataset); \
            return runs.length === 2 && runs.every((run) => run.epoch) && ({condition}); }}"
        try:
            self.page.wait_for_function(script, arg=given, timeout=WAIT, polling=50)
        except TimeoutError:
            now = [self.says(name) for name in ("epoch", "status", "run")]
            pytest.fail(f"Waited in vain for {condition} ({given}); the page is at {now}.")

    def play_to(self, epoch: int) -> None:
        self.press("play")
        self.until("runs.some((run) => Number(run.epoch) >= given)", epoch)

    def pause(self) -> None:
        self.press("play")
        self.until("runs.every((run) => run.status === 'paused')")

    def axes(self, chart: str, axis: str) -> list[list[float]]:
        plots = f"[...document.querySelectorAll('.chart-{chart} .js-plotly-plot')]"
        read: list[list[float]] = self.page.evaluate(
            f"{plots}.map((plot) => plot._fullLayout.{axis}.range)"
        )
        return read

    def digests(self, chart: str) -> list[str]:
        cards = f"[...document.querySelectorAll('.chart-{chart}')]"
        read: list[str] = self.page.evaluate(f"{cards}.map((card) => card.dataset.digest)")
        return read

    def boxes(self, selector: str) -> list[dict[str, float]]:
        script = "(s) => [...document.querySelectorAll(s)].map(n => n.getBoundingClientRect())\
            .map(({ x, y, width, height }) => ({ x, y, width, height }))"
        read: list[dict[str, float]] = self.page.evaluate(script, selector)
        return read

    def measured(self) -> str:
        return " ".join(self.page.locator('[data-testid="stText"]').all_inner_texts())


OpenPair = Callable[..., Pair]


@pytest.fixture
def open_pair(open_app: Callable[[str], Page]) -> OpenPair:
    """Open the page and wait for the first frame of both runs."""

    def opened(path: str = "/") -> Pair:
        pair = Pair(open_app(path))
        pair.until("runs.every((run) => Number(run.frame) >= 1)")
        return pair

    return opened


def test_one_clock_plays_both_runs_and_every_chart_moves(open_pair: OpenPair) -> None:
    pair = open_pair()
    names = pair.page.locator(".live-name").all_inner_texts()
    assert names == ["Sick <b>", "Cured"]
    first = {name: pair.digests(name) for name in CHARTS}
    pair.play_to(100)
    pair.pause()
    pair.until("runs[0].epoch === runs[1].epoch")
    for name in CHARTS:
        both = list(zip(first[name], pair.digests(name), strict=True))
        assert all(before != after for before, after in both), name
    assert pair.page.locator(".live-card").count() == 2 * len(CHARTS)
    assert len({*pair.digests("loss")}) == 2


def test_no_chart_is_taken_away_by_playing_pausing_resetting_or_another_config(
    open_pair: OpenPair,
) -> None:
    pair = open_pair()
    pair.page.evaluate(WATCH)
    for _ in range(5):
        pair.play_to(int(pair.says("epoch")[0]) + 41)
        pair.pause()
    pair.press("step")
    pair.press("reset")
    pair.until("runs.every((run) => run.epoch === '0')")
    pair.play_to(41)
    before = pair.says("run")
    pair.page.focus(".st-key-units input[type=range]")
    pair.page.keyboard.press("ArrowRight")
    pair.until("runs.every((run, at) => run.run !== given[at])", before)
    pair.until("runs.every((run) => run.status === 'playing' && Number(run.epoch) > 40)")
    pair.pause()
    assert pair.page.evaluate("window.removedCharts") == []


def test_equal_charts_have_equal_axes_and_stand_beside_each_other(open_pair: OpenPair) -> None:
    pair = open_pair()
    pair.play_to(60)
    pair.pause()
    pair.until("runs[0].epoch === runs[1].epoch")
    for chart, axis in (("loss", "yaxis"), ("loss", "xaxis"), ("accuracy", "yaxis")):
        one, two = pair.axes(chart, axis)
        assert one == two, (chart, axis)
    one, two = pair.axes("gradients", "xaxis")
    assert one == two
    for chart in CHARTS:
        left, right = pair.boxes(f".chart-{chart}")
        assert left["y"] == right["y"], chart
        assert (left["width"], left["height"]) == (right["width"], right["height"])
        assert left["x"] + left["width"] <= right["x"]


def test_what_was_measured_follows_each_button_and_the_end(open_pair: OpenPair) -> None:
    pair = open_pair("/?epochs=60")
    assert "Cured: loss" in pair.measured()
    pair.press("step")
    pair.until("runs.every((run) => run.epoch === '1')")
    pair.page.wait_for_selector("text=at 1", timeout=WAIT)
    assert len(re.findall(r"loss \d\.\d{6} at 1\b", pair.measured())) == 2
    pair.press("play")
    pair.until("runs.every((run) => run.status === 'finished')")
    pair.page.wait_for_selector(".st-key-play button:has-text('Play')", timeout=WAIT)
    pair.page.wait_for_selector("text=at 60", timeout=WAIT)
    assert len(re.findall(r"loss \d\.\d{6} at 60\b", pair.measured())) == 2


def test_what_was_measured_is_renewed_while_the_runs_play(open_pair: OpenPair) -> None:
    pair = open_pair()
    pair.press("play")
    seen = set()
    for _ in range(3):
        pair.page.wait_for_timeout(1300)
        seen |= {int(epoch) for epoch in re.findall(r"at (\d+)", pair.measured())}
    assert len(seen) >= 2
    pair.pause()


def test_a_diverged_run_waits_and_rows_still_line_up(open_pair: OpenPair) -> None:
    pair = open_pair("/?diverging=1")
    pair.play_to(200)
    pair.until("runs[0].status === 'diverged' && runs[1].status === 'playing'")
    epoch = pair.says("epoch")[0]
    banner, hollow = pair.page.locator(".live-banner").all()
    assert re.match(r"Diverged at epoch \d+: ", banner.inner_text())
    assert hollow.inner_text() == ""
    for chart in CHARTS:
        left, right = pair.boxes(f".chart-{chart}")
        assert left["y"] == right["y"], chart
    loss = pair.axes("loss", "yaxis")[1]
    assert loss[1] < 2  # the exploded loss of the neighbor does not set this axis
    pair.press("play")
    pair.until("runs[1].status === 'paused'")
    assert pair.says("epoch")[0] == epoch


def test_nothing_overflows_on_a_phone_and_the_runs_stand_below_each_other(
    open_pair: OpenPair, page: Page
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    pair = open_pair()
    pair.press("step")
    pair.until("runs.every((run) => run.epoch === '1')")
    assert pair.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    first, second = pair.boxes(".nndl-live")
    assert first["y"] + first["height"] <= second["y"]
    for box in pair.boxes(".live-card"):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["height"] > 150
