"""What is walked through: a small network with its examples, its passes and one update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from nndl_core.base.config import ActivationName, LossName, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import dataset_of
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.losses import LOSSES, probabilities, targets
from nndl_core.network.model import MLP

WalkLoss = LossName | Literal["half_squared"]
MOST_EXAMPLES = 8


@dataclass(frozen=True)
class WorkedCase:
    """What is walked through: weights [outputs, inputs] and biases [outputs] of each layer.

    x [n, features], target [n, outputs]; no biases at all is an empty list.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    x: Tensor
    target: Tensor
    activation: ActivationName
    slope: float
    loss: WalkLoss
    learning_rate: float


@dataclass(frozen=True)
class Forward:
    """The input and the sum z of each layer, the outputs and the mean loss."""

    inputs: list[Tensor]
    z: list[Tensor]
    outputs: Tensor
    loss: float


@dataclass(frozen=True)
class Backward:
    """Of each layer: dL/dz, dL/dW and dL/db; ``passed[l]`` is dL/d inputs of layer l, l > 0."""

    deltas: list[Tensor]
    weights: list[Tensor]
    biases: list[Tensor]
    passed: list[Tensor]


def case_of(config: RunConfig, examples: int = 3) -> WorkedCase:
    """Take the first weights of a config and its first training examples, in float64.

    Raises ValueError if the loss does not fit the data, or for a number of examples that is not
    from 1 to MOST_EXAMPLES.
    """
    if not 1 <= examples <= MOST_EXAMPLES:
        raise ValueError(
            tr(
                "examples: {examples} is out of range; allowed is 1 to {most_examples}.",
                examples=examples,
                most_examples=MOST_EXAMPLES,
            )
        )
    data = dataset_of(config)
    double = replace(config, dtype="float64")
    model = MLP.from_config(double, len(data.features), len(data.classes))
    labels = data.train.y[:examples]
    return WorkedCase(
        [fc.weight.detach() for fc in model.layers],
        [fc.bias.detach() for fc in model.layers],
        data.train.x[:examples].double(),
        targets(labels, model.sizes[-1], torch.float64).T,
        config.activation,
        config.slope,
        config.loss,
        config.learning_rate,
    )


def pen_and_paper() -> WorkedCase:
    """Return the 2-2-2 network of the course's homework, to be computed on paper.

    h1 = w1 x1 + w3 x2, h2 = w2 x1 + w4 x2, o1 = w5 h1 + w7 h2, o2 = w6 h1 + w8 h2, a sigmoid on
    each of them, no biases; the loss is 1/2 ((o1 - y1)^2 + (o2 - y2)^2), the learning rate 1.
    """
    w1, w2, w3, w4, w5, w6, w7, w8 = 0.2, -0.4, 0.5, 0.6, 0.1, -0.5, -0.3, 0.8
    weights = [_double([[w1, w3], [w2, w4]]), _double([[w5, w7], [w6, w8]])]
    x, y = _double([[0.5, 0.3]]), _double([[0.23, -0.07]])
    return WorkedCase(weights, [], x, y, "sigmoid", 0.0, "half_squared", 1.0)


def forward(case: WorkedCase) -> Forward:
    """Compute all layers of a case and its loss."""
    phi, last = ACTIVATIONS[case.activation].value, len(case.weights) - 1
    inputs, sums, a = [], [], case.x
    for i, weight in enumerate(case.weights):
        inputs.append(a)
        z = a @ weight.T + (case.biases[i] if case.biases else 0.0)
        sums.append(z)
        a = phi(z, case.slope) if i < last else _outputs(z, case.loss)
    return Forward(inputs, sums, a, _loss(sums[-1], case))


def backward(case: WorkedCase, f: Forward) -> Backward:
    """Back-propagate: dW = delta^T a, db = sum of delta, next delta = (delta W) * phi'(z)."""
    slope, count = ACTIVATIONS[case.activation].slope, len(case.weights)
    deltas, passed = [_output_delta(f.z[-1], case)], []
    for i in range(count - 1, 0, -1):
        passed.append(deltas[-1] @ case.weights[i])
        deltas.append(passed[-1] * slope(f.z[i - 1], case.slope))
    deltas.reverse()
    weights = [delta.T @ a for delta, a in zip(deltas, f.inputs, strict=True)]
    biases = [delta.sum(0) for delta in deltas] if case.biases else []
    return Backward(deltas, weights, biases, [torch.empty(0), *reversed(passed)])


def descend(case: WorkedCase, b: Backward) -> WorkedCase:
    """Return the case after one step of gradient descent."""
    rate = case.learning_rate
    return replace(
        case,
        weights=[w - rate * g for w, g in zip(case.weights, b.weights, strict=True)],
        biases=[w - rate * g for w, g in zip(case.biases, b.biases, strict=True)],
    )


def _double(rows: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def _outputs(z: Tensor, loss: WalkLoss) -> Tensor:
    found: Tensor = torch.sigmoid(z) if loss == "half_squared" else probabilities(z.T).T
    return found


def _loss(z: Tensor, case: WorkedCase) -> float:
    if case.loss == "half_squared":
        return 0.5 * ((torch.sigmoid(z) - case.target) ** 2).sum(1).mean().item()
    return LOSSES[case.loss].value(z.T, case.target.T).mean().item()


def _output_delta(z: Tensor, case: WorkedCase) -> Tensor:
    if case.loss == "half_squared":
        p = torch.sigmoid(z)
        return (p - case.target) * p * (1 - p) / len(z)
    return LOSSES[case.loss].delta(z.T, case.target.T).T / len(z)
