"""Traces and endings of equal initial weights, against printed numbers and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nndl_core.base.config import DtypeName, RunConfig
from nndl_core.engine.runner import Runner
from nndl_core.engine.telemetry import SAME_UNIT, count_distinct
from nndl_core.theory.initial_state import (
    EXACT_POINTS,
    MAX_TRACE,
    balance,
    ending,
    parameter_trace,
    row_groups,
    zero_endings,
)

ZERO = RunConfig(init="zeros", data_seed=9)

# nndl/practice-in-paddle @3404b94, chap4 notebook-1, cell 62: after 1, 2, 3, 4 updates
PRINTED_FC2 = [
    (-0.00203125, -0.0040625),
    (-0.00383399, -0.00766798),
    (-0.0054344, -0.01086785),
    (-0.00685571, -0.01370772),
]
PRINTED_FC1_BIAS = [0.0, 1.8309e-6, 4.89798e-6, 8.75624e-6]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_trace_that_the_notebook_prints(dtype: DtypeName) -> None:
    trace = parameter_trace(replace(ZERO, dtype=dtype))
    assert [state.epoch for state in trace] == [0, 1, 2, 3, 4, 5]
    assert trace[0].train_loss == pytest.approx(math.log(2), abs=1e-7)
    for state, (w, b), hidden in zip(trace[1:5], PRINTED_FC2, PRINTED_FC1_BIAS, strict=True):
        fc1, fc2 = state.layers
        assert fc2.weight[0] == pytest.approx([w] * 5, abs=1e-7)
        assert fc2.bias[0] == pytest.approx(b, abs=1e-7)
        assert fc1.bias == pytest.approx([hidden] * 5, abs=1e-10)
        assert fc1.groups == (0, 0, 0, 0, 0)
        assert fc1.distinct == fc2.distinct == 1
    assert not trace[1].layers[0].weight.any()


def test_a_trace_shows_the_parameters_of_the_straight_run() -> None:
    config = RunConfig(hidden=(4, 3), optimizer="adam", epochs=5)
    for state in parameter_trace(config, epochs=5):
        runner = Runner.from_config(config)
        runner.advance(state.epoch)
        record, _ = runner.measure()
        assert state.train_loss == record.train_loss
        assert state.dev_accuracy == record.dev_accuracy
        for layer, fc in zip(state.layers, runner.model.layers, strict=True):
            assert layer.weight.tolist() == fc.weight.double().tolist()
            assert layer.bias.tolist() == fc.bias.double().tolist()


@pytest.mark.parametrize(
    "values",
    [
        {"init": "zeros"},
        {"init": "constant", "init_scale": 0.5},
        {"init": "constant", "activation": "relu", "hidden": (4, 6)},
        {"init": "normal", "hidden": (64,)},
        {"init": "orthogonal", "hidden": (8, 8)},
    ],
)
def test_distinct_neurons_are_those_of_the_telemetry(values: dict[str, Any]) -> None:
    config = replace(RunConfig(data_seed=9), **values)
    runner = Runner.from_config(replace(config, epochs=20))
    for state in parameter_trace(config, epochs=10):
        record, _ = runner.measure()
        assert [v.distinct for v in state.layers] == [v.distinct_units for v in record.layers]
        assert all(len(v.groups) == r.units for v, r in zip(state.layers, record.layers))  # noqa: B905
        runner.advance(1)


@pytest.mark.parametrize(
    ("rows", "groups"),
    [
        ([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]], (0, 1, 0)),
        ([[0.0, 0.0], [0.0, 0.0]], (0, 0)),
        ([[0.0, 0.0], [1e-30, 0.0]], (0, 1)),
        ([[1.0, 2.0], [-1.0, -2.0]], (0, 1)),
        ([[5.0]], (0,)),
        ([[1.0, 0.0], [1.0, 0.5 * SAME_UNIT], [1.0, 3 * SAME_UNIT]], (0, 0, 1)),
        ([[3.0, 1.0], [1.0, 3.0], [1.0, 3.0], [3.0, 1.0], [2.0, 2.0]], (0, 1, 1, 0, 2)),
        # only the bias, the last column, tells them apart
        ([[1.0, 2.0, 0.1], [1.0, 2.0, 0.2]], (0, 1)),
    ],
)
def test_equal_rows_share_a_group(rows: list[list[float]], groups: tuple[int, ...]) -> None:
    assert row_groups(torch.tensor(rows, dtype=torch.float64)) == groups


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 6), st.integers(0, 99))
def test_groups_are_the_prototypes_a_matrix_was_made_of(
    chosen: list[int], columns: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    prototypes = torch.randn(6, columns, generator=generator).double()
    rows = prototypes[chosen] * (1 + 1e-9 * torch.randn(len(chosen), 1, generator=generator))
    first = list(dict.fromkeys(chosen))
    groups = row_groups(rows)
    direction = torch.randn(columns, 1, generator=generator).double()
    apart = torch.cdist(prototypes, prototypes) + torch.eye(6).double()
    if (apart > 1e-3 * prototypes.norm(dim=1).max()).all():
        assert groups == tuple(first.index(k) for k in chosen)
        assert max(groups) + 1 == int(count_distinct(rows, direction))


def test_a_trace_ends_where_the_run_diverges() -> None:
    config = RunConfig(activation="identity", loss="mse", dataset="blobs2", hidden=(5, 5))
    wild = replace(config, learning_rate=1000, init_scale=100, optimizer="momentum")
    trace = parameter_trace(wild, epochs=60)
    assert all(math.isfinite(state.train_loss) for state in trace)


@pytest.mark.parametrize("epochs", [-1, MAX_TRACE + 1])
def test_a_length_that_is_not_possible_is_refused_in_a_sentence(epochs: int) -> None:
    with pytest.raises(ValueError, match=f"epochs: {epochs} is out of range; allowed is from 0"):
        parameter_trace(ZERO, epochs)


def test_a_trace_of_no_epoch_is_the_start() -> None:
    (start,) = parameter_trace(ZERO, 0)
    assert start.epoch == 0
    assert not any(layer.weight.any() or layer.bias.any() for layer in start.layers)


def test_the_three_endings_of_zero_weights() -> None:
    sigmoid, tanh, relu, exact, rounded = zero_endings(ZERO)
    assert sigmoid.outcome == "equal_neurons"
    assert sigmoid.distinct == ((1, 5),)
    assert min(sigmoid.movement.values()) > 0.1
    assert sigmoid.hidden_output == 0.5
    for flat in (tanh, relu):
        assert flat.outcome == "last_bias_moved"
        assert [name for name, size in flat.movement.items() if size] == ["fc2.bias"]
        assert flat.hidden_output == 0
        assert flat.test_accuracy < 0.55
    assert exact.outcome == "nothing_moved"
    assert set(exact.movement.values()) == {0.0}
    assert exact.class_counts == (256, 256)
    assert exact.train_loss == pytest.approx(math.log(2), abs=1e-7)
    assert rounded.class_counts == (320, 320)
    assert rounded.balanced
    assert not sigmoid.balanced


def test_a_run_that_is_balanced_itself_is_not_shown_twice() -> None:
    endings = zero_endings(replace(ZERO, data_seed=0), epochs=3)
    assert [end.class_counts for end in endings] == [(320, 320)] * 3 + [(256, 256)]
    assert endings[1].outcome in ("nothing_moved", "last_bias_moved")


def test_the_endings_count_the_classes_of_the_training_part() -> None:
    assert ending(replace(ZERO, epochs=1)).class_counts == (640 - 307, 307)


def test_only_a_binary_fraction_gives_an_exact_saddle() -> None:
    """+-1/640 is rounded, so the computed gradient is not 0; the closed form is."""
    config = balance(replace(ZERO, epochs=5))
    assert config is not None
    assert config.data_seed == 0
    assert ending(config).first_gradient < 1e-8
    assert max(ending(config).movement.values()) < 1e-7
    exact = balance(replace(ZERO, points=EXACT_POINTS, epochs=5))
    assert exact is not None
    assert ending(exact).first_gradient == 0


def test_the_bias_that_still_moves_follows_its_own_recursion() -> None:
    """With all weights 0: b <- b - lr (sigma(b) - p1), whatever the hidden layer is."""
    config = replace(ZERO, activation="tanh", epochs=300, dtype="float64")
    b = 0.0
    for _ in range(300):
        b -= 0.2 * (1 / (1 + math.exp(-b)) - 307 / 640)
    assert ending(config).movement["fc2.bias"] == pytest.approx(abs(b), rel=1e-12)


def test_zero_sigmoid_nets_reach_the_accuracy_of_random_ones() -> None:
    """Printed in the course notes: .807 at 2000 epochs, against .48 at 5."""
    zero = [ending(replace(ZERO, data_seed=s, epochs=2000)).test_accuracy for s in range(1, 9)]
    assert sum(zero) / len(zero) == pytest.approx(0.807, abs=0.03)


def test_no_balanced_split_is_no_saddle() -> None:
    assert balance(RunConfig(dataset="iris", loss="cross_entropy", init="zeros")) is None


def test_movement_is_the_largest_change_of_any_entry() -> None:
    config = RunConfig(hidden=(3,), epochs=7)
    runner = Runner.from_config(config)
    before = [p.detach().clone() for p in runner.model.parameters()]
    runner.advance(7)
    largest = [
        max(abs(x - y) for x, y in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True))
        for a, b in zip(before, runner.model.parameters(), strict=True)
    ]
    assert list(ending(config).movement.values()) == pytest.approx(largest, rel=1e-6)
    assert ending(config).outcome == "neurons_differ"


def test_loss_falls_along_the_trace() -> None:
    losses = [state.train_loss for state in parameter_trace(ZERO, 20)]
    assert all(after < before for before, after in pairwise(losses))
