"""The keeper: runs wait while the database does not answer, and training never does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nndl_core.store import keeper as module
from nndl_core.store.errors import NOT_THERE, HistoryError
from nndl_core.store.history import History
from nndl_core.store.keeper import GIVEN_UP, MOST_OF_OWNER, NOT_KEPT, Keeper
from nndl_core.store.runs import KeptCurves, KeptRun

ME = "a" * 64
NOTHING = KeptCurves((), (), (), (), ())
WAIT = 20.0


def a_run(number: int) -> KeptRun:
    return KeptRun(f"{number:032d}", f"run {number}", float(number), "{}", "", 1)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.05)


def broken_keeper(tmp_path: Path) -> tuple[Keeper, Path]:
    """A keeper whose database is a folder, until somebody removes it."""
    place = tmp_path / "history.sqlite"
    place.mkdir()
    return Keeper({"NNDL_DATABASE": f"sqlite:///{place}"}), place


def test_runs_wait_and_are_written_once_the_database_is_there(tmp_path: Path, quick: None) -> None:
    keeper, place = broken_keeper(tmp_path)
    start = time.monotonic()
    kept = [keeper.keep(ME, a_run(number), NOTHING) for number in range(3)]
    assert time.monotonic() - start < 1
    until(lambda: keeper.problem == NOT_THERE)
    assert keeper.waiting(ME) == 3
    assert keeper.waiting("b" * 64) == 0
    with pytest.raises(HistoryError, match="does not answer"):
        keeper.do(lambda history: history.runs(ME))
    place.rmdir()
    for one in kept:
        assert one.settled.wait(WAIT)
        assert one.refused == ""
    until(lambda: keeper.waiting(ME) == 0)
    assert keeper.problem == ""
    found = keeper.do(lambda history: history.runs(ME))
    assert [run.name for run in found] == ["run 2", "run 1", "run 0"]


def test_a_database_that_failed_is_not_asked_again_at_once(tmp_path: Path) -> None:
    now = [0.0]
    place = tmp_path / "history.sqlite"
    place.mkdir()
    keeper = Keeper({"NNDL_DATABASE": f"sqlite:///{place}"}, clock=lambda: now[0])
    asked = []

    def ask(history: History) -> None:
        asked.append(history)

    with pytest.raises(HistoryError):
        keeper.do(ask)
    place.rmdir()
    with pytest.raises(HistoryError):
        keeper.do(ask)
    now[0] += module.PAUSE_SECONDS
    keeper.do(ask)
    assert len(asked) == 1


def test_what_waits_is_bounded_and_the_oldest_is_told(tmp_path: Path) -> None:
    keeper, _ = broken_keeper(tmp_path)
    kept = [keeper.keep(ME, a_run(number), NOTHING) for number in range(MOST_OF_OWNER + 3)]
    assert keeper.waiting(ME) == MOST_OF_OWNER
    assert [one.refused for one in kept[:4]] == [GIVEN_UP] * 3 + [""]
    keeper.keep("b" * 64, a_run(0), NOTHING)
    assert keeper.waiting(ME) == MOST_OF_OWNER


def test_a_run_that_cannot_be_written_does_not_hold_up_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = History.add

    def fails(self: History, owner: str, run: KeptRun, curves: KeptCurves) -> bool:
        if run.name == "run 0":
            raise ZeroDivisionError
        return add(self, owner, run, curves)

    monkeypatch.setattr(History, "add", fails)
    keeper = Keeper({"NNDL_DATA": str(tmp_path)})
    kept = [keeper.keep(ME, a_run(number), NOTHING) for number in range(2)]
    assert all(one.settled.wait(WAIT) for one in kept)
    assert [one.refused for one in kept] == [NOT_KEPT, ""]


def test_a_wrong_setting_is_one_sentence() -> None:
    keeper = Keeper({"NNDL_DATABASE": "mysql://u:secret@h/d"})
    with pytest.raises(HistoryError, match="allowed are postgresql"):
        keeper.do(lambda history: history.runs(ME))
    assert "secret" not in keeper.problem
