"""Gradients entry by entry and their times, against course.json, calculus and the Runner."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
import torch

from nndl_core.base.config import RunConfig
from nndl_core.engine.runner import Runner
from nndl_core.network.op_classes import BinaryCrossEntropyLoss
from nndl_core.theory.gradient_check import (
    MOST_QUOTIENTS,
    WAYS,
    GradientRow,
    GradientTable,
    difference_quotient,
    gradient_table,
    largest_difference,
    op_model,
    seconds_per_1000_epochs,
    time_gradients,
    trainer,
    ways,
)


# Source: course.json, grad.manual_vs_auto and grad.finite_diff, with their tolerances.
@pytest.mark.parametrize(
    ("dtype", "bound", "quotient"), [("float64", 1e-15, 1e-8), ("float32", 1e-7, 1e-6)]
)
def test_the_differences_of_the_first_experiment(dtype: Any, bound: float, quotient: float) -> None:
    table = gradient_table(RunConfig(), dtype)
    assert 0 < table.largest_absolute < bound
    assert table.largest_quotient < quotient
    assert table.quotients == len(table.rows) == 21
    assert largest_difference(RunConfig(dtype=dtype)) == table.largest_absolute


def test_rows_are_named_as_the_parameters_of_the_model() -> None:
    names = [row.name for row in gradient_table(RunConfig(hidden=(2,), points=50)).rows]
    weights = [f"fc1.weight[{unit},{feature}]" for unit in (0, 1) for feature in (0, 1)]
    biases = ["fc1.bias[0]", "fc1.bias[1]"]
    assert names == [*weights, *biases, "fc2.weight[0,0]", "fc2.weight[0,1]", "fc2.bias[0]"]


def test_rows_hold_the_gradient_that_the_runner_trains_with() -> None:
    config = RunConfig(hidden=(4, 3), activation="tanh", dtype="float64", points=100)
    runner = Runner.from_config(config)
    flat: list[float] = []

    def keep(r: Runner) -> None:
        for p in r.model.parameters():
            assert p.grad is not None
            flat.extend(p.grad.reshape(-1).tolist())

    runner.train(num_epochs=1, custom_print_log=keep)
    rows = gradient_table(config).rows
    assert [row.by_hand for row in rows] == pytest.approx(flat, rel=1e-12, abs=1e-16)


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "leaky_relu", "elu", "gelu"])
@pytest.mark.parametrize(("loss", "dataset"), [("mse", "moons"), ("cross_entropy", "blobs3")])
def test_three_ways_agree(activation: Any, loss: Any, dataset: Any) -> None:
    config = RunConfig(hidden=(6, 4), activation=activation, loss=loss, dataset=dataset)
    table = gradient_table(config, "float64")
    assert table.largest_absolute < 1e-14
    assert table.largest_quotient < 1e-7


def test_a_kink_between_the_two_points_is_avoided() -> None:
    """|theta| has slope 1 at 1e-6; a step across 0 would say 1/6 of it."""
    theta = torch.tensor([1e-6], dtype=torch.float64)

    def measure() -> tuple[float, list[torch.Tensor]]:
        return theta.abs().item(), [theta > 0]

    assert difference_quotient(theta, 0, measure) == pytest.approx(1.0, rel=1e-6)
    assert theta.item() == 1e-6


def test_a_large_network_is_checked_in_entries_spread_evenly() -> None:
    config = RunConfig(hidden=(40, 40), points=30)
    table = gradient_table(config)
    found = [i for i, row in enumerate(table.rows) if row.quotient is not None]
    assert len(found) == table.quotients == MOST_QUOTIENTS < len(table.rows)
    assert (found[0], found[-1]) == (0, len(table.rows) - 1)
    assert {b - a for a, b in pairwise(found)} == {1, 2}


def test_differences_of_a_row() -> None:
    assert GradientRow("w", 2.0, 1.0, 0.5).absolute == 1.0
    assert GradientRow("w", 2.0, -2.0, 0.5).relative == 2.0
    assert GradientRow("w", 0.0, 0.0, None).relative == 0.0
    assert GradientRow("w", 2.0, 1.0, 0.5).quotient_absolute == 0.5
    assert GradientRow("w", 2.0, 1.0, None).quotient_absolute is None
    table = GradientTable([GradientRow("w", 1.0, 1.0, None), GradientRow("v", math.nan, 1, None)])
    assert math.isnan(table.largest_absolute)
    assert math.isnan(table.largest_quotient)


def test_data_that_do_not_fit_the_loss_are_refused() -> None:
    with pytest.raises(ValueError, match="'bce' separates 2 classes"):
        gradient_table(RunConfig(dataset="blobs3"))


def test_all_ways_train_to_the_same_loss() -> None:
    config = RunConfig(hidden=(4, 3), dtype="float64", points=100, optimizer="adam", batch_size=7)
    plain = RunConfig(hidden=(4, 3), dtype="float64", points=100)
    runner = Runner.from_config(plain)
    runner.advance(30)
    expected = torch.cat([p.detach().reshape(-1) for p in runner.model.parameters()])
    for way in WAYS:
        train = trainer(config, way)
        train(10)
        found = torch.cat([p.reshape(-1) for p in train(20)])
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_the_op_model_has_the_weights_of_the_config() -> None:
    config = RunConfig(init="xavier_normal", bias=0.5, points=100, dtype="float64")
    runner = Runner.from_config(config)
    assert runner.dataset is not None
    train = runner.dataset.train
    model = op_model(config)
    value = BinaryCrossEntropyLoss(model)(model(train.x.double()), train.y.double()[:, None])
    assert value.item() == pytest.approx(runner.evaluate(train)[1], rel=1e-12)


def test_times_are_taken_in_turns() -> None:
    found = list(time_gradients(RunConfig(points=50), epochs=2, repeats=4))
    by_way: dict[str, list[float]] = defaultdict(list)
    for way, seconds in found:
        by_way[way].append(seconds)
    assert {way: len(values) for way, values in by_way.items()} == dict.fromkeys(WAYS, 4)
    assert all(seconds > 0 for _, seconds in found)
    first_of_rounds = [found[round_ * len(WAYS)][0] for round_ in range(4)]
    assert first_of_rounds == list(WAYS)


def test_time_is_per_1000_epochs_whatever_was_run() -> None:
    few, many = (
        statistics.median(
            s for way, s in time_gradients(RunConfig(), epochs, 9) if way == "by_hand"
        )
        for epochs in (10, 100)
    )
    assert 0.3 < few / many < 3
    assert seconds_per_1000_epochs(RunConfig(), "by_hand", 20, 3) > 0


def test_op_classes_are_timed_only_where_they_can_train() -> None:
    assert ways(RunConfig()) == WAYS
    assert "op_classes" not in ways(RunConfig(activation="relu"))
    assert "op_classes" not in ways(RunConfig(loss="mse"))
    with pytest.raises(ValueError, match="'op_classes' cannot train this"):
        seconds_per_1000_epochs(RunConfig(activation="relu"), "op_classes")


def test_a_run_that_diverges_is_refused_with_a_sentence() -> None:
    config = RunConfig(activation="relu", init_scale=100, hidden=(64,) * 12, points=50)
    with pytest.raises(ValueError, match="no longer a finite number"):
        list(time_gradients(config, 2, 1))
