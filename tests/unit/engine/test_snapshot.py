"""Snapshots: the plane, the boundary to the last bit, the histogram and the test result."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import Dataset, Split, dataset_of
from nndl_core.data.table.reading import read_table
from nndl_core.engine.runner import Runner
from nndl_core.engine.snapshot import (
    BINS,
    GRID,
    Plane,
    activation_histogram,
    decision_boundary,
    evaluate_test,
    make_plane,
    take,
)


def runner_of(**values: Any) -> tuple[Runner, Plane]:
    config = RunConfig.from_dict({"points": 100, "epochs": 30} | values)
    runner = Runner.from_config(config)
    assert runner.dataset is not None
    return runner, make_plane(runner.dataset)


def made_up(features: int, n: int = 60) -> Dataset:
    g = torch.Generator().manual_seed(features)
    x, y = torch.randn(n, features, generator=g) + 1, torch.arange(n) % 2
    x[:, :2] *= torch.tensor([20.0, 8.0])[:features]  # two directions that stand out
    train, dev, test = (Split(x[a:b], y[a:b]) for a, b in ((0, 40), (40, 50), (50, n)))
    names = tuple(f"f{i}" for i in range(features))
    return Dataset("made up", train, dev, test, ("0", "1"), names)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_byte_is_128_or_more_exactly_where_p_is_half_or_more(dtype: Any) -> None:
    half = dtype(0.5)
    values = [0.0, 1.0, half, np.nextafter(half, dtype(0)), np.nextafter(half, dtype(1))]
    rng = np.random.default_rng(0)
    column = np.concatenate([np.array(values, dtype), rng.random(GRID * GRID - 5).astype(dtype)])
    image, winner = decision_boundary(column[:, None])
    assert winner is None
    assert image.dtype == np.uint8
    assert np.array_equal(image.ravel() >= 128, column >= 0.5)
    assert image.ravel()[:5].tolist() == [0, 255, 128, 127, 128]
    assert (np.abs(image.ravel() / 255 - column) < 1 / 255 + 1e-6).all()


def test_two_outputs_show_class_one_and_more_the_winner() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], GRID * GRID)
    image, winner = decision_boundary(p)
    assert winner is not None
    assert np.array_equal(winner.ravel(), p.argmax(1))
    assert np.array_equal(image.ravel() >= 128, p.max(1) >= 0.5)
    two = np.stack([1 - p[:, 0], p[:, 0]], 1)
    image, winner = decision_boundary(two)
    assert winner is None
    assert np.array_equal(image.ravel() >= 128, two[:, 1] >= 0.5)


def test_a_boundary_without_numbers_is_still_an_image() -> None:
    image, _ = decision_boundary(np.full((GRID * GRID, 1), np.nan))
    assert image.shape == (GRID, GRID)


def test_the_boundary_is_that_of_the_model_cell_by_cell() -> None:
    runner, plane = runner_of()
    runner.advance(10)
    shot = take(runner, plane)
    left, right, bottom, top = plane.extent
    for row, column in ((0, 0), (0, GRID - 1), (GRID - 1, 0), (17, 31)):
        x = left + (right - left) * (column + 0.5) / GRID
        y = bottom + (top - bottom) * (row + 0.5) / GRID
        p = runner.predict(torch.tensor([[x, y]])).item()
        assert abs(int(shot.boundary[row, column]) - 256 * p) <= 1.01


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"hidden": [4, 8, 2], "activation": "tanh"},
        {"activation": "relu", "bias": -10},
        {"activation": "relu", "init_scale": 100, "dtype": "float64"},
        {"init": "zeros"},
        {"init_scale": 1e-7, "activation": "identity"},
        {"dataset": "digits", "loss": "cross_entropy", "activation": "gelu", "points": 200},
    ],
)
def test_the_histogram_counts_every_activation_once(values: dict[str, Any]) -> None:
    runner, plane = runner_of(**values)
    for epochs in (0, 3, 27):
        runner.advance(epochs)
        shot = take(runner, plane)
        assert shot.histogram.shape == (len(runner.model.sizes) - 2, BINS)
        assert shot.histogram.dtype == np.float32
        assert shot.histogram.sum(1) == pytest.approx(np.ones(len(shot.histogram)), abs=1e-5)
        assert shot.histogram.min() >= 0
        low, high = shot.histogram_range
        assert low < high
        _, block = runner.measure()
        for share, a in zip(shot.histogram, block.activations, strict=True):
            counts, _ = np.histogram(a[-1].double().numpy(), BINS, (low, high))
            # a value on a bin's edge may fall to either side of it
            found, expected = share.cumsum(), (counts / counts.sum()).cumsum()
            assert (found[1:] >= expected[:-1] - 1e-5).all()
            assert (expected[1:] >= found[:-1] - 1e-5).all()
            assert counts.sum() == a[-1].numel()


def test_no_hidden_layer_has_no_histogram() -> None:
    runner, plane = runner_of(hidden=[])
    shot = take(runner, plane)
    assert shot.histogram.shape == (0, BINS)
    assert activation_histogram(runner.measure()[1])[1] == (0.0, 1.0)


def test_a_network_that_overflows_at_once_can_still_be_shown() -> None:
    runner, plane = runner_of(hidden=[8], activation="identity")
    with torch.no_grad():
        runner.model.layers[0].weight.mul_(float("inf"))
    shot = take(runner, plane)
    assert np.isfinite(shot.histogram).all()
    assert all(math.isfinite(limit) for limit in shot.histogram_range)


def test_taking_a_snapshot_trains_nothing() -> None:
    (watched, plane), (straight, _) = runner_of(), runner_of()
    for _ in range(30):
        record = take(watched, plane).record
        watched.advance(1)
        assert record.train_loss == watched.records[-1].train_loss
    straight.advance(30)
    assert list(watched.records) == list(straight.records)


def test_the_test_set_is_evaluated_at_the_end_best_and_last() -> None:
    runner, plane = runner_of(learning_rate=3)
    assert evaluate_test(runner) is None
    runner.advance(29)
    assert take(runner, plane).test is None
    runner.advance(1)
    result = take(runner, plane).test
    assert result is not None
    assert runner.best is not None
    assert runner.dataset is not None
    assert result.best_epoch == runner.best.epoch
    test = runner.dataset.test
    assert (result.best_score, result.best_loss) == runner.evaluate(test, best=True)
    assert (result.last_score, result.last_loss) == runner.evaluate(test)
    assert len(runner.dev_loss) == 30


def test_two_features_are_drawn_as_they_are() -> None:
    data = dataset_of(RunConfig(points=100))
    plane = make_plane(data)
    x = torch.cat([data.train.x, data.dev.x])
    assert np.array_equal(plane.points, x.numpy())
    assert plane.labels.tolist() == torch.cat([data.train.y, data.dev.y]).tolist()
    assert plane.axes == ("x1", "x2")
    assert plane.n_train == 64
    assert plane.grid.shape == (GRID * GRID, 2)
    left, right, bottom, top = plane.extent
    assert left < x[:, 0].min() < x[:, 0].max() < right
    assert bottom < x[:, 1].min() < x[:, 1].max() < top
    # every grid point is the middle of its cell: half a cell inside the extent
    half_x, half_y = (right - left) / GRID / 2, (top - bottom) / GRID / 2
    xs, ys = (left + half_x, right - half_x), (bottom + half_y, top - half_y)
    corners = plane.grid[[0, GRID - 1, GRID * (GRID - 1), GRID * GRID - 1]]
    expected = torch.tensor([[x, y] for y in ys for x in xs])
    torch.testing.assert_close(corners, expected)


@pytest.mark.parametrize("features", [3, 4, 64])
def test_many_features_are_drawn_on_their_principal_plane(features: int) -> None:
    data = made_up(features)
    plane = make_plane(data)
    assert plane.axes == ("1st principal component", "2nd principal component")
    assert plane.grid.shape == (GRID * GRID, features)
    x = torch.cat([data.train.x, data.dev.x]).double()
    center = data.train.x.double().mean(0)
    covariance = (data.train.x.double() - center).T @ (data.train.x.double() - center)
    _, vectors = torch.linalg.eigh(covariance)
    expected = ((x - center) @ vectors[:, [-1, -2]]).abs()
    assert np.abs(plane.points) == pytest.approx(expected.numpy(), abs=1e-4)
    # a grid point projected again is where it was drawn
    offsets = plane.grid.double() - center
    inside = (offsets @ vectors[:, -2:]).norm(dim=1)
    torch.testing.assert_close(offsets.norm(dim=1), inside, rtol=1e-4, atol=1e-4)


def test_one_feature_gets_a_second_axis_without_meaning() -> None:
    data = made_up(1)
    plane = make_plane(data)
    x = torch.cat([data.train.x, data.dev.x])[:, 0] - data.train.x.mean()
    assert np.abs(plane.points[:, 0]) == pytest.approx(x.abs().numpy(), abs=1e-5)
    assert not plane.points[:, 1].any()
    assert plane.grid.shape == (GRID * GRID, 1)
    left, right, bottom, top = plane.extent
    assert left < right
    assert bottom < top
    runner = Runner.from_config(RunConfig(epochs=3), data)
    runner.advance(3)
    image = take(runner, plane).boundary
    assert (image == image[:1]).all()


def test_a_csv_of_one_feature_can_be_trained_and_drawn() -> None:
    rows = "\n".join(f"{i / 10},{'yes' if i > 30 else 'no'}" for i in range(60))
    data = read_table(f"size,label\n{rows}\n".encode(), "sizes.csv")
    runner = Runner.from_config(RunConfig(dataset="csv", epochs=3), data)
    runner.advance(3)
    assert take(runner, make_plane(data)).test is not None


def test_constant_points_still_span_a_plane() -> None:
    x, y = torch.ones(20, 2), torch.arange(20) % 2
    data = Dataset("dot", Split(x, y), Split(x[:4], y[:4]), Split(x, y), ("0", "1"), ("a", "b"))
    left, right, bottom, top = make_plane(data).extent
    assert left < 1 < right
    assert bottom < 1 < top


def test_update_figures_are_those_of_the_update_that_led_here() -> None:
    runner = Runner.from_config(RunConfig(points=100))
    plane = make_plane(runner.dataset) if runner.dataset else None
    assert plane is not None
    before = take(runner, plane).record.layers
    assert all(math.isnan(layer.update_ratio) for layer in before)
    runner.advance(3)
    after, last = take(runner, plane).record.layers, runner.records[-1].layers
    assert [a.update_ratio for a in after] == [a.update_ratio for a in last]
    assert [a.changed_share for a in after] == [a.changed_share for a in last]
    assert all(layer.update_ratio > 0 for layer in after)
