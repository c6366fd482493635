"""Runs held against their data: standing still, straight lines, scale, one class, broken rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from nndl_core.base.config import RunConfig
from nndl_core.course.gallery import EXHIBITS
from nndl_core.data.catalog import Dataset, Split, make_dataset
from nndl_core.diagnosis.facts import Facts, Finding, standing_since
from nndl_core.diagnosis.rival import add_rival, rival_of
from nndl_core.diagnosis.rules import diagnose
from nndl_core.diagnosis.words import explanation, sentence, verdict
from nndl_core.engine.runner import Runner

XOR = RunConfig(
    dataset="xor", points=400, noise=0.0, init="xavier_normal", learning_rate=0.5, epochs=2000
)
TABLE = RunConfig(
    dataset="csv", hidden=(10,), init="torch_default", optimizer="adam", learning_rate=1e-3,
    epochs=300,
)  # fmt: skip


def trained(config: RunConfig, data: Dataset | None = None, epochs: int = 0) -> Runner:
    runner = Runner.from_config(config, data)
    while not runner.finished and runner.epoch < (epochs or config.epochs):
        runner.advance((epochs or config.epochs) - runner.epoch)
    return runner


def found_in(runner: Runner) -> list[Finding]:
    assert runner.config is not None
    return diagnose(runner.config, runner.records)


def said_of(runner: Runner) -> str:
    assert runner.config is not None
    return verdict(Facts.of(runner.config, runner.records), found_in(runner))


def table(x: torch.Tensor, y: torch.Tensor) -> Dataset:
    """Rows as an upload splits them."""
    train, dev = 64 * len(x) // 100, 80 * len(x) // 100
    first, second, third = (
        Split(x[a:b], y[a:b]) for a, b in ((0, train), (train, dev), (dev, len(x)))
    )
    names = tuple(f"x{i}" for i in range(x.shape[1]))
    return Dataset("csv", first, second, third, ("0", "1"), names)


def blobs(mean: float, spread: float) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 2, generator=generator)
    return table(mean + spread * x, (x[:, 0] * x[:, 1] > 0).long())


@pytest.mark.parametrize(
    ("width", "activation"),
    [(2, "relu"), (2, "tanh"), (2, "sigmoid"), (3, "relu"), (3, "sigmoid")],
)
def test_small_networks_that_stand_still_on_xor_are_not_called_healthy(
    width: int, activation: Any
) -> None:
    """The largest family of public questions; a few of the seeds of the benchmark."""
    still = 0
    for seed in range(8):
        config = replace(XOR, hidden=(width,), activation=activation, init_seed=seed)
        runner = trained(config)
        loss = runner.records.column("train_loss")
        moved = abs(loss[len(loss) // 2] - loss[-1]) / runner.records.constant_loss
        if runner.records[-1].train_accuracy < 0.95 and moved < 0.05:
            still += 1
            first = found_in(runner)[0]
            assert first.disease == "stalled"
            assert first.epoch >= config.epochs // 2
            assert "stands still at" in said_of(runner)
        elif runner.records[-1].train_accuracy == 1:
            assert found_in(runner)[0].disease == "healthy"
    assert still > 0


def test_a_plateau_that_is_left_takes_the_verdict_with_it() -> None:
    plateau = next(e.config for e in EXHIBITS if e.name == "plateau")
    config = replace(plateau, hidden=(8,))
    runner = trained(config, epochs=1700)
    assert found_in(runner)[0].disease == "stalled"
    runner.advance(config.epochs)
    found = found_in(runner)
    assert [f.disease for f in found] == ["healthy", "stalled"]
    assert found[1].until is not None
    assert f"stood still until epoch {found[1].until:,}" in said_of(runner)


def test_a_network_at_the_limit_of_its_data_is_healthy_however_still_it_stands() -> None:
    config = RunConfig(
        noise=0.5, hidden=(16,), activation="tanh", init="xavier_normal", optimizer="adam",
        learning_rate=0.01, epochs=400,
    )  # fmt: skip
    runner = trained(config)
    facts = Facts.of(config, runner.records)
    assert facts.accuracy[-1] < 0.87
    assert found_in(runner)[0].disease == "healthy"
    assert float(facts.progress[-1]) > 0.95
    assert "of what there is to learn is learned" in said_of(runner)


def test_six_layers_of_sigmoid_vanish_until_an_epoch_and_recover() -> None:
    config = RunConfig(hidden=(5,) * 6)
    runner = trained(config, epochs=500)
    first = found_in(runner)[0]
    facts = Facts.of(config, runner.records)
    assert first.disease == "vanishing_gradient"
    assert first.until is None
    assert first.evidence[0].value == pytest.approx(facts.signal[-1, 5] / facts.signal[-1, 0])
    runner.advance(500)
    found = found_in(runner)
    assert [f.disease for f in found] == ["healthy", "vanishing_gradient"]
    assert 650 < (found[1].until or 0) < 800
    assert "The gradient vanished until epoch" in said_of(runner)


def test_default_settings_after_one_step_are_not_judged() -> None:
    runner = trained(RunConfig(), epochs=1)
    assert found_in(runner) == []
    runner.advance(999)
    assert found_in(runner)[0].disease == "healthy"


@pytest.mark.parametrize(("hidden", "activation"), [((5,), "identity"), ((), "relu")])
@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_a_straight_line_on_circles_is_a_linear_network(
    hidden: tuple[int, ...], activation: Any, loss: Any
) -> None:
    config = RunConfig(
        dataset="circles", noise=0.1, points=400, hidden=hidden, activation=activation,
        init="xavier_normal", learning_rate=0.5, epochs=2000, loss=loss,
    )  # fmt: skip
    runner = trained(config)
    first = found_in(runner)[0]
    assert first.disease == "linear_network"
    assert abs(first.evidence[0].value) < 0.05
    assert "straight line" in said_of(runner)


@pytest.mark.parametrize("name", ["blobs2", "moons"])
def test_a_straight_line_is_fine_where_it_parts_the_data(name: Any) -> None:
    config = RunConfig(dataset=name, noise=0.5, hidden=(), epochs=500, learning_rate=1.0)
    assert found_in(trained(config))[0].disease == "healthy"


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_raw_columns_are_named_before_what_they_bring(activation: Any) -> None:
    config = replace(TABLE, activation=activation)
    found = found_in(trained(config, blobs(92, 30)))
    assert found[0].disease == "unscaled_inputs"
    assert len(found) > 1
    assert {e.quantity for e in found[0].evidence} >= {"largest mean of a feature"}
    scaled = found_in(trained(replace(config, learning_rate=0.02), blobs(0, 1)))
    assert scaled[0].disease == "healthy"


def test_raw_columns_of_a_run_that_learns_are_no_disease() -> None:
    config = replace(TABLE, hidden=(32,), activation="relu", init="he_normal", learning_rate=0.01)
    runner = trained(config, blobs(0, 6))
    assert Facts.of(config, runner.records).progress[-1] > 0.9
    assert found_in(runner)[0].disease == "healthy"


@pytest.mark.parametrize("seed", range(4))
def test_one_class_in_the_train_part_is_a_notice(seed: int) -> None:
    order = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
    rows = table(torch.arange(12.0)[order, None], torch.tensor([0] * 11 + [1])[order])
    config = replace(TABLE, activation="relu", init="he_normal", optimizer="sgd")
    runner = trained(replace(config, learning_rate=0.2), rows)
    found = found_in(runner)
    assert [f.disease for f in found] == ["one_class"]
    assert found[0].severity == "mild"
    assert "training examples are of one class" in said_of(runner)


def test_the_truth_table_of_xor_is_not_one_class() -> None:
    x = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    four = Split(x, torch.tensor([0, 1, 1, 0]))
    data = Dataset("csv", four, four, four, ("0", "1"), ("a", "b"))
    sound = replace(TABLE, activation="tanh", init="xavier_normal", learning_rate=0.05)
    assert found_in(trained(sound, data))[0].disease == "healthy"


def test_broken_rows_are_never_blamed_on_the_learning_rate() -> None:
    """The Runner refuses such rows; records of before, or of another loop, may tell of them."""
    runner = Runner.from_config(TABLE, blobs(0, 1))
    assert runner.records.data is not None
    runner.records.data = replace(runner.records.data, broken_rows=1)
    runner.records.diverged_at = 0
    found = found_in(runner)
    assert [f.disease for f in found] == ["nan_in_data"]
    assert "learning rate" in said_of(runner)
    assert "1" in said_of(runner)


def test_labels_by_the_toss_of_a_coin_are_blamed_on_nobody() -> None:
    runner = trained(RunConfig(label_noise=0.5, epochs=300))
    assert found_in(runner)[0].disease == "none_of_these"
    assert "no network can learn them" in said_of(runner)


def xor_table(width: int) -> tuple[RunConfig, Dataset]:
    """XOR as a table, of which nobody knows the limit."""
    made = make_dataset("xor", 400, 0.0)
    data = replace(made, train=Split(made.train.x, made.train.y))
    config = replace(XOR, hidden=(width,), activation="relu", init="he_normal", init_seed=0)
    return config, data


def test_where_the_limit_is_unknown_that_is_said_until_a_larger_network_tells() -> None:
    config, data = xor_table(2)
    runner = trained(config, data)
    assert found_in(runner)[0].disease == "healthy"
    assert "nobody can tell whether this is the limit" in said_of(runner)
    assert add_rival(runner)
    assert found_in(runner)[0].disease == "stalled"
    assert "a larger network gets" in said_of(runner)
    assert not add_rival(runner)  # its evidence is there


def test_a_rival_that_does_no_better_leaves_the_run_healthy() -> None:
    made = make_dataset("moons", 1000, 0.5)
    data = replace(made, train=Split(made.train.x, made.train.y))
    config = RunConfig(
        hidden=(8,), activation="tanh", init="xavier_normal", optimizer="adam", learning_rate=0.01,
        epochs=400,
    )  # fmt: skip
    runner = trained(config, data)
    assert add_rival(runner)
    assert found_in(runner)[0].disease == "healthy"


def test_a_rival_is_larger_and_has_the_same_data_and_seeds() -> None:
    rival = rival_of(replace(XOR, hidden=(), data_seed=3, init_seed=4))
    assert (rival.data_seed, rival.init_seed, rival.loss) == (3, 4, "bce")
    assert rival.hidden == (16, 16)
    assert max(rival_of(replace(XOR, hidden=(64,))).hidden) == 64


def test_a_run_that_learns_asks_for_no_rival() -> None:
    assert not add_rival(trained(replace(XOR, hidden=(16,), epochs=1000)))


def test_every_finding_of_data_has_words_and_reasons() -> None:
    runners = [
        trained(replace(XOR, hidden=(2,), activation="relu")),
        trained(RunConfig(dataset="circles", noise=0.1, hidden=(), epochs=500)),
        trained(replace(TABLE, activation="tanh"), blobs(92, 30)),
    ]
    for runner in runners:
        assert runner.config is not None
        facts = Facts.of(runner.config, runner.records)
        for finding in found_in(runner):
            assert sentence(facts, finding)
            assert explanation(facts, finding)


def test_the_last_time_that_a_statement_stood_is_found_as_by_counting() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        on, off = random.random(40) < 0.2, random.random(40) < 0.2
        facts = Facts.of(replace(XOR, epochs=50), Runner.from_config(XOR).records)
        span = facts.span(on, off)
        since = standing_since(on, off)
        if since is not None:
            assert span is not None
            assert (span.epoch, span.until) == (since, None)
            continue
        stood = [e for e in range(1, 41) if standing_since(on[:e], off[:e]) is not None]
        ends = [e for e in stood if e + 1 not in stood]
        spans = [(standing_since(on[:e], off[:e]) or 0, e) for e in ends]
        long = [(a, b) for a, b in spans if b - a >= 5]
        assert (span and (span.epoch, span.until)) == (long[-1] if long else None)
