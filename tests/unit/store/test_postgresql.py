"""The run history in a PostgreSQL server that the test starts, stops and starts again."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import RunConfig
from nndl_core.store import keeper as keeper_module
from nndl_core.store.boards import Boards
from nndl_core.store.database import VERSION_TABLE
from nndl_core.store.errors import NOT_THERE, NewerSchemaError, RefusedError
from nndl_core.store.history import History
from nndl_core.store.keeper import Keeper
from nndl_core.store.location import location_of
from nndl_core.store.runs import KeptCurves, KeptFinding, KeptRun, RunFilter
from nndl_core.store.tables import METADATA
from pages.ui.server.history_access import history_keeper
from tests.postgresql import Server, running

ROOT = Path(__file__).parents[3]
ME, OTHER = "a" * 64, "b" * 64
NAN = float("nan")
CURVES = KeptCurves((0, 1), (0.5, 0.25), (0.5, NAN), (0.5, 1.0), (0.5, 1.0))
WAIT = 30.0


def a_run(number: int, **more: Any) -> KeptRun:
    config = '{"dataset": "moons", "activation": "tanh", "hidden": [3]}'
    said = (KeptFinding("saturation", "Flat."), KeptFinding("healthy", "Fine."))
    plain: dict[str, Any] = {"name": f"run {number}", "config": config, "findings": said}
    return KeptRun(
        f"{number:032d}", finished_at=float(number), engine="e", epochs=9, **plain | more
    )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        yield started


@pytest.fixture
def history(server: Server) -> Iterator[History]:
    """Open the database and empty it."""
    opened = History.open(location_of(server.settings).url, most_runs=5)
    with opened.engine.begin() as connection:
        connection.execute(text("TRUNCATE runs CASCADE"))
    yield opened
    opened.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_runs_go_in_and_come_out_filtered_by_owner(history: History) -> None:
    assert history.add(ME, a_run(1, name="Größe 100%"), CURVES)
    assert not history.add(ME, a_run(1, name="again"), CURVES)
    assert history.runs(ME) == [a_run(1, name="Größe 100%")]
    read = history.curves(ME, [a_run(1).id])[a_run(1).id]
    assert (read.epoch, read.train_loss, str(read.dev_loss)) == (
        CURVES.epoch,
        CURVES.train_loss,
        str(CURVES.dev_loss),
    )
    for wanted in (RunFilter(name="GRÖSSE 1"), RunFilter(name="0%"), RunFilter(disease="healthy")):
        assert len(history.runs(ME, wanted)) == 1, wanted
    for wanted in (RunFilter(name="0_"), RunFilter(activation="relu"), RunFilter(pinned=True)):
        assert history.runs(ME, wanted) == [], wanted
    assert history.runs(OTHER) == []
    assert not history.rename(OTHER, a_run(1).id, "x\x00y")
    assert history.delete(OTHER, [a_run(1).id]) == 0
    assert history.delete(ME, [a_run(1).id]) == 1


def test_writers_at_the_same_time_write_each_run_once_and_keep_to_the_limit(
    history: History,
) -> None:
    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(lambda at: history.add(ME, a_run(at % 4), CURVES), range(60)))
    assert sum(told) == 4
    for number in range(4, 9):
        history.add(ME, a_run(number), CURVES)
    assert [run.name for run in history.runs(ME)] == [f"run {at}" for at in (8, 7, 6, 5, 4)]


def test_the_migrations_make_the_tables_that_the_code_uses(history: History) -> None:
    with history.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []


def test_processes_that_migrate_at_once_migrate_once(server: Server, history: History) -> None:
    drop = f"DROP TABLE entries, members, boards, findings, runs, {VERSION_TABLE}"
    with history.engine.begin() as connection:
        connection.execute(text(drop))
    command = [os.sys.executable, "-c", OPEN, history.engine.url.render_as_string(False)]  # type: ignore[attr-defined]
    started = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate()[1] for process in started] == [b""] * 4
    assert history.add(ME, a_run(1), CURVES)


OPEN = """
import sys
from sqlalchemy import make_url
from nndl_core.store.database import open_database
open_database(make_url(sys.argv[1])).dispose()
"""


def test_a_newer_schema_is_refused(server: Server, history: History) -> None:
    change = f"UPDATE {VERSION_TABLE} SET version_num = :to"
    with history.engine.begin() as connection:
        connection.execute(text(change), {"to": "0999"})
    try:
        with pytest.raises(NewerSchemaError, match="nothing was changed"):
            History.open(location_of(server.settings).url)
    finally:
        with history.engine.begin() as connection:
            connection.execute(text(change), {"to": "0002"})


def test_an_idle_connection_survives_a_restart_of_the_server(
    server: Server, history: History
) -> None:
    history.add(ME, a_run(1), CURVES)
    server.stop()
    server.start()
    assert [run.name for run in history.runs(ME)] == ["run 1"]


@pytest.fixture
def page_keeper(
    server: Server, history: History, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Keeper]:
    """Let the pages keep runs in the server."""
    monkeypatch.setattr(keeper_module, "PAUSE_SECONDS", 0.1)
    monkeypatch.setenv("NNDL_DATABASE", server.settings["NNDL_DATABASE"])
    history_keeper.cache_clear()
    yield history_keeper()
    history_keeper.cache_clear()


def test_a_dump_that_is_restored_holds_the_same_runs(server: Server, history: History) -> None:
    """The commands of docs/operations.md, with this server's address."""
    for number in range(3):
        history.add(ME, a_run(number), CURVES)
    before = history.runs(ME), str(history.curves(ME, [a_run(1).id]))
    place = ["--host=127.0.0.1", f"--port={server.port}", "--username=lab"]
    dump = [str(server.programs / "pg_dump"), *place, "--format=custom", "postgres"]
    copy = subprocess.run(dump, check=True, stdout=subprocess.PIPE).stdout
    history.add(ME, a_run(4), CURVES)
    history.delete(ME, [a_run(1).id])
    restore = [str(server.programs / "pg_restore"), *place, "--dbname=postgres"]
    restore += ["--clean", "--if-exists", "--single-transaction"]
    subprocess.run(restore, check=True, input=copy)
    assert (history.runs(ME), str(history.curves(ME, [a_run(1).id]))) == before


def test_a_stopped_server_is_a_sentence_and_a_started_one_goes_on(
    server: Server, page_keeper: Keeper
) -> None:
    page = AppTest.from_file(ROOT / "pages" / "history.py", default_timeout=60)
    page.session_state["owner"] = ME
    lab = AppTest.from_file(ROOT / "pages" / "lab.py", default_timeout=60)
    lab.session_state["owner"] = ME
    page.run()
    assert "No run has ended" in page.info[0].value
    server.stop()
    lab.query_params["epochs"] = "1"
    lab.run().button(key="step").click().run()  # its last epoch: it goes to the history
    until(lambda: page_keeper.problem == NOT_THERE)
    lab.run()
    assert not lab.exception
    assert NOT_THERE.replace(".", "\\.") in [caption.value for caption in lab.caption]
    page.run()
    assert [warning.value for warning in page.warning] == [NOT_THERE.replace(".", "\\.")]
    assert "1 of your runs" in page.caption[0].value
    server.start()
    until(lambda: page_keeper.waiting(ME) == 0)
    page.button(key="history_again").click().run()
    assert not page.exception
    assert not page.warning
    assert len(page.dataframe[0].value) == 1


def test_a_class_board_on_the_server(history: History) -> None:
    """What tests/unit/store/test_boards.py shows of a file, with many writers at once."""
    boards, config = Boards(history.engine), RunConfig(epochs=20)
    code = boards.open("t" * 64, "Monday", config, ["epochs"])

    def join(number: int) -> str:
        owner = f"{number:064d}"
        try:
            boards.join(code, owner, "Anne" if number % 2 else f"student {number}")
        except RefusedError as error:
            return str(error)
        run = KeptRun(f"{number:032d}", "run", 1.0, config.to_json(), "e", 20, repeatable=True)
        return boards.enter(code, owner, run) + boards.enter(code, owner, run)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(join, range(16)))
    assert said.count("On the board.On the board.") == 9  # of eight Annes one
    assert sum("is taken" in words for words in said) == 7
    assert len(boards.entries(code)) == len(boards.members(code)) == 9
    assert boards.version(code) >= 1 + 9 + 9
    for stranger in ("", "%", "t", f"{0:064d}"):
        assert not boards.clear(stranger, code)
        assert not boards.close(stranger, code)
        assert not boards.remove(stranger, code, "Anne")
        assert not boards.set_experiment(stranger, code, config, [])
    for wrong in ("\x00" * 10, "' OR 1=1 --", "\ud800" * 10):
        with pytest.raises(RefusedError):
            boards.enter(wrong, "t" * 64, a_run(1))
    assert boards.remove("t" * 64, code, "aNNe")
    assert boards.close("t" * 64, code)
    assert (boards.entries(code), boards.members(code)) == ([], [])
