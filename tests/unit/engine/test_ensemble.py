"""The ensemble: each run is the run alone, a diverging one hurts nobody, outcomes come in order."""

import platform
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import Split, dataset_of, make_dataset
from nndl_core.engine.batch import Batch
from nndl_core.engine.ensemble import CURVE_POINTS, MOST_RUNS, Ensemble, Outcome
from nndl_core.engine.records import SCALARS, EpochRecord
from nndl_core.engine.runner import Runner

# The order in which a product is summed belongs to the processor's library.
EXACT = platform.machine() in ("x86_64", "AMD64")
SLACK = 0.0 if EXACT else 1e-9


def settings(**values: Any) -> RunConfig:
    return RunConfig.from_dict({"points": 100, "epochs": 40, "dtype": "float64"} | values)


def outcomes(configs: list[RunConfig]) -> list[Outcome]:
    ensemble = Ensemble(configs)
    assert ensemble.advance() == len(configs)
    return [outcome for outcome in ensemble.outcomes if outcome is not None]


def alone(config: RunConfig) -> Runner:
    runner = Runner.from_config(config)
    runner.advance(config.epochs)
    return runner


def numbers(record: EpochRecord) -> list[float]:
    layers = [getattr(s, name) for s in record.layers for name in s.__slots__]
    return [float(record.epoch), *(getattr(record, name) for name in SCALARS), *layers]


def same(found: Any, wanted: Any, slack: float = SLACK) -> None:
    np.testing.assert_allclose(found, wanted, rtol=slack, atol=slack)


def check(outcome: Outcome, config: RunConfig, slack: float = SLACK) -> None:
    """Compare an outcome with the Runner of the same config, in every bit if slack is 0."""
    runner, start = alone(config), Runner.from_config(config).model
    assert outcome.config is config
    assert outcome.epochs == runner.epoch
    assert outcome.diverged_at == (runner.diverged.epoch if runner.diverged else None)
    same(numbers(outcome.last), numbers(runner.measure()[0]), slack)
    same(numbers(outcome.first), numbers(runner.records[0]), slack)
    assert runner.best is not None
    assert (outcome.best_epoch, outcome.dev_best) == (runner.best.epoch, runner.best.score)
    assert runner.dataset is not None
    loose = 1e-12 if config.dtype == "float64" else 1e-5
    same(outcome.test_last, runner.evaluate(runner.dataset.test), loose)
    same(outcome.test_best, runner.evaluate(runner.dataset.test, best=True), loose)
    for i, (after, before) in enumerate(zip(runner.model.layers, start.layers, strict=True)):
        weight, bias = after.weight - before.weight, after.bias - before.bias
        moved = [weight.abs().max().item(), bias.abs().max().item()]
        same(outcome.movement[i], moved, 1e-15 if config.dtype == "float64" else 1e-6)


FAMILIES: list[dict[str, Any]] = [
    {},
    {"hidden": [5, 3], "points": 1000},
    {"hidden": [3] * 4, "init_scale": 0.01, "bias": 1.0},
    {"hidden": [], "loss": "mse", "points": 77},
    {"activation": "relu", "optimizer": "momentum"},
    {"activation": "tanh", "optimizer": "nesterov", "weight_decay": 0.01, "points": 91},
    {"activation": "gelu", "optimizer": "adam", "learning_rate": 0.01, "hidden": [8, 4]},
    {"activation": "leaky_relu", "dataset": "iris", "loss": "cross_entropy"},
    {"activation": "elu", "batch_size": 7},
    {"activation": "silu", "dataset": "blobs3", "loss": "mse", "batch_size": 32},
    {"activation": "softplus", "hidden": [3] * 12, "points": 20, "batch_size": 5},
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("values", FAMILIES, ids=str)
def test_a_run_of_an_ensemble_is_the_run_alone(values: dict[str, Any], dtype: str) -> None:
    configs = [settings(**values, data_seed=s, init_seed=s + 1, dtype=dtype) for s in range(5)]
    for outcome, config in zip(outcomes(configs), configs, strict=True):
        check(outcome, config, SLACK if EXACT or dtype == "float64" else 1e-3)


@pytest.mark.skipif(not EXACT, reason="the processor's library may sum in another order")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("values", FAMILIES, ids=str)
def test_a_run_has_the_same_test_scores_in_any_company(values: dict[str, Any], dtype: str) -> None:
    configs = [settings(**values, data_seed=s, init_seed=s, dtype=dtype) for s in range(9)]
    together = [(o.test_last, o.test_best) for o in outcomes(configs)]
    parts = [configs[:1], configs[1:3], configs[3:6], configs[6:]]
    apart = [(o.test_last, o.test_best) for part in parts for o in outcomes(part)]
    assert apart == together


def test_what_cannot_be_one_batch_is_trained_in_several() -> None:
    """Activation, momentum, epochs, batch size, number of points: each is a batch of its own."""
    changes: list[dict[str, Any]] = [
        {},
        {"activation": "tanh"},
        {"optimizer": "momentum"},
        {"optimizer": "momentum", "momentum": 0.5},
        {"loss": "mse"},
        {"epochs": 20},
        {"batch_size": 9},
        {"points": 101},
        {"dtype": "float32"},
    ]
    configs = [settings(**change, init_seed=s) for s in range(2) for change in changes]
    for outcome, config in zip(outcomes(configs), configs, strict=True):
        check(outcome, config, SLACK if EXACT or config.dtype == "float64" else 1e-3)


@pytest.mark.parametrize("activation", ["leaky_relu", "elu"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam"])
@pytest.mark.parametrize("batch_size", [0, 20])
def test_runs_of_one_batch_may_differ(activation: str, optimizer: str, batch_size: int) -> None:
    """Everything that a batch allows to differ does; a vector per run gives the scalar's bits."""
    common = {"activation": activation, "optimizer": optimizer, "batch_size": batch_size}
    configs = [
        settings(**common, learning_rate=0.03),
        settings(**common, learning_rate=0.003, slope=0.3, init="he_normal", weight_decay=0.1),
        settings(**common, learning_rate=0.1, slope=1.5, noise=0.1, init_seed=4),
        settings(**common, dataset="xor", data_seed=9, bias=-0.2, init_scale=0.4, slope=0.0),
        settings(**common, label_noise=0.2, init="zeros", weight_decay=0.001),
    ]
    ensemble = Ensemble(configs)
    assert len(ensemble._waiting) == 1
    ensemble.advance()
    for outcome, config in zip(ensemble.outcomes, configs, strict=True):
        assert outcome is not None
        check(outcome, config, max(SLACK, 1e-13) if activation == "elu" else SLACK)


CALM = RunConfig(points=100, epochs=60, activation="relu", learning_rate=0.1, weight_decay=0.01)
WILD = replace(CALM, learning_rate=100.0, weight_decay=1.0)


def test_a_diverging_run_stops_alone() -> None:
    calm = [replace(CALM, init_seed=s) for s in range(4)]
    wild = [replace(WILD, init_seed=s, learning_rate=10.0 ** (1 + s)) for s in range(3)]
    mixed = [calm[0], wild[0], calm[1], wild[1], wild[2], calm[2], calm[3]]
    found = outcomes(mixed)
    assert [o.diverged_at is not None for o in found] == [c.weight_decay == 1 for c in mixed]
    for outcome, config in zip(found, mixed, strict=True):
        check(outcome, config)
        assert np.isfinite(outcome.last.train_loss)
        assert outcome.curves["epoch"][-1] == outcome.epochs
    undisturbed = {outcome.config: outcome.last for outcome in outcomes(calm)}
    assert {o.config: o.last for o in found if o.config in undisturbed} == undisturbed


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_the_last_update_may_be_the_one_that_diverges(optimizer: str) -> None:
    config = RunConfig.from_dict({"optimizer": optimizer, "points": 100, "activation": "relu"})
    config = replace(config, learning_rate=100.0, weight_decay=1.0)
    bad = alone(config).diverged
    assert bad is not None
    for epochs in (bad.epoch, bad.epoch + 1):
        ends = replace(config, epochs=epochs)
        found = outcomes([replace(ends, learning_rate=0.1), ends])
        check(found[1], ends)
        assert found[1].diverged_at == bad.epoch
        assert found[0].diverged_at is None


def test_a_run_may_have_no_finite_loss_at_all() -> None:
    config = settings(
        activation="identity", hidden=[64] * 12, init="constant", init_scale=100, dtype="float32"
    )
    calm = replace(config, init="xavier_normal", init_scale=1.0)
    found, other = outcomes([config, calm])
    assert (found.diverged_at, found.epochs, found.best_epoch) == (0, 0, 0)
    assert found.first.train_loss == found.last.train_loss == np.inf
    assert found.dev_best == found.first.dev_accuracy
    assert (found.movement == 0).all()
    assert [len(curve) for curve in found.curves.values()] == [1] * 5
    check(other, calm)


def test_a_run_that_would_come_back_has_diverged_all_the_same() -> None:
    """Weights swing around zero, and one far dev point has a finite loss every other epoch."""
    data = make_dataset("moons", 100)
    far = replace(data, dev=Split(data.dev.x.clone(), torch.zeros_like(data.dev.y)))
    far.dev.x[0] = -2e38
    swings = RunConfig(hidden=(), init="constant", init_scale=2.0, weight_decay=1.0, epochs=9)
    configs = [replace(swings, learning_rate=1.9), replace(swings, init_scale=0.1)]
    ensemble = Ensemble(configs, dict.fromkeys(configs, far))
    ensemble.advance()
    for outcome, config in zip(ensemble.outcomes, configs, strict=True):
        runner = Runner.from_config(config, far)
        runner.advance(9)
        assert outcome is not None
        assert outcome.diverged_at == (runner.diverged.epoch if runner.diverged else None)
        same(numbers(outcome.last), numbers(runner.measure()[0]))
    assert [o.diverged_at for o in ensemble.outcomes if o] == [1, None]


def test_losses_beyond_single_precision_are_infinite_in_the_curves_only() -> None:
    config = replace(WILD, dtype="float64", learning_rate=1000.0, epochs=30)
    (found,) = outcomes([config])
    assert found.diverged_at is None
    assert 1e40 < found.last.train_loss < np.inf
    assert found.curves["train_loss"][-1] == np.inf


def test_pairs_come_one_after_the_other() -> None:
    """With A0, B0, A1, B1, ... the pairs of the first batch are complete when half is done."""
    arms = (settings(epochs=3), settings(epochs=3, hidden=[5, 3]))
    count = MOST_RUNS + 8
    ensemble = Ensemble([replace(a, init_seed=s) for s in range(count) for a in arms])
    complete, shares, calls = [0], [ensemble.share], [0]
    while not ensemble.finished:
        calls.append(ensemble.advance(0.0))
        pairs = zip(ensemble.outcomes[::2], ensemble.outcomes[1::2], strict=True)
        complete.append(sum(a is not None and b is not None for a, b in pairs))
        shares.append(ensemble.share)
        done = [outcome is not None for outcome in ensemble.outcomes[::2]]
        assert done == sorted(done, reverse=True)
    assert sum(calls) == 2 * count
    assert sorted(set(complete)) == [0, count // 2, count]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_time_slices_change_nothing() -> None:
    configs = [settings(epochs=300, init_seed=s, hidden=[5, 3]) for s in range(5)]
    sliced = Ensemble(configs)
    while not sliced.finished:
        sliced.advance(0.0)
    for found, wanted in zip(sliced.outcomes, outcomes(configs), strict=True):
        assert found is not None
        assert found.last == wanted.last
        for name, curve in found.curves.items():
            np.testing.assert_array_equal(curve, wanted.curves[name])


def test_a_slice_takes_about_the_time_it_is_given() -> None:
    ensemble = Ensemble([settings(epochs=100_000, init_seed=s) for s in range(8)])
    start = time.perf_counter()
    assert ensemble.advance(0.1) == 0
    assert 0.1 <= time.perf_counter() - start < 2.0
    assert 0 < ensemble.share < 0.5


@pytest.mark.parametrize("epochs", [1, 2, 40, 199, 200, 201, 1000])
def test_curves_end_at_the_final_state(epochs: int) -> None:
    config = settings(epochs=epochs, hidden=[])
    (found,) = outcomes([config])
    runner = alone(config)
    curves = found.curves
    assert len(curves["epoch"]) == min(epochs + 1, CURVE_POINTS)
    assert curves["epoch"][0] == 0
    assert curves["epoch"][-1] == epochs
    assert (np.diff(curves["epoch"]) > 0).all()
    before = curves["epoch"][:-1].astype(int)
    for name in SCALARS:
        assert curves[name].dtype == np.float32
        wanted = [*runner.records.column(name)[before], getattr(found.last, name)]
        np.testing.assert_array_equal(curves[name], np.array(wanted, dtype=np.float32))


def test_equal_data_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[RunConfig] = []

    def make(config: RunConfig) -> Any:
        made.append(config)
        return dataset_of(config)

    monkeypatch.setattr("nndl_core.engine.ensemble.dataset_of", make)
    arms = [settings(data_seed=s // 2, init_seed=s, epochs=2, hidden=[s + 1]) for s in range(6)]
    outcomes(arms)
    assert made == arms[::2]


def test_data_may_be_given() -> None:
    config = settings(dataset="csv", data_seed=3)
    data = make_dataset("xor", 150, data_seed=8)
    ensemble = Ensemble([config, settings(epochs=5)], {config: data})
    ensemble.advance()
    found = ensemble.outcomes[0]
    runner = Runner.from_config(config, data)
    runner.advance(config.epochs)
    assert found is not None
    same(numbers(found.last), numbers(runner.measure()[0]))


def test_what_cannot_be_trained_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="'csv' needs an uploaded file"):
        Ensemble([settings(), settings(dataset="csv")])
    with pytest.raises(ValueError, match="'bce' separates 2 classes"):
        Ensemble([settings(), settings(dataset="blobs3")])


def test_an_ensemble_of_nothing_is_finished() -> None:
    ensemble = Ensemble([])
    assert (ensemble.finished, ensemble.share, ensemble.advance()) == (True, 1.0, 0)


def test_one_thread_is_enough() -> None:
    torch.set_num_threads(2)
    ensemble = Ensemble([settings(epochs=1)])
    assert torch.get_num_threads() == 1
    torch.set_num_threads(2)
    ensemble.advance()
    assert torch.get_num_threads() == 1


def test_a_call_cut_off_after_the_last_epoch_is_gone_on_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page's run may be stopped by the next click at any line, also before the outcomes."""
    configs = [settings(init_seed=seed) for seed in range(2)]
    expected = outcomes(configs)
    ensemble, made = Ensemble(configs), Batch.outcomes

    def cut(self: Batch) -> list[Outcome]:
        monkeypatch.setattr(Batch, "outcomes", made)
        raise KeyboardInterrupt

    monkeypatch.setattr(Batch, "outcomes", cut)
    with pytest.raises(KeyboardInterrupt):
        ensemble.advance()
    assert ensemble.advance() == 2
    found = [outcome for outcome in ensemble.outcomes if outcome is not None]
    assert [o.last for o in found] == [o.last for o in expected]


def test_two_threads_at_once_lose_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    configs = [settings(init_seed=seed, hidden=(2 + seed,)) for seed in range(4)]
    expected, made = outcomes(configs), Batch.__init__

    def slow(self: Batch, members: Any) -> None:
        time.sleep(0.02)
        made(self, members)

    monkeypatch.setattr(Batch, "__init__", slow)
    ensemble = Ensemble(configs)
    with ThreadPoolExecutor(2) as pool:
        completed = list(pool.map(lambda _: ensemble.advance(), range(2)))
    assert sum(completed) == 4
    found = [outcome.last for outcome in ensemble.outcomes if outcome is not None]
    assert found == [outcome.last for outcome in expected]
