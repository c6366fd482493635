"""Takes the pictures of the lab from the running app: README's, and light, dark and phone views."""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
VANISHING = "/?hidden=3-3-3-3&init_scale=0.01&bias=1.0&learning_rate=0.01"
TWO_LAYERS = "/?noise=0.2&hidden=8-8&activation=relu&init=he_normal&learning_rate=0.5"
VIEWS = {
    "lab": (TWO_LAYERS, 1440, 900, "light"),
    "lab-dark": (TWO_LAYERS, 1440, 900, "dark"),
    "lab-vanishing": (VANISHING, 1440, 900, "light"),
    "lab-phone": ("/", 390, 844, "light"),
}
PLAYED = 600
"""Epochs after which the picture is taken."""


@contextmanager
def running_app() -> Iterator[str]:
    """Serve the app on a free port and yield its address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    quiet = subprocess.DEVNULL
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet, env=environment)
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait(url: str) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(url, timeout=1)
        except OSError:
            time.sleep(0.25)
        else:
            return
    raise TimeoutError(f"{url} does not answer.")


def picture(browser: Browser, base: str, name: str, folder: Path) -> None:
    """Play one view for some epochs, pause, and save the picture."""
    path, width, height, scheme = VIEWS[name]
    colors: Literal["dark", "light"] = "dark" if scheme == "dark" else "light"
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=colors)
    page.goto(base + path)
    page.wait_for_selector(".nndl-live[data-epoch]", timeout=60_000)
    page.click(".st-key-play button")
    reached = f"() => +document.querySelector('.nndl-live').dataset.epoch >= {PLAYED}"
    page.wait_for_function(reached, timeout=60_000)
    page.click(".st-key-play button")
    page.wait_for_selector(".nndl-live[data-status=paused]")
    page.mouse.move(0, 0)
    page.wait_for_timeout(700)
    page.screenshot(path=folder / f"{name}.png")
    page.close()


def main() -> None:
    """Take the README's picture, or with --all every view."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every view, not only the README's")
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with running_app() as base, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        for name in VIEWS if options.all else ["lab"]:
            picture(browser, base, name, options.out)


if __name__ == "__main__":
    main()
