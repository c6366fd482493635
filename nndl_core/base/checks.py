"""What is asked of labels, examples and settings before anything is computed, a sentence each."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from nndl_core.base.i18n import tr
from nndl_core.base.knobs import NOT_A_NUMBER, NOT_KNOWN, NOT_WHOLE, OUT_OF_RANGE, short

LARGEST = torch.finfo(torch.float32).max
MOST_CLASSES = 1000
"""Labels above it number something else than classes, so more outputs are no advice."""


def class_indices(labels: Tensor, outputs: int) -> Tensor:
    """Return labels [n] or [n, 1], of any type of number, as class indices int64 [n].

    One output takes the labels 0 and 1, K outputs 0 to K - 1; nothing is rounded. Raises TypeError
    for what is no tensor of numbers, ValueError with one sentence for any other label.
    """
    check_numbers(labels, tr("labels"))
    if labels.ndim not in (1, 2) or (labels.ndim == 2 and labels.shape[1] != 1):
        raise ValueError(
            tr(
                "The labels have shape {shape}; expected is one class index for each example, "
                "[n] or [n, 1]; y.argmax(1) makes them of one-hot rows.",
                shape=list(labels.shape),
            )
        )
    flat = labels.detach().reshape(-1)
    values = flat.double() if flat.is_floating_point() else flat.long()
    last = max(outputs, 2) - 1
    # so written, NaN is wrong too
    wrong = ~((values >= 0) & (values <= last) & (values == values.floor()))
    if wrong.any():
        raise ValueError(_refusal(values, int(wrong.nonzero()[0, 0]), outputs))
    return values.long()


def check_examples(x: Tensor, inputs: int | None = None) -> None:
    """Raise TypeError or ValueError with one sentence unless x [n, features] can be learned.

    It has rows and columns, as many columns as the network has inputs, and only finite numbers.
    """
    check_numbers(x, tr("examples"))
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(
            tr(
                "The examples have shape {shape}; expected is a row for each example and a column "
                "for each feature, [n, features], at least one of each.",
                shape=list(x.shape),
            )
        )
    if inputs is not None and x.shape[1] != inputs:
        raise ValueError(
            tr(
                "The examples have shape {shape}, and the network has {inputs} inputs; it needs a "
                "column for each input.",
                shape=list(x.shape),
                inputs=inputs,
            )
        )
    _check_finite(x)


def _check_finite(x: Tensor) -> None:
    finite = x.double().isfinite()
    if finite.all():
        return
    row, column = (~finite).nonzero()[0].tolist()
    raise ValueError(
        tr(
            "The examples hold {value}, which is not finite, at row {row} and column {column}, "
            "counted from 0; fill the gap, or leave the row out.",
            value=_shown(x[row, column].item()),
            row=row,
            column=column,
        )
    )


def check_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the units of every layer, from input to output, if they make a network."""
    units = [_whole(size) or 0 for size in sizes] if isinstance(sizes, list | tuple) else []
    if len(units) < 2 or min(units) < 1:
        raise ValueError(
            tr(
                "sizes: {sizes} is no network; it counts the units of every layer from the inputs "
                "to the outputs, each at least 1, as in (2, 5, 1).",
                sizes=_brief(sizes),
            )
        )
    return tuple(units)


def check_type(name: str, value: object, wanted: type) -> None:
    """Raise TypeError unless this is an object of a class."""
    if not isinstance(value, wanted):
        raise TypeError(
            tr(
                "{name} is {found}; expected is {wanted}.",
                name=name,
                found=type(value).__name__,
                wanted=wanted.__name__,
            )
        )


def check_tensor(name: str, value: object, dtypes: Sequence[torch.dtype]) -> None:
    """Raise TypeError unless this is a dense tensor of one of these types in the main memory."""
    found = type(value).__name__
    if isinstance(value, Tensor):
        if value.layout == torch.strided and value.device.type == "cpu" and value.dtype in dtypes:
            return
        found = f"{value.dtype} {value.layout} {value.device}".replace("torch.", "")
    raise TypeError(
        tr(
            "{name} is {found}; expected is a dense tensor of {wanted} on the CPU.",
            name=name,
            found=found,
            wanted=" / ".join(str(dtype).removeprefix("torch.") for dtype in dtypes),
        )
    )


def check_count(name: str, value: object, low: int, high: int) -> int:
    """Return a whole number from low to high; raise TypeError or ValueError for anything else."""
    number = _whole(value)
    if number is not None and low <= number <= high:
        return number
    raise (TypeError if number is None else ValueError)(
        tr(
            NOT_WHOLE,
            name=name,
            short=_brief(value),
            bounds=tr("from {low:g} to {high:g}", low=low, high=high),
        )
    )


def check_number(name: str, value: Any, low: float = -LARGEST, high: float = LARGEST) -> float:
    """Return a finite number from low to high; raise TypeError or ValueError for anything else."""
    is_tensor = isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex()
    is_number = is_tensor or (isinstance(value, numbers.Real) and not isinstance(value, bool))
    if is_number and low <= value <= high:  # so written, NaN is out of range too
        return float(value)
    bounds = tr("from {low:g} to {high:g}", low=low, high=high)
    if is_number:
        raise ValueError(tr(OUT_OF_RANGE, name=name, short=_brief(value), bounds=bounds))
    raise TypeError(tr(NOT_A_NUMBER, name=name, short=_brief(value), bounds=bounds))


def check_name(name: str, value: object, known: Collection[str]) -> None:
    """Raise ValueError for a name that is not known."""
    if not isinstance(value, str) or value not in known:
        allowed = ", ".join(known)
        raise ValueError(tr(NOT_KNOWN, name=name, short=_brief(value), allowed=allowed))


def _brief(value: object) -> str:
    """Write a refused value on one line, as short does; arrays have several."""
    return " ".join(short(value).split())


def _whole(value: object) -> int | None:
    """Return a whole number as int, None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def check_numbers(values: object, name: str) -> None:
    """Raise TypeError unless this is a dense tensor of real numbers; name is for the sentence."""
    if not isinstance(values, Tensor):
        raise TypeError(
            tr(
                "The {name} are a {type}; expected is a tensor, as torch.as_tensor makes it.",
                name=name,
                type=type(values).__name__,
            )
        )
    if values.is_complex() or values.is_quantized or values.layout != torch.strided:
        raise TypeError(
            tr(
                "The {name} are a tensor of {dtype} with layout {layout}; expected are real "
                "numbers in a dense tensor.",
                name=name,
                dtype=str(values.dtype).removeprefix("torch."),
                layout=str(values.layout).removeprefix("torch."),
            )
        )


def _refusal(values: Tensor, index: int, outputs: int) -> str:
    value, advice = _shown(values[index].item()), _advice(values, values[index].item(), outputs)
    if outputs == 1:
        return tr(
            "The label at index {index} is {value}; one output takes the labels 0 and 1: {advice}.",
            index=index,
            value=value,
            advice=advice,
        )
    return tr(
        "The label at index {index} is {value}; {outputs} outputs take the labels 0 to {last}: "
        "{advice}.",
        index=index,
        value=value,
        outputs=outputs,
        last=outputs - 1,
        advice=advice,
    )


def _advice(values: Tensor, value: float, outputs: int) -> str:
    """Say what makes labels possible of which this one is wrong."""
    finite = values[values.isfinite()]
    if abs(value) == float("inf") or value != value:
        return tr("leave out the rows that have no label")
    if (finite != finite.floor()).any():
        return tr("only classes are learned here, and y > 0.5, say, makes two classes of amounts")
    low, high = int(finite.min()), int(finite.max())
    if low < 0:
        if set(finite.tolist()) <= {-1, 1}:
            return tr("(y + 1) / 2 makes 0 and 1 of -1 and 1")
        return tr("number the classes from 0")
    if low > 0 and high == max(outputs, 2):
        return tr("count the classes from 0, as y - 1 does")
    if high >= MOST_CLASSES:
        return tr("number the classes from 0")
    if outputs == 1:
        return tr(
            "give the network {classes} outputs and the loss 'cross_entropy'", classes=high + 1
        )
    return tr("give the network {classes} outputs", classes=high + 1)


def _shown(value: float) -> str:
    """Write a number short, but never a fraction as a whole number."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    is_cut = isinstance(value, float) and float(text) != value and float(text).is_integer()
    return repr(value) if is_cut else text
