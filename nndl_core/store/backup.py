"""Copies of the run history's SQLite file, made and put back while the lab runs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from nndl_core.base.i18n import mark, tr
from nndl_core.store.database import VERSION_TABLE, open_database
from nndl_core.store.errors import HistoryError
from nndl_core.store.location import FILE

BEFORE = "before-restore"
USE_ITS_OWN = mark(
    "This history is in PostgreSQL, which has programs of its own for this: pg_dump and pg_restore."
)
NO_HISTORY = mark("There is no run history yet, so there is nothing to copy.")
NOT_A_COPY = mark("This file is no sound copy of a run history; nothing was changed.")


def sqlite_file(url: URL) -> Path:
    """Return the file of a history; raise HistoryError where it is in no file."""
    if url.drivername != "sqlite" or not url.database:
        raise HistoryError(tr(USE_ITS_OWN))
    return Path(url.database)


def back_up(url: URL, to: Path) -> int:
    """Copy the history as it is at one moment into a new file; return how many runs it holds.

    Runs may be written meanwhile. The file appears whole or not at all. Raises HistoryError.
    """
    file = sqlite_file(url)
    if not file.exists():
        raise HistoryError(tr(NO_HISTORY))
    part = to.with_name(f"{to.name}.part")
    with _sentence():
        try:
            _copy(file, part)
            count = _checked(part)
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)
    return count


def restore(url: URL, copy: Path) -> int:
    """Put a copy in place of the history, also under a running lab; return how many runs it holds.

    The copy is checked and brought up to date first. What it replaces stays beside it, under a
    name that ends in "before-restore". Raises HistoryError, having changed nothing.
    """
    file = sqlite_file(url)
    with _sentence(), TemporaryDirectory(dir=file.parent) as folder:
        ready = Path(folder) / FILE
        with closing(_read_only(copy)) as source, closing(sqlite3.connect(ready)) as target:
            source.backup(target)
        _checked(ready)
        open_database(URL.create("sqlite", database=str(ready))).dispose()
        if file.exists():
            _copy(file, file.with_name(f"{file.name}.{BEFORE}"))
        _copy(ready, file)
        return _checked(file)


def _copy(source: Path, target: Path) -> None:
    """Copy page by page under the database's own locks, so its log is never left out."""
    new = not target.exists()
    with closing(_read_only(source)) as old, closing(sqlite3.connect(target, timeout=30)) as into:
        old.backup(into)
        if new:  # one file that can be carried away, without a log beside it
            into.execute("PRAGMA journal_mode = DELETE")
    os.chmod(target, 0o600) if new else None


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=30)


def _checked(file: Path) -> int:
    """Return how many runs a file holds; raise HistoryError where it is not sound."""
    with closing(_read_only(file)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise HistoryError(tr(NOT_A_COPY))
        connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
        count: int = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
        return count


@contextmanager
def _sentence() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        missing = "no such table" in str(error)  # untranslated
        said = tr(NOT_A_COPY) if missing else tr("SQLite says: {error}.", error=error)
        raise HistoryError(said) from None
    except sqlite3.DatabaseError:
        raise HistoryError(tr(NOT_A_COPY)) from None
    except OSError as error:
        raise HistoryError(f"{error.filename}: {error.strerror}.") from None
