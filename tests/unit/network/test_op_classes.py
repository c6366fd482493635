"""The course's op classes against autograd, a closed form and the pinned run."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.network.gradients import by_autograd
from nndl_core.network.model import MLP
from nndl_core.network.op_classes import (
    BatchGD,
    BinaryCrossEntropyLoss,
    Linear,
    Logistic,
    Model_MLP,
    Model_MLP_L2,
    Op,
)

DOUBLE = torch.float64


def linears(model: Model_MLP) -> list[Linear]:
    return [layer for layer in model.layers if isinstance(layer, Linear)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=0, max_size=5),
    st.integers(1, 4),
    st.integers(1, 40),
    st.integers(0, 999_999),
)
def test_gradients_equal_autograd(hidden: list[int], features: int, n: int, seed: int) -> None:
    sizes = (features, *hidden, 1)
    g = torch.Generator().manual_seed(seed)
    ops = Model_MLP(sizes, g, DOUBLE)
    x = torch.randn(n, features, generator=g, dtype=DOUBLE)
    y = torch.randint(0, 2, (n, 1), generator=g).to(DOUBLE)
    mlp = MLP(sizes, "sigmoid", dtype=DOUBLE)
    for fc, layer in zip(mlp.layers, linears(ops), strict=True):
        layer.params["b"] = torch.randn(fc.bias.shape, generator=g, dtype=DOUBLE)
        fc.load_state_dict({"weight": layer.params["W"].T, "bias": layer.params["b"]})
    loss_fn = BinaryCrossEntropyLoss(ops)
    loss_fn(ops(x), y)
    loss_fn.backward()
    for auto, layer in zip(by_autograd(mlp, x, y, "bce"), linears(ops), strict=True):
        torch.testing.assert_close(layer.grads["W"], auto.weight.T, rtol=0, atol=1e-12)
        torch.testing.assert_close(layer.grads["b"], auto.bias, rtol=0, atol=1e-12)


def test_a_thousand_epochs_of_batch_descent_are_the_pinned_run() -> None:
    split = dataset_of(RunConfig()).train
    x, y = split.x.to(DOUBLE), split.y.to(DOUBLE)[:, None]
    model = Model_MLP_L2(2, 5, 1, torch.Generator().manual_seed(0), DOUBLE)
    loss_fn, optimizer = BinaryCrossEntropyLoss(model), BatchGD(0.2, model)
    losses = []
    for _ in range(1000):
        losses.append(loss_fn(model(x), y).item())
        loss_fn.backward()
        optimizer.step()
    # source: course.json, train.pinned
    pinned = [0.7898926948553002, 0.6025886573977498, 0.4594168043591438, 0.4164672222778215]
    assert [losses[e] for e in (0, 50, 200, 999)] == pytest.approx(pinned, abs=1e-9, rel=0)


def test_a_seed_draws_the_weights_that_it_draws_everywhere() -> None:
    config = RunConfig(hidden=(5, 3), init_seed=7)
    ops = Model_MLP((2, 5, 3, 1), torch.Generator().manual_seed(7))
    for fc, layer in zip(MLP.from_config(config, 2, 2).layers, linears(ops), strict=True):
        assert torch.equal(fc.weight, layer.params["W"].T)
        assert torch.equal(fc.bias, layer.params["b"])


@pytest.mark.parametrize("op", [Linear(3, 2, dtype=DOUBLE), Logistic()])
def test_each_op_gives_the_gradient_of_its_inputs(op: Op) -> None:
    x = torch.randn(4, 3, dtype=DOUBLE, requires_grad=True)
    outputs = op(x)
    upstream = torch.randn_like(outputs)
    (expected,) = torch.autograd.grad(outputs, x, upstream)
    torch.testing.assert_close(op.backward(upstream).detach(), expected, rtol=1e-13, atol=1e-15)


def test_the_loss_is_the_mean_and_knows_certainty() -> None:
    model = Model_MLP((1, 1))
    loss_fn = BinaryCrossEntropyLoss(model)
    p, y = torch.tensor([[0.5], [1.0], [0.0]]), torch.tensor([[1.0], [1.0], [0.0]])
    assert loss_fn(p, y).item() == pytest.approx(math.log(2) / 3, rel=1e-6)
    assert loss_fn(p[1:], y[1:].flip(0)).item() == math.inf


def test_labels_without_their_column_are_refused() -> None:
    loss_fn = BinaryCrossEntropyLoss(Model_MLP((1, 1)))
    with pytest.raises(ValueError, match=r"\[5, 1\] and \[5\]"):
        loss_fn(torch.rand(5, 1), torch.ones(5))


def test_an_op_without_formulas_says_so() -> None:
    with pytest.raises(NotImplementedError):
        Op()(torch.ones(1))
    with pytest.raises(NotImplementedError):
        Op().backward(torch.ones(1))


def test_float32_gradients_stay_finite_where_the_sigmoid_is_saturated() -> None:
    model = Model_MLP((1, 1, 1))
    for layer in linears(model):
        layer.params = {name: torch.full_like(p, 1000.0) for name, p in layer.params.items()}
    loss_fn = BinaryCrossEntropyLoss(model)
    loss_fn(model(torch.tensor([[5.0]])), torch.zeros(1, 1))
    loss_fn.backward()
    assert linears(model)[-1].grads["b"].item() == 1.0
