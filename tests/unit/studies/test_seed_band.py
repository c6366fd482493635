"""The band of further seeds is that of the Runners of these seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.data.catalog import Dataset
from nndl_core.data.table.reading import read_table
from nndl_core.engine.records import SCALARS
from nndl_core.engine.runner import Runner
from nndl_core.studies.seed_band import MOST_SEEDS, POINTS, SeedBand

CONFIG = RunConfig(points=100, epochs=30, init_seed=5)


def trained(config: RunConfig, seeds: int, data: Dataset | None = None) -> SeedBand:
    band = SeedBand(config, seeds, data)
    while not band.finished:
        band.advance(0.01)
    return band


def curve(config: RunConfig, name: str, data: Dataset | None = None) -> list[float]:
    runner = Runner.from_config(config, data)
    runner.advance(config.epochs)
    return [*runner.records.column(name).tolist(), getattr(runner.measure()[0], name)]


@pytest.mark.parametrize("name", SCALARS)
def test_quartiles_are_those_of_the_seeds_that_follow(name: str) -> None:
    band = trained(CONFIG, 7).band
    runs = [curve(replace(CONFIG, init_seed=seed), name) for seed in range(6, 13)]
    np.testing.assert_array_equal(band.epoch, np.arange(31))
    ordered = np.sort(runs, axis=0)
    np.testing.assert_allclose(band.values[name][1], ordered[3], rtol=1e-6)
    np.testing.assert_allclose(band.values[name][0], (ordered[1] + ordered[2]) / 2, rtol=1e-6)
    np.testing.assert_allclose(band.values[name][2], (ordered[4] + ordered[5]) / 2, rtol=1e-6)


def test_long_runs_are_thinned_and_keep_both_ends() -> None:
    band = trained(replace(CONFIG, epochs=1000), 2).band
    assert len(band.epoch) == POINTS
    assert (band.epoch[0], band.epoch[-1]) == (0, 1000)
    assert {values.shape for values in band.values.values()} == {(3, POINTS)}


def test_diverged_runs_are_counted_and_in_no_quartile() -> None:
    wild = replace(CONFIG, activation="relu", learning_rate=1000)
    seeds = 12
    band = trained(wild, seeds).band
    ends = []
    for k in range(1, seeds + 1):
        runner = Runner.from_config(replace(wild, init_seed=wild.init_seed + k))
        runner.advance(wild.epochs)
        ends.append(runner.diverged is not None)
    assert sum(ends) > 0
    assert (band.done, band.diverged) == (seeds, sum(ends))
    assert bool(band.values) == (not all(ends))


def test_an_uploaded_table_is_what_the_seeds_train_on() -> None:
    rows = "\n".join(f"{k % 7},{k % 5},{'ab'[k % 2]}" for k in range(60))
    data = read_table(f"u,v,label\n{rows}\n".encode(), "table.csv", 0)
    config = replace(CONFIG, dataset="csv")
    band = trained(config, 1, data).band
    expected = curve(replace(config, init_seed=6), "train_loss", data)
    np.testing.assert_allclose(band.values["train_loss"][1], expected, rtol=1e-6)


def test_the_highest_seed_is_followed_by_the_lowest() -> None:
    high = int(KNOBS["init_seed"].high or 0)
    band = trained(replace(CONFIG, init_seed=high), 1).band
    expected = curve(replace(CONFIG, init_seed=0), "dev_loss")
    np.testing.assert_allclose(band.values["dev_loss"][1], expected, rtol=1e-6)


@pytest.mark.parametrize("seeds", [0, -1, MOST_SEEDS + 1])
def test_an_impossible_number_of_seeds_gets_a_sentence(seeds: int) -> None:
    with pytest.raises(ValueError, match=f"seeds: {seeds} is out of range"):
        SeedBand(CONFIG, seeds)
