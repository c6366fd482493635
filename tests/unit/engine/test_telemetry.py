"""Telemetry against the same quantities computed slowly from the model, number by number."""

import json
import math
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.records import LARGE, LAYER_FIELDS, EpochRecord, Records, as_dict, room
from nndl_core.engine.runner import Runner
from nndl_core.engine.telemetry import count_distinct
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.gradients import by_hand
from nndl_core.network.losses import LOSSES, output_units, probabilities, targets
from nndl_core.network.model import MLP

BASE: dict[str, Any] = {"points": 100, "dtype": "float64", "hidden": [6, 4], "epochs": 50}
CASES: list[dict[str, Any]] = [
    {"activation": name, "slope": 0.2}
    for name in ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus")
] + [
    {"activation": "identity", "optimizer": "adam"},
    {"activation": "relu", "bias": -8, "init_scale": 0.01},
    {"activation": "relu", "bias": -1.5},
    {"init": "zeros"},
    {"init": "constant", "activation": "tanh", "optimizer": "momentum"},
    {"init_scale": 100},
    {"hidden": []},
    {"hidden": [64]},
    {"dataset": "blobs3", "loss": "cross_entropy", "noise": 0},
    {"dataset": "iris", "loss": "mse", "batch_size": 7},
    {"dtype": "float32", "activation": "gelu"},
    {"weight_decay": 0.5},
]


def naive(before: MLP, after: MLP, x: Tensor, y: Tensor, config: RunConfig) -> list[dict[str, Any]]:
    """Measure every layer of a model on the training set, unit by unit."""
    act, p = ACTIVATIONS[config.activation], config.slope
    gradients = by_hand(before, x, y, config.loss)
    before(x)
    rows = []
    for i, (old, new) in enumerate(zip(before.layers, after.layers, strict=True)):
        z = before.pre_activations[i].detach()
        if old is before.layers[-1]:
            a = probabilities(z.T).T
            slope, largest = a * (1 - a), 0.25
        else:
            a, slope, largest = act.value(z, p), act.slope(z, p), act.max_slope(p)
        rows.append(layer_of(old, new, gradients[i]) | outputs_of(a, slope, largest))
        if old is before.layers[-1]:
            rows[-1]["dead_units"] = 0
    return rows


def layer_of(old: torch.nn.Linear, new: torch.nn.Linear, gradient: Any) -> dict[str, Any]:
    w, b = old.weight.detach(), old.bias.detach()
    steps = [(new.weight.detach() - w), (new.bias.detach() - b)]
    changed = sum(int((s != 0).sum()) for s in steps) / (w.numel() + b.numel())
    norm = math.sqrt(sum(v * v for v in w.flatten().tolist()))
    step = math.sqrt(sum(v * v for v in steps[0].flatten().tolist()))
    return {
        "weight_grad_norm": gradient.weight.double().norm().item(),
        "bias_grad_norm": gradient.bias.double().norm().item(),
        "weight_norm": norm,
        "update_ratio": step / norm if norm else math.nan,
        "changed_share": changed,
        "distinct_units": distinct(torch.cat([w, b[:, None]], 1).double()),
        "units": len(w),
    }


def outputs_of(a: Tensor, slope: Tensor, largest: float) -> dict[str, Any]:
    values = a.double().flatten()
    return {
        "activation_mean": values.mean().item(),
        "activation_std": values.std(correction=0).item(),
        "example_std": math.sqrt(a.double().var(0, correction=0).mean().item()),
        "saturated_share": (slope.abs() < 0.05 * largest).double().mean().item(),
        "dead_units": sum(bool((slope[:, j] == 0).all()) for j in range(slope.shape[1])),
    }


def distinct(rows: Tensor) -> int:
    """Count rows of which no earlier one is closer than 1e-4 of the larger norm."""
    kept: list[Tensor] = []
    for row in rows:
        sizes = [max(row.norm().item(), other.norm().item()) for other in kept]
        near = [
            (row - other).norm().item() <= 1e-4 * size
            for other, size in zip(kept, sizes, strict=True)
        ]
        if not any(near):
            kept.append(row)
    return len(kept)


def copy_of(runner: Runner) -> MLP:
    model = runner.model
    dtype = model.layers[0].weight.dtype
    twin = MLP(model.sizes, model.activation, model.slope, dtype)
    twin.load_state_dict(model.state_dict())
    return twin


@pytest.mark.parametrize("case", CASES, ids=[str(case) for case in CASES])
def test_every_quantity_is_the_naive_one(case: dict[str, Any]) -> None:
    config = RunConfig.from_dict(BASE | case)
    runner = Runner.from_config(config)
    assert runner.dataset is not None
    data, dtype = runner.dataset, getattr(torch, config.dtype)
    outputs = output_units(config.loss, len(data.classes))
    x, y = data.train.x.to(dtype), targets(data.train.y, outputs, dtype).T
    tolerance = 1e-9 if dtype is torch.float64 else 1e-5
    for _ in range(3):
        before = copy_of(runner)
        record = next(runner)
        for layer, row in zip(
            record.layers, naive(before, copy_of(runner), x, y, config), strict=True
        ):
            found = {name: getattr(layer, name) for name in LAYER_FIELDS}
            assert found == pytest.approx(row, rel=tolerance, abs=1e-12, nan_ok=True)
        for part in ("train", "dev"):
            split = getattr(data, part)
            target = targets(split.y, outputs, dtype)
            loss = LOSSES[config.loss].value(before.logits(split.x).T, target).double().mean()
            found_loss = getattr(record, f"{part}_loss")
            assert found_loss == pytest.approx(loss.item(), rel=tolerance)


def test_numbers_do_not_depend_on_how_many_epochs_are_measured_at_once() -> None:
    one, many = (Runner.from_config(RunConfig.from_dict(BASE)) for _ in range(2))
    for _ in range(50):
        one.advance(1)
    many.advance(50)
    assert list(one.records) == list(many.records)


def first(edit: dict[str, float] | None = None, **values: Any) -> tuple[EpochRecord, Runner]:
    runner = Runner.from_config(RunConfig.from_dict(BASE | values))
    with torch.no_grad():
        for name, value in (edit or {}).items():
            runner.model.get_parameter(name).fill_(value)
    return next(runner), runner


def test_all_units_dead_and_all_gradients_exactly_zero() -> None:
    record, _ = first(activation="relu", bias=-10, init_scale=0.001)
    assert [layer.dead_units for layer in record.layers] == [6, 4, 0]
    assert [layer.weight_grad_norm for layer in record.layers] == [0.0, 0.0, 0.0]
    assert [layer.bias_grad_norm for layer in record.layers[:2]] == [0.0, 0.0]
    assert [layer.saturated_share for layer in record.layers[:2]] == [1.0, 1.0]
    assert [layer.activation_std for layer in record.layers[:2]] == [0.0, 0.0]
    assert [layer.changed_share for layer in record.layers[:2]] == [0.0, 0.0]
    assert [layer.update_ratio for layer in record.layers[:2]] == [0.0, 0.0]


def test_a_unit_that_fires_on_one_training_example_is_not_dead() -> None:
    runner = Runner.from_config(RunConfig.from_dict(BASE | {"hidden": [2], "activation": "relu"}))
    assert runner.dataset is not None
    x = runner.dataset.train.x[:, 0].double()
    highest = x.sort().values
    with torch.no_grad():
        runner.model.layers[0].weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
        between = (highest[-1] + highest[-2]) / 2
        runner.model.layers[0].bias.copy_(torch.stack([-between, -highest[-1] - 1]))
    layer = next(runner).layers[0]
    assert layer.dead_units == 1
    n = len(x)
    assert layer.saturated_share == pytest.approx((2 * n - 1) / (2 * n))


def test_dead_units_do_not_look_at_the_dev_set() -> None:
    """The unit fires beyond the edge of the training set, where one dev point lies."""
    runner = Runner.from_config(RunConfig.from_dict(BASE | {"hidden": [1], "activation": "relu"}))
    assert runner.dataset is not None
    angles = torch.linspace(0, 2 * math.pi, 360)[:-1]
    directions = torch.stack([angles.cos(), angles.sin()])
    train, dev = (part.x @ directions for part in (runner.dataset.train, runner.dataset.dev))
    beyond = dev.max(0).values - train.max(0).values
    best = int(beyond.argmax())
    assert beyond[best] > 0.01
    with torch.no_grad():
        runner.model.layers[0].weight.copy_(directions[:, best][None])
        runner.model.layers[0].bias.fill_(-(float(train[:, best].max()) + 0.001))
    _, block = runner.measure()
    assert (block.logits != block.logits[..., :1]).any()
    assert next(runner).layers[0].dead_units == 1


def test_zero_weights_have_no_update_ratio_and_null_in_json() -> None:
    record, _ = first(init="zeros", data_seed=1)
    assert record.layers[2].weight_grad_norm > 0
    assert all(math.isnan(layer.update_ratio) for layer in record.layers)
    rows = json.loads(json.dumps(as_dict(record), allow_nan=False))
    assert [row["update_ratio"] for row in rows["layers"]] == [None, None, None]
    assert list(rows["layers"][0]) == list(LAYER_FIELDS)
    assert [row["distinct_units"] for row in rows["layers"]] == [1, 1, 1]


def test_a_spread_of_a_ten_millionth_is_measured() -> None:
    """In float32 the square of 0.73 and of 0.73 + 1e-7 are the same number."""
    for dtype, tolerance in (("float32", 0.05), ("float64", 1e-6)):
        record, runner = first({"fc1.bias": 1.0}, init_scale=2e-7, dtype=dtype, hidden=[6])
        assert runner.dataset is not None
        fresh = Runner.from_config(RunConfig.from_dict(BASE | {"init_scale": 2e-7, "hidden": [6]}))
        w = fresh.model.layers[0].weight.detach()
        z = runner.dataset.train.x.double() @ w.T + 1
        std = torch.sigmoid(z).std(correction=0).item()
        assert 1e-8 < std < 3e-7
        assert record.layers[0].activation_std == pytest.approx(std, rel=tolerance)
        apart = torch.sigmoid(z).var(0, correction=0).mean().sqrt().item()
        assert record.layers[0].example_std == pytest.approx(apart, rel=2 * tolerance)
        assert record.layers[0].activation_mean == pytest.approx(0.7310585786, abs=1e-6)


def test_changed_share_counts_what_float32_rounds_away() -> None:
    record, _ = first({"fc1.weight": 1e6}, dtype="float32", hidden=[3], learning_rate=1e-6)
    assert record.layers[0].changed_share < 1.0
    fixed, _ = first(learning_rate=1e-6, activation="relu", bias=-10, init_scale=0.001)
    assert fixed.layers[0].changed_share == 0.0


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], 1),
        ([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]], 2),
        ([[0.0, 0.0], [0.0, 0.0]], 1),
        ([[0.0, 0.0], [1e-30, 0.0]], 2),
        ([[1.0, 0.0], [1.0 + 5e-5, 0.0]], 1),
        ([[1.0, 0.0], [1.0 + 3e-4, 0.0]], 2),
        ([[1e8, 0.0], [1e8 + 1, 0.0], [-1e8, 0.0]], 2),
        ([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], 4),
        ([[3.0, 4.0]], 1),
    ],
)
def test_distinct_units(rows: list[list[float]], expected: int) -> None:
    matrix = torch.tensor(rows, dtype=torch.float64)
    direction = torch.tensor([[0.6], [-1.7]], dtype=torch.float64)
    assert distinct(matrix) == expected
    assert int(count_distinct(matrix, direction)) == expected
    stack = torch.stack([matrix, matrix.flip(0)])
    assert count_distinct(stack, direction).tolist() == [expected, expected]


def test_records_read_like_a_list() -> None:
    runner = Runner.from_config(RunConfig.from_dict(BASE))
    runner.advance(50)
    records = runner.records
    assert len(records) == 50
    assert records[-1] == records[49] == list(records)[49]
    assert [r.epoch for r in records[40:60:3]] == [40, 43, 46, 49]
    assert records[10:10] == []
    for index in (50, -51):
        with pytest.raises(IndexError):
            records[index]
    assert records.column("train_loss").tolist() == [r.train_loss for r in records]
    assert records.column("weight_norm").shape == (50, 3)
    assert records.column("weight_norm")[7, 1] == records[7].layers[1].weight_norm
    assert Records().column("train_loss").tolist() == []


def test_a_long_history_is_what_was_added_wherever_its_memory_grew() -> None:
    records, numbers = Records(), np.random.default_rng(0)
    parts = [
        {
            "train_loss": numbers.random(size),
            "weight_norm": numbers.random((size, 3)),
            "dead_units": numbers.integers(0, 4096, (size, 3)).astype(np.float64),
        }
        for size in (1, 63, 64, 5000, 1, 12_000, 300)
    ]
    for part in parts:
        records.append(part, len(part["train_loss"]))
    assert len(records) > LARGE
    for name in parts[0]:
        assert np.array_equal(records.column(name), np.concatenate([p[name] for p in parts]))
        assert records.column(name).dtype == np.float64


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_room_that_is_not_filled_takes_no_memory() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    before = resident()
    rooms = [room((50, LARGE)) for _ in range(20)]
    assert sum(r.nbytes for r in rooms) > 130e6
    assert resident() - before < 20e6
    for filled in rooms:
        filled[:] = 1
    assert resident() - before > 120e6
    del rooms, filled
    assert resident() - before < 20e6


def test_a_record_holds_plain_numbers() -> None:
    record, _ = first()
    assert type(record.epoch) is int
    for layer in record.layers:
        for name in LAYER_FIELDS:
            whole = name in ("dead_units", "distinct_units", "units")
            assert type(getattr(layer, name)) is (int if whole else float)
    assert json.loads(json.dumps(as_dict(record)))["epoch"] == 0


def test_probabilities_are_the_output_of_the_last_layer() -> None:
    record, _ = first({"fc3.weight": 0.0, "fc3.bias": 30.0})
    last = record.layers[2]
    assert last.activation_mean == pytest.approx(1.0)
    assert last.saturated_share == 1.0
    assert last.dead_units == 0


def test_a_gradient_whose_square_is_no_number_of_float64_is_no_exact_zero() -> None:
    deep = RunConfig(
        points=60,
        hidden=(3,) * 16,
        activation="tanh",
        bias=-10.0,
        init_scale=0.001,
        dtype="float64",
    )
    model = MLP.from_config(deep, 2, 2)
    data = dataset_of(deep)
    y = targets(data.train.y, 1, torch.float64).T
    expected = by_hand(model, data.train.x.double(), y, "bce")
    record = next(Runner.from_config(deep))
    for layer, (weight, bias) in zip(record.layers, expected, strict=True):
        for norm, entries in ((layer.weight_grad_norm, weight), (layer.bias_grad_norm, bias)):
            largest = float(entries.abs().max())
            scaled = float((entries / largest).norm()) * largest
            assert norm == pytest.approx(scaled, rel=1e-6, abs=0)
    assert 0 < record.layers[0].weight_grad_norm < 1e-162
