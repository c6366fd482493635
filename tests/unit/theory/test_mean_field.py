"""Mean-field theory against closed forms, published numbers, SciPy's quadrature and real nets."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import quad

from nndl_core.base.config import ActivationName, InitializerName, RunConfig
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.theory.mean_field import (
    WideNet,
    born_dead,
    critical_sigma_w,
    gaussian_mean,
    mean_square,
    slope_square,
)


def tanh(sigma_w_squared: float, sigma_b_squared: float) -> WideNet:
    return WideNet("tanh", math.sqrt(sigma_w_squared), math.sqrt(sigma_b_squared))


def critical(net: WideNet) -> float:
    found = critical_sigma_w(net)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("sigma_b_squared", "expected"),
    # own quadrature with SciPy; Poole et al. 2016 and Schoenholz et al. 2017 quote 1.76 for .05
    [
        (0.0, 1.0),
        (0.01, 1.4242052904885953),
        (0.05, 1.7609546396067615),
        (0.1, 1.9860726411358647),
        (0.2, 2.285152473720183),
        (0.3, 2.505127189679755),
    ],
)
def test_the_critical_line_of_tanh(sigma_b_squared: float, expected: float) -> None:
    assert critical(tanh(1, sigma_b_squared)) ** 2 == pytest.approx(expected, abs=1e-7)


def test_critical_values_without_bias() -> None:
    assert critical(WideNet("relu", 1)) == pytest.approx(math.sqrt(2), rel=1e-9)
    for slope in (0.0, 0.2, 0.7):
        leaky = WideNet("leaky_relu", 1, slope=slope)
        assert critical(leaky) == pytest.approx(math.sqrt(2 / (1 + slope**2)), rel=1e-9)
    assert critical(WideNet("identity", 1)) == pytest.approx(1, rel=1e-9)
    # own quadrature with SciPy
    assert critical(WideNet("sigmoid", 1)) == pytest.approx(10.149263710019532, rel=1e-9)


def test_what_the_net_stands_at_does_not_matter_for_its_critical_value() -> None:
    assert critical(WideNet("tanh", 5, 0.3)) == critical(WideNet("tanh", 0.2, 0.3))


def test_a_net_that_never_becomes_chaotic_has_no_critical_value() -> None:
    assert critical_sigma_w(WideNet("relu", 1, bias=-1e6)) is None


@pytest.mark.parametrize(("square", "expected"), [(2, 1.0), (1, 0.5), (4, 2.0)])
def test_chi_of_relu_is_half_of_sigma_w_squared(square: float, expected: float) -> None:
    net = WideNet("relu", math.sqrt(square))
    assert net.chi_1 == pytest.approx(expected, rel=1e-9)


def test_a_constant_bias_does_not_change_an_exploding_relu_net() -> None:
    assert WideNet("relu", 2.0, bias=1.0).chi_1 == pytest.approx(2.0, rel=1e-5)


@pytest.mark.parametrize(
    ("square", "variance", "chi"),
    [(1.5, 0.418037200533478, 0.938636268198851), (4.0, 2.1954939280344874, 1.3424024144451923)],
)
def test_the_fixed_point_of_tanh(square: float, variance: float, chi: float) -> None:
    net = tanh(square, 0.05)
    assert net.variance == pytest.approx(variance, rel=1e-9)
    assert net.chi_1 == pytest.approx(chi, rel=1e-9)


def test_the_fixed_point_is_one_of_the_map_with_a_constant_bias() -> None:
    net = WideNet("sigmoid", 6.0, bias=-2.0, sigma_b=0.4)
    again = net.sigma_w**2 * mean_square("sigmoid", -2.0, net.variance, 0) + net.sigma_b**2
    assert again == pytest.approx(net.variance, rel=1e-9)


def test_the_variance_dies_out_or_grows_for_ever() -> None:
    assert WideNet("tanh", 0.9).variance == 0
    assert WideNet("relu", 1.5).variance == math.inf
    assert WideNet("relu", 1.4).variance == 0


def test_depth_scale_and_trainable_depth() -> None:
    net = tanh(1.5, 0.05)
    assert net.depth_scale == pytest.approx(15.790994034122852, rel=1e-8)
    assert net.trainable_depth == pytest.approx(94.7459642047371, rel=1e-8)
    one_layer = WideNet("relu", math.sqrt(2 / math.e)).depth_scale  # chi_1 is 1 / e
    assert one_layer == pytest.approx(1, rel=1e-9)
    assert WideNet("relu", math.sqrt(2)).depth_scale == math.inf
    assert WideNet("relu", 0.0).depth_scale == 0


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("bias", [0.0, -1.3, 4.0])
@pytest.mark.parametrize("q", [1e-3, 1.0, 400.0])
def test_gaussian_means_equal_those_of_scipy(name: ActivationName, bias: float, q: float) -> None:
    act, slope = ACTIVATIONS[name], 0.3

    def square(x: float, derivative: bool) -> float:
        z = torch.tensor(bias + math.sqrt(q) * x, dtype=torch.float64)
        value = float(act.slope(z, slope) if derivative else act.value(z, slope))
        return value**2 * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    kink = -bias / math.sqrt(q)
    ends = sorted({-12.0, min(max(kink, -12.0), 12.0), 12.0})
    for derivative, mean in ((False, mean_square), (True, slope_square)):
        pieces = itertools.pairwise(ends)
        expected = sum(quad(square, *piece, (derivative,), limit=200)[0] for piece in pieces)
        assert mean(name, bias, q, slope) == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_the_probability_of_a_gaussian_is_one() -> None:
    for mean in (-50.0, 0.0, 3.0):
        assert gaussian_mean(lambda z: z * 0 + 1, mean, 2.0) == pytest.approx(1, abs=1e-12)
        assert gaussian_mean(lambda z: z, mean, 2.0) == pytest.approx(mean, abs=1e-10)


def test_gains_of_the_initializers_are_those_of_unit_variance() -> None:
    names: tuple[ActivationName, ...] = ("elu", "gelu", "silu", "softplus", "relu")
    for name in names:
        gain = ACTIVATIONS[name].gain(1.0)
        # the registry integrates with Gauss-Hermite, which a kink costs some digits
        assert mean_square(name, 0.0, 1.0, 1.0) == pytest.approx(1 / gain**2, rel=2e-3)


def random_chi(net: WideNet, width: int, layers: int, seed: int) -> float:
    """Measure the mean factor of one layer on |delta|^2, far from the input and the output."""
    random = np.random.default_rng(seed)
    act = ACTIVATIONS[net.activation]
    spread = net.sigma_w / math.sqrt(width)
    weights = random.normal(0, spread, (layers, width, width))
    a, slopes = random.normal(size=width), []
    for w in weights:
        z = torch.from_numpy(w @ a + random.normal(net.bias, net.sigma_b, width))
        slopes.append(act.slope(z, net.slope).numpy())
        a = act.value(z, net.slope).numpy()
    delta, logs = random.normal(size=width), []
    for at in range(layers - 1, layers // 2, -1):
        before = np.square(delta).sum()
        delta = (weights[at].T @ delta) * slopes[at - 1]
        logs.append(math.log(np.square(delta).sum() / before))
    return math.exp(float(np.mean(logs)))


@pytest.mark.parametrize(
    "net",
    [
        WideNet("relu", math.sqrt(2)),
        WideNet("leaky_relu", math.sqrt(2), slope=0.2),
        tanh(4.0, 0.05),
        WideNet("sigmoid", 10.149),
        WideNet("tanh", 1.2, bias=0.7),
    ],
    ids=lambda net: net.activation,
)
def test_chi_is_what_random_networks_do(net: WideNet) -> None:
    measured = [random_chi(net, width=500, layers=24, seed=seed) for seed in range(6)]
    assert float(np.mean(measured)) == pytest.approx(net.chi_1, rel=0.05)


def death_shares(width: int, layers: int, nets: int) -> tuple[float, float]:
    """Draw nets of one input; return the shares that are dead at x = 1, and at every x."""
    random = np.random.default_rng(7)
    a: NDArray[np.float64] = np.broadcast_to([[1.0, -1.0]], (nets, 1, 2))
    for fan_in in [1] + [width] * (layers - 2):
        a = np.maximum(random.normal(size=(nets, width, fan_in)) @ a, 0)
    dead = (a == 0).all(1)  # [nets, 2]: without biases the two signs stand for all inputs
    return float(dead[:, 0].mean()), float(dead.all(1).mean())


@pytest.mark.parametrize(
    ("width", "layers", "expected"),
    # Lu et al. 2019, from their theorems 3.2 and 3.3
    [
        (2, 3, (0.15625, 0.4375)),
        (2, 5, (0.4766845703125, 0.68359375)),
        (3, 10, (0.5133887021530654, 0.6993421986699104)),
        (4, 10, (0.20416353890306094, 0.4405754932813579)),
        (8, 10, (0.0011963379298079585, 0.03461191116154838)),
    ],
)
def test_born_dead(width: int, layers: int, expected: tuple[float, float]) -> None:
    low, high = born_dead(width, layers)
    assert (low, high) == pytest.approx(expected, rel=1e-9)
    nets = 20_000
    fixed, everywhere = death_shares(width, layers, nets)
    noise = 4 * math.sqrt(0.25 / nets)
    assert fixed == pytest.approx(high, abs=noise)
    assert low - noise <= everywhere <= high + noise


def test_born_dead_at_its_ends() -> None:
    assert born_dead(3, 1) == (0, 0)
    assert born_dead(5, 2) == pytest.approx((0, 2**-5), abs=1e-15)
    assert born_dead(64, 17)[1] == pytest.approx(16 * 2.0**-64, rel=1e-9)
    assert born_dead(1, 40)[1] == pytest.approx(1, abs=1e-9)
    exact = [4.0**-n * (3 - 2.0 ** (1 - n)) for n in (2, 3, 6)]
    assert [born_dead(n, 3)[0] for n in (2, 3, 6)] == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(
    ("init", "scale", "sigma_w"),
    [
        ("he_normal", 1.0, math.sqrt(2)),
        ("he_uniform", 1.0, math.sqrt(2)),
        ("xavier_normal", 0.7, 0.7),
        ("lecun_normal", 2.0, 2.0),
        ("orthogonal", 1.5, 1.5),
        ("normal", 0.1, 0.1 * math.sqrt(8)),
        ("torch_default", 1.0, math.sqrt(1 / 3)),
    ],
)
def test_sigma_w_of_a_config(init: InitializerName, scale: float, sigma_w: float) -> None:
    config = RunConfig(hidden=(8,) * 4, init=init, init_scale=scale, bias=0.5, slope=0.1)
    net = WideNet.of(config)
    assert net is not None
    assert net.sigma_w == pytest.approx(sigma_w, rel=1e-12)
    assert (net.bias, net.slope, net.activation) == (0.5, 0.1, "sigmoid")


def test_a_config_without_random_hidden_weights_has_no_theory() -> None:
    assert WideNet.of(RunConfig(hidden=())) is None
    inits: tuple[InitializerName, ...] = ("zeros", "constant")
    for init in inits:
        assert WideNet.of(RunConfig(hidden=(8, 8), init=init)) is None
