"""The losses, computed from logits, with their derivative in closed form.

Class axis before example axis: logits and targets are [..., K, n]; K = 1 is one sigmoid output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nndl_core.config import LossName


@dataclass(frozen=True)
class Loss:
    """A loss: ``value`` gives one number per example [..., n], ``delta`` its gradient.

    ``delta(logits, target)`` is d value / d logits, [..., K, n]. ``delta_(logits, target, out)``
    writes the same into a buffer.
    """

    value: Callable[[Tensor, Tensor], Tensor]
    delta: Callable[[Tensor, Tensor], Tensor]
    delta_: Callable[[Tensor, Tensor, Tensor], object]
    one_output_for_two_classes: bool


def probabilities(logits: Tensor) -> Tensor:
    """Return sigmoid (K = 1) or softmax over the class axis; same shape as logits."""
    return torch.sigmoid(logits) if logits.shape[-2] == 1 else torch.softmax(logits, dim=-2)


def hits(logits: Tensor, target: Tensor) -> Tensor:
    """Tell which examples are classified right, bool [..., n]; p = 0.5 is class 1."""
    if logits.shape[-2] == 1:
        return ((logits >= 0) == (target > 0.5))[..., 0, :]
    return logits.argmax(-2) == target.argmax(-2)


def accuracy(probability: Tensor, labels: Tensor) -> float:
    """Return the share of right answers: probability [n, K], labels [n, 1] or one-hot [n, K]."""
    if probability.shape != labels.shape:
        raise ValueError(
            f"accuracy needs predictions and labels of one shape, got {list(probability.shape)} "
            f"and {list(labels.shape)}."
        )
    logits = probability - 0.5 if probability.shape[1] == 1 else probability
    return hits(logits.T, labels.T).double().mean().item()


def output_units(loss: LossName, classes: int) -> int:
    """Return the width of the output layer; raise ValueError if the loss cannot serve."""
    if classes == 2 and LOSSES[loss].one_output_for_two_classes:
        return 1
    if loss == "bce":
        raise ValueError(
            f"loss: 'bce' separates 2 classes and these data have {classes}; "
            "choose 'cross_entropy' or 'mse'."
        )
    return classes


def targets(labels: Tensor, outputs: int, dtype: torch.dtype) -> Tensor:
    """Turn class indices [n] into targets [K, n]: the label itself (K = 1), or one-hot."""
    if outputs == 1:
        return labels.to(dtype)[None, :]
    return F.one_hot(labels, outputs).to(dtype).T.contiguous()


def _bce(logits: Tensor, target: Tensor) -> Tensor:
    # log(1 + exp(-(2y - 1) z)): exact where the form with probabilities clamps or gives 0
    return -F.logsigmoid((2 * target - 1) * logits)[..., 0, :]


def _bce_delta_(logits: Tensor, target: Tensor, out: Tensor) -> None:
    torch.sigmoid(logits, out=out)
    out.sub_(target)


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return -(torch.log_softmax(logits, dim=-2) * target).sum(-2)


def _cross_entropy_delta_(logits: Tensor, target: Tensor, out: Tensor) -> None:
    torch.softmax(logits, dim=-2, out=out)
    out.sub_(target)


def _mse(logits: Tensor, target: Tensor) -> Tensor:
    return ((probabilities(logits) - target) ** 2).sum(-2)


def _mse_delta(logits: Tensor, target: Tensor) -> Tensor:
    p = probabilities(logits)
    if p.shape[-2] == 1:
        return 2 * (p - target) * p * (1 - p)
    error = p - target
    return 2 * p * (error - (error * p).sum(-2, keepdim=True))


LOSSES: dict[LossName, Loss] = {
    "bce": Loss(
        value=_bce,
        delta=lambda z, y: torch.sigmoid(z) - y,
        delta_=_bce_delta_,
        one_output_for_two_classes=True,
    ),
    "cross_entropy": Loss(
        value=_cross_entropy,
        delta=lambda z, y: torch.softmax(z, dim=-2) - y,
        delta_=_cross_entropy_delta_,
        one_output_for_two_classes=False,
    ),
    "mse": Loss(
        value=_mse,
        delta=_mse_delta,
        delta_=lambda z, y, out: out.copy_(_mse_delta(z, y)),
        one_output_for_two_classes=True,
    ),
}
