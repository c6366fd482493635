"""The folder in which this process keeps finished runs of maps, if it may write one."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

PREFIX: Final = "nndl-sweep-"


@cache
def cache_folder() -> Path | None:
    """Make a folder of this process alone, gone with it; None where nothing can be written."""
    try:
        _remove_left_behind(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    except OSError:
        return None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _remove_left_behind(root: Path) -> None:
    """Remove the folders of processes that are gone: a server that is killed runs no exit hook."""
    if os.name != "posix":
        return  # elsewhere, asking whether a process is alive would end it
    for path in root.glob(f"{PREFIX}*-*"):
        number = path.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdecimal() and not _is_alive(int(number)):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OverflowError, PermissionError):  # no number of ours, or the process of another user
        return True
    return True
