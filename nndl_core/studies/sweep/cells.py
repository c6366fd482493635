"""A sweep: a grid of configs trained over seeds, coarse to fine, cached, here or elsewhere."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nndl_core.base.config import RunConfig
from nndl_core.engine.batch import Outcome
from nndl_core.studies.sweep.cache import RunCache
from nndl_core.studies.sweep.grid import CellRun, Chunk, Index, chunks, points
from nndl_core.studies.sweep.outcome_file import encode
from nndl_core.studies.sweep.tasks import AHEAD, InProcess, SweepError, Workers, processes

__all__ = ["AHEAD", "Cell", "Sweep", "SweepError", "processes", "sweep"]

SLICE_SECONDS = 0.1


@dataclass(frozen=True)
class Cell:
    """One finished point of a sweep: outcomes [seeds], seed s has data_seed and init_seed s.

    index is the position on each axis and values are the values there, both in the order of the
    axes; config is that of seed 0.
    """

    index: Index
    values: dict[str, Any]
    config: RunConfig
    outcomes: tuple[Outcome, ...]


class Sweep:
    """Trains the cells of a grid; iterate it, or call advance in slices of time.

    axes maps a setting, depth or width to its values; depth and width write ``hidden``. Pausing is
    not pulling. ``cells`` is in row-major order, None where a cell is not finished. The first
    cells span the grid and each level halves the distance between them. What is in the folder
    ``cache`` is not trained again. executor trains elsewhere: a pool made by ``processes``, or
    Dask's ``Client(...).get_executor()``; it gets ``ahead`` chunks at once and is never shut down.
    Raises ConfigError with one sentence for axes, values or seeds that cannot be used, SweepError
    when the workers of an executor are lost again and again.
    """

    def __init__(
        self,
        base: RunConfig,
        axes: Mapping[str, Sequence[Any]],
        seeds: int,
        *,
        cache: Path | None = None,
        executor: Executor | None = None,
        ahead: int = AHEAD,
    ) -> None:
        self._points = points(base, axes, seeds)
        self.base, self.seeds = base, int(seeds)
        last = self._points[-1].index
        self.shape = tuple(i + 1 for i in last)
        self.cells: list[Cell | None] = [None] * len(self._points)
        self._waiting = deque(chunks(self._points, self.seeds))
        self._cache = RunCache(cache) if cache is not None else None
        self._trainer = InProcess() if executor is None else Workers(executor, ahead)
        self._parts: dict[int, dict[int, Outcome]] = {}
        self._fresh: deque[Cell] = deque()
        self._missing = len(self.cells)
        self._work = sum(run.work for chunk in self._waiting for run in chunk)
        self._done = 0.0

    @property
    def finished(self) -> bool:
        """Whether every cell is there."""
        return self._missing == 0

    @property
    def share(self) -> float:
        """The share of the work that is done, from 0 to 1."""
        return 1.0 if self.finished else min(1.0, (self._done + self._trainer.work) / self._work)

    def advance(self, seconds: float = math.inf) -> list[Cell]:
        """Train for about this long; return the cells that were finished since the last call."""
        end = time.perf_counter() + seconds
        while not self.finished:
            self._step(end - time.perf_counter())
            if time.perf_counter() >= end:
                break
        cells = list(self._fresh)
        self._fresh.clear()
        return cells

    def __iter__(self) -> Iterator[Cell]:
        while self._fresh or not self.finished:
            if self._fresh:
                yield self._fresh.popleft()
            else:
                self._step(SLICE_SECONDS)

    def _step(self, seconds: float) -> None:
        """Hand out or look up one chunk if there is room, then train for at most this long."""
        if self._waiting and self._trainer.free:
            missing = self._not_cached(self._waiting.popleft())
            if missing:
                self._trainer.give(missing)
            if self._waiting and self._trainer.free:
                return
        for run, outcome in self._trainer.advance(seconds):
            if self._cache is not None:
                self._cache.put(run.config, encode(outcome))
            self._note(run, outcome)
        if self.finished:
            self._trainer.close()

    def _not_cached(self, chunk: Chunk) -> Chunk:
        """Take from the cache what it has and return the other runs of a chunk."""
        if self._cache is None:
            return chunk
        found = [(run, self._cache.get(run.config)) for run in chunk]
        for run, outcome in found:
            if outcome is not None:
                self._note(run, outcome)
        return tuple(run for run, outcome in found if outcome is None)

    def _note(self, run: CellRun, outcome: Outcome) -> None:
        """Keep the outcome of one run; the last one of a cell finishes it."""
        parts = self._parts.setdefault(run.cell, {})
        parts[run.seed] = outcome
        self._done += run.work
        if len(parts) == self.seeds:
            outcomes = tuple(parts[seed] for seed in range(self.seeds))
            point = self._points[run.cell]
            cell = Cell(point.index, point.values, outcomes[0].config, outcomes)
            self.cells[run.cell] = cell
            self._fresh.append(cell)
            self._missing -= 1
            del self._parts[run.cell]


def sweep(
    base: RunConfig, axes: Mapping[str, Sequence[Any]], seeds: int, **options: Any
) -> Iterator[Cell]:
    """Yield the cells of a sweep as they are finished; options are those of Sweep."""
    return iter(Sweep(base, axes, seeds, **options))
