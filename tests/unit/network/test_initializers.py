"""Initializers: their moments, their bounds, and the random convention of the course."""

import math
from typing import get_args

import pytest
import torch
from torch import Generator, Tensor

from nndl_core.base.config import InitializerName, RunConfig
from nndl_core.network.initializers import INITIALIZERS, first_parameters
from nndl_core.network.model import MLP, pack

NAMES: tuple[InitializerName, ...] = get_args(InitializerName)
OUT, IN = 300, 400  # 120 000 draws: the standard error of a standard deviation is 0.2 %
STD: dict[InitializerName, float] = {
    "normal": 1.0,
    "uniform": 1 / math.sqrt(3),
    "xavier_normal": math.sqrt(2 / (IN + OUT)),
    "xavier_uniform": math.sqrt(2 / (IN + OUT)),
    "he_normal": math.sqrt(2 / IN),
    "he_uniform": math.sqrt(2 / IN),
    "lecun_normal": math.sqrt(1 / IN),
    "torch_default": math.sqrt(1 / (3 * IN)),
}


def draw(name: InitializerName, fan_out: int, fan_in: int, scale: float, seed: int = 0) -> Tensor:
    return INITIALIZERS[name](fan_out, fan_in, Generator().manual_seed(seed), scale)


@pytest.mark.parametrize("name", NAMES)
def test_shape_and_precision_are_those_asked_for(name: InitializerName) -> None:
    for fan_out, fan_in in [(1, 1), (1, 7), (7, 1), (5, 2)]:
        weights = draw(name, fan_out, fan_in, 1.0)
        assert weights.shape == (fan_out, fan_in)
        assert weights.dtype is torch.float32
        assert weights.is_contiguous()


@pytest.mark.parametrize("scale", [1.0, 0.01, 2.5])
@pytest.mark.parametrize("name", list(STD))
def test_mean_and_spread_are_as_promised(name: InitializerName, scale: float) -> None:
    w = draw(name, OUT, IN, scale).double()
    std, n = scale * STD[name], w.numel()
    assert abs(w.mean().item()) < 4 * std / math.sqrt(n)
    assert w.std().item() == pytest.approx(std, rel=4 / math.sqrt(2 * n))
    # 3 for a normal distribution, 9/5 for a uniform one
    kurtosis = ((w - w.mean()) ** 4).mean().item() / w.var().item() ** 2
    uniform = "uniform" in name or name == "torch_default"
    assert kurtosis == pytest.approx(1.8 if uniform else 3.0, abs=0.08)
    if uniform:
        assert w.abs().max().item() <= std * math.sqrt(3) * (1 + 1e-6)


@pytest.mark.parametrize("shape", [(6, 6), (20, 6), (6, 20), (1, 5), (5, 1), (64, 64)])
def test_orthogonal_rows_or_columns(shape: tuple[int, int]) -> None:
    w = draw("orthogonal", *shape, 3.0).double()
    product = w @ w.T if shape[0] <= shape[1] else w.T @ w
    torch.testing.assert_close(product / 9, torch.eye(min(shape)).double(), rtol=0, atol=1e-5)


def test_orthogonal_draws_have_no_preferred_sign() -> None:
    corners = [draw("orthogonal", 4, 4, 1.0, seed)[0, 0].item() for seed in range(400)]
    # uniform over orthogonal matrices: mean 0, variance 1/4
    assert abs(sum(corners)) / 400 < 4 * 0.5 / math.sqrt(400)
    assert sum(c * c for c in corners) / 400 == pytest.approx(0.25, abs=0.06)


def test_zeros_and_constant_draw_nothing() -> None:
    assert torch.equal(draw("zeros", 3, 4, 5.0), torch.zeros(3, 4))
    assert torch.equal(draw("constant", 3, 4, 0.25), torch.full((3, 4), 0.25))


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_give_equal_weights_and_others_do_not(name: InitializerName) -> None:
    assert torch.equal(draw(name, 6, 5, 1.0, 3), draw(name, 6, 5, 1.0, 3))
    fixed = name in ("zeros", "constant")
    assert torch.equal(draw(name, 6, 5, 1.0, 3), draw(name, 6, 5, 1.0, 4)) == fixed


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_random_convention_of_the_course(dtype: str) -> None:
    config = RunConfig.from_dict(
        {"hidden": [5, 3], "init_scale": 0.01, "init_seed": 7, "bias": -8, "dtype": dtype}
    )
    model = MLP.from_config(config, features=2, classes=2)
    g = Generator().manual_seed(7)
    for layer, shape in zip(model.layers, [(5, 2), (3, 5), (1, 3)], strict=True):
        expected = (torch.randn(*shape, generator=g) * 0.01).to(getattr(torch, dtype))
        assert torch.equal(layer.weight, expected)
        assert torch.equal(layer.bias, torch.full((shape[0],), -8.0, dtype=expected.dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_first_parameters_are_those_of_the_network(name: InitializerName, dtype: str) -> None:
    config = RunConfig.from_dict(
        {"hidden": [5, 3], "init": name, "init_scale": 0.7, "init_seed": 7, "bias": 0.1}
        | {"dtype": dtype}
    )
    model = MLP.from_config(config, features=2, classes=2)
    found = first_parameters(config, model.sizes)
    for layer, expected in zip(found, pack(model), strict=True):
        torch.testing.assert_close(layer, expected[0], rtol=0, atol=0)


def test_drawing_weights_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    model = MLP((2, 3, 1))
    torch.set_rng_state(before)
    model.init_weights(RunConfig(init_seed=1))
    assert torch.equal(torch.get_rng_state(), before)
