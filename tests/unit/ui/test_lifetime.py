"""The server refuses settings that do not fit, and writes at its end what still waits."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import URL

from nndl_core.store.errors import UnavailableError
from nndl_core.store.history import History
from nndl_core.store.keeper import PAUSE_SECONDS, Keeper
from nndl_core.store.runs import KeptCurves, KeptRun
from pages.ui.server.lifetime import refusal
from tests.e2e.conftest import Server, free_port, wait_until_healthy

ROOT = Path(__file__).parents[3]
SECRET = "0123456789abcdef" * 4
ME = "a" * 64
CURVES = KeptCurves((0,), (0.5,), (0.5,), (0.5,), (0.5,))
REPLICA = {"NNDL_REPLICAS": "2", "STREAMLIT_SERVER_COOKIE_SECRET": SECRET, "NNDL_DATABASE": "x"}


def test_nothing_that_the_entry_point_imports_brings_the_engine() -> None:
    """Torch takes seconds, and reads how many threads it may use when it is imported."""
    lines = (ROOT / "app.py").read_text().splitlines()
    imports = [line for line in lines if line.startswith("from pages.")]
    assert imports
    heavy = "[name for name in ('torch', 'numba', 'sqlalchemy') if name in sys.modules]"
    program = "\n".join(["import sys", *imports, f"print({heavy})"])
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout.strip() == "[]", said.stderr


def a_run(number: int) -> KeptRun:
    return KeptRun(f"{number:032d}", "run", 1.0, "{}", "e", 1)


@pytest.mark.parametrize("settings", [{}, {"NNDL_REPLICAS": "1"}, {"NNDL_REPLICAS": ""}, REPLICA])
def test_settings_that_fit(settings: dict[str, str]) -> None:
    assert refusal(settings) == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"STREAMLIT_SERVER_COOKIE_SECRET": ""}, "the same STREAMLIT_SERVER_COOKIE_SECRET"),
        ({"STREAMLIT_SERVER_COOKIE_SECRET": SECRET[:31]}, "has 31 characters"),
        ({"NNDL_REPLICAS": "1", "STREAMLIT_SERVER_COOKIE_SECRET": ""}, "has 0 characters"),
        ({"NNDL_DATABASE": " "}, "the same NNDL_DATABASE"),
        ({"NNDL_REPLICAS": "two"}, "whole number"),
        ({"NNDL_REPLICAS": "0"}, "whole number"),
        ({"NNDL_REPLICAS": "-2"}, "whole number"),
    ],
)
def test_settings_that_do_not_fit(changed: dict[str, str], said: str) -> None:
    why = refusal(REPLICA | changed)
    assert said in why
    assert SECRET[:31] not in why


def served(folder: Path, port: int, **settings: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if "NNDL_" not in name}
    environment |= {"NNDL_DATA": str(folder), "OMP_NUM_THREADS": "1", **settings}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


def test_a_server_without_its_secret_does_not_start(tmp_path: Path) -> None:
    server = served(tmp_path, free_port(), NNDL_REPLICAS="2")
    assert server.wait(60) == 1
    said = (tmp_path / "log").read_text()
    assert "the same STREAMLIT_SERVER_COOKIE_SECRET" in said
    assert "Traceback" not in said


def test_a_server_that_is_told_to_stop_does_so_cleanly(tmp_path: Path) -> None:
    port = free_port()
    server = served(tmp_path, port)
    wait_until_healthy(Server(f"http://127.0.0.1:{port}", server, tmp_path / "log"))
    server.send_signal(signal.SIGTERM)
    # killed by the signal after its own end; for process 1 of a container that is status 0
    assert server.wait(60) in (0, -signal.SIGTERM)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_what_waits_is_written_before_the_end(tmp_path: Path) -> None:
    keeper = Keeper({"NNDL_DATA": str(tmp_path)})
    for number in range(20):
        keeper.keep(ME, a_run(number), CURVES)
    assert keeper.close(60.0) == 0
    history = History.open(keeper._location.url)  # type: ignore[union-attr]
    assert len(history.runs(ME)) == 20
    history.close()


def test_a_database_that_comes_back_in_the_last_moment_gets_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, failed, open_it = Event(), Event(), History.open

    def opened(url: URL) -> History:
        if not there.is_set():
            failed.set()
            raise UnavailableError("It does not answer.")
        return open_it(url)

    monkeypatch.setattr(History, "open", opened)
    keeper = Keeper({"NNDL_DATA": str(tmp_path)})
    keeper.keep(ME, a_run(0), CURVES)
    assert failed.wait(60)
    there.set()
    # less than LONGEST_RETRY, and than the pause that had begun
    assert keeper.close(PAUSE_SECONDS + 2) == 0


def test_a_database_that_does_not_answer_holds_up_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Keeper({"NNDL_DATA": str(tmp_path)})
    keeper.keep(ME, a_run(0), CURVES).settled.wait(60)
    with sqlite3.connect(tmp_path / "history.sqlite") as other:
        other.execute("BEGIN IMMEDIATE")
        keeper.keep(ME, a_run(1), CURVES)
        assert keeper.close(0.2) == 1
    other.close()
    assert "1 runs could not be kept" in caplog.text
