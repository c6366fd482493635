"""Two workers of each kind, one of which is killed in the middle: nothing lost, nothing twice."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from nndl_core.base.config import RunConfig
from nndl_core.studies.sweep.cells import Sweep, processes
from nndl_core.studies.sweep.outcome_file import encode

BASE = RunConfig(hidden=(4,), points=60, epochs=400)
AXES: dict[str, list[Any]] = {"depth": [1, 2, 3, 4], "learning_rate": [0.1, 0.2, 0.5, 1.0]}
SEEDS = 4

Kill = Callable[[], None]


Workers = Callable[[], AbstractContextManager[tuple[Executor, Kill]]]


@contextmanager
def pool() -> Iterator[tuple[Executor, Kill]]:
    executor = processes(2)
    try:
        yield executor, lambda: os.kill(next(iter(executor._processes)), signal.SIGKILL)
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def dask() -> Iterator[tuple[Executor, Kill]]:
    local = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )
    with local, Client(local) as client:
        pids = list(client.run(os.getpid).values())
        yield client.get_executor(), lambda: os.kill(pids[0], signal.SIGKILL)


@pytest.fixture(scope="module")
def undisturbed() -> list[bytes]:
    done = Sweep(BASE, AXES, SEEDS)
    done.advance()
    return encoded(done)


def encoded(done: Sweep) -> list[bytes]:
    return [encode(outcome) for cell in done.cells if cell for outcome in cell.outcomes]


@pytest.mark.parametrize("workers", [pool, dask])
def test_a_killed_worker_changes_nothing(
    workers: Workers, undisturbed: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nndl_core.studies.sweep.grid.TASK_SECONDS", 0.01)
    order: list[tuple[int, ...]] = []
    with workers() as (executor, kill):
        found = Sweep(BASE, AXES, SEEDS, executor=executor, cache=tmp_path)
        for cell in found:
            if not order:
                kill()
            order.append(cell.index)
    assert len(order) == len(set(order)) == 16
    assert encoded(found) == undisturbed
    assert sum(1 for _ in tmp_path.rglob("*.run")) == 16 * SEEDS
    if isinstance(executor, ProcessPoolExecutor):
        with pytest.raises(BrokenProcessPool):
            executor.submit(int)
