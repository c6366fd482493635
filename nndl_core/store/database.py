"""Opening the database: how each kind is spoken to, and its schema brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from nndl_core.base.i18n import tr
from nndl_core.store.errors import NewerSchemaError, in_sentences

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "nndl_schema"
WAIT_SECONDS = 10
"""For the lock of a SQLite file, which each write holds for some milliseconds."""
SERVER_SECONDS = 2
"""Until a server that does not answer is given up: a page waits as long."""
SERVER_LIMITS = "-c statement_timeout=5000 -c lock_timeout=3000"
LOCK_NUMBER = 6_513_640
"""Any number: whoever migrates a PostgreSQL database holds the lock of this name."""

# alembic keeps the migration that runs in module variables
_one_migration = Lock()


def open_database(url: URL) -> Engine:
    """Open a database and bring its schema up to date; it is made where there is none.

    Raises NewerSchemaError, having written nothing, or UnavailableError, each with one sentence.
    """
    engine = _sqlite(url) if url.drivername == "sqlite" else _postgresql(url)
    try:
        with in_sentences():
            _bring_up_to_date(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _postgresql(url: URL) -> Engine:
    limits = {
        "connect_timeout": SERVER_SECONDS,
        "tcp_user_timeout": 2000 * SERVER_SECONDS,  # of a server that falls silent
        "options": SERVER_LIMITS,
    }
    # a connection is tried before it is used: the server may have been started anew
    return create_engine(url, pool_pre_ping=True, pool_timeout=SERVER_SECONDS, connect_args=limits)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": WAIT_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says, also before DDL
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")  # what is acknowledged survives a power cut


def _begin_sqlite(connection: Connection) -> None:
    """Take the lock before the first read of what will write: else two such wait for each other."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection that reads; raise HistoryError with one sentence where that fails."""
    with in_sentences(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; it ends with the block, undone if the block raises.

    Raises HistoryError with one sentence.
    """
    with in_sentences(), engine.execution_options(writes=True).begin() as connection:
        yield connection


def _bring_up_to_date(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    with engine.connect() as connection:
        version = _version(connection)
    if version is not None and version not in known:
        raise NewerSchemaError(
            tr(
                "The run history belongs to a newer NNDL Lab: its schema is {version}, this lab "
                "knows {get_current_head}; nothing was changed in it.",
                version=version[:20],
                get_current_head=scripts.get_current_head(),
            )
        )
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
    if version != scripts.get_current_head():
        _migrate(engine, config)


def _version(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _migrate(engine: Engine, config: Config) -> None:
    """Run what is missing in one transaction, one process at a time; killed, it has not begun."""
    with _one_migration, writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})"))
        config.attributes |= {"connection": connection, "version_table": VERSION_TABLE}
        command.upgrade(config, "head")
