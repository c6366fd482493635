"""The network: its sizes, what forward keeps, and the windows the kernel trains."""

import pytest
import torch
from torch import nn

from nndl_core.base.config import RunConfig
from nndl_core.network.losses import probabilities
from nndl_core.network.model import MLP, pack, unpack


def count(model: MLP) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("hidden", "parameters"), [((5,), 21), ((5, 3), 37), ((3, 3, 3, 3), 49), ((), 3)]
)
def test_parameter_counts_of_the_course(hidden: tuple[int, ...], parameters: int) -> None:
    assert count(MLP.from_config(RunConfig(hidden=hidden), features=2, classes=2)) == parameters


def test_layers_are_linear_and_named_as_in_the_course() -> None:
    model = MLP((2, 5, 3, 1))
    assert list(model.state_dict()) == [
        f"fc{i}.{part}" for i in (1, 2, 3) for part in ("weight", "bias")
    ]
    assert all(type(layer) is nn.Linear for layer in model.layers)
    assert [tuple(layer.weight.shape) for layer in model.layers] == [(5, 2), (3, 5), (1, 3)]


def test_forward_is_the_sequential_network_and_keeps_its_steps() -> None:
    model = MLP.from_config(RunConfig(hidden=(5, 3), dtype="float64"), features=2, classes=2)
    x = torch.randn(7, 2, dtype=torch.float64)
    one, two, three = model.layers
    z1 = one(x)
    z2 = two(torch.sigmoid(z1))
    z3 = three(torch.sigmoid(z2))
    torch.testing.assert_close(model(x), z3, rtol=1e-13, atol=1e-15)
    for kept, expected in zip(model.pre_activations, [z1, z2, z3], strict=True):
        torch.testing.assert_close(kept, expected, rtol=1e-13, atol=1e-15)
    for kept, expected in zip(model.inputs, [x, torch.sigmoid(z1), torch.sigmoid(z2)], strict=True):
        torch.testing.assert_close(kept, expected, rtol=1e-13, atol=1e-15)


def test_without_a_hidden_layer_it_is_logistic_regression() -> None:
    model, x = MLP((2, 1)), torch.randn(9, 2)
    torch.testing.assert_close(model.predict(x), torch.sigmoid(model.layers[0](x)))


def test_predict_gives_probabilities_without_a_graph_in_the_models_precision() -> None:
    model = MLP.from_config(RunConfig(loss="cross_entropy", dtype="float64"), features=2, classes=3)
    x = torch.randn(6, 2)
    p = model.predict(x)
    assert p.shape == (6, 3)
    assert p.dtype is torch.float64
    assert not p.requires_grad
    assert torch.equal(p, probabilities(model.logits(x).T).T)
    torch.testing.assert_close(p.sum(1), torch.ones(6, dtype=torch.float64))


@pytest.mark.parametrize(("loss", "outputs"), [("bce", 1), ("mse", 1), ("cross_entropy", 2)])
def test_the_loss_decides_the_output_layer(loss: str, outputs: int) -> None:
    config = RunConfig.from_dict({"loss": loss, "hidden": []})
    assert MLP.from_config(config, features=4, classes=2).sizes == (4, outputs)


def test_init_weights_draws_the_same_network_again() -> None:
    config = RunConfig(hidden=(5, 3), init_seed=4, bias=0.5)
    model = MLP.from_config(config, features=2, classes=2)
    before = [p.clone() for p in model.parameters()]
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1)
    model.init_weights(config)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_equal_seeds_give_equal_weights_in_both_precisions() -> None:
    single, double = (
        MLP.from_config(RunConfig.from_dict({"dtype": d, "init_seed": 3}), 2, 2)
        for d in ("float32", "float64")
    )
    for a, b in zip(single.parameters(), double.parameters(), strict=True):
        assert a.dtype is torch.float32
        assert b.dtype is torch.float64
        assert torch.equal(a.double(), b)


def test_pack_and_unpack_are_inverse_and_pack_copies() -> None:
    model = MLP((2, 5, 3, 1))
    windows = pack(model)
    assert [tuple(w.shape) for w in windows] == [(1, 5, 3), (1, 3, 6), (1, 1, 4)]
    assert torch.equal(windows[1][0, :, -1], model.layers[1].bias)
    windows[0].add_(1)
    twin = MLP((2, 5, 3, 1))
    unpack(windows, twin.state_dict())
    assert torch.equal(twin.layers[0].weight, model.layers[0].weight + 1)
    assert torch.equal(twin.layers[2].weight, model.layers[2].weight)
    assert torch.equal(twin.layers[2].bias, model.layers[2].bias)
