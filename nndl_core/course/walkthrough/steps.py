"""The operations of one training step in their order, with formulas, numbers and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from nndl_core.base.i18n import tr
from nndl_core.course.walkthrough.case import (
    Backward,
    Forward,
    WorkedCase,
    backward,
    descend,
    forward,
)
from nndl_core.course.walkthrough.formulas import activation_formula, loss_formula, output_formula

Phase = Literal["forward", "backward", "update"]


@dataclass(frozen=True)
class StepTable:
    """A named array as rows of plain numbers; a bias is one row, a single number one cell."""

    name: str
    rows: list[list[float]]

    @property
    def shape(self) -> tuple[int, int]:
        """Count rows and columns."""
        return len(self.rows), len(self.rows[0])


@dataclass(frozen=True)
class Step:
    """One operation: its formula in LaTeX, a sentence, and the arrays that go in and come out."""

    phase: Phase
    name: str
    formula: str
    sentence: str
    inputs: list[StepTable]
    outputs: list[StepTable]


def walk(case: WorkedCase) -> list[Step]:
    """Return every step: the forward pass, the loss, the backward pass, the update, the new loss.

    Arrays are named X, W1, b1, Z1, A1, ..., P, Y, L, dL/dZ1, ...; rows of X, Z, A and P are
    examples, rows of W are units.
    """
    f = forward(case)
    b = backward(case, f)
    after = descend(case, b)
    steps = [*_forward_steps(case, f), *_backward_steps(case, f, b), *_updates(case, b, after)]
    return [*steps, _new_loss(f.loss, forward(after).loss)]


def _forward_steps(case: WorkedCase, f: Forward) -> Iterator[Step]:
    last = len(case.weights)
    for layer in range(1, last + 1):
        yield _linear(case, f, layer)
        if layer < last:
            yield _activation(case, f, layer)
    z, p, y = _table(f"Z{last}", f.z[-1]), _table("P", f.outputs), _table("Y", case.target)
    formula, words = output_formula(case)
    yield Step("forward", tr("Output"), formula, words, [z], [p])
    loss, _, _ = loss_formula(case)
    words = tr("One number says how wrong the outputs are, {mean_of}.", mean_of=_mean_of(case))
    yield Step("forward", tr("Loss"), loss, words, [p, y], [_table("L", f.loss)])


def _linear(case: WorkedCase, f: Forward, layer: int) -> Step:
    bias = [_table(f"b{layer}", case.biases[layer - 1])] if case.biases else []
    a = _input_name(layer)
    plus, words = (rf" + b_{{{layer}}}", tr(", plus its bias")) if bias else ("", "")
    return Step(
        "forward",
        tr("Linear layer fc{layer}", layer=layer),
        rf"Z_{{{layer}}} = {_tex(a)} W_{{{layer}}}^T{plus}",
        tr(
            "Every unit of fc{layer} adds up its inputs, each times its weight{words}.",
            layer=layer,
            words=words,
        ),
        [_table(a, f.inputs[layer - 1]), _table(f"W{layer}", case.weights[layer - 1]), *bias],
        [_table(f"Z{layer}", f.z[layer - 1])],
    )


def _activation(case: WorkedCase, f: Forward, layer: int) -> Step:
    value, _ = activation_formula(case)
    return Step(
        "forward",
        tr("Activation of fc{layer}", layer=layer),
        rf"A_{{{layer}}} = \varphi(Z_{{{layer}}}), \quad \varphi(z) = {value}",
        tr(
            "Each sum of fc{layer} goes through the activation {activation}, entry by entry.",
            layer=layer,
            activation=case.activation,
        ),
        [_table(f"Z{layer}", f.z[layer - 1])],
        [_table(f"A{layer}", f.inputs[layer])],
    )


def _backward_steps(case: WorkedCase, f: Forward, b: Backward) -> Iterator[Step]:
    last = len(case.weights)
    _, delta, words = loss_formula(case)
    yield Step(
        "backward",
        tr("Gradient at the output"),
        rf"\delta_{{{last}}} = \frac{{\partial L}}{{\partial Z_{{{last}}}}} = {delta}",
        tr(
            "How the loss changes with each sum of the output layer. {words}, {mean_of}.",
            words=tr(words),
            mean_of=_mean_of(case),
        ),
        [_table("P", f.outputs), _table("Y", case.target)],
        [_table(f"dL/dZ{last}", b.deltas[-1])],
    )
    for layer in range(last, 0, -1):
        yield _parameter_gradients(case, f, b, layer)
        if layer > 1:
            yield _through_weights(case, b, layer)
            yield _through_activation(case, f, b, layer - 1)


def _parameter_gradients(case: WorkedCase, f: Forward, b: Backward, layer: int) -> Step:
    a, bias, formula, words = _input_name(layer), [], "", ""
    if case.biases:
        bias = [_table(f"dL/db{layer}", b.biases[layer - 1])]
        formula = (
            rf", \quad \frac{{\partial L}}{{\partial b_{{{layer}}}}} = "
            rf"\sum_n (\delta_{{{layer}}})_n"
        )
        words = tr(" The gradient of a bias is δ alone, added up.")
    return Step(
        "backward",
        tr("Gradients of fc{layer}", layer=layer),
        rf"\frac{{\partial L}}{{\partial W_{{{layer}}}}} = "
        rf"\delta_{{{layer}}}^T {_tex(a)}{formula}",
        tr(
            "The gradient of a weight is δ of its unit times the input that the weight "
            "multiplies, added up over the examples.{words}",
            words=words,
        ),
        [_table(f"dL/dZ{layer}", b.deltas[layer - 1]), _table(a, f.inputs[layer - 1])],
        [_table(f"dL/dW{layer}", b.weights[layer - 1]), *bias],
    )


def _through_weights(case: WorkedCase, b: Backward, layer: int) -> Step:
    below = layer - 1
    return Step(
        "backward",
        tr("Back through the weights of fc{layer}", layer=layer),
        rf"\frac{{\partial L}}{{\partial A_{{{below}}}}} = \delta_{{{layer}}} W_{{{layer}}}",
        tr(
            "Each unit of fc{below} collects δ from every unit that it feeds, times the weight "
            "between them.",
            below=below,
        ),
        [_table(f"dL/dZ{layer}", b.deltas[below]), _table(f"W{layer}", case.weights[below])],
        [_table(f"dL/dA{below}", b.passed[below])],
    )


def _through_activation(case: WorkedCase, f: Forward, b: Backward, layer: int) -> Step:
    _, slope = activation_formula(case)
    return Step(
        "backward",
        tr("Back through the activation of fc{layer}", layer=layer),
        rf"\delta_{{{layer}}} = \frac{{\partial L}}{{\partial A_{{{layer}}}}} \odot "
        rf"\varphi'(Z_{{{layer}}}), \quad \varphi'(z) = {slope}",
        tr(
            "The gradient is multiplied by the slope of the activation: where that is small, "
            "little gets through."
        ),
        [
            _table(f"dL/dA{layer}", b.passed[layer]),
            _table(f"Z{layer}", f.z[layer - 1]),
            _table(f"A{layer}", f.inputs[layer]),
        ],
        [_table(f"dL/dZ{layer}", b.deltas[layer - 1])],
    )


def _updates(case: WorkedCase, b: Backward, after: WorkedCase) -> Iterator[Step]:
    for layer in range(1, len(case.weights) + 1):
        i, bias, new_bias, formula = layer - 1, [], [], ""
        if case.biases:
            bias = [_table(f"b{layer}", case.biases[i]), _table(f"dL/db{layer}", b.biases[i])]
            new_bias = [_table(tr("new b{layer}", layer=layer), after.biases[i])]
            formula = rf", \quad {_descent(f'b_{{{layer}}}')}"
        yield Step(
            "update",
            tr("Update of fc{layer}", layer=layer),
            _descent(f"W_{{{layer}}}") + formula,
            tr(
                "One step of gradient descent against the gradient, with the learning rate η = "
                "{learning_rate:g}.",
                learning_rate=case.learning_rate,
            ),
            [_table(f"W{layer}", case.weights[i]), _table(f"dL/dW{layer}", b.weights[i]), *bias],
            [_table(tr("new W{layer}", layer=layer), after.weights[i]), *new_bias],
        )


def _descent(name: str) -> str:
    return rf"{name} \leftarrow {name} - \eta\, \frac{{\partial L}}{{\partial {name}}}"


def _new_loss(before: float, after: float) -> Step:
    words = tr("smaller") if after < before else tr("not smaller")
    return Step(
        "update",
        tr("Loss after the step"),
        r"L_{\mathrm{new}} = L(W_{\mathrm{new}})",
        tr(
            "The same examples go through the changed network once more: the loss is {words}.",
            words=words,
        ),
        [_table("L", before)],
        [_table(tr("new L"), after)],
    )


def _table(name: str, values: Tensor | float) -> StepTable:
    tensor = torch.as_tensor(values, dtype=torch.float64)
    return StepTable(name, tensor.reshape(-1, tensor.shape[-1] if tensor.ndim else 1).tolist())


def _input_name(layer: int) -> str:
    return "X" if layer == 1 else f"A{layer - 1}"


def _tex(name: str) -> str:
    return name if len(name) == 1 else f"{name[0]}_{{{name[1:]}}}"


def _mean_of(case: WorkedCase) -> str:
    count = len(case.x)
    return (
        tr("averaged over N = {count} examples", count=count)
        if count > 1
        else tr("here of one example, N = 1")
    )
