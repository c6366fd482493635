"""Deaths by large steps: against plain training, the meaning of dead, and counts over seeds."""

from dataclasses import replace

import pytest

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.engine.runner import Runner
from nndl_core.studies.large_steps import DeathCount, large_steps

SANE = RunConfig(
    hidden=(3, 3, 3, 3), activation="relu", init="he_normal", bias=0.1, learning_rate=0.1
)


def test_large_steps_kill_and_small_ones_do_not() -> None:
    small, large = large_steps(SANE, 0.1, 3), large_steps(SANE, 100.0, 3)
    assert small.dead.shape == small.highest.shape == (21, 4)
    assert (small.dead[0] == large.dead[0]).all()
    assert small.dead[-1].sum() <= small.dead[0].sum()
    assert large.dead[3].sum() > large.dead[0].sum()
    assert not large.diverged


def test_steps_are_those_of_a_runner() -> None:
    straight = Runner.from_config(replace(SANE, epochs=20))
    straight.advance(20)
    found = large_steps(SANE, 0.1, 3)
    assert found.train_loss[:20] == [record.train_loss for record in straight.records]
    assert found.train_loss[20] == straight.measure()[0].train_loss


def test_the_rate_falls_back_after_the_large_steps() -> None:
    found = large_steps(SANE, 5.0, 4, epochs=10)
    runner = Runner.from_config(replace(SANE, learning_rate=5.0, epochs=10))
    runner.advance(4)
    assert found.train_loss[4] == runner.measure()[0].train_loss
    runner.optimizer.learning_rate = 0.1
    runner.advance(6)
    assert found.train_loss[10] == runner.measure()[0].train_loss


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rate", [0.1, 5.0, 100.0])
def test_a_layer_is_dead_where_its_largest_pre_activation_is_not_positive(
    seed: int, rate: float
) -> None:
    found = large_steps(replace(SANE, init_seed=seed, data_seed=seed), rate, 10)
    assert ((found.highest <= 0) == (found.dead == 3)).all()


def test_the_largest_pre_activation_is_that_of_weights_and_data() -> None:
    found, runner = large_steps(SANE, 5.0, 15), Runner.from_config(SANE)
    assert runner.dataset is not None
    weights, bias, *_ = runner.model.state_dict().values()
    z = runner.dataset.train.x @ weights.T + bias
    assert found.highest[0, 0] == pytest.approx(float(z.max()), rel=1e-6)
    assert found.highest[11, 3] < 0


def test_a_dead_layer_stays_dead_and_stops_what_lies_before_it() -> None:
    found = large_steps(SANE, 5.0, 15)
    assert found.dead[10, 3] < 3
    assert (found.dead[11:, 3] == 3).all()
    assert (found.highest[11:] == found.highest[11]).all()


def test_a_run_that_diverges_ends_with_finite_numbers() -> None:
    found = large_steps(replace(SANE, init_seed=44, data_seed=44), 1000.0, 20)
    assert found.diverged
    assert len(found.dead) == len(found.highest) == len(found.train_loss) < 21
    assert all(abs(loss) < float("inf") for loss in found.train_loss)


def test_death_rates_grow_with_the_rate() -> None:
    count = DeathCount(SANE, [0.1, 10.0, 100.0], steps=3, seeds=10)
    assert count.rows() == []
    assert not count.finished
    while not count.finished:
        count.advance(0.01)
    assert count.share == 1
    rates = count.rows()
    assert [row.learning_rate for row in rates] == [0.1, 10.0, 100.0]
    assert [row.n for row in rates] == [10] * 3
    died = [row.layer_died for row in rates]
    assert died == sorted(died)
    assert died[0] == 0
    assert died[-1] >= 0.5
    assert rates[-1].units_died <= rates[-1].units == 12


def test_a_count_is_that_of_single_runs() -> None:
    count = DeathCount(SANE, [10.0], steps=3, seeds=6)
    count.advance()
    (row,) = count.rows()
    runs = [
        large_steps(replace(SANE, init_seed=s, data_seed=s), 10.0, 3, epochs=3).dead
        for s in range(6)
    ]
    died = [((dead[3] == 3) & (dead[0] < 3)).any() for dead in runs]
    assert row.layer_died == sum(died) / 6


@pytest.mark.parametrize("seeds", [0, 201])
def test_impossible_seeds_get_a_sentence(seeds: int) -> None:
    with pytest.raises(ConfigError, match=r"seeds: .* from 1 to 200\.$"):
        DeathCount(SANE, [1.0], 3, seeds)
