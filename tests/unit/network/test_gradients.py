"""Gradients of a network small enough to differentiate on paper, and of the course's network."""

import math

import pytest
import torch

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.network.gradients import GRADIENTS, by_autograd, by_hand
from nndl_core.network.losses import targets
from nndl_core.network.model import MLP


def sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def test_one_example_through_1_1_1_as_on_paper() -> None:
    model = MLP((1, 1, 1), dtype=torch.float64)
    w1, b1, w2, b2, x, y = 0.7, -0.2, 1.3, 0.4, 2.0, 1.0
    with torch.no_grad():
        for p, value in zip(model.parameters(), (w1, b1, w2, b2), strict=True):
            p.fill_(value)
    a1 = sigma(w1 * x + b1)
    d2 = sigma(w2 * a1 + b2) - y
    d1 = d2 * w2 * a1 * (1 - a1)
    one = torch.ones(1, 1, dtype=torch.float64)
    for gradient in GRADIENTS.values():
        first, second = gradient(model, x * one, y * one, "bce")
        found = [g.item() for g in (first.weight, first.bias, second.weight, second.bias)]
        assert found == pytest.approx([d1 * x, d1, d2 * a1, d2], rel=1e-14)


def test_the_gradient_is_of_the_mean_not_of_the_sum() -> None:
    model, g = MLP((2, 3, 1), dtype=torch.float64), torch.Generator().manual_seed(0)
    x = torch.randn(5, 2, dtype=torch.float64, generator=g)
    y = torch.tensor([[0.0], [1.0], [1.0], [0.0], [1.0]], dtype=torch.float64)
    once, twice = (by_hand(model, x.repeat(k, 1), y.repeat(k, 1), "bce") for k in (1, 2))
    for a, b in zip(once, twice, strict=True):
        torch.testing.assert_close(a.weight, b.weight, rtol=1e-13, atol=1e-16)
        torch.testing.assert_close(a.bias, b.bias, rtol=1e-13, atol=1e-16)


def test_shapes_and_order_are_those_of_the_layers() -> None:
    model = MLP((2, 5, 3, 1))
    for gradient in GRADIENTS.values():
        found = gradient(model, torch.randn(4, 2), torch.ones(4, 1), "bce")
        for g, layer in zip(found, model.layers, strict=True):
            assert g.weight.shape == layer.weight.shape
            assert g.bias.shape == layer.bias.shape
    assert all(p.grad is None for p in model.parameters())


# Source of the bounds: largest differences of course.md, 8.3e-17 and 1.5e-8.
@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-15), ("float32", 1e-7)])
def test_manual_and_autograd_agree_on_the_first_experiment(dtype: str, bound: float) -> None:
    config = RunConfig.from_dict({"dtype": dtype})
    data, precision = dataset_of(config), getattr(torch, dtype)
    model = MLP.from_config(config, 2, 2)
    x, y = data.train.x.to(precision), targets(data.train.y, 1, precision).T
    pairs = zip(by_hand(model, x, y, "bce"), by_autograd(model, x, y, "bce"), strict=True)
    for hand, auto in pairs:
        assert (hand.weight - auto.weight).abs().max().item() < bound
        assert (hand.bias - auto.bias).abs().max().item() < bound


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu"])
def test_both_take_the_same_slope_at_a_kink(activation: str) -> None:
    """Where a whole layer is silent and the bias is 0, the next pre-activation is exactly 0."""
    model = MLP((1, 1, 2, 1), activation=activation, slope=0.0, dtype=torch.float64)  # type: ignore[arg-type]
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(0.0 if p.ndim == 1 else 1.0)
    x, y = torch.tensor([[-1.0]]).double(), torch.ones(1, 1).double()
    hand, auto = by_hand(model, x, y, "bce"), by_autograd(model, x, y, "bce")
    assert model.pre_activations[1].tolist() == [[0.0, 0.0]]
    for a, b in zip(hand, auto, strict=True):
        assert torch.equal(a.weight, b.weight)
        assert torch.equal(a.bias, b.bias)


def test_both_are_finite_where_a_sigmoid_overflows() -> None:
    model = MLP((1, 1, 1), dtype=torch.float32)
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(1000.0)
    for gradient in GRADIENTS.values():
        found = gradient(model, torch.tensor([[-5.0]]), torch.ones(1, 1), "bce")
        assert all(g.isfinite().all() for layer in found for g in layer)
