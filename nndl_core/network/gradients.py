"""The gradient of the mean loss, derived by hand and by autograd, with one signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from nndl_core.base.config import LossName
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.losses import LOSSES
from nndl_core.network.model import MLP


class LayerGradient(NamedTuple):
    """The gradient of one layer: weight [fan_out, fan_in], bias [fan_out]."""

    weight: Tensor
    bias: Tensor


def by_hand(model: MLP, x: Tensor, target: Tensor, loss: LossName) -> list[LayerGradient]:
    """Back-propagate with the chain rule written out.

    x [n, features], target [n, outputs] -> one LayerGradient for each of fc1..fcL
    (Nielsen 2015, chapter 2, equations BP1 to BP4).
    """
    slope = ACTIVATIONS[model.activation].slope
    with torch.no_grad():
        logits = model(x)
        # delta of the output layer: dL/dz, averaged over the examples
        delta = LOSSES[loss].delta(logits.T, target.T).T / len(x)
        gradients = []
        for i in reversed(range(len(model.layers))):
            # dL/dW = delta^T a,  dL/db = sum of delta
            gradients.append(LayerGradient(delta.T @ model.inputs[i], delta.sum(0)))
            if i > 0:
                # one layer down: delta <- (delta W) * phi'(z)
                z = model.pre_activations[i - 1]
                delta = (delta @ model.layers[i].weight) * slope(z, model.slope)
    return gradients[::-1]


def by_autograd(model: MLP, x: Tensor, target: Tensor, loss: LossName) -> list[LayerGradient]:
    """Let torch.autograd do the same; the oracle of by_hand."""
    with torch.enable_grad():
        value = LOSSES[loss].value(model(x).T, target.T).mean()
        flat = torch.autograd.grad(value, [p for fc in model.layers for p in (fc.weight, fc.bias)])
    return [LayerGradient(w, b) for w, b in zip(flat[::2], flat[1::2], strict=True)]


GRADIENTS: dict[str, Callable[[MLP, Tensor, Tensor, LossName], list[LayerGradient]]] = {
    "by_hand": by_hand,
    "by_autograd": by_autograd,
}
