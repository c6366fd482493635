"""Two lines to compare a network with: logistic regression, and the best that anybody can do."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import Split, dataset_of
from nndl_core.data.points import make_moons

NEWTON_STEPS = 25
RIDGE = 1e-9
ARC_POINTS = 400
CELLS = 400


def logistic_regression(train: Split, test: Split) -> float:
    """Fit a straight boundary to a two-class set by Newton's method; return its test accuracy."""
    x, y = _with_ones(train.x), train.y.double()
    theta = torch.zeros(x.shape[1], dtype=torch.float64)
    ridge = RIDGE * len(x) * torch.eye(x.shape[1], dtype=torch.float64)
    for _ in range(NEWTON_STEPS):
        p = torch.sigmoid(x @ theta)
        curvature = (x * (p * (1 - p))[:, None]).T @ x + ridge
        theta -= torch.linalg.solve(curvature, x.T @ (p - y))
    right = (_with_ones(test.x) @ theta >= 0) == test.y.bool()
    return float(right.double().mean())


def _with_ones(x: Tensor) -> Tensor:
    return torch.cat([x.double(), torch.ones(len(x), 1, dtype=torch.float64)], 1)


@cache
def logistic_accuracy(config: RunConfig) -> float:
    """Return the test accuracy of logistic regression on the data of a config."""
    data = dataset_of(config)
    if len(data.classes) != 2:
        raise ValueError(tr("Logistic regression is drawn for two classes only."))
    return logistic_regression(data.train, data.test)


@cache
def bayes_accuracy(noise: float) -> float:
    """Return the accuracy that no classifier of the two moons can exceed.

    A class is its half circle blurred by N(0, noise^2): the density at a point is the mean of the
    Gaussians around the arc. The limit is the integral of the larger of both densities, halved.
    """
    if noise == 0:
        return 1.0
    arcs, labels = make_moons(2 * ARC_POINTS, shuffle=False, noise=None)
    reach = 6 * noise
    low, high = arcs.amin(0).double() - reach, arcs.amax(0).double() + reach
    side = [(torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS for _ in range(2)]
    u, v = (low[i] + side[i] * (high[i] - low[i]) for i in range(2))
    densities = [_blurred(arcs[labels == k].double(), u, v, noise) for k in (0, 1)]
    cell = float((high - low).prod()) / CELLS**2
    return float(torch.maximum(*densities).sum()) * cell / 2


def _blurred(arc: Tensor, u: Tensor, v: Tensor, noise: float) -> Tensor:
    """Mean over the arc's points [n, 2] of the Gaussian density on the grid u x v -> [u, v]."""
    across = torch.exp(-((u[:, None] - arc[:, 0]) ** 2) / (2 * noise**2))
    up = torch.exp(-((v[:, None] - arc[:, 1]) ** 2) / (2 * noise**2))
    return across @ up.T / (len(arc) * 2 * math.pi * noise**2)
