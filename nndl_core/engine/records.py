"""The records of a run: what one epoch is told by, and a history of epochs stored by columns."""

from __future__ import annotations

import math
import mmap
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Columns = dict[str, Column]


@dataclass(frozen=True, slots=True)
class LayerStats:
    """One layer at one epoch, measured on the whole training set before the update.

    Norms are L2 norms in float64. update_ratio is |dW| / |W| and changed_share the share of
    weights and biases that the update changed at all. Activations are outputs of the layer:
    mean and spread over all units and examples; example_std is the part of the spread that comes
    from the examples, the root mean square over units of a unit's spread; saturated_share where
    the slope is below 5 % of its largest, dead_units those whose slope is exactly 0 on every
    example. distinct_units counts units whose incoming weights and bias differ. The last layer's
    activation is the probability. update_ratio is NaN where all weights are zero.
    """

    weight_grad_norm: float
    bias_grad_norm: float
    weight_norm: float
    update_ratio: float
    changed_share: float
    activation_mean: float
    activation_std: float
    example_std: float
    saturated_share: float
    dead_units: int
    distinct_units: int
    units: int


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One epoch, measured before its update; accuracies are shares."""

    epoch: int
    train_loss: float
    train_accuracy: float
    dev_loss: float
    dev_accuracy: float
    layers: tuple[LayerStats, ...]


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What is known of the data of a run, from its train part; None where it is not known.

    class_counts are the rows of every class, broken_rows those with a number that is not finite,
    dev_rows the rows of the dev part, 0 where nobody said. Over the features: mean is the largest
    size of a mean, spread_low and spread_high the extreme standard deviations, offset the largest
    mean in standard deviations; of a constant feature only the mean counts. best_loss and
    best_accuracy are what one has who knows the distribution that the rows were drawn from;
    linear_loss and linear_accuracy those of the best straight boundary, measured for networks that
    are linear; rival_loss and rival_accuracy those that a larger network reached on the dev part.
    """

    class_counts: tuple[int, ...]
    broken_rows: int = 0
    dev_rows: int = 0
    mean: float = 0.0
    spread_low: float = 1.0
    spread_high: float = 1.0
    offset: float = 0.0
    best_loss: float | None = None
    best_accuracy: float | None = None
    linear_loss: float | None = None
    linear_accuracy: float | None = None
    rival_loss: float | None = None
    rival_accuracy: float | None = None


SCALARS = ("train_loss", "train_accuracy", "dev_loss", "dev_accuracy")
LAYER_FIELDS = tuple(f.name for f in fields(LayerStats))
COUNTS = ("dead_units", "distinct_units", "units")
WHOLE = (*COUNTS, "epoch")
"""Whole numbers, which are kept in 32 bits."""
LARGE = 16_384
"""So many numbers of a column are kept outside the heap."""


class Records(Sequence[EpochRecord]):
    """The history of a run, stored by columns and read as a sequence of EpochRecord.

    constant_loss is the least training loss of a prediction that is the same for all examples,
    data what is known of the data, and diverged_at the epoch whose loss was no finite number.
    """

    def __init__(self, constant_loss: float = math.nan, data: DataFacts | None = None) -> None:
        self.constant_loss, self.data = constant_loss, data
        self.diverged_at: int | None = None
        self._columns: dict[str, NDArray[Any]] = {}
        self._length = 0

    def fresh(self) -> Records:
        """Return a history without epochs for the same data."""
        return Records(self.constant_loss, self.data)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> EpochRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[EpochRecord]: ...
    def __getitem__(self, index: int | slice) -> EpochRecord | list[EpochRecord]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError("no such epoch")  # untranslated: for developers
        return record_at(self._columns, index % self._length)

    def column(self, name: str) -> Column:
        """Return one quantity of all epochs: [epochs], or [epochs, layers] for a layer's."""
        if name not in self._columns:
            return np.empty(0)
        return self._columns[name][: self._length].astype(np.float64, copy=False)

    def append(self, columns: Columns, count: int) -> None:
        """Add the first ``count`` rows of measured columns."""
        end = self._length + count
        for name, new in columns.items():
            old = self._columns.get(name)
            if old is None or len(old) < end:
                shape = (max(64, 2 * end), *new.shape[1:])
                grown = room(shape, np.int32 if name in WHOLE else np.float64)
                if old is not None:
                    grown[: self._length] = old[: self._length]
                self._columns[name] = old = grown
            old[self._length : end] = new[:count]
        self._length = end


def room(shape: tuple[int, ...], dtype: type[np.generic] = np.float64) -> NDArray[Any]:
    """Return memory to be filled. Much of it comes straight from the system.

    There, what is not written yet takes no space, and what is given up goes back at once; the
    heap of a server with thirty long runs grew to twice of what they hold.
    """
    count = math.prod(shape)
    if count < LARGE or sys.platform == "win32":
        return np.empty(shape, dtype)
    own = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    memory = mmap.mmap(-1, count * np.dtype(dtype).itemsize, own)
    return np.frombuffer(memory, dtype).reshape(shape)


def record_at(columns: Mapping[str, NDArray[Any]], row: int) -> EpochRecord:
    """Read one row of columns as an EpochRecord."""
    table = [columns[name][row].tolist() for name in LAYER_FIELDS]
    layers = tuple(
        LayerStats(*v[: -len(COUNTS)], *map(int, v[-len(COUNTS) :]))
        for v in zip(*table, strict=True)
    )
    train_loss, train_accuracy, dev_loss, dev_accuracy = (
        float(columns[name][row]) for name in SCALARS
    )
    epoch = int(columns["epoch"][row])
    return EpochRecord(epoch, train_loss, train_accuracy, dev_loss, dev_accuracy, layers)


def as_dict(record: EpochRecord) -> dict[str, Any]:
    """Return a record as plain JSON values; NaN becomes None."""
    layers = [
        {name: _json_number(getattr(layer, name)) for name in LAYER_FIELDS}
        for layer in record.layers
    ]
    scalars = {name: _json_number(getattr(record, name)) for name in SCALARS}
    return {"epoch": record.epoch, **scalars, "layers": layers}


def _json_number(value: float) -> float | None:
    return value if np.isfinite(value) else None
