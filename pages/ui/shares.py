"""How the tabs of one server share its processor: who trains now, how often, and how long.

The objects of this module belong to the process: any client may clear Streamlit's own caches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Event, Lock
from time import monotonic
from types import TracebackType

LEASE_SECONDS = 10.0
LEAST_SLICE = 0.01
LEAST_SHARE, SHARE = 0.02, 1 / 12
"""What another training tab adds to a clock: so many seconds, or a share of its interval."""
TOLERANCE = 1.35


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

    def is_off(self, seconds: float, interval: float) -> bool:
        """Tell whether an interval is no longer what stretched(seconds) would be."""
        ratio = self.stretched(seconds) / interval
        return not 1 / TOLERANCE < ratio < TOLERANCE


class Gate:
    """Lets one in at a time, in the order in which they came: `with GATE: ...`."""

    def __init__(self) -> None:
        self._lock, self._busy = Lock(), False
        self._waiting: deque[Event] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if not self._busy:
                self._busy = True
                return
            turn = Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()  # the gate stays shut: it is handed on
            else:
                self._busy = False


SHARES = Shares()
GATE = Gate()
"""One trains at a time: more threads would wait for each other's interpreter lock, and lose."""
