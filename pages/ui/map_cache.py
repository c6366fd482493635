"""The folder in which this process keeps finished runs of maps, if it may write one."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path


@cache
def cache_folder() -> Path | None:
    """Make a folder of this process alone, gone with it; None where nothing can be written."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="nndl-sweep-"))
    except OSError:
        return None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
