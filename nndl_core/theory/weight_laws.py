"""The probability law behind every initializer, and draws to compare with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from nndl_core.base.config import InitializerName
from nndl_core.base.i18n import tr
from nndl_core.network.initializers import INITIALIZERS

Vector = NDArray[np.float64]

DRAWS = 10_000
LIMIT = 1.0
"""The share of values further from 0 than this is compared."""


@dataclass(frozen=True)
class Law:
    """The distribution of one weight, in closed form.

    No value lies further from 0 than half_width. beyond(t) is the share of |w| > t. density is
    None where all mass sits on single values. kurtosis is E[(w - mean)^4] / std^4.
    """

    mean: float
    std: float
    half_width: float
    kurtosis: float
    beyond: Callable[[float], float]
    density: Callable[[Vector], Vector] | None = None

    @property
    def mean_square(self) -> float:
        """E[w^2], which is the variance wherever the mean is 0."""
        return self.mean**2 + self.std**2


def law_of(init: InitializerName, scale: float, fan_in: int, fan_out: int) -> Law:
    """Return the law of one entry of a weight matrix [fan_out, fan_in].

    Sources of the constants: Glorot and Bengio 2010 (xavier), He et al. 2015 (he), LeCun et al.
    1998 (lecun), Saxe et al. 2014 (orthogonal).
    """
    return _LAWS[init](scale, fan_in, fan_out)


def _points(*values: float) -> Law:
    """All mass in equal shares on a few values."""
    mean, size = sum(values) / len(values), abs(values[0])
    std = math.sqrt(max(0.0, size**2 - mean**2))
    return Law(mean, std, size, 1.0, lambda t: float(size > t))


def _normal(std: float) -> Law:
    if std == 0:
        return _points(0.0)

    def density(w: Vector) -> Vector:
        y: Vector = np.exp(-((w / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))
        return y

    return Law(0.0, std, math.inf, 3.0, lambda t: math.erfc(t / (std * math.sqrt(2))), density)


def _uniform(half: float) -> Law:
    if half == 0:
        return _points(0.0)

    def density(w: Vector) -> Vector:
        return np.where(np.abs(w) <= half, 1 / (2 * half), 0.0)

    return Law(0.0, half / math.sqrt(3), half, 1.8, lambda t: max(0.0, 1 - t / half), density)


def _sphere(scale: float, n: int) -> Law:
    """One coordinate of a uniformly drawn direction in n dimensions, times scale.

    Its density is proportional to (1 - (w / scale)^2)^((n - 3) / 2) (Muller 1959).
    """
    if scale == 0 or n == 1:
        return _points(scale, -scale)
    log_constant = math.lgamma(n / 2) - math.lgamma((n - 1) / 2) - math.log(math.pi) / 2

    def density(w: Vector) -> Vector:
        inside = np.abs(w) < scale
        base = np.where(inside, 1 - (w / scale) ** 2, 1.0)
        y: Vector = np.exp(log_constant + (n - 3) / 2 * np.log(base)) / scale
        return np.where(inside, y, 0.0)

    def beyond(t: float) -> float:
        # with w = scale sin(angle) the density is cos(angle)^(n - 2), finite for every n > 1
        angle = np.linspace(math.asin(min(1.0, t / scale)), math.pi / 2, 2001)
        share = 2 * math.exp(log_constant) * np.trapezoid(np.cos(angle) ** (n - 2), angle)
        return float(share)

    return Law(0.0, scale / math.sqrt(n), scale, 3 * n / (n + 2), beyond, density)


_LAWS: dict[InitializerName, Callable[[float, int, int], Law]] = {
    "zeros": lambda scale, fan_in, fan_out: _points(0.0),
    "constant": lambda scale, fan_in, fan_out: _points(scale),
    "normal": lambda scale, fan_in, fan_out: _normal(scale),
    "uniform": lambda scale, fan_in, fan_out: _uniform(scale),
    "xavier_normal": lambda scale, i, o: _normal(scale * math.sqrt(2 / (i + o))),
    "xavier_uniform": lambda scale, i, o: _uniform(scale * math.sqrt(6 / (i + o))),
    "he_normal": lambda scale, i, o: _normal(scale * math.sqrt(2 / i)),
    "he_uniform": lambda scale, i, o: _uniform(scale * math.sqrt(6 / i)),
    "lecun_normal": lambda scale, i, o: _normal(scale * math.sqrt(1 / i)),
    "orthogonal": lambda scale, i, o: _sphere(scale, max(i, o)),
    "torch_default": lambda scale, i, o: _uniform(scale * math.sqrt(1 / i)),
}


@dataclass(frozen=True)
class Moment:
    """One number of a sample beside its closed form and the standard error of the difference."""

    measured: float
    expected: float
    error: float


@dataclass(frozen=True)
class Draws:
    """A sample of weights and what is known about its law.

    curve holds points (x, y) of the density, None where there is none.
    """

    init: InitializerName
    scale: float
    values: Vector
    mean: Moment
    std: Moment
    beyond: Moment
    curve: tuple[Vector, Vector] | None


def draw_weights(
    init: InitializerName,
    scale: float,
    fan_in: int,
    fan_out: int,
    seed: int,
    count: int = DRAWS,
) -> Draws:
    """Draw ``count`` weights, matrix [fan_out, fan_in] after matrix from one generator.

    Standard errors are those of independent values; entries of one orthogonal matrix are not,
    and their spread is closer to its law than that.
    """
    if min(fan_in, fan_out, count) < 1:
        raise ValueError(
            tr(
                "fan_in {fan_in}, fan_out {fan_out} and {count} draws must be at least 1.",
                fan_in=fan_in,
                fan_out=fan_out,
                count=count,
            )
        )
    generator = Generator().manual_seed(seed)
    matrices = math.ceil(count / (fan_in * fan_out))
    draw = INITIALIZERS[init]
    rows = [draw(fan_out, fan_in, generator, scale).flatten() for _ in range(matrices)]
    values: Vector = torch.cat(rows)[:count].double().numpy()
    law = law_of(init, scale, fan_in, fan_out)
    share = law.beyond(LIMIT)
    std_error = law.std * math.sqrt(max(0.0, law.kurtosis - 1) / (4 * count))
    return Draws(
        init,
        scale,
        values,
        Moment(float(values.mean()), law.mean, law.std / math.sqrt(count)),
        Moment(float(values.std()), law.std, std_error),
        Moment(
            float((np.abs(values) > LIMIT).mean()), share, math.sqrt(share * (1 - share) / count)
        ),
        _curve(law),
    )


def _curve(law: Law) -> tuple[Vector, Vector] | None:
    if law.density is None:
        return None
    reach = min(4.5 * law.std, law.half_width)
    x = np.linspace(-reach, reach, 401)
    if law.half_width == reach:
        # a density may end in a wall, or in a pole that no axis shows
        x = np.concatenate([[-1.0001 * reach], x * 0.9999, [1.0001 * reach]])
    return x, law.density(x)


def scale_of_equal_spread(
    init: InitializerName, other: InitializerName, scale: float, fan_in: int, fan_out: int
) -> float | None:
    """Return the scale at which ``other`` spreads as ``init`` does at ``scale``, None if none."""
    unit = law_of(other, 1.0, fan_in, fan_out).std
    return law_of(init, scale, fan_in, fan_out).std / unit if unit > 0 else None
