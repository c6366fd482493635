"""The sets of examples that people pass to a Runner, as tensors: pairs, arrays, loaders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, default_collate
from torch.utils.data import Dataset as TorchDataset

from nndl_core.base.checks import check_numbers, class_indices
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import Dataset, Split

Data = Split | Sequence[Any] | TorchDataset[Any] | DataLoader[Any]
"""Examples with labels: a Split; a pair (x, y) of tensors, arrays or nested lists, x [n, ...] and
y with n rows; or a torch Dataset or DataLoader that gives such pairs."""


def pair_of(data: Data) -> tuple[Tensor, Tensor]:
    """Return (x [n, ...], y [n, ...]) of a set of examples; their types and shapes stay.

    Raises TypeError or ValueError with one sentence for what is no such set.
    """
    if isinstance(data, Split):
        data = data.x, data.y
    if isinstance(data, DataLoader):
        return _of_loader(data)
    if isinstance(data, TorchDataset):
        return _of_dataset(data, default_collate)
    if isinstance(data, Dataset):
        raise TypeError(
            tr("A data set has three parts; pass one of them, such as dataset.train or its test.")
        )
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(
            tr(
                "A set of examples is a pair (x, y) or [x, y], a torch Dataset or a DataLoader; "
                "this is {what}.",
                what=_named(data),
            )
        )
    return _checked(tensor_of(data[0], tr("examples")), tensor_of(data[1], tr("labels")))


def as_split(data: Data, outputs: int) -> Split:
    """Return a set as x [n, features] and class indices y [n] of a network with these outputs.

    Raises what pair_of raises, and ValueError for labels that are none of these classes.
    """
    x, y = pair_of(data)
    if x.ndim != 2 or y.shape not in ((len(x),), (len(x), 1)):
        raise ValueError(
            tr(
                "Labels of shape {labels} do not fit examples of shape {examples}; expected "
                "[{count}] or [{count}, 1].",
                labels=list(y.shape),
                examples=list(x.shape),
                count=len(x),
            )
        )
    source = data.source if isinstance(data, Split) else None
    return Split(x, class_indices(y, outputs), source)


def tensor_of(values: Any, name: str) -> Tensor:
    """Return an array, a table or nested lists of numbers as a tensor; name is for the sentence."""
    if isinstance(values, Tensor):
        check_numbers(values, name)
        return values
    try:
        if isinstance(values, list | tuple) and any(isinstance(v, Tensor) for v in values):
            return torch.stack([torch.as_tensor(v) for v in values])
        array = np.array(values)
    except (ValueError, TypeError, RuntimeError):
        array = np.array(None)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            tr(
                "The {name} are {what}; expected are numbers in a tensor, an array or nested lists "
                "of equal length.",
                name=name,
                what=_named(values),
            )
        )
    if array.dtype.kind == "u" and array.dtype != np.uint8:
        array = array.astype(np.int64)
    # a long double is no type of a tensor
    return torch.from_numpy(array.astype(np.float64) if array.dtype.itemsize > 8 else array)


def _of_loader(loader: DataLoader[Any]) -> tuple[Tensor, Tensor]:
    """Read all examples of a loader without drawing from its generator, where that is possible."""
    data = loader.dataset
    if isinstance(data, IterableDataset):
        batches = [_as_pair(batch) for batch in loader]
        if not batches:
            return _checked(torch.empty(0, 1), torch.empty(0))
        x, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
        return _checked(x, y)
    collate = loader.collate_fn if loader.batch_size is not None else default_collate
    return _of_dataset(data, collate)


def _of_dataset(data: TorchDataset[Any], collate: Any) -> tuple[Tensor, Tensor]:
    try:
        count = len(data)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            tr("The data set does not say its length; pass it as a DataLoader or a pair (x, y).")
        ) from None
    if not count:
        return _checked(torch.empty(0, 1), torch.empty(0))
    return _checked(*_as_pair(collate([data[i] for i in range(count)])))


def _as_pair(batch: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise TypeError(
            tr(
                "Each batch of a loader has to be a pair (x, y); this one is {what}.",
                what=_named(batch),
            )
        )
    return tensor_of(batch[0], tr("examples")), tensor_of(batch[1], tr("labels"))


def _checked(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    if not x.ndim or not y.ndim or len(x) != len(y):
        raise ValueError(
            tr(
                "Labels of shape {labels} do not fit examples of shape {examples}; expected "
                "[{count}] or [{count}, 1].",
                labels=list(y.shape),
                examples=list(x.shape),
                count=len(x) if x.ndim else 1,
            )
        )
    if not len(x):
        raise ValueError(tr("The set of examples is empty; at least one example is needed."))
    return x, y


def _named(value: Any) -> str:
    """Name what was passed, with its length where that is what is wrong."""
    name = type(value).__name__
    if isinstance(value, tuple | list):
        return tr("of type {name}, of length {count}", name=name, count=len(value))
    return tr("of type {name}", name=name)
