"""The remedies for a dead ReLU network, trained side by side over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.base.i18n import mark, tr
from nndl_core.engine.ensemble import Ensemble, Outcome
from nndl_core.engine.records import EpochRecord

MAX_SEEDS = 200
RECOVERED = 0.7
"""A network has recovered if its test accuracy at the end is at least this."""

_HE = {"init": "he_normal", "init_scale": 1.0}
REMEDIES: dict[str, dict[str, Any]] = {
    mark("nothing changed"): {},
    mark("learning rate 1"): {"learning_rate": 1.0},
    mark("Leaky ReLU, slope 0.01"): {"activation": "leaky_relu", "slope": 0.01},
    mark("Leaky ReLU, slope 0.3"): {"activation": "leaky_relu", "slope": 0.3},
    mark("Leaky ReLU, slope 0.3, learning rate 1"): {
        "activation": "leaky_relu",
        "slope": 0.3,
        "learning_rate": 1.0,
    },
    mark("ELU"): {"activation": "elu", "slope": 1.0},
    mark("bias 0"): {"bias": 0.0},
    mark("He's scale"): _HE,
    mark("bias 0, He's scale"): {"bias": 0.0, **_HE},
    mark("bias 0.1, He's scale"): {"bias": 0.1, **_HE},
    mark("bias 0.1, He's scale, learning rate 0.1"): {"bias": 0.1, "learning_rate": 0.1, **_HE},
}
"""What is changed in the dead network, by name: settings of RunConfig."""


@dataclass(frozen=True)
class Recovery:
    """How the runs of one remedy ended, over the n seeds that are done.

    dead_start and dead_end are mean counts of dead hidden units. gradient is the geometric mean
    norm at fc1 over the seeds in which it is not exactly 0 (NaN if none); zero_gradients counts
    the others. accuracy is on the test set, with its standard error (NaN for one seed).
    """

    name: str
    config: RunConfig
    n: int
    units: int
    dead_start: float
    dead_end: float
    gradient: float
    zero_gradients: int
    loss: float
    accuracy: float
    error: float
    recovered: int


class Trial:
    """Trains every remedy over seeds 0 to seeds - 1 in slices of time.

    Seed s has the data seed and the weight seed s in every remedy. Raises ConfigError unless
    1 <= seeds <= MAX_SEEDS.
    """

    def __init__(self, sick: RunConfig, seeds: int) -> None:
        if not 1 <= seeds <= MAX_SEEDS:
            raise ConfigError(
                tr(
                    "seeds: {seeds} is out of range; allowed is from 1 to {max_seeds}.",
                    seeds=seeds,
                    max_seeds=MAX_SEEDS,
                )
            )
        self.seeds = seeds
        self.configs = {name: replace(sick, **change) for name, change in REMEDIES.items()}
        self._ensemble = Ensemble(
            [
                replace(config, data_seed=seed, init_seed=seed)
                for config in self.configs.values()
                for seed in range(seeds)
            ]
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

    def rows(self) -> list[Recovery]:
        """Return the remedies of which some runs are done, in the order of REMEDIES."""
        found = []
        for at, (name, config) in enumerate(self.configs.items()):
            group = self._ensemble.outcomes[at * self.seeds : (at + 1) * self.seeds]
            done = [outcome for outcome in group if outcome is not None]
            if done:
                found.append(recovery(name, config, done))
        return found


def recovery(name: str, config: RunConfig, outcomes: Sequence[Outcome]) -> Recovery:
    """Sum up the runs of one remedy."""
    n = len(outcomes)
    norms = [outcome.last.layers[0].weight_grad_norm for outcome in outcomes]
    logs = [math.log(norm) for norm in norms if norm > 0]
    scores = [outcome.test_last[0] for outcome in outcomes]
    mean = math.fsum(scores) / n
    square = math.fsum((score - mean) ** 2 for score in scores)
    return Recovery(
        name=name,
        config=config,
        n=n,
        units=sum(config.hidden),
        dead_start=_dead([outcome.first for outcome in outcomes]),
        dead_end=_dead([outcome.last for outcome in outcomes]),
        gradient=math.exp(math.fsum(logs) / len(logs)) if logs else math.nan,
        zero_gradients=norms.count(0.0),
        loss=math.fsum(outcome.last.train_loss for outcome in outcomes) / n,
        accuracy=mean,
        error=math.sqrt(square / (n - 1) / n) if n > 1 else math.nan,
        recovered=sum(score >= RECOVERED for score in scores),
    )


def _dead(records: Sequence[EpochRecord]) -> float:
    """Mean count of dead hidden units."""
    total = sum(fc.dead_units for record in records for fc in record.layers[:-1])
    return total / len(records)
