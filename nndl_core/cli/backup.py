"""The run history's backup and restore without a screen, for whoever runs the server."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nndl_core.base.i18n import mark, tr, trn
from nndl_core.store.backup import BEFORE, back_up, restore, sqlite_file
from nndl_core.store.errors import HistoryError
from nndl_core.store.location import location_of

NAMES = ("backup", "restore")
HELP = mark("SQLite file; - is standard output or input")


def add_parsers(commands: Any) -> None:
    """Add both commands to the command line."""
    helps = (
        tr("copy the run history, also while the lab runs"),
        tr("put a copy of the run history back, also while the lab runs"),
    )
    for name, what in zip(NAMES, helps, strict=True):
        parser = commands.add_parser(name, help=what)
        parser.add_argument("file", metavar="FILE", help=tr(HELP))


def run_backup(options: Namespace) -> int:
    """Run one of both; return 0, or 2 after one sentence on standard error."""
    try:
        with TemporaryDirectory() as folder:
            passing = Path(folder) / "history.sqlite"
            said = (_backup if options.command == "backup" else _restore)(options.file, passing)
    except HistoryError as error:
        print(error, file=sys.stderr)
        return 2
    print(said, file=sys.stderr)
    return 0


def _backup(file: str, passing: Path) -> str:
    count = back_up(location_of(os.environ).url, passing if file == "-" else Path(file))
    if file == "-":
        with passing.open("rb") as copy:
            shutil.copyfileobj(copy, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return trn("Copied; {n} run.", "Copied; {n} runs.", count)


def _restore(file: str, passing: Path) -> str:
    if file == "-":
        with passing.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
    url = location_of(os.environ).url
    count = restore(url, passing if file == "-" else Path(file))
    kept = f"{sqlite_file(url).name}.{BEFORE}"
    return trn(
        "Restored; {n} run. What was there before is in {kept}. Start the lab anew.",
        "Restored; {n} runs. What was there before is in {kept}. Start the lab anew.",
        count,
        kept=kept,
    )
