"""Which remedies make a dead network learn: the trial of all of them."""

import math
from dataclasses import replace

import pytest

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.engine.runner import Runner
from nndl_core.studies.relu_remedies import RECOVERED, REMEDIES, Trial

SICK = RunConfig(
    hidden=(3, 3, 3, 3),
    activation="relu",
    init_scale=0.01,
    bias=-8.0,
    learning_rate=0.01,
    epochs=5000,
)


@pytest.fixture(scope="module")
def done() -> Trial:
    trial = Trial(replace(SICK, epochs=1200), 2)
    while not trial.finished:
        trial.advance(1.0)
    return trial


def test_only_a_sane_start_or_both_slope_and_rate_recover(done: Trial) -> None:
    rows = {row.name: row for row in done.rows()}
    assert list(rows) == list(REMEDIES)
    never = ["nothing changed", "learning rate 1", "Leaky ReLU, slope 0.01", "ELU", "bias 0"]
    assert [rows[name].recovered for name in [*never, "He's scale"]] == [0] * 6
    assert rows["bias 0.1, He's scale, learning rate 0.1"].recovered == 2
    assert rows["Leaky ReLU, slope 0.3, learning rate 1"].recovered == 2


def test_the_dead_stay_dead_and_leaky_units_do_not_count_as_dead(done: Trial) -> None:
    rows = {row.name: row for row in done.rows()}
    sick, leaky = rows["nothing changed"], rows["Leaky ReLU, slope 0.01"]
    assert sick.dead_start == sick.dead_end == sick.units == 12
    assert sick.zero_gradients == sick.n == 2
    assert math.isnan(sick.gradient)
    assert leaky.dead_start == leaky.dead_end == leaky.zero_gradients == 0
    assert 0 < leaky.gradient < 1e-12


def test_a_row_is_the_mean_of_its_runs(done: Trial) -> None:
    row = next(row for row in done.rows() if row.name == "bias 0.1, He's scale")
    scores = []
    for seed in range(2):
        runner = Runner.from_config(replace(row.config, data_seed=seed, init_seed=seed))
        runner.advance(1200)
        assert runner.dataset is not None
        scores.append(runner.evaluate(runner.dataset.test)[0])
    assert row.accuracy == pytest.approx(sum(scores) / 2)
    assert row.recovered == sum(score >= RECOVERED for score in scores)


def test_a_trial_grows_row_by_row() -> None:
    trial = Trial(replace(SICK, epochs=1), 2)
    assert trial.rows() == []
    assert trial.share == 0
    trial.advance()
    assert trial.share == 1
    assert all(row.n == 2 for row in trial.rows())


@pytest.mark.parametrize("seeds", [0, 201])
def test_impossible_seeds_get_a_sentence(seeds: int) -> None:
    with pytest.raises(ConfigError, match=r"seeds: .* from 1 to 200\.$"):
        Trial(SICK, seeds)
