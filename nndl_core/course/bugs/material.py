"""What the cases are made of: the course's data, a network, a step of training."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from nndl_core.data.catalog import Dataset, Split, make_dataset

Examples = tuple[Tensor, Tensor]


@cache
def _dataset(name: str, points: int, noise: float) -> Dataset:
    return make_dataset(name, points, noise, data_seed=0)


def moons(part: str) -> Examples:
    """Return X [n, 2] and y [n, 1] of the course's moons: part is train, dev or test."""
    split: Split = getattr(_dataset("moons", 1000, 0.5), part)
    return split.x, split.y[:, None].float()


def blobs() -> Examples:
    """Return X [n, 2] and y [n, 1] of two groups of points that a straight line separates."""
    split = _dataset("blobs2", 200, 0.0).train
    return split.x, split.y[:, None].float()


def network(
    *sizes: int,
    seed: int | Generator = 0,
    std: float | None = None,
    bias: float = 0.0,
    act: type[nn.Module] = nn.Sigmoid,
) -> nn.Sequential:
    """Build fc1, act1, fc2, ... whose output is the logit; weights drawn from N(0, std).

    Without std weights and biases are what nn.Linear draws. A generator as seed goes on drawing.
    """
    generator = seed if isinstance(seed, Generator) else Generator().manual_seed(seed)
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes), start=1):
        layer = nn.Linear(fan_in, fan_out)
        draw(layer, generator, std, bias)
        parts[f"fc{i}"], parts[f"act{i}"] = layer, act()
    parts.popitem()
    return nn.Sequential(parts)


def draw(layer: nn.Linear, generator: Generator, std: float | None, bias: float) -> None:
    """Set a layer to N(0, std) and a constant bias, or without std to torch's own default."""
    half_width = layer.in_features**-0.5
    with torch.no_grad():
        if std is None:
            layer.weight.uniform_(-half_width, half_width, generator=generator)
            layer.bias.uniform_(-half_width, half_width, generator=generator)
        else:
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * std)
            layer.bias.fill_(bias)


def bce(logits: Tensor, y: Tensor) -> Tensor:
    """Return the mean binary cross entropy of logits [n, 1] and labels [n, 1]."""
    return F.binary_cross_entropy_with_logits(logits, y)


def accuracy(logits: Tensor, y: Tensor) -> float:
    """Return the share of right answers; a logit of 0 or more is class 1."""
    return ((logits >= 0) == (y > 0.5)).float().mean().item()


def train(model: nn.Module, optimizer: Optimizer, data: Examples, epochs: int) -> float:
    """Do full-batch steps and return the loss that the last of them started from."""
    X, y = data
    loss = torch.zeros(())
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = bce(model(X), y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return loss.item()
