"""The training lab in a real browser: what a person presses, and what then is on the screen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, FilePayload, Page, TimeoutError

CHARTS = ("loss", "accuracy", "boundary", "gradients", "activations", "units")
LONG = "/?epochs=100000"
WAIT = 20_000  # milliseconds; a shared machine may be busy
# Notes every chart node that leaves the page.
WATCH = """
() => {
  const charts = ".nndl-live, .live-card, .live-canvas, .live-units, .js-plotly-plot, svg.main-svg";
  const isChart = (node) =>
    node.nodeType === 1 && (node.matches(charts) || node.querySelector(charts) !== null);
  window.removedCharts = [];
  new MutationObserver((records) => {
    const removed = records.flatMap((record) => [...record.removedNodes]).filter(isChart);
    window.removedCharts.push(...removed.map((node) => node.outerHTML.slice(0, 80)));
  }).observe(document.body, { childList: true, subtree: true });
}
"""


@dataclass(frozen=True)
class Lab:
    """One tab with the lab, operated and read as a person does."""

    page: Page

    def says(self, name: str) -> str:
        return self.page.get_attribute(".nndl-live", f"data-{name}") or ""

    @property
    def epoch(self) -> int:
        return int(self.says("epoch"))

    def press(self, key: str) -> None:
        self.page.click(f".st-key-{key} button")

    def until(self, condition: str, given: object = None) -> None:
        """Wait until a JavaScript condition on `live`, the component's data, holds."""
        script = f"(given) => {{ const live = document.querySelector('.nndl-live')?.dataset; \
            return Boolean(live?.epoch) && ({condition}); }}"
        try:
            self.page.wait_for_function(script, arg=given, timeout=WAIT, polling=50)
        except TimeoutError:
            now = self.page.evaluate("({ ...document.querySelector('.nndl-live')?.dataset })")
            pytest.fail(f"Waited in vain for {condition} ({given}); the page is at {now}.")

    def until_status(self, status: str) -> None:
        self.until("live.status === given", status)

    def play_to(self, epoch: int) -> None:
        self.press("play")
        self.until("live.status === 'playing' && Number(live.epoch) >= given", epoch)

    def pause(self) -> None:
        self.press("play")
        self.until_status("paused")

    def step(self) -> None:
        expected = str(self.epoch + 1)
        self.press("step")
        self.until("live.epoch === given", expected)

    def move_slider(self, key: str, presses: str) -> None:
        self.page.focus(f".st-key-{key} input[type=range]")
        self.page.keyboard.press(presses)

    def until_address_has(self, words: str) -> None:
        self.page.wait_for_function("(w) => location.search.includes(w)", arg=words, timeout=WAIT)

    def figures(self) -> dict[str, str]:
        """Read every number that the charts draw, in full precision."""
        digest = "name => [name, document.querySelector(`.chart-${name}`).dataset.digest]"
        read: dict[str, str] = self.page.evaluate(
            f"(names) => Object.fromEntries(names.map({digest}))", list(CHARTS)
        )
        return read

    def pictures(self) -> dict[str, bytes]:
        """Photograph the charts, not what their digests claim."""
        return {n: self.page.locator(f".chart-{n} .live-card-body").screenshot() for n in CHARTS}

    def epoch_axis(self, chart: str) -> list[float]:
        layout = f"document.querySelector('.chart-{chart} .js-plotly-plot')._fullLayout"
        read: list[float] = self.page.evaluate(f"{layout}.xaxis.range")
        return read

    def address(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.page.url).query)


OpenLab = Callable[..., Lab]


@pytest.fixture
def open_lab(open_app: Callable[[str], Page], page: Page) -> Iterator[OpenLab]:
    """Open the lab and wait for its first frame; fail when the browser logged an error."""
    logged: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            logged.append(f"{message.text} {message.location}")

    page.on("console", note)

    def opened(path: str = "/") -> Lab:
        lab = Lab(open_app(path))
        lab.until("Number(live.frame) >= 1")
        return lab

    yield opened
    assert not logged, f"The browser logged errors: {logged}"


@pytest.fixture
def open_elsewhere(browser: Browser) -> Iterator[Callable[[str], Lab]]:
    """Open an address in a browser that has never seen the app."""
    contexts = []

    def opened(url: str) -> Lab:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        contexts.append(context)
        lab = Lab(context.new_page())
        lab.page.goto(url)
        lab.until("Number(live.frame) >= 1")
        return lab

    yield opened
    for context in contexts:
        context.close()


def test_play_moves_the_epoch_and_every_chart(open_lab: OpenLab) -> None:
    lab = open_lab()
    assert (lab.epoch, lab.says("status")) == (0, "ready")
    numbers, pictures = lab.figures(), lab.pictures()
    lab.play_to(400)  # far enough for the rounded share of saturated outputs to change
    lab.pause()
    later, later_pictures = lab.figures(), lab.pictures()
    for name in CHARTS:
        assert later[name] != numbers[name], name
        assert later_pictures[name] != pictures[name], name
    assert str(lab.epoch) in lab.page.inner_text(".merit-epoch").replace(",", "")


def test_no_chart_is_torn_down_and_a_zoom_is_kept_while_playing(open_lab: OpenLab) -> None:
    lab = open_lab(LONG)
    lab.page.evaluate(WATCH)
    lab.play_to(200)
    box = lab.page.locator(".chart-loss .nsewdrag").bounding_box()
    assert box is not None
    before = lab.epoch_axis("loss")
    lab.page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.2 * box["height"])
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
    lab.page.mouse.up()
    lab.page.wait_for_selector(".chart-loss .live-reset-zoom:visible", timeout=WAIT)
    zoomed, frame = lab.epoch_axis("loss"), int(lab.says("frame"))
    # half of the axis that was there when the mouse moved: it grows while the run plays
    after = lab.epoch_axis("accuracy")
    assert 0.4 * (before[1] - before[0]) < zoomed[1] - zoomed[0] < 0.6 * (after[1] - after[0])
    lab.until("Number(live.frame) >= given", frame + 15)
    lab.pause()
    lab.play_to(lab.epoch + 1)
    assert lab.epoch_axis("loss") == zoomed
    assert lab.page.evaluate("window.removedCharts") == []
    lab.page.click(".chart-loss .live-reset-zoom")
    lab.until("Number(live.frame) >= given", int(lab.says("frame")) + 2)
    assert lab.epoch_axis("loss") != zoomed


def test_pause_stands_still_step_is_one_and_reset_is_the_first_frame(open_lab: OpenLab) -> None:
    lab = open_lab(LONG)
    first = lab.figures()
    lab.play_to(40)
    lab.pause()
    epoch = lab.epoch
    lab.page.wait_for_timeout(600)  # six ticks of the clock, if it still ran
    assert lab.epoch == epoch
    lab.step()
    lab.step()
    assert lab.epoch == epoch + 2
    lab.press("reset")
    lab.until("live.epoch === '0' && live.status === 'ready'")
    assert lab.figures() == first


def test_every_click_counts_once_while_the_clock_ticks(open_lab: OpenLab) -> None:
    lab = open_lab(LONG)
    for _ in range(8):  # a tick that leaves together with a click must not undo it
        lab.play_to(lab.epoch + 21)
        lab.pause()


def test_new_weights_are_the_next_seed_and_another_start(open_lab: OpenLab) -> None:
    lab = open_lab("/?init_seed=4")
    first, run = lab.figures(), lab.says("run")
    lab.press("new_weights")
    lab.until("live.run !== given", run)
    lab.until_address_has("init_seed=5")
    assert lab.epoch == 0
    later = lab.figures()
    assert later["loss"] != first["loss"]
    assert later["boundary"] != first["boundary"]
    assert lab.page.input_value(".st-key-init_seed input") == "5"


def test_a_copied_link_shows_the_same_first_frame_and_plays_to_the_same_numbers(
    open_lab: OpenLab, open_elsewhere: Callable[[str], Lab]
) -> None:
    lab = open_lab("/?epochs=60&optimizer=adam&hidden=4-3&activation=tanh&noise=0.3&batch_size=50")
    run = lab.says("run")
    lab.page.click(".st-key-dataset_spirals2 button")
    lab.until("live.run !== given", run)
    lab.until_address_has("dataset=spirals2")
    first = lab.figures()
    copy = open_elsewhere(lab.page.url)
    assert copy.figures() == first
    for _ in range(3):
        copy.step()
    lab.press("play")
    lab.until_status("finished")
    copy.press("play")
    copy.until_status("finished")
    assert copy.figures() == lab.figures()
    for tile in ("test-best", "test-last"):
        score = lab.page.inner_text(f".merit-{tile}")
        assert "%" in score
        assert copy.page.inner_text(f".merit-{tile}") == score


def test_another_depth_restarts_at_once_even_while_playing(open_lab: OpenLab) -> None:
    lab = open_lab(LONG)
    lab.play_to(5000)  # more than a new run has done when its first frame is read
    run, epoch = lab.says("run"), lab.epoch
    lab.move_slider("depth", "ArrowRight")
    lab.until("live.run !== given", run)
    assert lab.epoch < epoch
    lab.until_address_has("hidden=5-5")
    rows = lab.page.locator(".chart-units tbody tr")
    assert rows.count() == 2
    lab.until("live.status === 'playing' && Number(live.epoch) > 20")
    assert lab.page.input_value(".st-key-hidden input") == "5-5"


def test_the_learning_rate_changes_live_without_a_restart(open_lab: OpenLab) -> None:
    lab = open_lab(LONG)
    lab.play_to(100)
    run, epoch = lab.says("run"), lab.epoch
    lab.move_slider("learning_rate", "ArrowRight")
    lab.until_address_has("learning_rate=0.5")
    lab.until("Number(live.epoch) > given", epoch + 60)
    assert (lab.says("run"), lab.says("status")) == (run, "playing")


def test_a_wrong_value_in_the_address_gets_a_sentence(open_lab: OpenLab) -> None:
    lab = open_lab("/?points=7&hidden=<b>x</b>&learning_rate=0.5&noise=0.1")
    text = " ".join(lab.page.locator('[data-testid="stAlert"]').all_inner_texts())
    assert "points: 7 is out of range; allowed is from 20 to 5000." in text
    assert "hidden: '<b>x</b>' is not a list of layer widths; write 5-3, or none;" in text
    lab.until_address_has("learning_rate=0.5")
    assert lab.address() == {"learning_rate": ["0.5"], "noise": ["0.1"]}
    lab.step()


def test_a_diverging_run_stops_by_itself_and_says_where_and_why(open_lab: OpenLab) -> None:
    lab = open_lab("/?activation=relu&learning_rate=1000")
    lab.press("play")
    lab.until_status("diverged")
    banner = lab.page.locator(".live-banner")
    assert banner.is_visible()
    assert re.match(r"Diverged at epoch \d+: .*learning rate 1000 ", banner.inner_text())
    assert re.search(r"\d", lab.page.inner_text(".merit-train-loss .live-merit-value"))
    assert "NaN" not in lab.page.inner_text(".nndl-live")
    lab.page.wait_for_selector(".st-key-play button:has-text('Play')", timeout=WAIT)


def test_a_network_without_hidden_layer_says_so(open_lab: OpenLab) -> None:
    lab = open_lab("/?hidden=none")
    for name in ("activations", "units"):
        assert "No hidden layer" in lab.page.inner_text(f".chart-{name} .live-card-body")
    lab.step()
    run = lab.says("run")
    lab.move_slider("depth", "ArrowRight")
    lab.until("live.run !== given", run)
    assert lab.page.locator(".chart-units tbody tr").count() == 1


def test_every_data_set_has_a_picture_and_is_drawn(open_lab: OpenLab) -> None:
    lab = open_lab("/?points=200")
    for name in ("circles", "blobs3", "spirals3", "iris", "digits", "moons"):
        run, boundary = lab.says("run"), lab.pictures()["boundary"]
        button = lab.page.locator(f".st-key-dataset_{name} button")
        assert "svg" in button.evaluate("(b) => getComputedStyle(b).backgroundImage")
        button.click()
        lab.until("live.run !== given", run)
        assert lab.pictures()["boundary"] != boundary, name
        lab.step()
        border = button.evaluate("(b) => getComputedStyle(b).borderTopWidth")
        assert float(border.removesuffix("px")) >= 2, name


def test_a_saved_checkpoint_restores_the_run_in_another_browser(
    open_lab: OpenLab, open_elsewhere: Callable[[str], Lab], tmp_path: Path
) -> None:
    lab = open_lab("/?hidden=4-3&points=300")
    lab.play_to(20)
    lab.pause()
    with lab.page.expect_download() as download:
        lab.press("save_last")
    saved = tmp_path / "last.safetensors"
    download.value.save_as(saved)
    other = open_elsewhere(lab.page.url.partition("?")[0])
    other.page.set_input_files(".st-key-load input[type=file]", saved)
    other.until("live.epoch === given", str(lab.epoch))
    other.until_address_has("hidden=4-3")
    for name in ("boundary", "gradients", "activations", "units"):
        assert other.figures()[name] == lab.figures()[name]


def test_an_exported_script_repeats_the_run_without_the_lab(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    lab = open_lab("/?hidden=4-3&points=300&epochs=60&batch_size=20&activation=tanh")
    lab.press("play")
    lab.until_status("finished")
    assert saved_program_scores(lab, "save_run_py", tmp_path / "run.py") == scores_on_page(lab)


def scores_on_page(lab: Lab) -> list[str]:
    """Read what the page says of the test set, last and best."""
    tiles = (f".merit-test-{name} .live-merit-value" for name in ("last", "best"))
    return [lab.page.inner_text(tile) for tile in tiles]


def saved_program_scores(lab: Lab, button: str, file: Path) -> list[str]:
    """Download a program, run it where there is no lab, and return what it says."""
    lab.page.get_by_role("button", name="Export the run").click()
    with lab.page.expect_download() as download:
        lab.press(button)
    download.value.save_as(file)
    if file.suffix == ".zip":
        shutil.unpack_archive(file, file.parent)
    command = [sys.executable, "-I", "run.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=file.parent)
    lines = [line for line in done.stdout.splitlines() if line.startswith("test, ")]
    scores = [float(line.split("score ")[1].split(",")[0]) for line in lines]
    return [f"{100 * score:.1f} %" for score in scores]


def csv_file(content: str) -> FilePayload:
    return {"name": "mine.csv", "mimeType": "text/csv", "buffer": content.encode()}


def test_an_uploaded_csv_is_trained_on(open_lab: OpenLab) -> None:
    lab = open_lab()
    lab.press("dataset_csv")
    upload = ".st-key-csv input[type=file]"
    lab.page.wait_for_selector(upload, state="attached", timeout=WAIT)
    rows = [f"{i + 5},{i * i % 11},{'<b>no</b>' if i % 2 else 'yes'}" for i in range(60)]
    content = "\n".join(["width <i>,height,kind", *rows])
    broken, good = csv_file(content + "\nx,1,yes"), csv_file(content)
    lab.page.set_input_files(upload, broken)
    lab.page.wait_for_selector("text=Row 62", timeout=WAIT)
    run = lab.says("run")
    lab.page.set_input_files(upload, good)
    lab.until("live.run !== given", run)
    assert "<b>no</b>" in lab.page.inner_text(".chart-boundary .live-legend")
    assert lab.page.locator(".chart-boundary .xtitle").text_content() == "width <i>"
    lab.play_to(20)


def test_a_run_on_a_table_is_exported_with_its_table(open_lab: OpenLab, tmp_path: Path) -> None:
    lab = open_lab("/?epochs=40&hidden=4")
    lab.press("dataset_csv")
    upload, run = ".st-key-csv input[type=file]", lab.says("run")
    lab.page.wait_for_selector(upload, state="attached", timeout=WAIT)
    rows = [f"{i + 5},{i * i % 11},{'=1+1' if i * i % 7 > 2 else 'yes'}" for i in range(90)]
    lab.page.set_input_files(upload, csv_file("\n".join(["width,height,kind", *rows])))
    lab.until("live.run !== given", run)
    lab.press("play")
    lab.until_status("finished")
    assert saved_program_scores(lab, "save_run_zip", tmp_path / "run.zip") == scores_on_page(lab)


def test_nothing_overflows_on_a_phone(open_lab: OpenLab, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    lab = open_lab()
    lab.step()
    assert lab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in CHARTS:
        box = lab.page.locator(f".chart-{name}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["height"] > 150


def test_everything_fits_a_laptop_and_the_loss_has_a_log_axis(open_lab: OpenLab) -> None:
    lab = open_lab()
    for name in CHARTS:
        box = lab.page.locator(f".chart-{name}").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900, name
        assert box["x"] + box["width"] <= 1440, name
    lab.step()
    axis = "document.querySelector('.chart-loss .js-plotly-plot')._fullLayout.yaxis.type === given"
    for scale in ("log", "linear"):
        lab.page.click(f".chart-loss [data-scale={scale}]")
        lab.until(axis, scale)


def test_the_dark_theme_is_dark(open_lab: OpenLab, page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    lab = open_lab()
    colors: dict[str, Any] = lab.page.evaluate(
        """() => {
          const style = getComputedStyle(document.querySelector(".stApp"));
          const text = getComputedStyle(document.querySelector(".live-card-head h3")).color;
          return { background: style.backgroundColor, text };
        }"""
    )
    rgb = {name: [int(v) for v in re.findall(r"\d+", color)[:3]] for name, color in colors.items()}
    assert max(rgb["background"]) < 60
    assert min(rgb["text"]) > 180


def cpu_seconds(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="CPU is read from Linux's /proc")
def test_a_closed_tab_leaves_the_server_idle(
    server: Any, open_elsewhere: Callable[[str], Lab]
) -> None:
    lab = open_elsewhere(server.url + LONG)
    lab.page.click(".st-key-speed [data-baseweb=select], .st-key-speed button")
    lab.page.get_by_role("option", name="as fast as it goes").click()
    lab.play_to(100)
    lab.page.context.close()
    share, deadline = 1.0, time.monotonic() + 10
    while share >= 0.05 and time.monotonic() < deadline:
        start = (cpu_seconds(server.process.pid), time.monotonic())
        time.sleep(1)
        share = (cpu_seconds(server.process.pid) - start[0]) / (time.monotonic() - start[1])
    assert share < 0.05, f"The server still uses {share:.0%} of a core."


@pytest.mark.parametrize("width", [1366, 1440, 1920])
def test_no_figure_of_merit_is_cut_off(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/?epochs=400")
    page.locator(".st-key-speed input").click()
    page.get_by_role("option", name="as fast as it goes").click()
    page.locator(".st-key-play button").click()
    page.wait_for_selector(".nndl-live[data-status=finished]", timeout=60_000)
    parts = ".live-merit-label, .live-merit-value, .live-merit-note, .live-merit-figure"
    cut = page.eval_on_selector_all(
        parts, "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    )
    # an inline span has no width of its own to overflow: its box must lie within the tile
    beyond = page.eval_on_selector_all(
        ".live-merit-value",
        "all => all.filter(e => e.getBoundingClientRect().right > "
        "e.closest('.live-merit').getBoundingClientRect().right - 4).map(e => e.textContent)",
    )
    assert not cut
    assert not beyond
    assert "epoch" in page.inner_text(".merit-test-best .live-merit-when")
