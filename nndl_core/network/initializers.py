"""The weight initializers, each a function of shape, generator and scale."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from nndl_core.base.config import InitializerName, RunConfig

Initializer = Callable[[int, int, Generator, float], Tensor]
"""(fan_out, fan_in, generator, scale) -> float32 weights [fan_out, fan_in]."""


def _normal(std: Callable[[int, int], float]) -> Initializer:
    def draw(fan_out: int, fan_in: int, generator: Generator, scale: float) -> Tensor:
        return torch.randn(fan_out, fan_in, generator=generator) * (scale * std(fan_out, fan_in))

    return draw


def _uniform(half_width: Callable[[int, int], float]) -> Initializer:
    def draw(fan_out: int, fan_in: int, generator: Generator, scale: float) -> Tensor:
        unit = torch.rand(fan_out, fan_in, generator=generator) * 2 - 1
        return unit * (scale * half_width(fan_out, fan_in))

    return draw


def _constant(fan_out: int, fan_in: int, generator: Generator, scale: float) -> Tensor:
    return torch.full((fan_out, fan_in), scale)


def _zeros(fan_out: int, fan_in: int, generator: Generator, scale: float) -> Tensor:
    return torch.zeros(fan_out, fan_in)


def _orthogonal(fan_out: int, fan_in: int, generator: Generator, scale: float) -> Tensor:
    """Rows (or columns, if there are fewer) orthonormal times scale (Saxe et al. 2014)."""
    tall = torch.randn(max(fan_out, fan_in), min(fan_out, fan_in), generator=generator)
    q, r = torch.linalg.qr(tall)
    q = q * torch.sign(torch.diagonal(r))  # makes the draw uniform over orthogonal matrices
    rows: Tensor = q if fan_out >= fan_in else q.T
    return rows.contiguous() * scale


INITIALIZERS: dict[InitializerName, Initializer] = {
    "zeros": _zeros,
    "constant": _constant,
    "normal": _normal(lambda fan_out, fan_in: 1.0),
    "uniform": _uniform(lambda fan_out, fan_in: 1.0),
    # Glorot and Bengio 2010: the variance 2 / (fan_in + fan_out)
    "xavier_normal": _normal(lambda fan_out, fan_in: math.sqrt(2 / (fan_in + fan_out))),
    "xavier_uniform": _uniform(lambda fan_out, fan_in: math.sqrt(6 / (fan_in + fan_out))),
    # He et al. 2015: the variance 2 / fan_in
    "he_normal": _normal(lambda fan_out, fan_in: math.sqrt(2 / fan_in)),
    "he_uniform": _uniform(lambda fan_out, fan_in: math.sqrt(6 / fan_in)),
    # LeCun et al. 1998: the variance 1 / fan_in
    "lecun_normal": _normal(lambda fan_out, fan_in: math.sqrt(1 / fan_in)),
    "orthogonal": _orthogonal,
    # what torch.nn.Linear does to its weights: U(-1/sqrt(fan_in), 1/sqrt(fan_in))
    "torch_default": _uniform(lambda fan_out, fan_in: math.sqrt(1 / fan_in)),
}


def first_parameters(config: RunConfig, sizes: tuple[int, ...]) -> list[Tensor]:
    """Draw each layer [fan_out, fan_in + 1], the bias last, as MLP.init_weights does.

    A network of torch.nn.Linear takes many times longer to make than its numbers.
    """
    generator, draw = Generator().manual_seed(config.init_seed), INITIALIZERS[config.init]
    dtype, layers = getattr(torch, config.dtype), []
    for fan_in, fan_out in itertools.pairwise(sizes):
        weight = draw(fan_out, fan_in, generator, config.init_scale).to(dtype)
        layers.append(torch.cat([weight, torch.full((fan_out, 1), config.bias, dtype=dtype)], 1))
    return layers
