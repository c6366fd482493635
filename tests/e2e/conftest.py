"""The running app and a real Chromium in front of it, for the browser tests."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@dataclass(frozen=True)
class Server:
    """A running app: its address, its process and the file that receives its output."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in this folder and run it last: the quick tests fail first."""
    here = Path(__file__).parent
    browser_tests = [item for item in items if here in item.path.parents]
    for item in browser_tests:
        item.add_marker(pytest.mark.e2e)
    items[:] = [item for item in items if here not in item.path.parents] + browser_tests


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def wait_until_healthy(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_healthy(server.url):
        if server.process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"The app did not start. Its output:\n{server.log.read_text()}")
        time.sleep(0.1)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the app as the README does, on a free port; fail when it logged a traceback."""
    with serving(tmp_path_factory.mktemp("server") / "app.log") as running:
        yield running


@contextmanager
def serving(log: Path, **settings: str) -> Iterator[Server]:
    """Start the app with these environment settings; fail when it logged a traceback."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | settings,
        )
    running = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        wait_until_healthy(running)
        yield running
    finally:
        stop(process)
    text = log.read_text()
    assert "Traceback" not in text, f"The app logged an exception:\n{text}"


def chromium_path(playwright: Playwright) -> str | None:
    """Find a Chromium: NNDL_CHROMIUM, then the system's, then one that Playwright downloaded."""
    if named := os.environ.get("NNDL_CHROMIUM"):
        return named
    if found := next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None):
        return found
    bundled = playwright.chromium.executable_path
    return bundled if Path(bundled).exists() else None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Open a headless Chromium; without one skip, or fail where NNDL_REQUIRE_BROWSER is 1."""
    with sync_playwright() as playwright:
        path = chromium_path(playwright)
        if path is None:
            reason = (
                "Browser test not run: no Chromium found (install chromium or set NNDL_CHROMIUM)."
            )
            if os.environ.get("NNDL_REQUIRE_BROWSER") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
        chromium = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """Open an empty tab at 1440x900; fail when it met a script error or asked another host."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server.url)
    tab = context.new_page()
    errors: list[str] = []
    foreign: list[str] = []

    def note_request(url: str) -> None:
        if url.startswith("http") and not url.startswith(server.url + "/"):
            foreign.append(url)

    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: note_request(request.url))
    yield tab
    context.close()
    assert not errors, f"Script errors in the browser: {errors}"
    assert not foreign, f"Requests that left the app's own host: {foreign}"


@pytest.fixture
def open_app(page: Page) -> Callable[[str], Page]:
    """Return a function that opens a path with its query and waits until the script has run."""

    def open_path(path: str = "/") -> Page:
        page.goto(path)
        page.wait_for_selector(IDLE, timeout=30_000)
        return page

    return open_path
