"""The published rule sets fire at their own thresholds and not before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.published_rules import History, Look, autotrainer, deep_diagnosis, sagemaker, watch
from nndl_core.base.config import RunConfig
from nndl_core.engine.runner import Runner

CALM = Look(
    norms=[0.1, 0.1],
    mean_abs=[0.01, 0.01],
    zero_share=0.1,
    inactive=[0.1],
    beyond=[0.0],
    far=[0.0],
    weight_variance=[1.0, 1.0],
    update_ratio=[1e-3, 1e-3],
)


def history(activation: str = "relu", accuracy: float = 0.5, **look: object) -> History:
    steps = [accuracy - 0.02, accuracy]
    return History(activation, [replace(CALM, **look)], [0.7, 0.6], steps, [0.7, 0.6])  # type: ignore[arg-type]


def test_autotrainer_is_silent_above_seven_tenths_and_on_calm_runs() -> None:
    assert autotrainer(history()) == []
    assert autotrainer(history(accuracy=0.9, norms=[1e-9, 1.0])) == []


@pytest.mark.parametrize(
    ("look", "name"),
    [
        ({"norms": [0.9e-4, 0.1]}, "vanishing_gradient"),
        ({"norms": [71.0, 1.0]}, "exploding_gradient"),
        ({"zero_share": 0.7}, "dying_relu"),
    ],
)
def test_autotrainer_names(look: dict[str, object], name: str) -> None:
    assert autotrainer(history(**look)) == [name]  # type: ignore[arg-type]
    assert autotrainer(history(norms=[1.1e-4, 0.1])) == []


def test_autotrainer_names_swings_and_slow_runs() -> None:
    run = history()
    run.accuracy = [0.5, 0.6, 0.5, 0.6]
    assert autotrainer(run) == ["oscillating_loss"]
    run.accuracy = [0.5, 0.505, 0.51]
    assert autotrainer(run) == ["slow_convergence"]


@pytest.mark.parametrize(
    ("look", "name"),
    [
        ({"inactive": [0.51]}, "dying_relu"),
        ({"beyond": [0.51]}, "saturation"),
        ({"mean_abs": [0.9e-7, 1.0]}, "vanishing_gradient"),
        ({"weight_variance": [1.0, 11.0]}, "exploding_gradient"),
        ({"weight_variance": [0.0, 1.0]}, "symmetric_weights"),
        ({"update_ratio": [1e-9, 1e-3]}, "slow_convergence"),
    ],
)
def test_sagemaker_names(look: dict[str, object], name: str) -> None:
    assert sagemaker(history()) == []
    assert sagemaker(history(**look)) == [name]  # type: ignore[arg-type]


def test_sagemaker_compares_losses() -> None:
    run = history()
    run.dev_loss = [0.7, 0.67]
    assert sagemaker(run) == ["overfitting"]


@pytest.mark.parametrize(
    ("look", "name"),
    [
        ({"far": [0.51]}, "saturation"),
        ({"inactive": [0.7]}, "dying_relu"),
        ({"mean_abs": [0.9e-7, 1.0]}, "vanishing_gradient"),
    ],
)
def test_deep_diagnosis_names(look: dict[str, object], name: str) -> None:
    assert deep_diagnosis(history()) == []
    assert deep_diagnosis(history(**look)) == [name]  # type: ignore[arg-type]


def test_a_dead_run_is_watched() -> None:
    config = RunConfig(activation="relu", bias=-8.0, hidden=(4,), epochs=10)
    seen = watch(Runner.from_config(config))
    assert len(seen.looks) == 4
    assert len(seen.loss) == 10
    assert seen.looks[0].inactive == [1.0]
    assert seen.looks[0].zero_share == 1.0
    assert "dying_relu" in autotrainer(seen)
    assert "dying_relu" in sagemaker(seen)
    assert "dying_relu" in deep_diagnosis(seen)
