"""Chunks of a sweep as tasks for an executor: configs go out as plain data, bytes come back."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import resource_tracker
from threading import current_thread, main_thread
from typing import Any

import torch

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.engine.batch import Outcome
from nndl_core.engine.ensemble import Ensemble
from nndl_core.engine.version import ENGINE_VERSION
from nndl_core.studies.sweep.grid import CellRun, Chunk
from nndl_core.studies.sweep.outcome_file import decode, encode

Done = list[tuple[CellRun, Outcome]]

MOST_TRIES = 5
"""How often a chunk is given to the workers before the sweep gives up."""
AHEAD = 32
"""Chunks handed out at once; what a paused sweep still trains."""


class SweepError(ValueError):
    """A sweep that cannot go on; the text is one sentence for the person who started it."""


def train(configs: Sequence[dict[str, Any]], engine: str) -> list[bytes]:
    """Train configs given as plain data and return their encoded outcomes.

    Raises SweepError if the worker's engine is not the one with this version.
    """
    if engine != ENGINE_VERSION:
        raise SweepError(
            tr(
                "A worker has another version of the project or of its libraries; install the same "
                "one everywhere."
            )
        )
    torch.set_num_threads(1)
    ensemble = Ensemble([RunConfig.from_dict(values) for values in configs])
    ensemble.advance()
    return [encode(outcome) for outcome in ensemble.outcomes if outcome is not None]


def processes(count: int | None = None) -> ProcessPoolExecutor:
    """Return a pool of processes on this machine, as many as it has cores if not said.

    They are spawned, because a fork would copy torch's locks but not its threads.
    """
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker)


@contextmanager
def _deaf() -> Iterator[None]:
    """Put Ctrl-C off while workers may be started: here to the end, there until they ask for it.

    A pool that is interrupted half made cannot be closed, and a worker that still imports would
    answer with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    resource_tracker.ensure_running()  # it unblocks the signal where it has to start first
    # Python interrupts the main thread; a handler that is not Python's cannot be put back
    is_main = current_thread() is main_thread() and signal.getsignal(signal.SIGINT) is not None
    heard: list[int] = []
    if is_main:
        answer = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if is_main:
            signal.signal(signal.SIGINT, answer)
        if heard:
            signal.raise_signal(signal.SIGINT)


def _start_worker() -> None:
    # Ctrl-C reaches every process of the terminal: a worker ends at once and without a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    torch.set_num_threads(1)


class InProcess:
    """Trains one chunk at a time in this process, in slices of time."""

    def __init__(self) -> None:
        self._chunk: Chunk = ()
        self._ensemble = Ensemble([])
        self._taken: set[int] = set()

    @property
    def free(self) -> bool:
        """Whether another chunk can be given."""
        return self._ensemble.finished

    @property
    def work(self) -> float:
        """How much of the chunk's work is done but not returned yet."""
        whole = sum(run.work for run in self._chunk)
        returned = sum(self._chunk[i].work for i in self._taken)
        return max(0.0, whole * self._ensemble.share - returned)

    def give(self, chunk: Chunk) -> None:
        """Take a chunk to train."""
        self._chunk, self._taken = chunk, set()
        self._ensemble = Ensemble([run.config for run in chunk])

    def advance(self, seconds: float) -> Done:
        """Train for about this long and return the runs that were completed."""
        if not self._ensemble.advance(seconds):
            return []
        outcomes = enumerate(self._ensemble.outcomes)
        new = {i: o for i, o in outcomes if o is not None and i not in self._taken}
        self._taken |= new.keys()
        return [(self._chunk[i], outcome) for i, outcome in new.items()]

    def close(self) -> None:
        """Hold nothing that would have to be given back."""


class Workers:
    """Has chunks trained by an executor; a chunk whose worker dies is handed out again.

    A pool of processes breaks as a whole when one of them dies; a new one takes its place.
    """

    def __init__(self, executor: Executor, ahead: int = AHEAD) -> None:
        self.executor, self.ahead = executor, ahead
        self._out: dict[Future[list[bytes]], tuple[Chunk, int]] = {}
        self._own: ProcessPoolExecutor | None = None

    @property
    def free(self) -> bool:
        """Whether another chunk can be given."""
        return len(self._out) < self.ahead

    @property
    def work(self) -> float:
        """How much of the work is known to be done but not returned yet."""
        return 0.0

    def give(self, chunk: Chunk, tries: int = 1) -> None:
        """Hand out a chunk."""
        try:
            future = self._submit(chunk)
        except BrokenExecutor:
            self._replace()
            future = self._submit(chunk)
        except Exception as error:
            raise SweepError(
                tr(
                    "The executor takes no more work ({short}); what was finished is kept.",
                    short=_short(error),
                )
            ) from error
        self._out[future] = (chunk, tries)

    def _submit(self, chunk: Chunk) -> Future[list[bytes]]:
        configs = [asdict(run.config) for run in chunk]
        with _deaf():
            return self.executor.submit(train, configs, ENGINE_VERSION)

    def advance(self, seconds: float) -> Done:
        """Wait at most this long for a chunk; return the runs of all that are there."""
        timeout = None if seconds == float("inf") else max(0.0, seconds)
        returned: Done = []
        for future in wait(self._out, timeout, FIRST_COMPLETED).done:
            chunk, tries = self._out.pop(future)
            try:
                outcomes = _decoded(chunk, future.result())
            except (SweepError, ConfigError):
                raise
            except (Exception, CancelledError) as error:
                self._again(chunk, tries, error)
            else:
                returned += zip(chunk, outcomes, strict=True)
        return returned

    def _again(self, chunk: Chunk, tries: int, error: BaseException) -> None:
        if tries == MOST_TRIES:
            raise SweepError(
                tr(
                    "A part of the sweep was lost by its worker {most_tries} times ({short}); "
                    "what was finished is kept.",
                    most_tries=MOST_TRIES,
                    short=_short(error),
                )
            ) from error
        self.give(chunk, tries + 1)

    def _replace(self) -> None:
        self.close()
        self.executor = self._own = processes(getattr(self.executor, "_max_workers", None))

    def close(self) -> None:
        """Stop the pool that took a broken one's place; the one that was given is its owner's."""
        if self._own is not None:
            self._own.shutdown(wait=False, cancel_futures=True)


def _decoded(chunk: Chunk, contents: list[bytes]) -> list[Outcome]:
    return [decode(content, run.config) for run, content in zip(chunk, contents, strict=True)]


def _short(error: BaseException) -> str:
    """Name an error in one line and without the period that its text may end with."""
    line = f"{type(error).__name__}: {error}".splitlines()[0]
    return line[:200].rstrip(".: ")
