"""Keeps finished runs for a server that must not wait: what cannot be written now waits its turn.

One Keeper serves a process. It opens the database when it is first needed, asks one that has not
answered only after a pause, and writes in a thread of its own.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Condition, Event, Lock, Thread
from time import monotonic
from typing import TypeVar

from nndl_core.base.i18n import Language, language, mark, speaking
from nndl_core.store.boards import Boards
from nndl_core.store.errors import (
    NOT_THERE,
    HistoryError,
    RefusedError,
    UnavailableError,
    in_sentences,
)
from nndl_core.store.history import History
from nndl_core.store.location import Location, location_of
from nndl_core.store.runs import KeptCurves, KeptRun

PAUSE_SECONDS = 3.0
"""Between two questions to a database that does not answer: pages answer at once meanwhile."""
LONGEST_RETRY = 30.0
LAST_RETRY = 0.2
"""When the process is about to end."""
MOST_WAITING, MOST_OF_OWNER = 400, 20
"""Runs that wait in memory, some 10 kB each; of more, the oldest are given up."""
GIVEN_UP = mark("Too many runs wait for the run history; this one was given up.")
NOT_KEPT = mark("This run could not be kept in the run history.")

_LOG = logging.getLogger(__name__)
T = TypeVar("T")


class PausedError(UnavailableError):
    """The database has failed a moment ago and was not asked again."""


@dataclass(eq=False)
class PendingRun:
    """A run on its way into the history; settled is set when it is on disk, or refused for good."""

    owner: str
    run: KeptRun
    curves: KeptCurves
    board: str = ""  # the code of a class board that the run is for
    language: Language = "en"
    refused: str = ""
    note: str = ""  # whether it is on its board, or why not
    settled: Event = field(default_factory=Event)

    def settle(self, refused: str = "") -> None:
        """Note that the run is written, or the sentence why it never will be."""
        self.refused = refused
        self.settled.set()


class Keeper:
    """The run history of a process; its methods may be called from any thread."""

    def __init__(
        self, settings: Mapping[str, str] = os.environ, clock: Callable[[], float] = monotonic
    ) -> None:
        self._settings, self._clock = settings, clock
        self._change, self._opening = Condition(), Lock()
        self._location: Location | None = None
        self._history: History | None = None
        self._failed: tuple[float, str] | None = None
        self._waiting: deque[PendingRun] = deque()
        self._thread: Thread | None = None
        self._ends = False

    @property
    def warning(self) -> str:
        """A sentence where the history will not last; empty where it will, or is not yet open."""
        return self._location.warning if self._location else ""

    @property
    def problem(self) -> str:
        """One sentence while the database does not answer; empty while it does."""
        return self._failed[1] if self._failed else ""

    def waiting(self, owner: str) -> int:
        """Return how many runs of an owner are not written yet."""
        with self._change:
            return sum(kept.owner == owner for kept in self._waiting)

    def do(self, action: Callable[[History], T]) -> T:
        """Do something with the history; raise HistoryError with one sentence where it fails.

        A database that has just failed is not asked again for PAUSE_SECONDS.
        """
        try:
            done = action(self._opened())
        except (RefusedError, PausedError):
            raise
        except HistoryError as error:
            self._forget(str(error))
            raise
        if self._failed:
            self._failed = None
            self._wake()  # runs that wait need not wait longer
        return done

    def _opened(self) -> History:
        failed = self._failed
        # while another thread tries whether the database is back, nobody waits for that
        if not self._opening.acquire(blocking=failed is None):
            raise PausedError(failed[1] if failed else NOT_THERE)
        try:
            failed = self._failed  # this thread may have waited for one that did not succeed
            if failed and self._clock() - failed[0] < PAUSE_SECONDS:
                raise PausedError(failed[1])
            return self._open()
        finally:
            self._opening.release()

    def _open(self) -> History:
        if self._location is None:
            with in_sentences():
                self._location = location_of(self._settings)
        if self._history is None:
            self._history = History.open(self._location.url)
        return self._history

    def _forget(self, problem: str) -> None:
        """Open the database anew next time: another one may stand in its place by then."""
        with self._opening:
            self._failed = (self._clock(), problem)
            if self._history is not None:
                self._history.close()
                self._history = None

    def keep(self, owner: str, run: KeptRun, curves: KeptCurves, board: str = "") -> PendingRun:
        """Take a finished run and return at once; it is written as soon as that is possible.

        board is the code of the class board that it is for, if there is one.
        """
        kept = PendingRun(owner, run, curves, board, language())
        with self._change:
            self._give_up(owner)
            self._waiting.append(kept)
            if self._thread is None:
                self._thread = Thread(target=self._write_all, name="run-history", daemon=True)
                self._thread.start()
        self._wake()
        return kept

    def close(self, seconds: float) -> int:
        """Write what waits, for so many seconds at most; return how many runs are left unwritten.

        For the end of the process: the writing thread dies with it.
        """
        with self._change:
            self._ends = True
            self._change.notify_all()  # one that waits to try again tries now
            self._change.wait_for(lambda: not self._waiting, seconds)
            left = len(self._waiting)
        if left:
            _LOG.warning("The server stops; %d runs could not be kept.", left)  # untranslated
        with self._opening:
            if self._history is not None:
                self._history.close()
                self._history = None
        return left

    def _give_up(self, owner: str) -> None:
        """Drop the oldest of an owner who has too many waiting, else of all, when there are."""
        mine = [kept for kept in self._waiting if kept.owner == owner]
        if len(mine) >= MOST_OF_OWNER or len(self._waiting) >= MOST_WAITING:
            oldest = mine[0] if len(mine) >= MOST_OF_OWNER else self._waiting[0]
            self._waiting.remove(oldest)
            oldest.settle(GIVEN_UP)

    def _wake(self) -> None:
        with self._change:
            self._change.notify_all()

    def _write_all(self) -> None:
        """Write what waits, one after another, for as long as the process lives."""
        pause = PAUSE_SECONDS
        while True:
            with self._change:
                self._change.wait_for(lambda: bool(self._waiting))
                kept = self._waiting[0]
            if self._write(kept):
                pause = PAUSE_SECONDS
                continue
            with self._change:
                self._change.wait(LAST_RETRY if self._ends else pause)
            pause = min(2 * pause, LONGEST_RETRY)

    def _enter(self, kept: PendingRun) -> None:
        """Put a run that is in the history on its board; what the board refuses stays kept."""
        with speaking(kept.language):
            try:
                kept.note = self.do(
                    lambda history: Boards(history.engine).enter(kept.board, kept.owner, kept.run)
                )
            except RefusedError as error:
                kept.note = str(error)

    def _write(self, kept: PendingRun) -> bool:
        """Write one run; return False where that has to be tried again."""
        try:
            self.do(lambda history: history.add(kept.owner, kept.run, kept.curves))
            if kept.board:
                self._enter(kept)
            kept.settle()
        except RefusedError as error:
            kept.settle(str(error))
        except HistoryError:
            return False
        except Exception:  # whatever it is, the runs behind this one are to be written
            _LOG.exception("A run could not be kept.")  # untranslated
            kept.settle(NOT_KEPT)
        with self._change:
            if kept in self._waiting:
                self._waiting.remove(kept)
            self._change.notify_all()
        return True
