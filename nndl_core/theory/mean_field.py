"""Mean-field theory of wide random networks, and how often a narrow ReLU network is born dead.

Weights are independent with mean 0 and sigma_w = weight std * sqrt(fan_in). In a wide layer every
pre-activation is then Gaussian, z ~ N(bias, q), and so two numbers describe the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nndl_core.base.config import ActivationName, RunConfig
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.theory.weight_laws import law_of

DEPTH_SCALES = 6
"""Networks train down to about so many depth scales (Schoenholz et al. 2017, arXiv 1611.01232)."""
SMALLEST, LARGEST = 1e-12, 1e12
"""Variances beyond these count as 0 and as infinite."""
REACH = 9.0
"""Standard deviations over which a Gaussian is integrated; beyond lie 2e-19 of it."""
ROUNDING = 1e-12
"""The precision of an integral; a chi_1 closer to 1 is 1."""
NODES, HALVINGS = 160, 45
Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class WideNet:
    """A wide network before training, by what its layers have in common.

    sigma_b is the standard deviation of the biases around ``bias``, which is the same for all.
    """

    activation: ActivationName
    sigma_w: float
    sigma_b: float = 0.0
    bias: float = 0.0
    slope: float = 0.01

    @classmethod
    def of(cls, config: RunConfig) -> WideNet | None:
        """Describe layers as wide as the last hidden one of a config, fed by one of that width.

        Returns None without a hidden layer, and where the weights do not vary around 0.
        """
        if not config.hidden:
            return None
        width = config.hidden[-1]
        law = law_of(config.init, config.init_scale, width, width)
        if law.std == 0 or law.mean != 0:
            return None
        sigma_w = law.std * math.sqrt(width)
        return cls(config.activation, sigma_w, bias=config.bias, slope=config.slope)

    @property
    def variance(self) -> float:
        """The fixed point q* of q = sigma_w^2 E[phi(z)^2] + sigma_b^2, z ~ N(bias, q).

        Layer after layer the variance of z approaches it, here from q = 1; 0 where it dies out,
        infinite where it grows for ever. Source: Poole et al. 2016, arXiv 1606.05340, equation 3.
        """
        return _fixed_point(self)

    @property
    def chi_1(self) -> float:
        """The factor of one layer on the mean square of a gradient, sigma_w^2 E[phi'(z)^2].

        Below 1 gradients vanish, above 1 they explode; at 1 the network is critical.
        Source: Schoenholz et al. 2017, arXiv 1611.01232, equation 5.
        """
        return _chi_1(self)

    @property
    def depth_scale(self) -> float:
        """The layers xi = 1 / |ln chi_1| over which the gradient changes by a factor e.

        Infinite at criticality. Source: Schoenholz et al. 2017, arXiv 1611.01232, equation 9.
        """
        rate = abs(math.log(self.chi_1)) if self.chi_1 > 0 else math.inf
        return 1 / rate if rate > ROUNDING else math.inf

    @property
    def trainable_depth(self) -> float:
        """The hidden layers beyond which training is not expected to succeed, 6 xi."""
        return DEPTH_SCALES * self.depth_scale


def mean_square(activation: ActivationName, bias: float, q: float, slope: float) -> float:
    """Return E[phi(z)^2] for z ~ N(bias, q); at bias 0 and q 1 its root is 1 / gain."""
    act = ACTIVATIONS[activation]
    return gaussian_mean(lambda z: act.value(z, slope) ** 2, bias, q)


def slope_square(activation: ActivationName, bias: float, q: float, slope: float) -> float:
    """Return E[phi'(z)^2] for z ~ N(bias, q)."""
    act = ACTIVATIONS[activation]
    return gaussian_mean(lambda z: act.slope(z, slope) ** 2, bias, q)


def gaussian_mean(f: Function, mean: float, variance: float) -> float:
    """Return E[f(z)] for z ~ N(mean, variance), where f may have a kink or a jump at z = 0.

    Gauss-Legendre on both sides of z = 0, with the nodes crowded there: Gauss-Hermite, which does
    not know where the kink is, errs by some percent for ReLU with a bias.
    """
    std = math.sqrt(variance)
    kink = min(max(-mean / std, -REACH), REACH)
    u, weights = _nodes()
    total = 0.0
    for end in (-REACH, REACH):
        # x = kink + (end - kink) u^2 for u in (0, 1), in standard deviations
        x = kink + (end - kink) * u**2
        density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        values = f(torch.from_numpy(mean + std * x)).numpy()
        total += abs(end - kink) * float((weights * 2 * u * density * values).sum())
    return total


@cache
def _nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The places and weights of Gauss and Legendre on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2


@lru_cache(maxsize=4096)  # a map asks for the same few nets in every redraw
def _fixed_point(net: WideNet) -> float:
    """Follow q from 1 to the next fixed point: the map grows with q, so q moves only one way."""

    def grows(q: float) -> float:
        square = mean_square(net.activation, net.bias, q, net.slope)
        return net.sigma_w**2 * square + net.sigma_b**2 - q

    start = grows(1.0)
    if abs(start) < 1e-12:
        return 1.0
    factor, q = (4.0, 1.0) if start > 0 else (0.25, 1.0)
    while SMALLEST < q < LARGEST:
        if grows(q * factor) * start <= 0:
            inside, outside = q, q * factor
            return _bisected(lambda v: grows(v) * start > 0, inside, outside)
        q *= factor
    return 0.0 if q < 1 else math.inf


@lru_cache(maxsize=4096)
def _chi_1(net: WideNet) -> float:
    spread = min(max(net.variance, SMALLEST), LARGEST)
    return net.sigma_w**2 * slope_square(net.activation, net.bias, spread, net.slope)


def _bisected(is_before: Callable[[float], bool], before: float, after: float) -> float:
    """Halve a positive interval, on a log scale, around the place where is_before ends."""
    for _ in range(HALVINGS):
        middle = math.sqrt(before * after)
        before, after = (middle, after) if is_before(middle) else (before, middle)
    return math.sqrt(before * after)


@lru_cache(maxsize=1024)
def critical_sigma_w(net: WideNet) -> float | None:
    """Return the sigma_w at which chi_1 is 1, whatever the net's own; None if none does.

    Closed forms: sqrt(2) for ReLU (He et al. 2015, arXiv 1502.01852), sqrt(2 / (1 + a^2)) for
    Leaky ReLU, 1 for tanh without bias (Poole et al. 2016, arXiv 1606.05340).
    """

    def is_ordered(sigma_w: float) -> bool:
        return replace(net, sigma_w=sigma_w).chi_1 < 1

    low, high = 1e-3, 1e3
    if not is_ordered(low) or is_ordered(high):
        return None
    return _bisected(is_ordered, low, high)


def born_dead(width: int, layers: int) -> tuple[float, float]:
    """Bound the probability that a ReLU network is constant from the start.

    For zero biases, weights symmetric about 0, hidden layers of one width and ``layers`` weight
    layers. The upper bound 1 - (1 - 2^-N)^(L - 1) is the probability that one given input dies on
    its way, and so a bound for every data set; both bounds hold for inputs of one dimension.
    Source: Lu, Shin, Su and Karniadakis 2019, arXiv 1903.06733, theorems 3.2 and 3.3.
    """
    a = 2.0**-width
    hidden = layers - 1
    # log1p and expm1 keep the digits of 2^-64
    high = -math.expm1(hidden * math.log1p(-a)) if a < 1 else float(hidden > 0)
    if hidden < 1:
        return 0.0, 0.0
    survives = (1 - a) ** (hidden - 1)
    stays_two = (1 - 2 * a - (width - 1) * a * a) ** (hidden - 1)
    share = (1 - 2 * a) * (1 - a) / (1 + (width - 1) * a)
    return max(0.0, 1 - survives + share * (stays_two - survives)), high
