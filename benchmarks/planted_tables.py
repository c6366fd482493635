"""The data of planted cases: the lab's own sets, and the same with columns left unscaled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import DATASETS, Dataset, Split, make_dataset

FRESH_POINTS, SOUND_POINTS, FRESH_SEED = 2000, 4000, 500_000


@dataclass(frozen=True)
class Table:
    """A data set of the lab, and what was done to it before it was uploaded.

    Columns are multiplied by scale and moved by shift, both repeated over the features; of the
    last class one row of every ``rare`` stays; scaled standardizes the columns as the lab does.
    """

    source: str
    scale: tuple[float, ...] = ()
    shift: tuple[float, ...] = ()
    rare: int = 1
    scaled: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the settings of a run say all about these data."""
        return self == Table(self.source)

    def dataset(self, config: RunConfig) -> Dataset:
        """Make the data that a config trains on, with fresh points in its test part."""
        made = make_dataset(
            self.source, config.points, config.noise, config.label_noise, config.data_seed
        )
        if not DATASETS[self.source].tabular:
            seed = (config.data_seed + FRESH_SEED) % 1_000_000
            fresh = make_dataset(self.source, FRESH_POINTS, config.noise, 0.0, seed)
            made = replace(made, test=_whole(fresh))
        return made if self.is_plain else self._changed(made)

    def sound(self, config: RunConfig) -> Dataset:
        """Make many points of the same kind in sane columns: what a sound network is to learn."""
        more = replace(config, points=SOUND_POINTS)
        return Table(self.source, rare=self.rare).dataset(more)

    def _changed(self, made: Dataset) -> Dataset:
        parts = [
            self._part(part, len(made.classes) - 1) for part in (made.train, made.dev, made.test)
        ]
        if self.scaled:
            x = parts[0].x.double()
            mean, spread = x.mean(0), x.std(0, correction=0)
            parts = [Split(((p.x.double() - mean) / spread).float(), p.y) for p in parts]
        train, dev, test = parts
        return replace(made, train=train, dev=dev, test=test)

    def _part(self, part: Split, last: int) -> Split:
        x, features = part.x.double(), part.x.shape[1]
        if self.scale:
            x = x * _row(self.scale, features)
        if self.shift:
            x = x + _row(self.shift, features)
        seen = torch.cumsum(part.y == last, 0)
        stays = (part.y != last) | (seen % self.rare == 0)
        return Split(x[stays].float(), part.y[stays])


def _row(numbers: tuple[float, ...], features: int) -> torch.Tensor:
    cycle = [numbers[i % len(numbers)] for i in range(features)]
    return torch.tensor(cycle, dtype=torch.float64)


def _whole(data: Dataset) -> Split:
    parts = (data.train, data.dev, data.test)
    return Split(torch.cat([p.x for p in parts]), torch.cat([p.y for p in parts]))
