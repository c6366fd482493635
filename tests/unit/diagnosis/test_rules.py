"""The rules: each on both sides of its limit, causes before symptoms, and no flicker."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndl_core.base.config import RunConfig
from nndl_core.diagnosis.data_words import awaited
from nndl_core.diagnosis.facts import Facts, mean_of_last, standing_since
from nndl_core.diagnosis.limits import GAP, JUMP, MOST_DEAD, RISE, SIGNAL_LOST, TURN
from nndl_core.diagnosis.rules import diagnose, traced
from nndl_core.diagnosis.words import NAMES, explanation, sentence, verdict
from nndl_core.engine.records import LAYER_FIELDS, Columns, Records
from nndl_core.engine.runner import Runner

H = math.log(2)
CONFIG = RunConfig(hidden=(30, 30, 30), activation="relu", epochs=100)
LEARNING = H * np.exp(-np.arange(100) / 20)
STUCK = np.full(100, H)


def records(config: RunConfig = CONFIG, epochs: int = 100, **changes: Any) -> Records:
    """A healthy run, but for what is changed; a layer's quantity is [epochs] or [epochs, 4]."""
    layers = len(config.hidden) + 1
    usual = {
        "weight_grad_norm": 0.1,
        "bias_grad_norm": 0.1,
        "weight_norm": 1.0,
        "update_ratio": 0.02,
        "changed_share": 1.0,
        "activation_mean": 0.3,
        "activation_std": 0.4,
        "example_std": 0.3,
        "saturated_share": 0.2,
        "dead_units": 0.0,
    }
    columns: Columns = {name: np.full((epochs, layers), v) for name, v in usual.items()}
    units = np.array([*config.hidden, 1], dtype=float)
    columns["units"] = np.tile(units, (epochs, 1))
    columns["distinct_units"] = columns["units"].copy()
    assert set(columns) == set(LAYER_FIELDS)
    columns["train_loss"] = LEARNING[:epochs].copy()
    columns["dev_loss"] = columns["train_loss"] * 1.05
    columns["train_accuracy"] = np.full(epochs, 0.9)
    columns["dev_accuracy"] = np.full(epochs, 0.88)
    columns["epoch"] = np.arange(epochs, dtype=float)
    for name, value in changes.items():
        new = np.asarray(value, dtype=float)
        new = new[:epochs] if new.ndim else new
        columns[name] = np.broadcast_to(new, columns[name].shape).copy()
    made = Records(H)
    made.append(columns, epochs)
    return made


def layer(at: int, value: float, usual: float, epochs: int = 100) -> Any:
    """One layer's quantity differs from the others'."""
    table = np.full((epochs, 4), usual)
    table[:, at] = value
    return table


def first(config: RunConfig = CONFIG, **changes: Any) -> str:
    return diagnose(config, records(config, **changes))[0].disease


def test_a_run_that_learns_is_healthy_and_nothing_is_said_before_it_begins() -> None:
    assert first() == "healthy"
    assert diagnose(CONFIG, Records(H)) == []


def test_a_run_without_signs_that_has_not_learned_is_none_of_these() -> None:
    assert first(train_loss=STUCK) == "none_of_these"
    assert first(train_loss=H * 0.74 * np.ones(100)) == "healthy"
    unfinished = records(train_loss=STUCK, epochs=50)
    assert diagnose(CONFIG, unfinished)[0].disease == "healthy"


def test_equal_units_before_and_after_updates_are_symmetric() -> None:
    one = layer(1, 1.0, 30.0)
    found = diagnose(CONFIG, records(train_loss=STUCK, distinct_units=one))[0]
    assert (found.disease, found.layers, found.epoch) == ("symmetric_weights", (2,), 2)
    parted = one.copy()
    parted[1:, 1] = 30
    assert first(train_loss=STUCK, distinct_units=parted) == "none_of_these"
    assert first(distinct_units=one) == "healthy"  # it has learned all the same
    narrow = replace(CONFIG, hidden=(30, 1, 30))
    assert first(narrow, train_loss=STUCK, distinct_units=one) == "none_of_these"


@pytest.mark.parametrize(("dead", "name"), [(27, "dying_relu"), (26, "none_of_these")])
def test_most_of_a_layer_dead_is_dying(dead: int, name: str) -> None:
    assert (dead / 30 >= MOST_DEAD) == (name == "dying_relu")
    assert first(train_loss=STUCK, dead_units=layer(1, dead, 0)) == name
    assert first(dead_units=layer(1, dead, 0)) == "healthy"


def test_a_whole_dead_layer_is_said_at_once_and_its_first_gradient_is_shown() -> None:
    dead = layer(0, 30, 0)
    found = diagnose(CONFIG, records(train_loss=STUCK, dead_units=dead, weight_grad_norm=0.0))[0]
    assert (found.epoch, found.severity, found.born) == (1, "fatal", True)
    assert [e.value for e in found.evidence] == [1.0, 0.0]


def test_flat_outputs_count_for_bounded_activations_only() -> None:
    flat = layer(1, 0.51, 0.1)
    tanh = replace(CONFIG, activation="tanh")
    assert first(tanh, train_loss=STUCK, saturated_share=flat) == "saturation"
    assert first(tanh, train_loss=STUCK, saturated_share=layer(1, 0.5, 0.1)) == "none_of_these"
    assert first(train_loss=STUCK, saturated_share=flat) == "none_of_these"
    assert first(tanh, saturated_share=flat) == "healthy"


@pytest.mark.parametrize("activation", ["leaky_relu", "elu", "gelu", "silu"])
def test_layers_on_the_flat_side_are_named_though_no_unit_is_dead(activation: Any) -> None:
    config = replace(CONFIG, activation=activation)
    for share, disease in ((MOST_DEAD, "saturation"), (MOST_DEAD - 1e-6, "none_of_these")):
        flat = np.tile([0.2, share, 0.2, 0.2], (100, 1))
        assert first(config, train_loss=STUCK, saturated_share=flat) == disease
        assert first(config, saturated_share=flat) == "healthy"


@pytest.mark.parametrize("hidden", [(5,), (16,)])
@pytest.mark.parametrize("activation", ["leaky_relu", "elu"])
def test_leaky_relu_with_a_bias_of_minus_eight_is_not_blamed_on_the_data(
    activation: Any, hidden: tuple[int, ...]
) -> None:
    config = RunConfig(activation=activation, bias=-8, hidden=hidden)
    runner = Runner.from_config(config)
    runner.advance(1000)
    found = diagnose(runner)
    assert found[0].disease == "saturation"
    assert all(finding.until is None for finding in found)
    facts = Facts.of(config, runner.records)
    assert activation in sentence(facts, found[0])
    assert activation in explanation(facts, found[0])


@pytest.mark.parametrize("quantity", ["example_std", "weight_grad_norm"])
@pytest.mark.parametrize(("factor", "name"), [(0.9, "vanishing_gradient"), (1.1, "none_of_these")])
def test_a_lost_signal_or_gradient_is_vanishing(quantity: str, factor: float, name: str) -> None:
    at = 2 if quantity == "example_std" else 0
    table = layer(at, 0.3 * SIGNAL_LOST * factor, 0.3)
    assert first(train_loss=STUCK, **{quantity: table}) == name
    assert first(**{quantity: table}) == "healthy"


def test_a_signal_that_comes_back_takes_the_verdict_with_it() -> None:
    table = layer(2, 1e-6, 0.3)
    table[30:, 2] = 0.3
    loss = np.where(np.arange(100) < 30, H, 0.5 * H)
    assert first(train_loss=loss, example_std=table) == "healthy"
    late = layer(2, 1e-6, 0.3)
    late[60:, 2] = 0.3
    loss = np.where(np.arange(100) < 60, H, 0.5 * H)
    found = diagnose(CONFIG, records(train_loss=loss, example_std=late))
    assert [(f.disease, f.until) for f in found] == [("healthy", None), ("vanishing_gradient", 60)]


def test_adam_with_short_steps_is_slow_and_not_vanishing() -> None:
    adam = replace(CONFIG, optimizer="adam")
    lost = layer(2, 1e-6, 0.3)
    slow = {"update_ratio": 0.5 * TURN / 100, "train_loss": STUCK, "example_std": lost}
    assert first(adam, **slow) == "slow_convergence"
    assert first(**slow) == "vanishing_gradient"


def test_a_loss_that_leaves_the_numbers_is_an_explosion() -> None:
    made = records(epochs=3)
    made.diverged_at = 3
    found = diagnose(CONFIG, made)[0]
    assert (found.disease, found.epoch, found.born) == ("exploding_gradient", 3, False)
    at_once = Records(H)
    at_once.diverged_at = 0
    assert diagnose(CONFIG, at_once)[0].disease == "exploding_gradient"


def test_layers_that_blow_up_are_an_explosion_while_the_loss_is_above_a_constant_answer() -> None:
    grown = layer(2, 0.3 * math.exp(3) * 1.1, 0.3)
    assert first(example_std=grown, train_loss=STUCK * 3) == "exploding_gradient"
    assert first(example_std=grown) == "healthy"
    tanh = replace(CONFIG, activation="tanh")
    assert first(tanh, example_std=grown, train_loss=STUCK * 3) != "exploding_gradient"


def test_a_verdict_shows_the_numbers_of_the_epoch_that_is_shown() -> None:
    signal = layer(2, 1e-6, 0.3)
    signal[50:, 2] = 1e-3
    evidence = diagnose(CONFIG, records(train_loss=STUCK, example_std=signal))[0].evidence
    assert evidence[0].value == pytest.approx(1e-3 / 0.3)


@pytest.mark.parametrize("planned", [1, 2, 10, 60, 100])
def test_nothing_is_said_before_there_is_evidence(planned: int) -> None:
    config = replace(CONFIG, epochs=planned)
    first_word = max(min(5, planned - 1), planned // 10)
    for epochs in {1, 3, first_word, first_word + 1, planned} & set(range(1, planned + 1)):
        made = records(config, epochs, train_loss=STUCK * 0.8)
        said = diagnose(config, made)
        assert bool(said) == (planned > 1 and (epochs > first_word or epochs == planned))
        if not said:
            word = f"epoch {first_word:,}" if epochs < planned else "Too few epochs"
            assert word in awaited(Facts.of(config, made))


def test_jumps_that_lose_what_was_reached_are_oscillation() -> None:
    wild = 0.5 * H + np.where(np.arange(100) % 2, 1, -1) * JUMP * H * 1.2
    assert first(train_loss=wild) == "oscillating_loss"
    wiggle = 0.5 * H + np.where(np.arange(100) % 2, 1, -1) * JUMP * H * 0.4
    assert first(train_loss=wiggle) == "healthy"
    near_zero = 0.06 * H + np.where(np.arange(100) % 2, 1, -1) * JUMP * H
    assert first(train_loss=near_zero) == "healthy"


@pytest.mark.parametrize(
    ("rise", "gap", "name"),
    [
        (RISE + 0.05, GAP + 0.02, "overfitting"),
        (RISE - 0.05, GAP + 0.02, "healthy"),
        (RISE + 0.05, GAP - 0.02, "healthy"),
    ],
)
def test_a_rising_dev_loss_with_a_gap_is_overfitting(rise: float, gap: float, name: str) -> None:
    dev = np.where(np.arange(100) < 50, 0.5, 0.5 * rise)
    assert first(dev_loss=dev, dev_accuracy=0.9 - gap) == name


def test_overfitting_knows_where_the_dev_loss_was_least() -> None:
    dev = 0.5 + 0.01 * np.abs(np.arange(100) - 40)
    found = diagnose(CONFIG, records(dev_loss=dev, dev_accuracy=0.7))[0]
    assert found.disease == "overfitting"
    assert found.best_epoch == pytest.approx(40, abs=4)


def test_short_steps_and_too_few_epochs_are_slow() -> None:
    assert first(train_loss=STUCK, update_ratio=0.9 * TURN / 100) == "slow_convergence"
    assert first(train_loss=STUCK, update_ratio=2.1 * TURN / 100) == "none_of_these"
    falling = H * (1 - 0.4 * np.arange(100) / 100)
    assert first(train_loss=falling) == "slow_convergence"
    assert first(train_loss=falling, epochs=60) == "healthy"  # it is still on its way


def test_what_was_there_at_the_start_is_named_before_what_came_later() -> None:
    tanh = replace(CONFIG, activation="tanh")
    later = layer(1, 0.1, 0.1)
    later[20:, 1] = 0.9
    wild = 0.6 * H + np.where(np.arange(100) % 2, 1, -1) * JUMP * H * 1.5
    found = diagnose(tanh, records(tanh, train_loss=wild, saturated_share=later))
    assert [f.disease for f in found[:2]] == ["oscillating_loss", "saturation"]
    born = diagnose(tanh, records(tanh, train_loss=wild, saturated_share=layer(1, 0.9, 0.1)))
    assert [f.disease for f in born[:2]] == ["saturation", "oscillating_loss"]


@given(st.lists(st.booleans(), max_size=60), st.lists(st.booleans(), max_size=60))
def test_a_statement_stands_until_it_is_taken_back(on: list[bool], off: list[bool]) -> None:
    n = min(len(on), len(off))
    made, taken = np.array(on[:n], dtype=bool), np.array(off[:n], dtype=bool)
    standing, begun = False, None
    for epoch in range(n):
        if made[epoch]:
            begun = begun if standing else epoch
            standing = True
        elif taken[epoch]:
            standing = False
    assert standing_since(made, taken) == (begun if standing else None)


def test_a_value_between_the_two_limits_changes_nothing() -> None:
    """Twice across the upper limit is one statement, from the first time on."""
    signal = np.full((100, 4), 0.3)
    wander = 0.3 * SIGNAL_LOST * np.where(np.arange(100) % 2, 1.05, 0.95)
    signal[:, 2] = wander
    epochs = {
        diagnose(CONFIG, records(train_loss=STUCK, example_std=signal, epochs=e))[0].epoch
        for e in range(20, 100)
    }
    assert epochs == {10}


@given(st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=50), st.integers(1, 60))
def test_the_mean_of_the_last_values(values: list[float], window: int) -> None:
    found = mean_of_last(np.array(values), window)
    direct = [np.mean(values[max(0, i + 1 - window) : i + 1]) for i in range(len(values))]
    assert found == pytest.approx(direct, abs=1e-6)


def test_one_huge_loss_does_not_spoil_later_means() -> None:
    found = mean_of_last(np.array([1e30, np.inf, np.nan, *[1.0] * 20]), 5)
    assert found[-1] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("hidden", [(), (1,), (5,), (3, 3, 3)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_every_shape_can_be_diagnosed_at_every_epoch_and_put_into_words(
    hidden: tuple[int, ...], activation: Any
) -> None:
    config = RunConfig(hidden=hidden, activation=activation, bias=-3.0, epochs=25, points=100)
    runner = Runner.from_config(config)
    for _ in range(25):
        runner.advance(1)
        facts = Facts.of(config, runner.records)
        for found in diagnose(config, runner.records):
            assert 0 <= found.epoch <= runner.epoch
            assert sentence(facts, found)
            assert explanation(facts, found)
            assert len(traced(facts, found)) == len(runner.records)
            assert found.disease in NAMES


def test_a_loss_above_that_of_a_constant_answer_is_said_so() -> None:
    above = records(epochs=50, train_loss=3 * STUCK)
    found = diagnose(CONFIG, above)
    said = verdict(Facts.of(CONFIG, above), found)
    assert found[0].disease == "healthy"
    assert "%" not in said
    assert "above that of a constant answer" in said
    assert found[0].evidence[0].value == 0.0


def test_a_set_of_one_class_can_be_diagnosed() -> None:
    made = records()
    made.constant_loss = 0.0
    assert diagnose(CONFIG, made)[0].disease == "healthy"


@pytest.mark.parametrize("epochs", [1, 2, 4, 5])
def test_a_run_of_very_few_epochs_is_not_blamed_on_its_data(epochs: int) -> None:
    config = RunConfig(epochs=epochs, learning_rate=0.01)
    runner = Runner.from_config(config)
    runner.advance(epochs)
    found = [finding.disease for finding in diagnose(runner)]
    assert ("none_of_these" in found) == (epochs >= 5 and "slow_convergence" not in found)
    if not found:
        assert "Too few epochs" in awaited(Facts.of(config, runner.records))
