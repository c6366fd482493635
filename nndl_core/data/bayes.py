"""The best that anybody can do on a generated data set: what its distribution tells of a label."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from nndl_core.data.catalog import Source
from nndl_core.data.points import BLOB_CENTERS, BLOB_SPREAD, CURVES, XOR_SIDE

SUPPORT = 400
"""Points of a curve that stand for all of it."""
NARROW = 0.03
"""Least blur of a curve or square, in data units: classes that lie ten times as far apart are told
apart all the same, and a curve's points stay closer than this."""

ROWS = 256
"""Points at once: their distances to a curve stay in the cache."""

LogDensity = Callable[[Tensor, float], Tensor]
"""(points [n, 2], noise) -> log density of every class [n, K], up to a term of the point."""


def posterior(source: Source, x: Tensor) -> Tensor:
    """Return the probability of every class at points x [n, 2] -> float64 [n, K].

    Classes are equally frequent. The label noise that the source names is in it: a share of the
    labels that are seen is that of another class.
    """
    density = _DENSITIES.get(source.name) or _curves(source.name)
    p = torch.softmax(density(x.double(), source.noise), dim=1)
    flipped, others = source.label_noise, p.shape[1] - 1
    return (1 - flipped) * p + flipped * (1 - p) / others


def _curves(name: str) -> LogDensity:
    """A class is a curve of equal density, blurred by the noise."""
    arcs = _arcs(name)

    def density(x: Tensor, noise: float) -> Tensor:
        blur = 2 * max(noise, NARROW) ** 2
        return torch.cat([_blurred(part, arcs, blur) for part in torch.split(x.float(), ROWS)])

    return density


def _blurred(x: Tensor, arcs: tuple[Tensor, ...], blur: float) -> Tensor:
    """Log mean of exp(-distance^2 / blur) over each curve [SUPPORT, 2] -> float64 [n, K]."""
    far = [torch.cdist(x, arc).square_().div_(-blur) for arc in arcs]
    top = torch.stack([exponent.amax(1) for exponent in far], 1).amax(1, keepdim=True)
    sums = [exponent.sub_(top).exp_().mean(1) for exponent in far]
    return torch.stack(sums, 1).double().log()


@cache
def _arcs(name: str) -> tuple[Tensor, ...]:
    curve, classes = CURVES[name]
    x, y = curve(classes * SUPPORT)
    return tuple(x[y == k] for k in range(classes))


def _squares(x: Tensor, noise: float) -> Tensor:
    """Two squares for each class: the blurred uniform density of either sign along either axis."""
    near, far = XOR_SIDE
    blur = max(noise, NARROW / 3)
    sides = [
        torch.special.ndtr((sign * x - near) / blur) - torch.special.ndtr((sign * x - far) / blur)
        for sign in (1, -1)
    ]
    (plus_u, plus_v), (minus_u, minus_v) = (side.unbind(1) for side in sides)
    equal = plus_u * plus_v + minus_u * minus_v
    differ = plus_u * minus_v + minus_u * plus_v
    # far outside both are 0: nothing is known there
    return torch.stack([equal, differ], 1).clamp(min=torch.finfo(torch.float64).tiny).log()


def _gaussians(x: Tensor, noise: float, centers: list[list[float]]) -> Tensor:
    variance = BLOB_SPREAD**2 + noise**2
    return -(torch.cdist(x, torch.tensor(centers, dtype=torch.float64)) ** 2) / (2 * variance)


_DENSITIES: dict[str, LogDensity] = {
    "xor": _squares,
    "blobs2": lambda x, noise: _gaussians(x, noise, BLOB_CENTERS["blobs2"]),
    "blobs3": lambda x, noise: _gaussians(x, noise, BLOB_CENTERS["blobs3"]),
}
