"""The losses, computed from logits, with their derivative in closed form.

Class axis before example axis: logits and targets are [..., K, n]; K = 1 is one sigmoid output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nndl_core.base.checks import class_indices
from nndl_core.base.config import LossName
from nndl_core.base.i18n import tr


@dataclass(frozen=True)
class Loss:
    """A loss: ``value`` gives one number per example [..., n], ``delta`` its gradient.

    ``delta(logits, target)`` is d value / d logits, [..., K, n].
    """

    value: Callable[[Tensor, Tensor], Tensor]
    delta: Callable[[Tensor, Tensor], Tensor]
    one_output_for_two_classes: bool


def probabilities(logits: Tensor, out: Tensor | None = None) -> Tensor:
    """Return sigmoid (K = 1) or softmax over the class axis; same shape as logits."""
    if logits.shape[-2] == 1:
        return torch.sigmoid(logits, out=out)
    return torch.softmax(logits, dim=-2, out=out)


def hits(logits: Tensor, target: Tensor) -> Tensor:
    """Mark the examples that are classified right, 1 or 0 [..., n]; p = 0.5 is class 1."""
    if logits.shape[-2] > 1:
        return (logits.argmax(-2) == target.argmax(-2)).to(logits.dtype)
    right: Tensor = (logits[..., 0, :] >= 0) == (target[..., 0, :] > 0)
    return right.to(logits.dtype)


def accuracy(probability: Tensor, labels: Tensor) -> float:
    """Return the share of right answers: probability [n, K], labels [n, 1] or one-hot [n, K]."""
    if probability.shape != labels.shape:
        raise ValueError(
            tr(
                "accuracy needs predictions and labels of one shape, got "
                "{predictions} and {labels}.",
                predictions=list(probability.shape),
                labels=list(labels.shape),
            )
        )
    logits = probability - 0.5 if probability.shape[1] == 1 else probability
    return hits(logits.T, labels.T).double().mean().item()


def output_units(loss: LossName, classes: int) -> int:
    """Return the width of the output layer; raise ValueError if the loss cannot serve."""
    if classes == 2 and LOSSES[loss].one_output_for_two_classes:
        return 1
    if loss == "bce":
        raise ValueError(
            tr(
                "loss: 'bce' separates 2 classes and these data have {classes}; choose "
                "'cross_entropy' or 'mse'.",
                classes=classes,
            )
        )
    return classes


def check_loss(loss: LossName, outputs: int) -> None:
    """Raise ValueError unless the loss can be taken of this many outputs."""
    if loss == "bce" and outputs > 1:
        raise ValueError(
            tr(
                "loss: 'bce' takes one output, and the network has {outputs}; choose "
                "'cross_entropy' or 'mse'.",
                outputs=outputs,
            )
        )
    if loss == "cross_entropy" and outputs == 1:
        raise ValueError(
            tr(
                "loss: 'cross_entropy' takes an output for each class, and the network has one; "
                "choose 'bce', or give it two outputs."
            )
        )


def targets(labels: Tensor, outputs: int, dtype: torch.dtype) -> Tensor:
    """Turn class indices [n] into targets [K, n]: the label itself (K = 1), or one-hot.

    Raises what class_indices raises for labels that are none of these classes.
    """
    indices = class_indices(labels, outputs)
    if outputs == 1:
        return indices.to(dtype)[None, :]
    return F.one_hot(indices, outputs).to(dtype).T.contiguous()


def constant_loss(loss: LossName, target: Tensor) -> float:
    """Return the least loss of a prediction that is the same for all examples; target [K, n]."""
    share = target.double().mean(-1, keepdim=True)
    logits = torch.log(share) - torch.log1p(-share) if len(target) == 1 else torch.log(share)
    # a class that does not occur has the logit minus infinity
    logits = logits.clamp(-100, 100).expand(target.shape)
    return LOSSES[loss].value(logits, target.double()).mean().item()


def _bce(logits: Tensor, target: Tensor) -> Tensor:
    check_loss("bce", logits.shape[-2])
    # log(1 + exp(-(2y - 1) z)): exact where the form with probabilities clamps or gives 0
    return -F.logsigmoid((2 * target - 1) * logits)[..., 0, :]


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    check_loss("cross_entropy", logits.shape[-2])
    return -(torch.log_softmax(logits, dim=-2) * target).sum(-2)


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
        one_output_for_two_classes=True,
    ),
    "cross_entropy": Loss(
        value=_cross_entropy,
        delta=lambda z, y: torch.softmax(z, dim=-2) - y,
        one_output_for_two_classes=False,
    ),
    "mse": Loss(
        value=_mse,
        delta=_mse_delta,
        one_output_for_two_classes=True,
    ),
}
