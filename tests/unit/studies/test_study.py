"""Estimates, conditions and verdicts against closed forms and scipy."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.engine.runner import Runner
from nndl_core.studies.study import (
    Claim,
    Condition,
    Estimate,
    Measure,
    Study,
    estimate,
    seeded,
    student_t,
)

QUICK = RunConfig(points=100, epochs=20)
GAIN = Measure("gain", "gain", lambda a: a["b"].last.train_loss - a["a"].last.train_loss)
QUICK_CLAIM = Claim(
    "quick",
    "networks",
    "E1",
    "A larger learning rate learns faster.",
    {"a": QUICK, "b": replace(QUICK, learning_rate=1.0)},
    (GAIN,),
    (Condition("a lower loss", "gain", "below", 0),),
    "holds",
    "Because.",
)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60))
def test_estimate_agrees_with_scipy(values: list[float]) -> None:
    found = estimate(values)
    assert found.n == len(values)
    assert found.mean == pytest.approx(np.mean(values), rel=1e-9, abs=1e-6)
    assert found.standard_error == pytest.approx(stats.sem(values), rel=1e-6, abs=1e-6)
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    assert found.high - found.mean == pytest.approx(half, rel=2e-3, abs=1e-6)


@pytest.mark.parametrize("n", [2, 5, 10, 11, 20, 50, 200])
def test_student_t_is_that_of_scipy(n: int) -> None:
    assert student_t(n) == pytest.approx(stats.t.ppf(0.975, n - 1), rel=2e-3)


def test_a_geometric_mean_is_that_of_the_logarithms() -> None:
    found = estimate([1e-8, 1e-6], geometric=True)
    assert found.mean == pytest.approx(1e-7)
    assert found.standard_error == pytest.approx(1.0)  # decades
    assert math.log10(found.high) == pytest.approx(-7 + student_t(2))


def test_a_zero_makes_no_geometric_mean() -> None:
    found = estimate([0.0, 1.0], geometric=True)
    assert found.mean == 0
    assert math.isnan(found.standard_error)


def test_one_value_has_no_interval() -> None:
    found = estimate([3.0])
    assert found.mean == 3
    assert (found.low, found.high) == (-math.inf, math.inf)


def spread(low: float, high: float) -> Estimate:
    return Estimate(10, (low + high) / 2, 1.0, low, high, ((low + high) / 2,))


@pytest.mark.parametrize(
    ("relation", "low", "high", "expected"),
    [
        ("above", 1.1, 2, "met"),
        ("above", 0, 0.9, "refuted"),
        ("above", 0.9, 1.1, "open"),
        ("below", 0, 0.9, "met"),
        ("below", 1.1, 2, "refuted"),
        ("below", 0.9, 1.1, "open"),
        ("within", 4.5, 5.5, "met"),
        ("within", 6.1, 7, "refuted"),
        ("within", 5.5, 6.5, "open"),
        ("within", 3, 3.9, "refuted"),
    ],
)
def test_a_condition_needs_the_interval_on_one_side(
    relation: str, low: float, high: float, expected: str
) -> None:
    condition = Condition("words", "m", relation, 1, target=5)  # type: ignore[arg-type]
    assert condition.state(spread(low, high)) == expected


def test_equals_means_every_value() -> None:
    condition = Condition("words", "m", "equals", 0)
    assert condition.state(estimate([0.0, 0.0])) == "met"
    assert condition.state(estimate([0.0, 1e-300])) == "refuted"


@pytest.mark.parametrize("seeds", [0, -1, 201, 10_000])
def test_an_impossible_number_of_seeds_gets_a_sentence(seeds: int) -> None:
    with pytest.raises(ConfigError, match=f"seeds: {seeds} is out of range; allowed is from 1"):
        Study(QUICK_CLAIM, seeds)


def test_the_same_seed_gives_both_arms_the_same_data_and_weights() -> None:
    arms = seeded(QUICK_CLAIM, 7)
    assert {(c.data_seed, c.init_seed) for c in arms.values()} == {(7, 7)}
    fixed = seeded(replace(QUICK_CLAIM, fixed=("data_seed",)), 7)
    assert {(c.data_seed, c.init_seed) for c in fixed.values()} == {(0, 7)}


def test_values_are_those_of_the_runs_alone() -> None:
    study = Study(QUICK_CLAIM, 3)
    study.advance()
    assert study.finished
    for seed, value in enumerate(study.values["gain"]):
        losses = {}
        for name, config in seeded(QUICK_CLAIM, seed).items():
            runner = Runner.from_config(config)
            runner.advance(config.epochs)
            losses[name] = runner.measure()[0].train_loss
        assert value == pytest.approx(losses["b"] - losses["a"], abs=1e-6)


def test_slices_of_time_change_no_number() -> None:
    whole, sliced = Study(QUICK_CLAIM, 4), Study(QUICK_CLAIM, 4)
    whole.advance()
    calls = 0
    while not sliced.finished:
        sliced.advance(0.0)
        calls += 1
    assert calls > 1
    assert sliced.values == whole.values
    assert sliced.as_dict()["figures"] == whole.as_dict()["figures"]


def test_a_study_without_seeds_is_undecided() -> None:
    study = Study(QUICK_CLAIM, 4)
    assert study.verdict() == "undecided"
    assert study.estimates() == {}
    assert study.rows() == []


@pytest.mark.parametrize(
    ("limits", "verdict"), [((0, 0), "holds"), ((0, -9), "conditional"), ((-9, -9), "false")]
)
def test_the_verdict_counts_the_conditions_that_are_met(
    limits: tuple[float, float], verdict: str
) -> None:
    conditions = tuple(Condition(f"below {x}", "gain", "below", x) for x in limits)
    study = Study(replace(QUICK_CLAIM, conditions=conditions), 5)
    study.advance()
    assert study.verdict() == verdict


def test_a_trial_measures_without_training() -> None:
    def trial(arms: dict[str, RunConfig]) -> dict[str, float]:
        return {"gain": float(arms["a"].data_seed)}

    study = Study(replace(QUICK_CLAIM, trial=trial), 4)
    study.advance()
    assert study.values["gain"] == [0, 1, 2, 3]
    assert study.share == 1
