"""The activation functions: value and slope side by side, and what measures where they are flat."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nndl_core.base.config import ActivationName

_aten: Any = torch.ops.aten
# bound once: looking an overload up takes as long as computing it on 640 examples
_sigmoid_backward = _aten.sigmoid_backward.grad_input
_tanh_backward = _aten.tanh_backward.grad_input
_threshold_backward = _aten.threshold_backward.grad_input
_leaky_relu_backward = _aten.leaky_relu_backward.grad_input
_elu_backward = _aten.elu_backward.grad_input
_gelu_backward = _aten.gelu_backward.grad_input
_silu_backward = _aten.silu_backward.grad_input

Slope = float | Tensor
"""The Leaky slope or the ELU alpha: a number, or one for each run, [R, 1, 1]."""


@dataclass(frozen=True)
class Activation:
    """An activation phi with its derivative; p is the Leaky slope or the ELU alpha.

    ``value`` and ``slope`` are the formulas; the training loop's own stand in fused_rows.py. What
    telemetry measures with allocates nothing: ``backward_(delta, kept, p)`` multiplies delta by the
    slope in place, where kept is z if ``keeps_z`` and else a; ``flat_`` is a shorter way to what
    is_flat says, and ``flat_is_zero`` tells that the slope is either large or exactly 0.
    """

    value: Callable[[Tensor, Slope], Tensor]
    slope: Callable[[Tensor, float], Tensor]
    backward_: Callable[[Tensor, Tensor, Slope], object]
    keeps_z: bool = False
    max_slope: Callable[[Slope], Any] = lambda p: 1.0
    fixed_gain: Callable[[float], float] | None = None
    flat_: Callable[[Tensor, Tensor, Tensor], object] | None = None
    flat_is_zero: bool = False

    def is_flat(self, kept: Tensor, share: float, p: Slope, out: Tensor) -> Tensor:
        """Write 1 into out where the slope is below a share of the largest slope, else 0."""
        # a tensor: comparing with a Python number takes twice as long
        limit = torch.as_tensor(share * self.max_slope(p), dtype=out.dtype)
        if self.flat_ is not None:
            self.flat_(kept, limit, out)
        else:
            self.backward_(out.fill_(1), kept, p)
            torch.lt(out.abs_(), limit, out=out)
        return out

    def gain(self, p: float) -> float:
        """Return the factor on 1/sqrt(fan_in) that keeps the size of activations constant.

        Where the literature has no fixed value it is E[phi(z)^2]^(-1/2), z ~ N(0, 1).
        """
        if self.fixed_gain is not None:
            return self.fixed_gain(p)
        nodes, weights = np.polynomial.hermite_e.hermegauss(100)
        value = self.value(torch.from_numpy(nodes), p).numpy()
        return float(1 / math.sqrt((weights * value**2).sum() / weights.sum()))


def _sigmoid_slope(z: Tensor, p: float) -> Tensor:
    a = torch.sigmoid(z)
    return a * (1 - a)


def _gelu_slope(z: Tensor, p: float) -> Tensor:
    cdf = 0.5 * (1 + torch.erf(z / math.sqrt(2)))
    pdf = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return cdf + z * pdf


def _silu_slope(z: Tensor, p: float) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1 + z * (1 - s))


def _leaky_back_(d: Tensor, z: Tensor, p: Slope) -> None:
    if isinstance(p, Tensor):
        torch.where(z > 0, d, d * p, out=d)
    else:
        _leaky_relu_backward(d, z, p, False, grad_input=d)


def _elu(z: Tensor, p: Slope) -> Tensor:
    return torch.where(z > 0, z, p * torch.expm1(z.clamp(max=0)))


def _elu_slope(z: Tensor, p: float) -> Tensor:
    return torch.where(z > 0, torch.ones_like(z), p * torch.exp(z.clamp(max=0)))


def _elu_back_(d: Tensor, z: Tensor, p: Slope) -> None:
    if isinstance(p, Tensor):
        torch.where(z > 0, d, d * p * torch.exp(z), out=d)
    else:
        _elu_backward(d, p, 1, 1, False, z, grad_input=d)


def _sigmoid_flat_(a: Tensor, limit: Tensor, out: Tensor) -> None:
    torch.addcmul(a, a, a, value=-1, out=out)
    torch.lt(out, limit, out=out)


def _tanh_flat_(a: Tensor, limit: Tensor, out: Tensor) -> None:
    torch.mul(a, a, out=out)
    torch.gt(out, 1 - limit, out=out)


def _at_least_one(p: Slope) -> Slope:
    return p.clamp(min=1.0) if isinstance(p, Tensor) else max(1.0, p)


ACTIVATIONS: dict[ActivationName, Activation] = {
    "sigmoid": Activation(
        value=lambda z, p: torch.sigmoid(z),  # 1 / (1 + exp(-z)) without its overflow
        slope=_sigmoid_slope,
        backward_=lambda d, a, p: _sigmoid_backward(d, a, grad_input=d),
        max_slope=lambda p: 0.25,
        fixed_gain=lambda p: 1.0,
        flat_=_sigmoid_flat_,
    ),
    "tanh": Activation(
        value=lambda z, p: torch.tanh(z),
        slope=lambda z, p: 1 - torch.tanh(z) ** 2,
        backward_=lambda d, a, p: _tanh_backward(d, a, grad_input=d),
        fixed_gain=lambda p: 5 / 3,
        flat_=_tanh_flat_,
    ),
    "relu": Activation(
        value=lambda z, p: torch.relu(z),  # max(z, 0); autograd of clamp has slope 1 at 0
        slope=lambda z, p: (z > 0).to(z.dtype),
        backward_=lambda d, a, p: _threshold_backward(d, a, 0, grad_input=d),
        fixed_gain=lambda p: math.sqrt(2),
        flat_=lambda a, limit, out: torch.le(a, a.new_zeros(()), out=out),
        flat_is_zero=True,
    ),
    "leaky_relu": Activation(
        value=lambda z, p: torch.where(z > 0, z, p * z),
        slope=lambda z, p: torch.where(z > 0, torch.ones_like(z), torch.full_like(z, p)),
        backward_=_leaky_back_,
        keeps_z=True,
        max_slope=_at_least_one,
        fixed_gain=lambda p: math.sqrt(2 / (1 + p * p)),
    ),
    "elu": Activation(
        value=_elu,
        slope=_elu_slope,
        backward_=_elu_back_,
        keeps_z=True,
        max_slope=_at_least_one,
    ),
    "gelu": Activation(
        value=lambda z, p: z * 0.5 * (1 + torch.erf(z / math.sqrt(2))),
        slope=_gelu_slope,
        backward_=lambda d, z, p: _gelu_backward(d, z, grad_input=d),
        keeps_z=True,
        max_slope=lambda p: 1.1289043,  # at z = sqrt(2)
    ),
    "silu": Activation(
        value=lambda z, p: z * torch.sigmoid(z),
        slope=_silu_slope,
        backward_=lambda d, z, p: _silu_backward(d, z, grad_input=d),
        keeps_z=True,
        max_slope=lambda p: 1.0998394,  # at z = 2.3994
    ),
    "softplus": Activation(
        value=lambda z, p: torch.logaddexp(z, torch.zeros_like(z)),
        slope=lambda z, p: torch.sigmoid(z),
        backward_=lambda d, z, p: d.mul_(torch.sigmoid(z)),
        keeps_z=True,
    ),
    "identity": Activation(
        value=lambda z, p: z,
        slope=lambda z, p: torch.ones_like(z),
        backward_=lambda d, a, p: d,
        fixed_gain=lambda p: 1.0,
    ),
}
