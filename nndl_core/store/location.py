"""Where the run history is, by the settings NNDL_DATABASE and NNDL_DATA."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from nndl_core.base.i18n import mark, tr
from nndl_core.store.errors import HistoryError

FOLDER, FILE = "runs", "history.sqlite"
NOT_LASTING = mark(
    "The server cannot write its data folder, so this history lasts only until the "
    "server stops. Whoever runs it can set NNDL_DATA to a folder or NNDL_DATABASE to a "
    "database."
)
POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")


@dataclass(frozen=True)
class Location:
    """A database, and a sentence where what is written to it will not last."""

    url: URL
    warning: str = ""


def location_of(settings: Mapping[str, str]) -> Location:
    """Read the settings: a database's address, else a file in a folder that can be written.

    Raises HistoryError with one sentence for an address that is none or of another kind.
    """
    text = settings.get("NNDL_DATABASE", "").strip()
    if text:
        return Location(_database(text))
    folder = Path(settings.get("NNDL_DATA", "").strip() or FOLDER)
    if _is_writable(folder):
        return Location(_file(folder))
    # a new folder of its own: in one with a known name another user could lie in wait
    return Location(_file(Path(tempfile.mkdtemp(prefix="nndl-runs-"))), NOT_LASTING)


def _file(folder: Path) -> URL:
    return URL.create("sqlite", database=str((folder / FILE).resolve()))


def _is_writable(folder: Path) -> bool:
    """Tell by doing it: permissions say nothing about a read-only disk, nor to root."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        file = folder / FILE
        return not file.exists() or os.access(file, os.W_OK)
    except OSError:
        return False


def _database(text: str) -> URL:
    """Read an address; it may hold a password, so no sentence quotes it."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise HistoryError(tr("NNDL_DATABASE is not the address of a database.")) from None
    if url.drivername in POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url
    raise HistoryError(
        tr(
            "NNDL_DATABASE begins with {drivername!r}; allowed are postgresql://USER@HOST/NAME "
            "and sqlite:///FILE.",
            drivername=url.drivername[:40],
        )
    )
