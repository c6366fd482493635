"""What is told of a linear layer of any network in one pass: parameters, gradient, outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nndl_core.base.config import ActivationName
from nndl_core.engine.any_module.criterion import Output
from nndl_core.engine.records import LAYER_FIELDS
from nndl_core.engine.telemetry import FLAT_SLOPE, LIFT, TINY, count_distinct
from nndl_core.network.activations import ACTIVATIONS

Row = dict[str, float]
"""The numbers of one layer by the names of LayerStats."""


@dataclass(frozen=True)
class Layer:
    """A linear layer in the order in which forward calls them, with what follows it.

    activation is None where it is no function of this lab's list; slope is that of Leaky ReLU, or
    ELU's alpha.
    """

    name: str
    linear: nn.Linear
    activation: ActivationName | None = None
    slope: float = 0.01


@dataclass
class Pass:
    """One call of a layer: what came out, a copy of it, and what the next layer was given.

    An activation that works in place changes what came out, but not its copy.
    """

    out: Tensor
    z: Tensor
    a: Tensor | None = None


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode, and each of its parts back into its own mode after it."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def norm(values: Tensor) -> float:
    """Return the L2 norm in float64, also of entries whose squares are 0 there."""
    values = values.detach().double()
    plain = float(values.norm())
    if plain < TINY and bool((values != 0).any()):
        return float((values * LIFT).norm()) / LIFT
    return plain


def weight_of(linear: nn.Linear) -> Tensor:
    """Return the weight of a layer; of one that is computed from parts no state moves by it."""
    with evaluating(linear):  # spectral norm iterates whenever it is looked at in training
        return linear.weight.detach()


def weights_of(linear: nn.Linear) -> list[Tensor]:
    """Return what is trained of a weight: itself, or the parts from which it is computed."""
    own = linear.named_parameters()
    parts: list[Tensor] = [p for name, p in own if "bias" not in name.split(".")]
    return parts or [weight_of(linear)]


def made_of(linear: nn.Linear) -> list[Tensor]:
    """Return what makes a layer: its weight, or the parts of it, and then its bias."""
    return weights_of(linear) + ([] if linear.bias is None else [linear.bias])


def parameter_row(linear: nn.Linear, gradients: dict[Tensor, Tensor], direction: Tensor) -> Row:
    """Measure weights and gradient; equal units fall together on direction [fan_in + 1, 1]."""
    weight, bias = weight_of(linear).double(), linear.bias
    column = weight.new_zeros(len(weight)) if bias is None else bias.detach().double()
    rows = torch.cat([weight, column[:, None]], 1).cpu()
    return {
        "weight_grad_norm": _gradient_norm(weights_of(linear), gradients),
        "bias_grad_norm": math.nan if bias is None else _gradient_norm([bias], gradients),
        "weight_norm": norm(weight),
        "distinct_units": float(count_distinct(rows[None], direction)[0]),
        "units": float(len(weight)),
        "activation_mean": math.nan,
        "activation_std": math.nan,
        "example_std": math.nan,
        "saturated_share": math.nan,
        "dead_units": 0.0,
    }


def _gradient_norm(parameters: list[Tensor], gradients: dict[Tensor, Tensor]) -> float:
    """Return the norm of a gradient; NaN where none was computed, as of frozen parameters."""
    found = [norm(gradients[p]) for p in parameters if p in gradients]
    return math.hypot(*found) if found else math.nan


def activation_row(layer: Layer, seen: Pass) -> Row:
    """Measure what a hidden layer gives to the next; nothing where that has another shape."""
    if seen.a is None or seen.a.shape != seen.z.shape:
        return {}
    units = seen.z.shape[-1]
    if layer.activation is None:
        slopes = _slopes_by_autograd(seen)
        largest = float(slopes.max()) if slopes is not None and slopes.numel() else 1.0
    else:
        act = ACTIVATIONS[layer.activation]
        slopes = act.slope(seen.z, layer.slope).abs()
        largest = float(act.max_slope(layer.slope))
    row = _moments(seen.a.detach().reshape(-1, units))
    if slopes is None:
        return row
    slopes = slopes.reshape(-1, units)
    return row | {
        "saturated_share": float((slopes < FLAT_SLOPE * largest).double().mean()),
        "dead_units": float((slopes == 0).all(0).sum()),
    }


def dead_output_row(last: Pass, outputs: Tensor) -> Row:
    """Count the outputs that are flat on all examples, as those behind a ReLU can be."""
    if last.z.shape != outputs.shape:
        return {}
    slopes = _slopes_by_autograd(Pass(last.out, last.z, outputs))
    if slopes is None:
        return {}
    return {"dead_units": float((slopes.reshape(len(slopes), -1) == 0).all(0).sum())}


def _slopes_by_autograd(seen: Pass) -> Tensor | None:
    """Return the slopes of a function that is not known, where what is between is element-wise."""
    assert seen.a is not None
    if not (seen.a.requires_grad and seen.out.requires_grad):
        return None
    slopes = torch.autograd.grad(seen.a.sum(), seen.out, retain_graph=True, allow_unused=True)[0]
    return None if slopes is None else slopes.abs()


def prediction_row(outputs: Tensor, kind: Output) -> Row:
    """Measure probabilities, as of the lab's own networks; no output unit is called dead."""
    columns = outputs.reshape(len(outputs), -1)
    if kind == "logits":
        columns = torch.sigmoid(columns) if columns.shape[1] == 1 else columns.softmax(1)
    row = _moments(columns)
    if kind in ("logits", "probabilities"):
        slopes = columns * (1 - columns)
        row["saturated_share"] = float((slopes < FLAT_SLOPE / 4).double().mean())
    return row


def _moments(a: Tensor) -> Row:
    """Return mean, spread and signal of outputs [N, units]; see LayerStats."""
    a = a.double()
    return {
        "activation_mean": float(a.mean()),
        "activation_std": float(a.std(correction=0)),
        "example_std": float(a.var(0, correction=0).mean().sqrt()),
    }


def columns_of(rows: list[Row]) -> dict[str, NDArray[np.float64]]:
    """Return the rows of all layers at one epoch as columns [1, 1, layers]."""
    return {
        name: np.array([row.get(name, math.nan) for row in rows], dtype=np.float64)[None, None]
        for name in LAYER_FIELDS
    }
