"""Labelled data sets by name, shuffled, split and, where they are tables, scaled."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from nndl_core.base.checks import check_examples, class_indices
from nndl_core.base.config import RunConfig, ScaleName
from nndl_core.base.i18n import mark, tr

Rows = tuple[torch.Tensor, torch.Tensor]  # x [n, features], y [n]
Maker = Callable[[int, float, torch.Generator], Rows]

BLOB_SPREAD = 0.25  # standard deviation of a blob before the jitter, in data units
XOR_SIDE = (0.1, 1.5)  # distance of the squares from the axes, inner and outer edge
MIN_SPLIT = 10  # fewer rows are trained on, chosen by and tested on together
SPIRAL_RADIUS = (0.2, 2.0)  # the arms start apart, else they would share a point


@dataclass(frozen=True)
class Source:
    """Name the distribution that rows were drawn from: its data set, jitter and flipped labels."""

    name: str
    noise: float
    label_noise: float


@dataclass(frozen=True, eq=False)
class Split:
    """Hold one part of a data set: x float32 [n, features], y int64 [n] class indices.

    source is None where nobody knows the distribution, as of a table or of changed rows.
    """

    x: torch.Tensor
    y: torch.Tensor
    source: Source | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Hold the three parts of a data set with its class and feature names; equal by identity.

    Raises TypeError or ValueError with one sentence for examples or labels that do not fit the
    names; dev and test part may be empty.
    """

    name: str
    train: Split
    dev: Split
    test: Split
    classes: tuple[str, ...]
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise ValueError(
                tr(
                    "The data set has {count} classes; at least 2 are needed to learn to tell "
                    "them apart.",
                    count=len(self.classes),
                )
            )
        for part in (self.train, self.dev, self.test):
            if len(part.x) or part is self.train:
                check_examples(part.x, len(self.features))
            class_indices(part.y, len(self.classes))
            if len(part.x) != len(part.y):
                raise ValueError(
                    tr(
                        "A part of the data set has {examples} examples and {labels} labels; each "
                        "example needs one.",
                        examples=len(part.x),
                        labels=len(part.y),
                    )
                )


@dataclass(frozen=True)
class DatasetSpec:
    """Describe one entry of DATASETS.

    make(points, noise, generator) returns shuffled x [n, features] and y int64 [n].
    Tabular sets have a fixed size, ignore the noise and come back unscaled in float64.
    """

    label: str
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    tabular: bool
    make: Maker

    @property
    def classes(self) -> int:
        """Count the classes."""
        return len(self.class_names)

    @property
    def features(self) -> int:
        """Count the input features."""
        return len(self.feature_names)


def make_moons(
    n_samples: int = 1000, shuffle: bool = True, noise: float | None = 0.5, seed: int = 0
) -> Rows:
    """Draw the two moons of the course.

    Returns x float32 [n_samples, 2] and y float32 [n_samples], 0 for the upper moon and 1 for the
    lower one. Draws from one generator: the permutation first, then the jitter N(0, noise).
    Source: nndl/nndl-practice, make_moons; equal to it in every bit.
    """
    generator = torch.Generator().manual_seed(seed)
    x, y = _moon_arcs(n_samples)
    if shuffle:
        x, y = _shuffled(x, y, generator)
    if noise is not None:
        x = _jittered(x, noise, generator)
    return x, y.float()


def make_dataset(
    name: str,
    points: int = 1000,
    noise: float = 0.5,
    label_noise: float = 0.0,
    data_seed: int = 0,
    scale: ScaleName = "on",
) -> Dataset:
    """Make a data set of DATASETS; equal arguments give equal bits.

    points: number of rows; iris and digits give at most as many as they have.
    noise: standard deviation of the position jitter in data units; iris and digits ignore it.
    label_noise: share of the labels of train and of dev that are moved to another class. The test
    part keeps its true labels, so that a test score measures what was learned.
    scale: iris and digits are scaled with the mean and spread of their train part only; off leaves
    their own units. The others ignore it.
    Raises ValueError (for a bound of RunConfig its subclass ConfigError) with one sentence naming
    the setting, its value and what is allowed.
    """
    if name not in DATASETS:
        raise ValueError(
            tr(
                "dataset: {name!r:.40} is not known; choose one of {known}.",
                name=name,
                known=", ".join(DATASETS),
            )
        )
    spec = DATASETS[name]
    # The bounds are declared in RunConfig; building one checks them.
    config = RunConfig(
        points=points, noise=noise, label_noise=label_noise, data_seed=data_seed, scale=scale
    )
    generator = torch.Generator().manual_seed(config.data_seed)
    x, y = spec.make(config.points, config.noise, generator)
    if spec.tabular and config.scale == "on":
        x = standardize(x, part_sizes(len(x))[0])
    train, dev, test = split_rows(x, y)
    # A stream of its own: changing the label noise never moves a point.
    # XOR, because torch seeds its CPU generator with the low 32 bits only.
    flips = torch.Generator().manual_seed(config.data_seed ^ 0x9E3779B9)
    train = _with_label_noise(train, config.label_noise, spec.classes, flips)
    dev = _with_label_noise(dev, config.label_noise, spec.classes, flips)
    if not spec.tabular:
        train = replace(train, source=Source(name, config.noise, config.label_noise))
    return Dataset(name, train, dev, test, spec.class_names, spec.feature_names)


def part_sizes(rows: int) -> tuple[int, int, int]:
    """Divide a number of rows into train, dev and test: 64 %, 16 % and the rest.

    Fewer than MIN_SPLIT rows are not divided: each part is all of them.
    """
    if rows < MIN_SPLIT:
        return rows, rows, rows
    train, dev = 64 * rows // 100, 16 * rows // 100
    return train, dev, rows - train - dev


def split_rows(x: torch.Tensor, y: torch.Tensor) -> tuple[Split, Split, Split]:
    """Cut shuffled rows into contiguous train, dev and test parts; not stratified.

    Fewer than MIN_SPLIT rows come back as one part, three times the same.
    """
    if len(x) < MIN_SPLIT:
        whole = Split(x.float(), y.long())
        return whole, whole, whole
    train, dev, _ = part_sizes(len(x))
    cuts = (slice(0, train), slice(train, train + dev), slice(train + dev, None))
    first, second, third = (Split(x[cut].float(), y[cut].long()) for cut in cuts)
    return first, second, third


def standardize(x: torch.Tensor, train_rows: int) -> torch.Tensor:
    """Scale x [n, features] by the mean and standard deviation of its first train_rows rows.

    A feature that is constant in those rows is centered only. Returns float64 [n, features].
    """
    x = x.double()
    train = x[:train_rows]
    spread = train.std(dim=0, correction=0)
    return (x - train.mean(dim=0)) / torch.where(spread > 0, spread, 1.0)


def _with_label_noise(part: Split, share: float, classes: int, generator: torch.Generator) -> Split:
    # Everything is drawn whatever the share, so a larger share keeps the flips of a smaller one.
    n = len(part.y)
    chosen = torch.randperm(n, generator=generator)[: round(share * n)]
    step = torch.randint(1, classes, (n,), generator=generator)
    y = part.y.clone()
    y[chosen] = (y[chosen] + step[chosen]) % classes
    return Split(part.x, y)


def _shuffled(x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> Rows:
    order = torch.randperm(len(x), generator=generator)
    return x[order], y[order]


def _jittered(x: torch.Tensor, noise: float, generator: torch.Generator) -> torch.Tensor:
    return x + torch.normal(0.0, noise, tuple(x.shape), generator=generator)


def _class_sizes(points: int, classes: int) -> list[int]:
    edges = [points * index // classes for index in range(classes + 1)]
    return [high - low for low, high in pairwise(edges)]


def _labels(points: int, classes: int) -> torch.Tensor:
    sizes = torch.tensor(_class_sizes(points, classes))
    return torch.arange(classes).repeat_interleave(sizes)


def _moon_arcs(points: int) -> Rows:
    outer, inner = (torch.linspace(0, math.pi, size) for size in _class_sizes(points, 2))
    across = torch.cat([torch.cos(outer), 1 - torch.cos(inner)])
    up = torch.cat([torch.sin(outer), 0.5 - torch.sin(inner)])
    return torch.stack([across, up], dim=1), _labels(points, 2)


def _moons(points: int, noise: float, generator: torch.Generator) -> Rows:
    x, y = _shuffled(*_moon_arcs(points), generator)
    return _jittered(x, noise, generator), y


def _rings(points: int) -> Rows:
    # Without its last point, linspace does not name the angle 0 twice.
    angle = torch.cat([torch.linspace(0, 2 * math.pi, n + 1)[:-1] for n in _class_sizes(points, 2)])
    y = _labels(points, 2)
    radius = torch.tensor([1.0, 0.5])[y]
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1), y


def _circles(points: int, noise: float, generator: torch.Generator) -> Rows:
    x, y = _shuffled(*_rings(points), generator)
    return _jittered(x, noise, generator), y


def _xor(points: int, noise: float, generator: torch.Generator) -> Rows:
    # Class 1 where the signs differ. Alternating classes keep the four squares balanced.
    signs = torch.tensor([[-1.0, 1.0], [1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    square = (torch.arange(points) % 4)[torch.randperm(points, generator=generator)]
    near, far = XOR_SIDE
    x = signs[square] * (near + (far - near) * torch.rand(points, 2, generator=generator))
    return _jittered(x, noise, generator), 1 - square % 2


def _blobs(
    points: int, noise: float, generator: torch.Generator, *, centers: list[list[float]]
) -> Rows:
    y = _labels(points, len(centers))[torch.randperm(points, generator=generator)]
    x = torch.tensor(centers)[y] + BLOB_SPREAD * torch.randn(points, 2, generator=generator)
    return _jittered(x, noise, generator), y


def _spiral_arms(points: int, *, arms: int) -> Rows:
    start, end = SPIRAL_RADIUS
    along = torch.cat([torch.linspace(0, 1, size) for size in _class_sizes(points, arms)])
    y = _labels(points, arms)
    # 3 / arms turns: neighboring arms are 0.6 apart however many arms there are.
    angle = 2 * math.pi * (3 / arms * along + y / arms)
    radius = start + (end - start) * along
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1), y


def _spirals(points: int, noise: float, generator: torch.Generator, *, arms: int) -> Rows:
    x, y = _shuffled(*_spiral_arms(points, arms=arms), generator)
    return _jittered(x, noise, generator), y


def _table(points: int, noise: float, generator: torch.Generator, *, name: str) -> Rows:
    del noise  # centimeters and gray levels have no common unit to jitter them by
    x, y = _load_table(name)
    order = torch.randperm(len(x), generator=generator)[:points]
    return x[order], y[order]


@cache
def _load_table(name: str) -> Rows:
    # The files are read from the package's folder: importing scikit-learn takes 2.5 seconds, which
    # a student would wait for before the first page, and its loaders do no more than this.
    spec = find_spec("sklearn")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    file, header_lines = {"iris": ("iris.csv", 1), "digits": ("digits.csv.gz", 0)}[name]
    rows = np.loadtxt(folder / file, delimiter=",", skiprows=header_lines)
    return torch.from_numpy(rows[:, :-1].copy()), torch.from_numpy(rows[:, -1]).long()


def _plane(label: str, classes: int, make: Maker) -> DatasetSpec:
    return DatasetSpec(label, _DIGITS[:classes], ("x1", "x2"), False, make)


_DIGITS = tuple(str(digit) for digit in range(10))
_PIXELS = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
_SPECIES = ("setosa", "versicolor", "virginica")
_LENGTHS = (
    mark("sepal length (cm)"),
    mark("sepal width (cm)"),
    mark("petal length (cm)"),
    mark("petal width (cm)"),
)
BLOB_CENTERS = {
    "blobs2": [[-0.5, -0.4], [1.5, 1.0]],
    "blobs3": [[-0.8, -0.6], [1.6, -0.6], [0.4, 1.5]],
}
_TWO_BLOBS, _THREE_BLOBS = (partial(_blobs, centers=c) for c in BLOB_CENTERS.values())
CURVES: dict[str, tuple[Callable[[int], Rows], int]] = {
    "moons": (_moon_arcs, 2),
    "circles": (_rings, 2),
    "spirals2": (partial(_spiral_arms, arms=2), 2),
    "spirals3": (partial(_spiral_arms, arms=3), 3),
}
"""Sets whose classes are curves: the points without jitter, of all classes, and how many these are.
"""

DATASETS: dict[str, DatasetSpec] = {
    "moons": _plane(mark("Two moons"), 2, _moons),
    "circles": _plane(mark("Two circles"), 2, _circles),
    "xor": _plane(mark("Exclusive or"), 2, _xor),
    "blobs2": _plane(mark("Two blobs"), 2, _TWO_BLOBS),
    "blobs3": _plane(mark("Three blobs"), 3, _THREE_BLOBS),
    "spirals2": _plane(mark("Two spirals"), 2, partial(_spirals, arms=2)),
    "spirals3": _plane(mark("Three spirals"), 3, partial(_spirals, arms=3)),
    "iris": DatasetSpec(
        mark("Iris flowers"), _SPECIES, _LENGTHS, True, partial(_table, name="iris")
    ),
    "digits": DatasetSpec(
        mark("Handwritten digits"), _DIGITS, _PIXELS, True, partial(_table, name="digits")
    ),
}


def dataset_of(config: RunConfig) -> Dataset:
    """Make the data set that a config describes."""
    if config.dataset == "csv":
        raise ValueError(tr("dataset: 'csv' needs an uploaded file; none was given."))
    return make_dataset(
        config.dataset,
        config.points,
        config.noise,
        config.label_noise,
        config.data_seed,
        config.scale,
    )
