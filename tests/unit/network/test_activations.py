"""Activations: each formula against autograd and PyTorch, each kernel against its formula."""

import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nndl_core.base.config import ActivationName
from nndl_core.network.activations import ACTIVATIONS

NAMES: tuple[ActivationName, ...] = get_args(ActivationName)
SLOPES = (0.0, 0.01, 0.5, 1.0, 2.0)
TORCH: dict[ActivationName, Callable[[Tensor, float], Tensor]] = {
    "sigmoid": lambda z, p: torch.sigmoid(z),
    "tanh": lambda z, p: torch.tanh(z),
    "relu": lambda z, p: F.relu(z),
    "leaky_relu": lambda z, p: F.leaky_relu(z, p),
    "elu": lambda z, p: F.elu(z, p),
    "gelu": lambda z, p: F.gelu(z),
    "silu": lambda z, p: F.silu(z),
    "softplus": lambda z, p: F.softplus(z, threshold=36),
    "identity": lambda z, p: z,
}


def points(dtype: torch.dtype = torch.float64) -> Tensor:
    """A dense range, the kink at exactly 0, and both far tails."""
    tails = torch.tensor([-1000.0, -100.0, -40.0, 0.0, -0.0, 40.0, 100.0, 1000.0], dtype=dtype)
    return torch.cat([torch.linspace(-8, 8, 401, dtype=dtype), tails])


def by_autograd(phi: Callable[[Tensor, float], Tensor], z: Tensor, p: float) -> Tensor:
    z = z.clone().requires_grad_()
    return torch.autograd.grad(phi(z, p).sum(), z)[0]


def test_every_name_of_the_config_has_an_activation() -> None:
    assert set(ACTIVATIONS) == set(NAMES) == set(TORCH)


@pytest.mark.parametrize("p", SLOPES)
@pytest.mark.parametrize("name", NAMES)
def test_the_value_is_that_of_pytorch(name: ActivationName, p: float) -> None:
    z = points()
    torch.testing.assert_close(
        ACTIVATIONS[name].value(z, p), TORCH[name](z, p), rtol=1e-13, atol=1e-14
    )


@pytest.mark.parametrize("p", SLOPES)
@pytest.mark.parametrize("name", NAMES)
def test_the_slope_is_the_derivative_also_at_zero_and_far_out(
    name: ActivationName, p: float
) -> None:
    z, act = points(), ACTIVATIONS[name]
    torch.testing.assert_close(
        act.slope(z, p), by_autograd(act.value, z, p), rtol=1e-12, atol=1e-14
    )
    # F.leaky_relu and F.elu take the left derivative at 0, as we do; relu's is 0 in both
    torch.testing.assert_close(
        act.slope(z, p), by_autograd(TORCH[name], z, p), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("p", SLOPES)
@pytest.mark.parametrize("name", NAMES)
def test_what_telemetry_measures_with_is_the_slope(
    name: ActivationName, p: float, dtype: torch.dtype
) -> None:
    z, act = points(dtype), ACTIVATIONS[name]
    before, a = z.clone(), act.value(z, p)
    upstream = torch.linspace(-2, 3, len(z), dtype=dtype)
    delta = upstream.clone()
    act.backward_(delta, z if act.keeps_z else a, p)
    assert torch.equal(z, before)
    tolerance = 2e-6 if dtype is torch.float32 else 1e-13
    expected = upstream * act.slope(before, p)
    torch.testing.assert_close(delta, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("p", SLOPES)
@pytest.mark.parametrize("name", NAMES)
def test_the_largest_slope_is_the_largest(name: ActivationName, p: float) -> None:
    z = torch.linspace(-20, 20, 400_001, dtype=torch.float64)
    largest = ACTIVATIONS[name].slope(z, p).abs().max().item()
    assert ACTIVATIONS[name].max_slope(p) == pytest.approx(largest, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("p", SLOPES)
@pytest.mark.parametrize("name", NAMES)
def test_flat_is_a_slope_below_a_share_of_the_largest(
    name: ActivationName, p: float, dtype: torch.dtype
) -> None:
    z, act = points(dtype), ACTIVATIONS[name]
    a = act.value(z, p)
    slope = act.slope(z, p).abs()
    found = act.is_flat(z if act.keeps_z else a, 0.05, p, torch.full_like(z, math.nan))
    assert found.tolist() == (slope < 0.05 * act.max_slope(p)).tolist()
    if act.flat_is_zero:
        assert (slope[found == 1] == 0).all()


@pytest.mark.parametrize("name", [n for n in NAMES if ACTIVATIONS[n].flat_ is not None])
def test_what_is_no_number_is_not_flat(name: ActivationName) -> None:
    nothing = torch.tensor([math.nan])
    assert ACTIVATIONS[name].is_flat(nothing, 0.05, 0.0, torch.empty(1)).item() == 0


@pytest.mark.parametrize(
    ("name", "p", "gain"),
    [
        ("sigmoid", 0.01, 1.0),
        ("identity", 0.01, 1.0),
        ("tanh", 0.01, 5 / 3),
        ("relu", 0.01, math.sqrt(2)),
        ("leaky_relu", 0.2, math.sqrt(2 / 1.04)),
    ],
)
def test_the_gain_is_that_of_torch_nn_init(name: ActivationName, p: float, gain: float) -> None:
    assert ACTIVATIONS[name].gain(p) == pytest.approx(gain)
    theirs: Any = "linear" if name == "identity" else name
    assert ACTIVATIONS[name].gain(p) == pytest.approx(torch.nn.init.calculate_gain(theirs, p))


@pytest.mark.parametrize("name", ["elu", "gelu", "silu", "softplus"])
def test_the_other_gains_keep_the_second_moment_of_a_normal_input(name: ActivationName) -> None:
    z = torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    moment = torch.trapezoid(ACTIVATIONS[name].value(z, 1.0) ** 2 * density, z).item()
    # the quadrature of elu's kink, with 100 nodes, is good to three digits
    assert ACTIVATIONS[name].gain(1.0) == pytest.approx(1 / math.sqrt(moment), rel=1e-3)
