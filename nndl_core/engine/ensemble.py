"""Many runs trained as few batches of tensors; run r equals the Runner of config r alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from threading import Lock

import torch

from nndl_core.base.checks import check_type
from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import Dataset, dataset_of
from nndl_core.engine.batch import CURVE_POINTS, Batch, Member, Outcome

__all__ = ["CURVE_POINTS", "MOST_RUNS", "Ensemble", "Outcome"]

FEWEST_RUNS, MOST_RUNS, CACHE_BYTES = 4, 32, 8_000_000
"""The runs of a batch: their activations share the cache, and the fixed cost of an operation."""


class Ensemble:
    """Trains many runs; ``outcomes`` fill up while it does, in the order of the configs.

    Runs of one shape and one update rule are trained together, as many as the cache holds; they
    may differ in data, initial parameters, learning rate, weight decay and slope.
    datasets gives the data of the configs whose data are not to be made, such as an uploaded file.
    Raises TypeError or ValueError with one sentence for a config that cannot be trained on its
    data, and for data of a config that is not trained.
    """

    def __init__(
        self, configs: Sequence[RunConfig], datasets: Mapping[RunConfig, Dataset] | None = None
    ) -> None:
        torch.set_num_threads(1)
        self.configs = list(configs)
        self.outcomes: list[Outcome | None] = [None] * len(self.configs)
        self._waiting = _batches(_members(self.configs, datasets or {}))
        self._current: Batch | None = None
        self._lock = Lock()
        self._trained = 0

    @property
    def finished(self) -> bool:
        """Whether every run has its outcome."""
        return self._current is None and not self._waiting

    @property
    def share(self) -> float:
        """The share of all epochs of all runs that has been trained."""
        if self.finished:
            return 1.0
        under_way = self._current.epoch * self._current.runs if self._current else 0
        return (self._trained + under_way) / sum(c.epochs for c in self.configs)

    def advance(self, seconds: float = float("inf")) -> int:
        """Train for about this long; return how many outcomes this call completed."""
        # the number of threads belongs to the calling thread, so it is set at every entry
        torch.set_num_threads(1)
        end, completed = time.perf_counter() + seconds, 0
        with self._lock:  # of two threads, each would take a batch, and one of them be lost
            while not self.finished:
                completed += self._work()
                if time.perf_counter() >= end:
                    break
        return completed

    def _work(self) -> int:
        """Train one block of one batch; return how many outcomes came of it."""
        batch = self._current = self._current or Batch(self._waiting.pop(0))
        if not batch.finished:  # a click may have cut the call before off when all was trained
            batch.advance()
        if not batch.finished:
            return 0
        for member, outcome in zip(batch.members, batch.outcomes(), strict=True):
            self.outcomes[member.index] = outcome
        self._trained += batch.epochs * batch.runs
        self._current = None
        return batch.runs


def _members(configs: Sequence[RunConfig], given: Mapping[RunConfig, Dataset]) -> list[Member]:
    """Give every config its data; equal data are made once."""
    for config in configs:
        check_type("config", config, RunConfig)
    if not given.keys() <= set(configs):
        raise ValueError(
            tr(
                "A data set is given for a config that is not among the {count}.",
                count=len(configs),
            )
        )
    made: dict[tuple[object, ...], Dataset] = {}
    members = []
    for index, c in enumerate(configs):
        key = (c.dataset, c.points, c.noise, c.label_noise, c.data_seed, c.scale)
        data = given.get(c) or made.get(key)
        if data is None:
            data = made[key] = dataset_of(c)
        members.append(Member(index, c, data))
    return members


def _batches(members: Sequence[Member]) -> list[list[Member]]:
    """Cut runs of one kind into batches of about equal size, ordered by their first run."""
    kinds: dict[tuple[object, ...], list[Member]] = {}
    for member in members:
        kinds.setdefault(member.kind, []).append(member)
    batches = []
    for runs in kinds.values():
        count = -(-len(runs) // _most_runs(runs[0]))
        cuts = [len(runs) * i // count for i in range(count + 1)]
        batches += [runs[a:b] for a, b in itertools.pairwise(cuts)]
    return sorted(batches, key=lambda batch: batch[0].index)


def _most_runs(member: Member) -> int:
    """How many runs like this one have room in the cache with all their activations."""
    examples = len(member.data.train.x) + len(member.data.dev.x)
    size = 8 if member.config.dtype == "float64" else 4
    room = CACHE_BYTES // (sum(member.sizes) * examples * size)
    return min(MOST_RUNS, max(FEWEST_RUNS, room))
