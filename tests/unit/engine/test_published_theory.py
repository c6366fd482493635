"""Theory turned into numbers, through the engine's public calls.

The critical lines, fixed points, depth scales and born-dead bounds stand in test_mean_field.py,
gains and standard deviations in test_activations.py and test_initializers.py, the map's agreement
in test_trainability.py. Sources: Glorot and Bengio 2010, He et al. 2015, Hanin and Rolnick 2018, Lu
et al. 2019, and closed forms of the course's networks.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from nndl_core.base.config import ActivationName, RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.records import EpochRecord
from nndl_core.engine.runner import Runner
from nndl_core.engine.telemetry import FLAT_SLOPE
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.gradients import by_hand
from nndl_core.network.initializers import INITIALIZERS
from nndl_core.network.losses import targets
from nndl_core.network.model import MLP

COURSE = RunConfig(noise=0.2, hidden=(3,) * 4, init_scale=0.01, bias=1.0, dtype="float64")
DEAD = replace(COURSE, activation="relu", bias=-8.0, epochs=1500)
SIGMA_1 = 1 / (1 + math.exp(-1))


def slope(name: ActivationName, z: float) -> float:
    """The slope of an activation at z, from its own backward pass."""
    act, at = ACTIVATIONS[name], torch.tensor([z], dtype=torch.float64)
    out, kept = torch.ones(1, dtype=torch.float64), at.clone()
    if not act.keeps_z:
        kept = act.value(at.clone(), 0.01)
    act.backward_(out, kept, 0.01)
    return float(out)


def first_records(config: RunConfig, seeds: int) -> list[EpochRecord]:
    return [next(Runner.from_config(replace(config, init_seed=seed))) for seed in range(seeds)]


def ones(config: RunConfig) -> float:
    return float(dataset_of(config).train.y.double().mean())


@pytest.mark.parametrize(
    ("name", "z", "expected"),
    [
        ("sigmoid", 0.0, 0.25),
        ("tanh", 0.0, 1.0),
        ("sigmoid", 1.0, 0.19661193324148185),
        ("sigmoid", -8.0, 0.00033523767075647424),
    ],
)
def test_slopes_of_bounded_activations(name: ActivationName, z: float, expected: float) -> None:
    assert slope(name, z) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "share", "expected"),
    [
        ("sigmoid", FLAT_SLOPE, 4.35654442060175),
        ("tanh", FLAT_SLOPE, 2.178272210300876),
        ("sigmoid", 4e-7, 16.11809545095829),
        ("tanh", 1e-7, 8.752194981039104),
    ],
)
def test_where_the_slope_is_this_share_of_its_largest(
    name: ActivationName, share: float, expected: float
) -> None:
    least = share * slope(name, 0.0)
    assert slope(name, expected - 1e-6) > least > slope(name, expected + 1e-6)
    act = ACTIVATIONS[name]
    if share == FLAT_SLOPE:
        for z, flat in ((expected - 1e-6, False), (expected + 1e-6, True)):
            outputs = act.value(torch.tensor([z], dtype=torch.float64), 0.01)
            memory = torch.empty_like(outputs)
            assert bool(act.is_flat(outputs, FLAT_SLOPE, 0.01, memory)) is flat


def test_he_keeps_the_mean_square_length_and_spreads_it() -> None:
    """E[M_3] = M_0 and E[M_3^2] = 3.375 M_0^2, the product of 1 + 5/n over three layers of 10."""
    generator = torch.Generator().manual_seed(0)
    nets, x = 40_000, torch.randn(10, 1, generator=generator)
    a, start = x.expand(nets, 10, 1), float(x.square().mean())
    for _ in range(3):
        rows = INITIALIZERS["he_normal"](nets * 10, 10, generator, 1.0).view(nets, 10, 10)
        a = (rows @ a).clamp_(min=0)
    ratio = a.square().mean((1, 2)).double() / start
    assert float(ratio.mean()) == pytest.approx(1.0, rel=0.06)
    assert float(ratio.square().mean()) == pytest.approx(3.375, rel=0.12)


def test_the_course_shape_with_he_is_born_dead_in_a_tenth_of_the_seeds() -> None:
    config = replace(COURSE, activation="relu", init="he_normal", init_scale=1.0, bias=0.0)
    records = first_records(replace(config, dtype="float32"), 1500)
    dead = sum(any(fc.dead_units == fc.units for fc in r.layers[:-1]) for r in records)
    assert dead / 1500 == pytest.approx(0.107, abs=0.025)  # three standard errors


def test_the_vanishing_network_of_the_course_layer_by_layer() -> None:
    """rms |g_l| / |g_l+1| = sqrt(3) .01 sigma'(1), and the last layer's in closed form."""
    records = first_records(COURSE, 200)
    norms = np.array([[fc.weight_grad_norm for fc in r.layers] for r in records])
    for layer in (1, 2, 3):
        rms = math.sqrt(float((norms[:, layer] ** 2).mean() / (norms[:, layer + 1] ** 2).mean()))
        law = math.sqrt(3) * 0.01 * SIGMA_1 * (1 - SIGMA_1)
        assert law == pytest.approx(0.0034054185774858685, rel=1e-9)
        assert rms == pytest.approx(law, rel=0.1)
    closed = abs(SIGMA_1 - ones(COURSE)) * SIGMA_1 * math.sqrt(3)
    assert float(np.median(norms[:, -1])) == pytest.approx(closed, rel=0.05)


def test_relu_instead_of_sigmoid_gains_its_slope_and_vanishes_all_the_same() -> None:
    norms = np.array(
        [
            [fc.weight_grad_norm for fc in r.layers]
            for r in first_records(replace(COURSE, activation="relu"), 200)
        ]
    )
    for layer in (1, 2, 3):
        rms = math.sqrt(float((norms[:, layer] ** 2).mean() / (norms[:, layer + 1] ** 2).mean()))
        assert rms == pytest.approx(math.sqrt(3) * 0.01, rel=0.1)
    he = replace(COURSE, activation="relu", init="he_normal", init_scale=1.0, bias=0.0)
    healthy = np.array([[fc.weight_grad_norm for fc in r.layers] for r in first_records(he, 200)])
    alive = healthy[(healthy[:, :-1] > 0).all(1)]
    assert float(np.median(alive[:, :-1] / alive[:, 1:])) == pytest.approx(1.0, rel=0.25)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_delta_is_bounded_by_slopes_and_spectral_norms(seed: int) -> None:
    config = replace(COURSE, hidden=(8,) * 4, init_scale=1.0, bias=0.0, init_seed=seed)
    runner = Runner.from_config(config)
    assert runner.dataset is not None
    x, y = runner.dataset.train.x.double(), runner.dataset.train.y.double()
    zs: list[torch.Tensor] = []
    a = x
    for layer in runner.model.layers:
        zs.append(a @ layer.weight.detach().T + layer.bias.detach())
        a = torch.sigmoid(zs[-1])
    delta = (a[:, 0] - y)[:, None]
    bound = delta.norm(dim=1)
    for layer, z in zip(reversed(runner.model.layers), reversed(zs[:-1]), strict=False):
        weight = layer.weight.detach()
        delta = (delta @ weight) * torch.sigmoid(z) * (1 - torch.sigmoid(z))
        bound = bound * 0.25 * torch.linalg.matrix_norm(weight, 2)
    assert bool((delta.norm(dim=1) <= bound).all())
    record = next(Runner.from_config(config))
    gradient = (delta.T @ x / len(x)).norm()
    assert record.layers[0].weight_grad_norm == pytest.approx(float(gradient), rel=1e-9)


def test_the_dead_network_of_the_course_in_closed_form() -> None:
    def entropy(share: float) -> float:
        return -share * math.log(share) - (1 - share) * math.log(1 - share)

    def initial(share: float) -> float:
        return share * math.log1p(math.exp(8)) + (1 - share) * math.log1p(math.exp(-8))

    assert initial(0.48125) == pytest.approx(3.850335406372896, abs=1e-9)
    assert entropy(0.48125) == pytest.approx(0.6924438906722563, abs=1e-9)
    runner = Runner.from_config(replace(DEAD, data_seed=9))
    start = [layer.weight.detach().clone() for layer in runner.model.layers]
    first, share = next(runner), ones(replace(DEAD, data_seed=9))
    assert first.train_loss == pytest.approx(initial(share), abs=1e-9)
    assert [fc.weight_grad_norm for fc in first.layers] == [0.0] * 5
    assert [fc.bias_grad_norm for fc in first.layers[:-1]] == [0.0] * 4
    assert first.layers[-1].bias_grad_norm == pytest.approx(
        abs(1 / (1 + math.exp(8)) - share), abs=1e-12
    )
    runner.advance(DEAD.epochs)
    last, _ = runner.measure()
    assert last.train_loss == pytest.approx(entropy(share), abs=1e-6)
    assert last.train_accuracy == pytest.approx(max(share, 1 - share), abs=1e-12)
    for layer, weight in zip(runner.model.layers, start, strict=True):
        assert torch.equal(layer.weight.detach(), weight)


@pytest.mark.parametrize(
    ("std", "bias", "expected"),
    [
        (0.01, -8.0, 1.0),
        (1.0, -0.5, 0.0703),
        (1.0, -1.0, 0.23395),
        (1.0, -8.0, 0.99965),
        (1.0, 0.0, 0.0),
        (0.5, -0.5, 0.23395),
    ],
)
def test_how_many_first_layer_units_are_dead(std: float, bias: float, expected: float) -> None:
    config = replace(
        COURSE, activation="relu", hidden=(64,), init_scale=std, bias=bias, dtype="float32"
    )
    shares = [r.layers[0].dead_units / 64 for r in first_records(config, 60)]
    assert float(np.mean(shares)) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("batch_size", [0, 32])
@pytest.mark.parametrize("init", ["zeros", "constant"])
def test_equal_units_stay_equal(init: Any, batch_size: int) -> None:
    config = replace(
        COURSE, hidden=(5,), bias=0.0, init=init, init_scale=0.5, batch_size=batch_size, epochs=60
    )
    runner = Runner.from_config(config)
    runner.advance(60)
    first = runner.model.layers[0].weight.detach()
    assert float((first - first[0]).abs().max()) <= 1e-14
    values = torch.linalg.svdvals(first)
    assert float(values[1]) <= 1e-12 * max(1.0, float(values[0]))


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_in_exact_arithmetic_they_are_equal_to_the_last_bit(optimizer: Any) -> None:
    """A batched product may round rows differently, and adam makes steps of what is left."""
    config = replace(COURSE, hidden=(5,), bias=0.0, init="zeros")
    data = dataset_of(config)
    model = MLP.from_config(config, 2, 2)
    x, y = data.train.x.double(), targets(data.train.y, 1, torch.float64).T
    rule = optimizer(model.parameters(), lr=0.1)
    for _ in range(100):
        gradients = by_hand(model, x, y, "bce")
        for layer, gradient in zip(model.layers, gradients, strict=True):
            layer.weight.grad, layer.bias.grad = gradient.weight, gradient.bias
        rule.step()
    first = model.layers[0].weight.detach()
    assert torch.equal(first, first[:1].expand_as(first))


def test_zero_inputs_with_random_outputs_are_no_symmetry() -> None:
    runner = Runner.from_config(replace(COURSE, hidden=(5,), init_scale=1.0, bias=0.0, epochs=50))
    with torch.no_grad():
        runner.model.layers[0].weight.zero_()
    runner.advance(50)
    assert runner.records[0].layers[0].distinct_units == 1
    assert runner.records[-1].layers[0].distinct_units == 5
