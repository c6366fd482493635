"""The class boards as the pages reach them; a board is read once for all tabs that look at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from nndl_core.store.board_values import Board, Entry
from nndl_core.store.errors import HistoryError
from pages.ui.server.history_access import history_keeper
from pages.ui.server.owner import owner

if TYPE_CHECKING:
    from nndl_core.store.boards import Boards

T = TypeVar("T")
FRESH_SECONDS = 1.5
MOST_KEPT = 50


@dataclass
class BoardView:
    """What is on a board, of one version."""

    version: int
    read_at: float
    entries: list[Entry]
    members: list[str]
    board: Board | None

    def is_other(self, drawn: Board) -> bool:
        """Tell whether the board was closed, or got another experiment, since it was drawn."""
        now = self.board
        if now is None:
            return True
        same = (now.config, now.locked) == (drawn.config, drawn.locked)
        return self.version > drawn.version and not same


_seen: dict[str, BoardView] = {}
_lock = Lock()


def boards(action: Callable[[Boards], T]) -> T:
    """Do something with the boards; raise HistoryError with one sentence where it fails."""
    from nndl_core.store.boards import Boards as All  # with the keeper: no first page waits

    return history_keeper().do(lambda history: action(All(history.engine)))


def done(action: Callable[[Boards], object]) -> bool:
    """Do something with the boards; where it fails the page says the sentence at its next run."""
    try:
        action_result = boards(action)
    except HistoryError as error:
        st.session_state["board_note"] = str(error)
        return False
    return action_result is not False


def known_board(code: str) -> Board | None:
    """Return a board as this tab's owner sees it, None where there is none."""
    if not code:
        return None
    me = owner()
    return boards(lambda all_: all_.board(code, me))


def content(board: Board) -> BoardView:
    """Return what is on a board; all tabs together ask for it every FRESH_SECONDS at most."""
    with _lock:
        seen = _seen.get(board.code)
        stale = seen is None or seen.version < board.version
        if seen is None or stale or monotonic() - seen.read_at > FRESH_SECONDS:
            seen = _seen[board.code] = _read(board.code, seen)
            for code in list(_seen)[:-MOST_KEPT]:
                del _seen[code]
        return seen


def _read(code: str, seen: BoardView | None) -> BoardView:
    version = boards(lambda all_: all_.version(code))
    if seen is not None and seen.version == version:
        return replace(seen, read_at=monotonic())
    entries = boards(lambda all_: all_.entries(code))
    members = boards(lambda all_: all_.members(code))
    return BoardView(
        version, monotonic(), entries, members, boards(lambda all_: all_.board(code, ""))
    )
