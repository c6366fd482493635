"""The signal of a layer before training, against the telemetry and the variance arithmetic."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nndl_core.base.config import ActivationName, InitializerName, RunConfig
from nndl_core.engine.runner import Runner
from nndl_core.theory.initial_signal import Start, compare, geometric, signals

STARTS = [
    Start("normal", 0.01),
    Start("normal"),
    Start("uniform"),
    Start("xavier_uniform"),
    Start("he_normal", 1.5),
    Start("orthogonal"),
    Start("constant", 0.3),
]


@pytest.mark.parametrize(
    "values",
    [
        {"hidden": (3, 3, 3, 3), "bias": 1.0},
        {"hidden": (7, 2), "activation": "relu", "init_seed": 40},
        {"hidden": (6, 5, 4), "activation": "gelu", "dataset": "iris", "loss": "cross_entropy"},
        {"hidden": (9,), "activation": "leaky_relu", "slope": 0.2, "dataset": "digits"}
        | {"loss": "mse"},
    ],
)
def test_it_measures_what_the_telemetry_of_each_run_does(values: dict[str, Any]) -> None:
    config = replace(RunConfig(dtype="float64", points=300), **values)
    for start, signal in zip(STARTS, signals(config, STARTS, seeds=3), strict=True):
        assert signal.start == start
        for row in range(3):
            drawn = replace(config, init=start.init, init_scale=start.scale)
            run = Runner.from_config(replace(drawn, init_seed=config.init_seed + row))
            layers = run.measure()[0].layers
            norms = [layer.weight_grad_norm for layer in layers]
            spread = [layer.activation_std for layer in layers[:-1]]
            assert signal.gradient_norm[row] == pytest.approx(norms, rel=1e-10, abs=1e-14)
            assert signal.activation_std[row] == pytest.approx(spread, rel=1e-8, abs=1e-9)


ZERO_MEAN: list[InitializerName] = [
    "normal",
    "uniform",
    "xavier_normal",
    "he_uniform",
    "lecun_normal",
    "orthogonal",
    "torch_default",
]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("init", ZERO_MEAN)
def test_the_forward_law_holds_on_average_over_the_weights(
    init: InitializerName, activation: ActivationName
) -> None:
    """E[z^2] = fan_in E[w^2] E[a^2] + b^2 is exact for independent weights of mean 0."""
    config = RunConfig(hidden=(16, 8, 12), activation=activation, bias=0.5, points=200)
    (signal,) = signals(config, [Start(init)], seeds=50)
    for layer in range(3):
        one = slice(layer, layer + 1)
        result = compare(signal.forward[:, one], signal.forward_law[:, one])
        assert abs(result.ratio - 1) < 4.5 * result.error + 1e-9


@pytest.mark.parametrize("init", ["xavier_normal", "he_normal", "orthogonal"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_backward_law_is_right_within_a_few_percent(
    init: InitializerName, activation: ActivationName
) -> None:
    config = RunConfig(hidden=(48,) * 5, activation=activation, points=200)
    (signal,) = signals(config, [Start(init)], seeds=20)
    result = compare(signal.backward[:, :-1], signal.backward_law[:, :-1])
    assert result.ratio == pytest.approx(1, abs=0.1)


def test_the_backward_law_counts_the_units_that_are_fed() -> None:
    """In a linear net delta_l = W^T delta_(l+1) exactly, so the law is exact on average."""
    config = RunConfig(hidden=(8, 32, 4), activation="identity", points=100, loss="mse")
    (signal,) = signals(config, [Start("lecun_normal")], seeds=50)
    assert signal.backward_law[0].tolist() == pytest.approx([32 / 8, 4 / 32, 1 / 4], rel=1e-12)
    for layer in range(3):
        one = slice(layer, layer + 1)
        result = compare(signal.backward[:, one], signal.backward_law[:, one])
        assert result.ratio == pytest.approx(1, abs=4.5 * result.error)


def test_he_keeps_a_relu_net_and_xavier_halves_it() -> None:
    """He et al. 2015: n Var(w) / 2 = 1; Glorot's n Var(w) = 1 leaves a half per layer."""
    config = RunConfig(hidden=(60,) * 6, activation="relu", points=200)
    he, xavier = signals(config, [Start("he_normal"), Start("xavier_normal")], seeds=20)
    for signal, expected in ((he, 1.0), (xavier, 0.5)):
        assert signal.forward[:, 1:-1].mean() == pytest.approx(expected, rel=0.1)
        assert signal.backward[:, :-1].mean() == pytest.approx(expected, rel=0.1)
        assert signal.slope_square.mean() == pytest.approx(0.5, abs=0.05)
        assert signal.passed.mean() == pytest.approx(0.5, abs=0.05)
        assert signal.n_var[1:6].tolist() == pytest.approx([2 * expected] * 5, rel=1e-12)


def test_a_linear_net_has_factors_of_one() -> None:
    config = RunConfig(hidden=(5, 6), activation="identity", points=100)
    (signal,) = signals(config, [Start("orthogonal", 2.0)], seeds=4)
    assert signal.passed == pytest.approx(np.ones((4, 2)), rel=1e-12)
    assert signal.slope_square == pytest.approx(np.ones((4, 2)), rel=1e-12)
    # rows of a [6, 5] matrix with orthonormal columns: every vector keeps its length, times 2
    assert signal.forward[:, 1] == pytest.approx(np.full(4, 4 * 5 / 6), rel=1e-6)
    assert signal.n_var[1] == pytest.approx(5 * 4 / 6)


def test_delta_is_the_gradient_of_the_pre_activation() -> None:
    """One output unit, bce: delta = (p - y) / N, here with p = 1/2."""
    config = RunConfig(hidden=(4, 4), points=100)
    (signal,) = signals(config, [Start("zeros")], seeds=1)
    assert signal.delta_size[0].tolist() == pytest.approx([0, 0, 0.5 / 64])
    (signal,) = signals(config, [Start("normal")], seeds=5)
    ratios = (signal.delta_size[:, :-1] / signal.delta_size[:, 1:]) ** 2
    assert ratios == pytest.approx(signal.backward, rel=1e-12)


def test_spread_over_examples_is_a_part_of_the_whole() -> None:
    config = RunConfig(hidden=(6, 1), points=100)
    (signal,) = signals(config, [Start("normal")], seeds=5)
    assert (signal.example_std <= signal.activation_std * (1 + 1e-12)).all()
    assert signal.example_std[:, 1] == pytest.approx(signal.activation_std[:, 1], rel=1e-10)


def test_zeros_are_exactly_zero_and_have_no_factor() -> None:
    config = RunConfig(hidden=(4, 4), activation="relu", points=100)
    (signal,) = signals(config, [Start("zeros")], seeds=2)
    assert not signal.gradient_norm.any()
    assert not signal.activation_std.any()
    assert math.isnan(compare(signal.backward, signal.backward_law).ratio)
    assert geometric(signal.gradient_norm[:, 0]).zeros == 2


def test_tiny_gradients_are_not_taken_for_zero() -> None:
    config = RunConfig(hidden=(2,) * 12, bias=-8.0, points=100)
    (signal,) = signals(config, [Start("normal", 0.01)], seeds=3)
    assert 0 < signal.gradient_norm[:, 0].max() < 1e-50


def test_geometric_summary() -> None:
    spread = geometric(np.array([1e-2, 1e-4, 0.0]))
    assert spread.mean == pytest.approx(1e-3)
    assert spread.zeros == 1
    one_sd = 10 ** math.sqrt(2)
    assert (spread.low, spread.high) == pytest.approx((1e-3 / one_sd, 1e-3 * one_sd))
    assert geometric(np.array([5.0])).low == pytest.approx(5.0)
    assert math.isnan(geometric(np.zeros(3)).mean)


def test_comparison_of_factors() -> None:
    measured, law = np.array([[2.0, 4.0], [3.0, 9.0]]), np.array([[1.0, 4.0], [3.0, 3.0]])
    result = compare(measured, law)
    assert (result.measured, result.predicted) == (4.5, 2.75)
    assert result.ratio == pytest.approx((1.5 + 2.0) / 2)
    assert result.error == pytest.approx(0.25)
    assert compare(np.array([[np.nan], [1.0]]), np.ones((2, 1))).ratio == 1
    assert math.isnan(compare(np.ones((3, 0)), np.ones((3, 0))).ratio)


def test_what_cannot_be_measured_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match="at least one hidden layer"):
        signals(RunConfig(hidden=()), STARTS)
    for seeds in (0, 51):
        with pytest.raises(ValueError, match=f"seeds: {seeds} is out of range"):
            signals(RunConfig(), STARTS, seeds)
