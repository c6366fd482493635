"""A copy of the run history made while runs are written holds what was there, and comes back."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url

from nndl_core.cli.main import main
from nndl_core.store.backup import BEFORE, NO_HISTORY, NOT_A_COPY, USE_ITS_OWN, back_up, restore
from nndl_core.store.errors import HistoryError, NewerSchemaError
from nndl_core.store.history import History
from nndl_core.store.runs import KeptCurves, KeptFinding, KeptRun

ME, OTHER = "a" * 64, "b" * 64
VALUES = tuple(0.5 for _ in range(400))
CURVES = KeptCurves(tuple(range(400)), VALUES, VALUES, VALUES, VALUES)


def a_run(number: int) -> KeptRun:
    said = (KeptFinding("saturation", "Flat."), KeptFinding("healthy", "Fine."))
    config = json.dumps({"dataset": "moons", "hidden": [number]})
    return KeptRun(
        f"{number:032d}", f"run {number}", float(number), config, "e", 400, findings=said
    )


def address(folder: Path) -> URL:
    folder.mkdir(exist_ok=True)
    return URL.create("sqlite", database=str(folder / "history.sqlite"))


def filled(folder: Path, numbers: range, owner: str = ME) -> URL:
    history = History.open(address(folder))
    for number in numbers:
        history.add(owner, a_run(number), CURVES)
    history.close()
    return address(folder)


def held(url: URL, owner: str = ME) -> dict[KeptRun, KeptCurves]:
    history = History.open(url)
    runs = history.runs(owner)
    curves = history.curves(owner, [run.id for run in runs])
    history.close()
    return {run: curves[run.id] for run in runs}


def test_a_copy_holds_the_same_runs(tmp_path: Path) -> None:
    url = filled(tmp_path / "lab", range(5))
    assert back_up(url, tmp_path / "copy") == 5
    assert held(make_url(f"sqlite:///{tmp_path / 'copy'}")) == held(url)
    assert {path.name for path in tmp_path.iterdir()} == {"lab", "copy"}  # no log beside it
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0


def test_a_copy_made_while_runs_are_written_is_of_one_moment(tmp_path: Path) -> None:
    history = History.open(address(tmp_path / "lab"))
    written, stop = [-1], threading.Event()

    def write() -> None:
        while not stop.is_set():
            history.add(ME, a_run(written[0] + 1), CURVES)
            written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for copy in (tmp_path / f"copy{number}" for number in range(5)):
            while (before := written[0]) < 3:
                pass
            count = back_up(history.engine.url, copy)
            numbers = sorted(int(run.id) for run in held(make_url(f"sqlite:///{copy}")))
            assert numbers == list(range(count))  # every run up to one, none of them half
            assert before < count <= written[0] + 2
    finally:
        stop.set()
        writer.join()
        history.close()


def test_a_restored_history_holds_the_runs_of_the_copy(tmp_path: Path) -> None:
    url = filled(tmp_path / "lab", range(5))
    copied = held(url)
    back_up(url, tmp_path / "copy")
    running = History.open(url)  # a lab that is not stopped, with its log
    running.add(ME, a_run(7), CURVES)
    running.add(OTHER, a_run(8), CURVES)
    replaced = held(url)
    assert restore(url, tmp_path / "copy") == 5
    assert {run.id for run in running.runs(ME)} == {run.id for run in copied}
    assert running.runs(OTHER) == []
    running.add(ME, a_run(9), CURVES)
    running.close()
    assert set(held(url)) == {*copied, a_run(9)}
    before = make_url(f"sqlite:///{url.database}.{BEFORE}")
    assert held(before) == replaced
    assert len(held(before, OTHER)) == 1


def test_a_copy_comes_back_to_an_empty_folder(tmp_path: Path) -> None:
    back_up(filled(tmp_path / "lab", range(3)), tmp_path / "copy")
    assert restore(address(tmp_path / "new"), tmp_path / "copy") == 3
    assert held(address(tmp_path / "new")) == held(address(tmp_path / "lab"))


@pytest.mark.parametrize(
    "content",
    [b"", b"no database", b"SQLite format 3\0" + b"x" * 5000],
    ids=["empty", "text", "torn"],
)
def test_what_is_no_copy_changes_nothing(tmp_path: Path, content: bytes) -> None:
    url = filled(tmp_path / "lab", range(2))
    (tmp_path / "copy").write_bytes(content)
    with pytest.raises(HistoryError, match=NOT_A_COPY):
        restore(url, tmp_path / "copy")
    assert len(held(url)) == 2


def test_a_damaged_copy_changes_nothing(tmp_path: Path) -> None:
    url = filled(tmp_path / "lab", range(40))
    back_up(url, tmp_path / "copy")
    damaged = bytearray((tmp_path / "copy").read_bytes())
    damaged[8192:40960] = bytes(32768)
    (tmp_path / "copy").write_bytes(damaged)
    with pytest.raises(HistoryError):
        restore(url, tmp_path / "copy")
    assert len(held(url)) == 40


def test_a_copy_of_a_newer_lab_changes_nothing(tmp_path: Path) -> None:
    url = filled(tmp_path / "lab", range(2))
    back_up(url, tmp_path / "copy")
    with sqlite3.connect(tmp_path / "copy") as newer:
        newer.execute("UPDATE nndl_schema SET version_num = '9999'")
    newer.close()
    with pytest.raises(NewerSchemaError, match="9999"):
        restore(url, tmp_path / "copy")
    assert len(held(url)) == 2


def test_an_older_lab_puts_its_copy_over_a_newer_history(tmp_path: Path) -> None:
    url = filled(tmp_path / "lab", range(2))
    back_up(url, tmp_path / "copy")
    with sqlite3.connect(str(url.database)) as newer:
        newer.execute("UPDATE nndl_schema SET version_num = '9999'")
    newer.close()
    with pytest.raises(NewerSchemaError):
        History.open(url)
    assert restore(url, tmp_path / "copy") == 2
    assert len(held(url)) == 2


def test_a_history_that_is_in_no_file_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=USE_ITS_OWN):
        back_up(make_url("postgresql+psycopg://lab@localhost/lab"), tmp_path / "copy")
    with pytest.raises(HistoryError, match=NO_HISTORY):
        back_up(address(tmp_path / "lab"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_the_commands_pass_a_copy_through_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    url = filled(tmp_path / "lab", range(3))
    monkeypatch.setenv("NNDL_DATA", str(tmp_path / "lab"))
    assert main(["backup", "-"]) == 0
    copy, said = capfdbinary.readouterr()
    assert said == b"Copied; 3 runs.\n"
    filled(tmp_path / "lab", range(3, 6))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(copy)))
    assert main(["restore", "-"]) == 0
    assert b"Restored; 3 runs." in capfdbinary.readouterr().err
    assert len(held(url)) == 3
    assert main(["restore", str(tmp_path / "nothing")]) == 2
    assert capfdbinary.readouterr().err.count(b"\n") == 1
