"""The points of the lab's data sets: curves, squares, blobs and tables, drawn from a generator."""

import math
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

Rows = tuple[torch.Tensor, torch.Tensor]  # x [n, features], y [n]

BLOB_SPREAD = 0.25  # standard deviation of a blob before the jitter, in data units
XOR_SIDE = (0.1, 1.5)  # distance of the squares from the axes, inner and outer edge
SPIRAL_RADIUS = (0.2, 2.0)  # the arms start apart, else they would share a point


def make_moons(
    n_samples: int = 1000, shuffle: bool = True, noise: float | None = 0.5, seed: int = 0
) -> Rows:
    """Draw the two moons of the course.

    Returns x float32 [n_samples, 2] and y float32 [n_samples], 0 for the upper moon and 1 for the
    lower one. Draws from one generator: the permutation first, then the jitter N(0, noise).
    Source: nndl/nndl-practice, make_moons; equal to it in every bit.
    """
    generator = torch.Generator().manual_seed(seed)
    x, y = _moon_arcs(n_samples)
    if shuffle:
        x, y = _shuffled(x, y, generator)
    if noise is not None:
        x = _jittered(x, noise, generator)
    return x, y.float()


def _shuffled(x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> Rows:
    order = torch.randperm(len(x), generator=generator)
    return x[order], y[order]


def _jittered(x: torch.Tensor, noise: float, generator: torch.Generator) -> torch.Tensor:
    return x + torch.normal(0.0, noise, tuple(x.shape), generator=generator)


def _class_sizes(points: int, classes: int) -> list[int]:
    edges = [points * index // classes for index in range(classes + 1)]
    return [high - low for low, high in pairwise(edges)]


def _labels(points: int, classes: int) -> torch.Tensor:
    sizes = torch.tensor(_class_sizes(points, classes))
    return torch.arange(classes).repeat_interleave(sizes)


def _moon_arcs(points: int) -> Rows:
    outer, inner = (torch.linspace(0, math.pi, size) for size in _class_sizes(points, 2))
    across = torch.cat([torch.cos(outer), 1 - torch.cos(inner)])
    up = torch.cat([torch.sin(outer), 0.5 - torch.sin(inner)])
    return torch.stack([across, up], dim=1), _labels(points, 2)


def moons(points: int, noise: float, generator: torch.Generator) -> Rows:
    """Draw two moons, one reaching into the other, shuffled: x [points, features], y [points]."""
    x, y = _shuffled(*_moon_arcs(points), generator)
    return _jittered(x, noise, generator), y


def _rings(points: int) -> Rows:
    # Without its last point, linspace does not name the angle 0 twice.
    angle = torch.cat([torch.linspace(0, 2 * math.pi, n + 1)[:-1] for n in _class_sizes(points, 2)])
    y = _labels(points, 2)
    radius = torch.tensor([1.0, 0.5])[y]
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1), y


def circles(points: int, noise: float, generator: torch.Generator) -> Rows:
    """Draw two rings, one around the other, shuffled: x [points, features], y [points]."""
    x, y = _shuffled(*_rings(points), generator)
    return _jittered(x, noise, generator), y


def xor(points: int, noise: float, generator: torch.Generator) -> Rows:
    """Draw four squares, one in each quadrant, shuffled: x [points, features], y [points]."""
    # Class 1 where the signs differ. Alternating classes keep the four squares balanced.
    signs = torch.tensor([[-1.0, 1.0], [1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    square = (torch.arange(points) % 4)[torch.randperm(points, generator=generator)]
    near, far = XOR_SIDE
    x = signs[square] * (near + (far - near) * torch.rand(points, 2, generator=generator))
    return _jittered(x, noise, generator), 1 - square % 2


def blobs(
    points: int, noise: float, generator: torch.Generator, *, centers: list[list[float]]
) -> Rows:
    """Draw one normal cloud around each center, shuffled: x [points, features], y [points]."""
    y = _labels(points, len(centers))[torch.randperm(points, generator=generator)]
    x = torch.tensor(centers)[y] + BLOB_SPREAD * torch.randn(points, 2, generator=generator)
    return _jittered(x, noise, generator), y


def _spiral_arms(points: int, *, arms: int) -> Rows:
    start, end = SPIRAL_RADIUS
    along = torch.cat([torch.linspace(0, 1, size) for size in _class_sizes(points, arms)])
    y = _labels(points, arms)
    # 3 / arms turns: neighboring arms are 0.6 apart however many arms there are.
    angle = 2 * math.pi * (3 / arms * along + y / arms)
    radius = start + (end - start) * along
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1), y


def spirals(points: int, noise: float, generator: torch.Generator, *, arms: int) -> Rows:
    """Draw arms that wind around one center, shuffled: x [points, features], y [points]."""
    x, y = _shuffled(*_spiral_arms(points, arms=arms), generator)
    return _jittered(x, noise, generator), y


def table(points: int, noise: float, generator: torch.Generator, *, name: str) -> Rows:
    """Draw rows of a table of scikit-learn, shuffled: x [points, features], y [points]."""
    del noise  # centimeters and gray levels have no common unit to jitter them by
    x, y = _load_table(name)
    order = torch.randperm(len(x), generator=generator)[:points]
    return x[order], y[order]


@cache
def _load_table(name: str) -> Rows:
    # The files are read from the package's folder: importing scikit-learn takes 2.5 seconds, which
    # a student would wait for before the first page, and its loaders do no more than this.
    spec = find_spec("sklearn")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    file, header_lines = {"iris": ("iris.csv", 1), "digits": ("digits.csv.gz", 0)}[name]
    rows = np.loadtxt(folder / file, delimiter=",", skiprows=header_lines)
    return torch.from_numpy(rows[:, :-1].copy()), torch.from_numpy(rows[:, -1]).long()


BLOB_CENTERS = {
    "blobs2": [[-0.5, -0.4], [1.5, 1.0]],
    "blobs3": [[-0.8, -0.6], [1.6, -0.6], [0.4, 1.5]],
}
CURVES: dict[str, tuple[Callable[[int], Rows], int]] = {
    "moons": (_moon_arcs, 2),
    "circles": (_rings, 2),
    "spirals2": (partial(_spiral_arms, arms=2), 2),
    "spirals3": (partial(_spiral_arms, arms=3), 3),
}
"""Sets whose classes are curves: the points without jitter, of all classes, and how many these are.
"""
