"""Death by large steps: a healthy network followed update by update, and counted over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.engine.ensemble import Ensemble, Outcome
from nndl_core.engine.runner import Runner

Table = NDArray[np.float64]

MAX_SEEDS = 200


@dataclass(frozen=True)
class Deaths:
    """A run whose first steps are large: before each update, and after the last.

    dead [updates + 1, hidden layers] counts the units that are exactly flat on the training set.
    highest, of the same shape, is the largest pre-activation of any unit of the layer on any
    training point: a layer of ReLUs is dead where it is not above 0. A run that diverges ends
    with its last finite state.
    """

    dead: Table
    highest: Table
    train_loss: list[float]
    train_accuracy: list[float]
    diverged: bool


@dataclass(frozen=True)
class DeathRate:
    """What a learning rate did to the n runs that are done.

    layer_died and diverged are shares of the runs; units_died is the mean count, of so many
    hidden units, of those that are dead afterwards and were not before.
    """

    learning_rate: float
    n: int
    units: int
    layer_died: float
    units_died: float
    diverged: float


def large_steps(config: RunConfig, rate: float, steps: int, epochs: int = 20) -> Deaths:
    """Train the first ``steps`` epochs with learning rate ``rate``, the rest with the config's."""
    runner = Runner.from_config(replace(config, learning_rate=rate, epochs=epochs))
    records, highest = [runner.measure()[0]], [_highest(runner)]
    for epoch in range(epochs):
        if epoch == steps:
            runner.optimizer.learning_rate = config.learning_rate
        runner.advance(1)
        if runner.diverged is not None:
            break
        records.append(runner.measure()[0])
        highest.append(_highest(runner))
    return Deaths(
        np.array([[float(fc.dead_units) for fc in r.layers[:-1]] for r in records]),
        np.array(highest),
        [r.train_loss for r in records],
        [r.train_accuracy for r in records],
        runner.diverged is not None,
    )


def _highest(runner: Runner) -> list[float]:
    """Return the largest pre-activation of each hidden layer on the training set."""
    assert runner.dataset is not None
    with torch.inference_mode():
        runner.model(runner.dataset.train.x)
    return [float(z.max()) for z in runner.model.pre_activations[:-1]]


class DeathCount:
    """Takes ``steps`` steps with every rate from the same seeds, in slices of time.

    Seed s has the data seed and the weight seed s. Raises ConfigError unless
    1 <= seeds <= MAX_SEEDS.
    """

    def __init__(self, config: RunConfig, rates: Sequence[float], steps: int, seeds: int) -> None:
        if not 1 <= seeds <= MAX_SEEDS:
            raise ConfigError(
                tr(
                    "seeds: {seeds} is out of range; allowed is from 1 to {max_seeds}.",
                    seeds=seeds,
                    max_seeds=MAX_SEEDS,
                )
            )
        self.rates, self.seeds = list(rates), seeds
        runs = [replace(config, data_seed=s, init_seed=s, epochs=steps) for s in range(seeds)]
        self._ensemble = Ensemble(
            [replace(run, learning_rate=rate) for rate in rates for run in runs]
        )

    @property
    def finished(self) -> bool:
        """Whether every run is done."""
        return self._ensemble.finished

    @property
    def share(self) -> float:
        """How much of the training is done, from 0 to 1."""
        return self._ensemble.share

    def advance(self, seconds: float = math.inf) -> None:
        """Train for about this long."""
        self._ensemble.advance(seconds)

    def rows(self) -> list[DeathRate]:
        """Return the rates of which some runs are done, in their order."""
        found = []
        for at, rate in enumerate(self.rates):
            group = self._ensemble.outcomes[at * self.seeds : (at + 1) * self.seeds]
            done = [outcome for outcome in group if outcome is not None]
            if done:
                found.append(_death_rate(rate, done))
        return found


def _death_rate(rate: float, outcomes: Sequence[Outcome]) -> DeathRate:
    n, units, layers = len(outcomes), 0, 0
    for outcome in outcomes:
        pairs = list(zip(outcome.first.layers[:-1], outcome.last.layers[:-1], strict=True))
        units += sum(max(0, b.dead_units - a.dead_units) for a, b in pairs)
        layers += any(a.dead_units < b.dead_units == b.units for a, b in pairs)
    diverged = sum(outcome.diverged_at is not None for outcome in outcomes)
    total = sum(outcomes[0].config.hidden)
    return DeathRate(rate, n, total, layers / n, units / n, diverged / n)
