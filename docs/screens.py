"""Takes a picture of every page in every look: language, theme, presenter, size; into a folder."""

from __future__ import annotations

import argparse
import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, sync_playwright

from docs.screenshot import CHROMIUM_FLAGS, running_app

WAIT = 90_000
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
TABLE = '[data-testid="stDataFrame"] .dvn-scroller'
LIVE = ".nndl-live[data-epoch]"
RUN_ENDED = """() => [...document.querySelectorAll(".nndl-live")].every(
    (run) => ["finished", "diverged"].includes(run.dataset.status))"""


@dataclass(frozen=True)
class View:
    """A page in a state that is worth looking at: where it is, what is pressed, what is awaited."""

    name: str
    path: str
    ready: str = IDLE
    press: str = ""
    until: str = ""
    needs_runs: bool = False

    def open(self, page: Page, more: dict[str, str] | None = None) -> None:
        """Open the page and wait until it stands."""
        mark = "&" if "?" in self.path else "?"
        page.goto(self.path + (mark + urlencode(more) if more else ""))
        page.wait_for_selector(IDLE, timeout=WAIT)
        page.wait_for_selector(self.ready, timeout=WAIT)
        page.wait_for_timeout(700)  # charts that Plotly draws after the page

    def play(self, page: Page) -> None:
        """Press what starts the page's work, and wait for its end."""
        if self.needs_runs:  # the boxes of a table stand on its canvas
            page.locator(self.press).click(position={"x": 16, "y": 52})
        else:
            page.click(self.press)
        if self.until:
            page.wait_for_function(self.until, timeout=WAIT)
        page.wait_for_selector(IDLE, timeout=WAIT)
        page.wait_for_timeout(1500)


def ended_runs(page: Page) -> None:
    """Train two short runs to their end, so that this browser's history has something to show."""
    for path in ("/?epochs=40", "/?epochs=60&activation=tanh&init=xavier_normal"):
        run = _run("", path)
        run.open(page)
        run.play(page)
        page.get_by_text("Kept in the run history.").wait_for(timeout=WAIT)


def _run(name: str, path: str) -> View:
    return View(name, path, LIVE, ".st-key-play button", RUN_ENDED)


VIEWS = (
    _run("lab", "/?epochs=200"),
    _run("lab-sick", "/?hidden=3-3-3-3&init_scale=0.01&bias=1.0&learning_rate=0.01&epochs=200"),
    _run("networks", "/networks?epochs=60"),
    View(
        "autograd", "/autograd?hidden=4-3", ".st-key-walk_card .katex", ".st-key-walk_next button"
    ),
    _run("initialization", "/initialization?epochs=60"),
    _run("initialization-spread", "/initialization?lesson=spread&epochs=60"),
    _run("vanishing", "/vanishing?epochs=60"),
    _run("dying", "/dying?lesson=dying&epochs=60"),
    _run("dying-leaky", "/dying?lesson=leaky&epochs=60"),
    _run("dying-large-step", "/dying?lesson=large-step&epochs=60"),
    View(
        "map",
        "/map?x_count=5&y_count=4&y_high=7&seeds=1&epochs=20&points=200",
        ".st-key-map_figure .main-svg",
        ".st-key-map_play button",
        "document.querySelector('.st-key-map_play button')?.disabled",
    ),
    View(
        "gallery",
        "/gallery",
        until="!document.querySelector('.stMain [data-testid=stProgress]')",
        press=".stMain h2 >> nth=0",
    ),
    View(
        "history",
        "/history",
        TABLE,
        f"{TABLE} >> nth=0",
        "document.querySelector('.st-key-history_overlay .main-svg')",
        needs_runs=True,
    ),
    View(
        "board",
        "/board",
        ".st-key-board_open",
        ".st-key-board_open button",
        "document.querySelector('.st-key-board_clear')",
    ),
    View("bugs", "/bugs?case=file", ".nndl-listing", ".st-key-show button"),
    View("reference", "/reference", ".nndl-calls"),
    View("glossary", "/reference?view.reference_tab=terms"),
    View("limits", "/reference", press="[role=tab]:nth-of-type(3)"),
)


def full_height(page: Page, width: int, height: int) -> None:
    """Make the window as high as the page: Streamlit scrolls inside it."""
    inner = "document.querySelector('[data-testid=stMain]').scrollHeight"
    page.set_viewport_size({"width": width, "height": max(height, page.evaluate(inner))})
    page.wait_for_timeout(400)


def take(browser: Browser, base: str, view: View, look: dict[str, str], folder: Path) -> None:
    """Save the first screen before and after the page's work, and the whole page after it."""
    width, height = SIZES[look["size"]]
    context = browser.new_context(
        base_url=base,
        viewport={"width": width, "height": height},
        color_scheme="dark" if look["theme"] == "dark" else "light",
    )
    page = context.new_page()
    more = {"lang": look["lang"]} | ({"present": "1"} if look["present"] else {})
    if view.needs_runs:
        ended_runs(page)
    view.open(page, more)
    stem = "-".join(filter(None, (view.name, look["lang"], look["theme"], look["size"])))
    stem += "-present" if look["present"] else ""
    if view.press:
        page.screenshot(path=folder / f"{stem}-before.png")
        view.play(page)
    page.screenshot(path=folder / f"{stem}.png")
    full_height(page, width, height)
    page.screenshot(path=folder / f"{stem}-whole.png")
    context.close()


def main() -> None:
    """Take the pictures that were asked for; without options, all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--view", nargs="+", choices=[view.name for view in VIEWS])
    parser.add_argument("--lang", nargs="+", default=["en", "zh"])
    parser.add_argument("--theme", nargs="+", default=["light", "dark"])
    parser.add_argument("--size", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--present", nargs="+", default=["", "1"], help="'' is the usual frame")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    axes = (options.lang, options.theme, options.present, options.size)
    looks = [
        dict(zip(("lang", "theme", "present", "size"), each, strict=True))
        for each in itertools.product(*axes)
    ]
    with running_app() as base, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        for view in VIEWS:
            if options.view and view.name not in options.view:
                continue
            for look in looks:
                take(browser, base, view, look, options.folder)


if __name__ == "__main__":
    main()
