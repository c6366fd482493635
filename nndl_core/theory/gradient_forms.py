"""Closed forms of what a gradient loses on its way back, for small weights.

Where weights are small every pre-activation of a hidden layer is about the bias b, so that every
slope is phi'(b) and every activation phi(b).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import torch

from nndl_core.base.config import ActivationName, ConfigError, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import dataset_of
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.theory.gradient_law import Steps, Table, widths_of
from nndl_core.theory.weight_laws import law_of


def expected_decades(config: RunConfig) -> Steps:
    """Predict decades_lost for small weights, as the mean over all draws of Gaussian weights.

    weights: W^T delta of a matrix with n columns of entries N(0, std) has the norm
    std chi_n |delta|, and E[ln chi_n] = (digamma(n / 2) + ln 2) / 2. slope: |phi'(b)|. inputs:
    the input of every layer is phi(b), but that of fc1 is the data. NaN where the law does not
    apply. Raises ConfigError without a hidden layer and unless there is one output.
    """
    fans, slope = _fans(config), _value_and_slope(config)[1]
    laws = [law_of(config.init, config.init_scale, n, m) for n, m in itertools.pairwise(fans[1:])]
    spread = np.sqrt([law.mean_square for law in laws])
    with np.errstate(divide="ignore", invalid="ignore"):  # an exact 0 loses infinitely many
        weights = -np.log10(spread) - [_mean_log10_chi(n) for n in fans[1:-1]]
        reach = np.log10(_reach(config))
        slopes = np.full(len(laws), -np.log10(slope))
        return Steps(weights, slopes, reach[1:] - reach[:-1])


def expected_ratio(config: RunConfig, other: ActivationName) -> Table:
    """Predict the gradient norms with another activation divided by the config's own, [L].

    Equal small weights cancel; layer l keeps one ratio of slopes for each hidden layer from l on
    and, but for fc1, one ratio of values, which are its inputs: for ReLU against sigmoid at
    b = 1 this is 1 / sigma'(1)^4 for fc1 and 1 / (sigma'(1)^(L - l) sigma(1)) from fc2 on.
    """
    value, slope = _value_and_slope(config)
    other_value, other_slope = _value_and_slope(replace(config, activation=other))
    layers = len(config.hidden) + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.divide(other_slope, slope) ** np.arange(layers - 1, -1, -1)
        values = np.divide(other_value, value) ** (np.arange(layers) > 0)
        ratio: Table = slopes * values
    return ratio


def expected_exponents(config: RunConfig) -> Table:
    """Predict the power of a Leaky slope with which each gradient norm grows if b < 0, [L].

    One factor for each hidden layer from l on and, but for fc1, one for the input slope * b.
    """
    layers = len(config.hidden) + 1
    exponents: Table = np.arange(layers - 1, -1, -1.0) + (np.arange(layers) > 0)
    return exponents


def _value_and_slope(config: RunConfig) -> tuple[float, float]:
    """Return |phi(b)| and |phi'(b)|, or NaN where the next order decides because both are 0."""
    b, act = torch.tensor(config.bias, dtype=torch.float64), ACTIVATIONS[config.activation]
    value, slope = (abs(float(f(b, config.slope))) for f in (act.value, act.slope))
    if config.bias == 0 and value == 0:
        return math.nan, math.nan
    return value, slope


def _fans(config: RunConfig) -> list[int]:
    if not config.hidden or config.loss != "bce":
        raise ConfigError(tr("The closed form needs a hidden layer and the loss 'bce'."))
    return widths_of(config)


def _reach(config: RunConfig) -> Table:
    """Return the norm of each layer's gradient if nothing were lost behind it, [L].

    It is |mean of (sigma(b) - y) a| with the layer's input a: the data, or phi(b) everywhere.
    """
    fans, train = _fans(config), dataset_of(config).train
    error = 1 / (1 + math.exp(-config.bias)) - train.y.double()
    first = float((error @ train.x.double()).norm()) / len(error)
    value = _value_and_slope(config)[0] * abs(float(error.mean()))
    return np.array([first, *(value * math.sqrt(n) for n in fans[1:-1])])


def _mean_log10_chi(n: int) -> float:
    half = torch.tensor(n / 2, dtype=torch.float64)
    return (float(torch.digamma(half)) + math.log(2)) / (2 * math.log(10))
