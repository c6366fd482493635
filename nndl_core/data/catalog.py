"""Labelled data sets by name, shuffled, split and, where they are tables, scaled."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch

from nndl_core.base.checks import check_examples, class_indices
from nndl_core.base.config import RunConfig, ScaleName
from nndl_core.base.i18n import mark, tr
from nndl_core.data.points import BLOB_CENTERS, Rows, blobs, circles, moons, spirals, table, xor

Maker = Callable[[int, float, torch.Generator], Rows]

MIN_SPLIT = 10  # fewer rows are trained on, chosen by and tested on together


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
    # The bounds are declared in RunConfig; building one checks them.
    config = RunConfig(
        points=points, noise=noise, label_noise=label_noise, data_seed=data_seed, scale=scale
    )
    return _made(name, DATASETS[name], config)


def _made(name: str, spec: DatasetSpec, config: RunConfig) -> Dataset:
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
DATASETS: dict[str, DatasetSpec] = {
    "moons": _plane(mark("Two moons"), 2, moons),
    "circles": _plane(mark("Two circles"), 2, circles),
    "xor": _plane(mark("Exclusive or"), 2, xor),
    "blobs2": _plane(mark("Two blobs"), 2, partial(blobs, centers=BLOB_CENTERS["blobs2"])),
    "blobs3": _plane(mark("Three blobs"), 3, partial(blobs, centers=BLOB_CENTERS["blobs3"])),
    "spirals2": _plane(mark("Two spirals"), 2, partial(spirals, arms=2)),
    "spirals3": _plane(mark("Three spirals"), 3, partial(spirals, arms=3)),
    "iris": DatasetSpec(
        mark("Iris flowers"), _SPECIES, _LENGTHS, True, partial(table, name="iris")
    ),
    "digits": DatasetSpec(
        mark("Handwritten digits"), _DIGITS, _PIXELS, True, partial(table, name="digits")
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
