"""The ensemble: every run is the run alone, a diverging one hurts nobody, outcomes come in order."""

from typing import Any

import numpy as np
import pytest

from nndl_core.config import RunConfig
from nndl_core.ensemble import Ensemble, Outcome
from nndl_core.runner import Runner
from nndl_core.telemetry import EpochRecord


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
    scalars = [record.train_loss, record.train_accuracy, record.dev_loss, record.dev_accuracy]
    return [float(record.epoch), *scalars, *layers]


def check(outcome: Outcome, config: RunConfig, tolerance: float = 0.0) -> None:
    """Compare an outcome with the Runner of the same config, in every bit if tolerance is 0."""

    def same(found: Any, wanted: Any, slack: float = tolerance) -> None:
        np.testing.assert_allclose(found, wanted, rtol=slack, atol=slack)

    runner, start = alone(config), Runner.from_config(config)
    before = [fc.weight.detach().clone() for fc in start.model.layers]
    assert outcome.config is config
    assert outcome.epochs == runner.epoch
    assert outcome.diverged_at == (runner.diverged.epoch if runner.diverged else None)
    same(numbers(outcome.last), numbers(runner.measure()[0]))
    assert runner.dataset is not None
    same(outcome.test_last, runner.evaluate(runner.dataset.test), max(tolerance, 1e-12))
    if len(runner.records):
        assert runner.best is not None
        same(numbers(outcome.first), numbers(runner.records[0]))
        assert (outcome.best_epoch, outcome.dev_best) == (runner.best.epoch, runner.best.score)
        best = runner.evaluate(runner.dataset.test, best=True)
        same(outcome.test_best, best, max(tolerance, 1e-12))
    moved = [
        float((fc.weight.detach().double() - w.double()).abs().max())
        for fc, w in zip(runner.model.layers, before, strict=True)
    ]
    same(outcome.movement[:, 0], moved)


FAMILIES: list[dict[str, Any]] = [
    {},
    {"hidden": [5, 3], "points": 1000},
    {"hidden": [3] * 4, "init_scale": 0.01, "bias": 1.0},
    {"hidden": [], "loss": "mse"},
    {"activation": "relu", "optimizer": "momentum"},
    {"activation": "tanh", "optimizer": "nesterov", "weight_decay": 0.01},
    {"activation": "gelu", "optimizer": "adam", "learning_rate": 0.01, "hidden": [8, 4]},
    {"activation": "leaky_relu", "dataset": "iris", "loss": "cross_entropy"},
    {"activation": "elu", "batch_size": 7},
    {"activation": "silu", "dataset": "blobs3", "loss": "mse", "batch_size": 32},
    {"activation": "softplus", "hidden": [3] * 12},
]


@pytest.mark.parametrize("values", FAMILIES, ids=str)
def test_a_run_of_an_ensemble_is_the_run_alone_in_every_bit(values: dict[str, Any]) -> None:
    configs = [settings(**values, data_seed=s, init_seed=s + 1) for s in range(5)]
    for outcome, config in zip(outcomes(configs), configs, strict=True):
        check(outcome, config, 1e-9 if config.batch_size else 0.0)


@pytest.mark.parametrize("values", FAMILIES, ids=str)
def test_in_float32_too(values: dict[str, Any]) -> None:
    configs = [settings(**values, data_seed=s, init_seed=s, dtype="float32") for s in range(5)]
    for outcome, config in zip(outcomes(configs), configs, strict=True):
        check(outcome, config, 1e-4)
