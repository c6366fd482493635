"""What is asked of labels and examples before anything is computed with them, a sentence each."""

from __future__ import annotations

import torch
from torch import Tensor

from nndl_core.i18n import tr

MOST_CLASSES = 1000
"""Labels above it number something else than classes, so more outputs are no advice."""


def class_indices(labels: Tensor, outputs: int) -> Tensor:
    """Return labels [n] or [n, 1], of any type of number, as class indices int64 [n].

    One output takes the labels 0 and 1, K outputs 0 to K - 1; nothing is rounded. Raises TypeError
    for what is no tensor of numbers, ValueError with one sentence for any other label.
    """
    _check_numbers(labels, tr("labels"))
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
    _check_numbers(x, tr("examples"))
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
    if not x.isfinite().all():
        row, column = (~x.isfinite()).nonzero()[0].tolist()
        raise ValueError(
            tr(
                "The examples hold {value} at row {row}, column {column}, both counted from 0; "
                "fill the gap, or leave the row out.",
                value=_shown(x[row, column].item()),
                row=row,
                column=column,
            )
        )


def _check_numbers(values: object, name: str) -> None:
    if not isinstance(values, Tensor):
        raise TypeError(
            tr(
                "The {name} are a {type}; expected is a tensor, as torch.as_tensor makes it.",
                name=name,
                type=type(values).__name__,
            )
        )
    if values.is_complex() or values.layout != torch.strided:
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
