"""The run history in a SQLite file: what is kept, what goes, and who reaches it."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL

from nndl_core.store.database import VERSION_TABLE, open_database
from nndl_core.store.errors import HistoryError, NewerSchemaError, RefusedError, UnavailableError
from nndl_core.store.history import History
from nndl_core.store.location import NOT_LASTING, location_of
from nndl_core.store.runs import MOST_NAME, KeptCurves, KeptFinding, KeptRun, RunFilter
from nndl_core.store.tables import METADATA

ROOT = Path(__file__).parents[3]
ME, OTHER = "a" * 64, "b" * 64
CURVES = KeptCurves((0, 1), (0.5, 0.25), (0.5, 0.25), (0.5, 1.0), (0.5, 1.0))


def url_of(file: Path) -> URL:
    return URL.create("sqlite", database=str(file))


def a_run(number: int, **more: object) -> KeptRun:
    config = '{"dataset": "moons", "activation": "tanh", "hidden": [3]}'
    run = KeptRun(f"{number:032d}", f"run {number}", float(number), config, "engine", 10)
    return replace(run, **more)  # type: ignore[arg-type]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History.open(url_of(tmp_path / "history.sqlite"), most_runs=5)
    yield opened
    opened.close()


def names(history: History, wanted: RunFilter | None = None, owner: str = ME) -> list[str]:
    return [run.name for run in history.runs(owner, wanted)]


def test_a_run_written_again_is_there_once(history: History) -> None:
    assert history.add(ME, a_run(1), CURVES)
    assert not history.add(ME, a_run(1, name="again"), CURVES)
    assert names(history) == ["run 1"]


def test_writers_of_one_run_at_the_same_time_write_it_once(history: History) -> None:
    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(lambda _: history.add(ME, a_run(1), CURVES), range(20)))
    assert sum(told) == 1
    assert names(history) == ["run 1"]


def test_another_owner_neither_sees_nor_changes_a_run(history: History) -> None:
    history.add(ME, a_run(1), CURVES)
    run_id = a_run(1).id
    assert history.runs(OTHER) == []
    assert history.curves(OTHER, [run_id]) == {}
    assert not history.rename(OTHER, run_id, "mine now")
    history.pin(OTHER, [run_id], True)
    assert history.delete(OTHER, [run_id]) == 0
    assert history.add(OTHER, a_run(1, name="of another"), CURVES)  # no id is taken from anybody
    (mine,) = history.runs(ME)
    assert (mine.name, mine.pinned) == ("run 1", False)


def test_the_oldest_run_that_is_not_pinned_makes_room(history: History) -> None:
    history.add(OTHER, a_run(0), CURVES)
    history.add(ME, a_run(1), CURVES)
    history.pin(ME, [a_run(1).id], True)
    for number in range(2, 9):
        history.add(ME, a_run(number), CURVES)
    assert names(history) == ["run 1", "run 8", "run 7", "run 6", "run 5"]
    assert names(history, owner=OTHER) == ["run 0"]


def test_one_place_is_always_left_unpinned(history: History) -> None:
    runs = [a_run(number) for number in range(5)]
    for run in runs:
        history.add(ME, run, CURVES)
    history.pin(ME, [run.id for run in runs[:4]], True)
    with pytest.raises(RefusedError, match="can be pinned"):
        history.pin(ME, [runs[4].id], True)
    assert [run.pinned for run in history.runs(ME)] == [True] * 4 + [False]


def test_filters_find_what_they_say(history: History) -> None:
    said = (KeptFinding("dying_relu", "All dead."), KeptFinding("saturation", "Flat."))
    relu = '{"dataset": "xor", "activation": "relu"}'
    history.add(ME, a_run(1, name="Größe 100%", config=relu, findings=said), CURVES)
    history.add(ME, a_run(2, name="größer 100_", pinned=True), CURVES)
    expected = {
        RunFilter(): ["größer 100_", "Größe 100%"],
        RunFilter(name="GRÖSSE"): ["größer 100_", "Größe 100%"],
        RunFilter(name="0%"): ["Größe 100%"],
        RunFilter(name="0_"): ["größer 100_"],
        RunFilter(activation="relu"): ["Größe 100%"],
        RunFilter(dataset="moons"): ["größer 100_"],
        RunFilter(disease="saturation"): ["Größe 100%"],
        RunFilter(pinned=True): ["größer 100_"],
        RunFilter(pinned=False, dataset="moons"): [],
    }
    assert {wanted: names(history, wanted) for wanted in expected} == expected


def test_deleting_takes_the_findings_with_it(history: History) -> None:
    history.add(ME, a_run(1, findings=(KeptFinding("healthy", "Fine."),)), CURVES)
    assert history.delete(ME, [a_run(1).id, a_run(2).id]) == 1
    with history.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM findings").scalar() == 0
    assert history.add(ME, a_run(1), CURVES)


@pytest.mark.parametrize("bad", ["", " \n\t", "\x00\u202e"])
def test_a_name_of_nothing_is_not_taken(history: History, bad: str) -> None:
    history.add(ME, a_run(1), CURVES)
    assert not history.rename(ME, a_run(1).id, bad)
    assert names(history) == ["run 1"]


def test_a_name_is_cut_and_stands_on_one_line(history: History) -> None:
    history.add(ME, a_run(1), CURVES)
    assert history.rename(ME, a_run(1).id, "a\nb\x00c " + "ß" * 200)
    (name,) = names(history)
    assert name.startswith("a b c ß")
    assert len(name) == MOST_NAME


def test_the_migrations_make_the_tables_that_the_code_uses(history: History) -> None:
    with history.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_newer_schema_is_refused_and_not_touched(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "newer.sqlite"
    made = sqlite3.connect(file)
    made.executescript(
        f"PRAGMA journal_mode = {mode}; CREATE TABLE {VERSION_TABLE} (version_num TEXT);"
        f"INSERT INTO {VERSION_TABLE} VALUES ('0999'); CREATE TABLE runs (novel TEXT)"
    )
    made.close()
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    with pytest.raises(NewerSchemaError, match=r"schema is 0999, this lab knows 0002; nothing"):
        open_database(url_of(file))
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    assert [path.name for path in tmp_path.iterdir()] == ["newer.sqlite"]


def test_a_file_of_something_else_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "notes.sqlite"
    file.write_text("Dear diary, " * 100)
    with pytest.raises(UnavailableError):
        open_database(url_of(file))
    assert file.read_text() == "Dear diary, " * 100


OPEN = """
import sys
from sqlalchemy import make_url
from nndl_core.store.database import open_database
sys.stdin.readline()
open_database(make_url(sys.argv[1])).dispose()
"""


def test_processes_that_make_the_database_at_once_make_it_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite'}"
    command = [sys.executable, "-c", OPEN, url]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in started] == [b""] * 4
    assert [process.returncode for process in started] == [0] * 4


def test_the_history_lies_in_the_data_folder(tmp_path: Path) -> None:
    found = location_of({"NNDL_DATA": str(tmp_path / "deep" / "data")})
    assert found.url.database == str(tmp_path / "deep" / "data" / "history.sqlite")
    assert found.warning == ""


def test_without_a_writable_folder_it_lies_where_it_will_not_last(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    places = [location_of({"NNDL_DATA": str(tmp_path / "file")}) for _ in range(2)]
    assert [place.warning for place in places] == [NOT_LASTING] * 2
    assert places[0].url != places[1].url
    for place in places:
        folder = Path(str(place.url.database)).parent
        assert folder.stat().st_mode & 0o77 == 0
        folder.rmdir()


@pytest.mark.parametrize("text", ["postgres://u:p@h/d", "postgresql://u:p@h/d"])
def test_postgresql_is_one_setting(text: str) -> None:
    url = location_of({"NNDL_DATABASE": text}).url
    assert (url.drivername, url.password, url.database) == ("postgresql+psycopg", "p", "d")


@pytest.mark.parametrize(
    "text", ["nonsense", "mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:"]
)
def test_another_address_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(HistoryError, match="NNDL_DATABASE") as refused:
        location_of({"NNDL_DATABASE": text})
    assert "secret" not in str(refused.value)
