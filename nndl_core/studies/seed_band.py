"""A band: median and quartiles of a config's curves over further weight seeds, while they train."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import Dataset
from nndl_core.engine.ensemble import Ensemble, Outcome
from nndl_core.engine.records import SCALARS

MOST_SEEDS = 200
POINTS = 100
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Band:
    """Lower quartile, median and upper quartile of runs that were trained to the end.

    epoch [n] at most POINTS; values[name] float32 [3, n] for every loss and accuracy. done counts
    the runs that have ended, diverged those of them that are in no quartile.
    """

    done: int
    diverged: int
    epoch: NDArray[np.float32]
    values: dict[str, NDArray[np.float32]]


class SeedBand:
    """Trains a config with the weight seeds that follow its own, on the same data.

    Raises ValueError with one sentence if the config cannot be trained.
    """

    def __init__(self, config: RunConfig, seeds: int, data: Dataset | None = None) -> None:
        if not 1 <= seeds <= MOST_SEEDS:
            raise ValueError(
                tr(
                    "seeds: {seeds} is out of range; allowed is from 1 to {most_seeds}.",
                    seeds=seeds,
                    most_seeds=MOST_SEEDS,
                )
            )
        self.seeds, last = seeds, int(KNOBS["init_seed"].high or 0)
        configs = [
            replace(config, init_seed=(config.init_seed + k) % (last + 1))
            for k in range(1, seeds + 1)
        ]
        given = {} if data is None else dict.fromkeys(configs, data)
        self._ensemble = Ensemble(configs, given)
        self.band = Band(0, 0, np.empty(0, np.float32), {})

    @property
    def finished(self) -> bool:
        """Whether every seed has been trained."""
        return self._ensemble.finished

    def advance(self, seconds: float) -> None:
        """Train for about this long; the band grows with every batch that ends."""
        if self._ensemble.advance(seconds):
            self.band = _band([o for o in self._ensemble.outcomes if o is not None])


def _band(outcomes: list[Outcome]) -> Band:
    """Sum up runs that have ended; those that diverged have no curve to the end."""
    whole = [outcome.curves for outcome in outcomes if outcome.diverged_at is None]
    diverged = len(outcomes) - len(whole)
    if not whole:
        return Band(len(outcomes), diverged, np.empty(0, np.float32), {})
    epoch = whole[0]["epoch"]
    rows = np.unique(np.linspace(0, len(epoch) - 1, min(POINTS, len(epoch))).round().astype(int))
    values = {
        name: np.quantile([curves[name][rows] for curves in whole], QUARTILES, axis=0)
        for name in SCALARS
    }
    plain = {name: three.astype(np.float32) for name, three in values.items()}
    return Band(len(outcomes), diverged, epoch[rows].astype(np.float32), plain)
