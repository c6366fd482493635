"""Gives back what closed tabs held, once nobody can return to them.

Streamlit keeps a closed tab for a while, so that a network that failed for a moment costs nothing;
but it looks for what has expired only when another tab comes, and after a lesson none does.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import sys

from streamlit import config
from streamlit.runtime import Runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage

from nndl_core.base.i18n import tr

LATER = 5.0
MALLOC_ARENAS = 2
_ARENA_MAX = -8  # glibc's name for it in mallopt(3)
_LOG = logging.getLogger(__name__)


class Housekeeper:
    """Cleans up once after the last of the tabs that were closed shortly after each other."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def tab_closed(self) -> None:
        """Clean up when this tab has expired; called in the server's event loop."""
        if self._timer is not None:
            self._timer.cancel()
        seconds = float(config.get_option("server.disconnectedSessionTTL")) + LATER
        self._timer = asyncio.get_running_loop().call_later(seconds, self._clean)

    def _clean(self) -> None:
        self._timer = None
        if Runtime.exists():
            forget_expired(Runtime.instance())
        give_back()


def forget_expired(runtime: object) -> int:
    """Drop the sessions that nobody can return to; return how many there were."""
    # private, and checked by a test: there is no public way
    storage = getattr(getattr(runtime, "_session_mgr", None), "_session_storage", None)
    if not isinstance(storage, MemorySessionStorage):
        _LOG.warning(
            tr("This Streamlit keeps its sessions elsewhere; they expire when a tab comes.")
        )
        return 0
    before = len(storage._cache)
    expire = getattr(storage._cache, "expire", None)
    if expire is not None:
        expire()
    return before - len(storage._cache)


def give_back() -> None:
    """Collect what refers to itself, and return free memory to the system."""
    gc.collect()
    _glibc("malloc_trim", 0)


def share_heaps() -> None:
    """Let all threads share few heaps; what one thread has freed, another one then uses again.

    Every run of a page is a new thread, and glibc gives each of them one of eight heaps per core.
    """
    _glibc("mallopt", _ARENA_MAX, MALLOC_ARENAS)


def _glibc(name: str, *arguments: int) -> None:
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)  # glibc has it, musl has not
        if function is not None:
            function(*arguments)
