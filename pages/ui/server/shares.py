"""How the tabs of one server share its processor: who trains now, how often, and how long.

The objects of this module belong to the process: any client may clear Streamlit's own caches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock
from time import monotonic

LEASE_SECONDS = 10.0
LEAST_SLICE = 0.01
LEAST_SHARE, SHARE = 0.02, 0.22
"""What another training tab adds to a clock: so many seconds, or a share of its interval."""
TOLERANCE, HEADROOM = 1.6, 1.3


class Shares:
    """Which tabs train. A tab is named by its session and holds a lease that each tick renews."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._ends: dict[str, float] = {}

    def renew(self, tab: str) -> None:
        """Note that a tab trains."""
        with self._lock:
            self._ends[tab] = self._clock() + LEASE_SECONDS

    def release(self, tab: str) -> None:
        """Note that a tab trains no more."""
        with self._lock:
            self._ends.pop(tab, None)

    def count(self) -> int:
        """Return how many tabs train, at least 1; one that has not ticked for a lease has gone."""
        now = self._clock()
        with self._lock:
            self._ends = {tab: end for tab, end in self._ends.items() if end > now}
            return max(1, len(self._ends))

    def shortened(self, seconds: float) -> float:
        """Return how long a slice of training may be that would take so long alone."""
        return max(min(seconds, LEAST_SLICE), seconds / self.count())

    def stretched(self, seconds: float) -> float:
        """Return the interval of a clock that would tick at one of so many seconds alone."""
        return max(seconds, self.count() * max(LEAST_SHARE, SHARE * seconds))

    def renewed(self, seconds: float, interval: float) -> float:
        """Return the interval that a clock should have whose interval was this.

        A new interval costs a run of the page, so one that is nearly right stays; and where tabs
        come, more are likely to follow.
        """
        wanted = self.stretched(seconds)
        if wanted > TOLERANCE * interval:
            return wanted * HEADROOM
        if wanted * HEADROOM * TOLERANCE < interval:
            return wanted
        return interval


class Gate:
    """Lets one in at a time, what a user waits for before what a clock does, in their order."""

    def __init__(self) -> None:
        self._lock, self._busy = Lock(), False
        self._urgent: deque[Event] = deque()
        self._usual: deque[Event] = deque()

    @contextmanager
    def turn(self, urgent: bool = False, longest: float | None = None) -> Iterator[None]:
        """Wait for a turn and hold it; after the longest wait go on without one."""
        held = self._enter(self._urgent if urgent else self._usual, longest)
        try:
            yield
        finally:
            if held:
                self._leave()

    def waiting(self) -> int:
        """Return how many wait."""
        return len(self._urgent) + len(self._usual)

    def _enter(self, queue: deque[Event], longest: float | None) -> bool:
        with self._lock:
            if not self._busy:
                self._busy = True
                return True
            turn = Event()
            queue.append(turn)
        if turn.wait(longest):
            return True
        with self._lock:
            if turn.is_set():  # in the last moment
                return True
            queue.remove(turn)
        return False

    def _leave(self) -> None:
        with self._lock:
            queue = self._urgent or self._usual
            if queue:
                queue.popleft().set()  # the gate stays shut: it is handed on
            else:
                self._busy = False


SHARES = Shares()
FEW = 8
"""So many training tabs may keep the memory of a block of epochs between two ticks."""
GATE = Gate()
"""One works at a time: more threads would wait for each other's interpreter lock, and lose."""
LONGEST_WAIT = 0.4
"""Seconds after which a page is drawn although another, or a slice of training, is not done."""
