"""Dead networks against their closed forms, thresholds against counts, laws of a slope."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.engine.runner import Runner
from nndl_core.theory.dead_units import (
    bias_path,
    dead_by_bias,
    dead_start,
    death_thresholds,
    fitted_exponents,
    slope_law,
)
from nndl_core.theory.gradient_forms import expected_exponents

DEAD = RunConfig(
    hidden=(3, 3, 3, 3), activation="relu", init_scale=0.01, bias=-8.0, learning_rate=0.01
)
SANE = replace(DEAD, init="he_normal", init_scale=1.0, bias=0.1, learning_rate=0.1)
SLOPES = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1]


def test_the_dead_network_of_the_chapter() -> None:
    found = dead_start(DEAD)
    assert [fc.weight_grad_norm for fc in found.record.layers] == [0.0] * 5
    assert [fc.bias_grad_norm for fc in found.record.layers[:4]] == [0.0] * 4
    assert [fc.dead_units for fc in found.record.layers[:4]] == [3] * 4
    assert found.ones == 0.5
    assert found.bias_gradient == pytest.approx(-0.4996646498695335, abs=1e-6)
    assert found.expected_gradient == pytest.approx(-0.4996646498695335, abs=1e-12)


def test_the_loss_of_the_dead_network() -> None:
    found = dead_start(replace(DEAD, data_seed=3))
    assert found.ones == 324 / 640
    assert found.expected_loss == pytest.approx(4.050335406372896, abs=1e-12)
    assert found.record.train_loss == pytest.approx(4.050335406372896, abs=1e-6)


@pytest.mark.parametrize("bias", [-10.0, -3.0, -0.5])
@pytest.mark.parametrize("seed", range(3))
def test_the_closed_form_at_other_biases_and_data(bias: float, seed: int) -> None:
    found = dead_start(replace(DEAD, bias=bias, data_seed=seed))
    assert found.bias_gradient == pytest.approx(found.expected_gradient, abs=1e-6)
    assert found.record.train_loss == pytest.approx(found.expected_loss, abs=1e-6)


def test_a_living_network_has_no_closed_form() -> None:
    found = dead_start(replace(DEAD, bias=1.0))
    assert math.isnan(found.expected_loss)
    assert math.isnan(found.expected_gradient)
    with pytest.raises(ConfigError, match="hidden layer"):
        dead_start(replace(DEAD, hidden=()))


@pytest.mark.parametrize("seed", [0, 3, 9])
def test_no_constant_guess_beats_the_best_one(seed: int) -> None:
    found = dead_start(replace(DEAD, data_seed=seed))
    assert found.best_bias == pytest.approx(math.log(found.ones / (1 - found.ones)), abs=1e-12)
    for step in (-1e-3, 0.0, 1e-3):
        b = found.best_bias + step
        loss = found.ones * math.log1p(math.exp(-b)) + (1 - found.ones) * math.log1p(math.exp(b))
        assert loss - found.best_loss == pytest.approx(0.125 * step**2, abs=1e-9)


def test_a_set_of_one_class_has_no_best_bias() -> None:
    found = replace(dead_start(DEAD), ones=0.0)
    assert found.best_bias == -math.inf
    assert found.best_loss == 0


def test_only_the_output_bias_moves_and_takes_the_loss_to_ln_2() -> None:
    path = bias_path(replace(DEAD, epochs=5000), points=20)
    assert path.moved == 0
    assert path.train_loss[0] == pytest.approx(4.0003, abs=1e-4)
    assert path.train_loss[-1] == pytest.approx(math.log(2), abs=1e-6)
    assert set(path.train_accuracy) == {0.5}
    assert path.bias == pytest.approx(path.expected_bias, abs=2e-5)
    assert path.epochs == list(range(0, 5001, 250))


def test_in_a_living_network_more_moves() -> None:
    path = bias_path(replace(SANE, epochs=20), points=100)
    assert path.moved > 0
    assert path.epochs == list(range(21))


def test_a_tenth_below_zero_kills_all_units_of_the_course() -> None:
    counts = dead_by_bias(DEAD, [-8.0, -0.1, 1.0], seeds=20)
    assert counts.shape == (3, 20, 4)
    assert (counts[:2] == 3).all()
    assert (counts[2] == 0).all()


@given(
    st.integers(0, 500),
    st.sampled_from([0.01, 0.1, 1.0]),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
)
def test_all_units_die_at_the_threshold_and_not_before(
    seed: int, scale: float, widths: list[int]
) -> None:
    config = replace(DEAD, init_seed=seed, init_scale=scale, hidden=tuple(widths))
    threshold = float(death_thresholds(config, 1)[0])
    below, above = threshold - 1e-9, min(threshold + 1e-6 * scale, 0.0)
    dead, alive = dead_by_bias(config, [below, above])[:, 0].sum(1)
    assert dead == sum(widths)
    if threshold < -1e-6 * scale:
        assert alive < sum(widths)


def test_every_seed_has_its_own_threshold() -> None:
    found = death_thresholds(DEAD, 5)
    alone = [float(death_thresholds(replace(DEAD, init_seed=seed), 1)[0]) for seed in range(5)]
    assert found.tolist() == pytest.approx(alone, abs=1e-15)
    assert len(set(alone)) == 5


@pytest.mark.parametrize("bias", [-0.05, -0.03, -0.01, 0.0, 0.01])
def test_the_count_is_that_of_telemetry(bias: float) -> None:
    config = replace(DEAD, bias=bias, dtype="float64")
    record, _ = Runner.from_config(config).measure()
    expected = [fc.dead_units for fc in record.layers[:-1]]
    assert dead_by_bias(config, [bias])[0, 0].tolist() == expected


def test_the_law_of_the_slope() -> None:
    norms = slope_law(replace(DEAD, activation="leaky_relu"), SLOPES, seeds=5)
    fitted = fitted_exponents(SLOPES, norms)
    assert expected_exponents(DEAD).tolist() == [4, 4, 3, 2, 1]
    assert fitted == pytest.approx([4, 4, 3, 2, 1], rel=0.05)


def test_elu_is_worse_at_the_first_layer() -> None:
    norms = slope_law(replace(DEAD, activation="elu"), [1.0], seeds=200)
    assert norms[0, 0] == pytest.approx(3e-22, rel=0.15)


def test_an_exponent_is_recovered_from_a_power_law() -> None:
    x = np.array(SLOPES)
    norms = np.stack([2 * x**1.5, 7 * x**0.0, 0 * x], 1)
    fitted = fitted_exponents(SLOPES, norms)
    assert fitted[:2] == pytest.approx([1.5, 0], abs=1e-9)
    assert math.isnan(fitted[2])
    with pytest.raises(ValueError, match="two slopes"):
        fitted_exponents([0.1], norms[:1])
