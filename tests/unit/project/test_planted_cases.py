"""Planted cases: equal seeds draw equal runs, and a label stands only where training proves it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
import torch

from benchmarks.planted_cases import (
    CURED,
    FAILED,
    Planted,
    as_json,
    changed,
    from_json,
    result_of,
    verify,
)
from benchmarks.planted_families import FAMILIES, Candidate
from benchmarks.planted_tables import Table
from nndl_core.base.config import KNOBS, RunConfig

EQUAL_UNITS = Candidate(
    "symmetric_weights",
    RunConfig(
        dataset="circles", noise=0.1, points=400, hidden=(8,), activation="tanh", init="constant",
        init_scale=0.5, optimizer="adam", learning_rate=0.02, batch_size=64, epochs=150,
    ),
    {"init": "xavier_normal", "init_scale": 1.0},
    "equal weights",
    ("symmetric_weights",),
    Table("circles"),
)  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_equal_seeds_draw_equal_candidates_that_can_be_built(family: str) -> None:
    draw, wanted = FAMILIES[family]
    assert wanted >= 8
    first, again = ([draw(Random(f"{family} 0")) for _ in range(3)] for _ in range(2))
    assert first == again
    random = Random(f"{family} 0")
    for candidate in (draw(random) for _ in range(20)):
        table, config = changed(candidate, 3, candidate.change)
        assert config.init_seed == 3
        assert len(candidate.table.dataset(candidate.config).train.x)
        assert candidate.label in candidate.accept
        assert candidate.change.keys() <= KNOBS.keys()
        assert (candidate.label == "healthy") == (not candidate.change)
        # what is the change of the data is in the data
        assert (table.scaled, "scale" in candidate.change) in {(False, False), (True, True)}


def test_a_label_stands_where_the_run_fails_and_its_change_cures() -> None:
    (case,) = verify("one", EQUAL_UNITS).cases
    assert len(case.seeds) >= 4
    for seed in case.seeds[:2]:
        assert result_of(*changed(case, seed, {})).share <= FAILED
        assert result_of(*changed(case, seed, case.change)).share >= CURED


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"change": {"bias": 0.5}}, "the change does not cure"),
        ({"label": "healthy"}, "it does not learn in every seed"),
        ({"config": replace(EQUAL_UNITS.config, init="xavier_normal", init_scale=1.0)},
         "it does not fail in this way"),
    ],
)  # fmt: skip
def test_a_label_that_training_does_not_prove_does_not_stand(
    wrong: dict[str, object], reason: str
) -> None:
    found = verify("one", replace(EQUAL_UNITS, **wrong))  # type: ignore[arg-type]
    assert (found.cases, found.reason) == ((), reason)


def test_cases_are_read_as_they_were_written() -> None:
    table = Table("moons", scale=(30.0, 1.0), shift=(92.0,), rare=7)
    c = EQUAL_UNITS
    config = replace(c.config, dataset="csv", scale="off")
    case = Planted("a", c.label, c.accept, config, table, {"hidden": (3, 4)}, (0, 2), "why")
    assert from_json(as_json([case])) == [case]


def test_columns_that_are_scaled_have_mean_0_and_size_1_on_the_train_part() -> None:
    config = RunConfig(points=300, noise=0.2)
    raw = Table("moons", scale=(30.0, 0.01), shift=(92.0, 3.0))
    plain, moved = Table("moons").dataset(config), raw.dataset(config)
    assert torch.allclose(moved.train.x[:, 0], plain.train.x[:, 0] * 30 + 92)
    assert torch.equal(moved.train.y, plain.train.y)
    scaled = replace(raw, scaled=True).dataset(config)
    assert torch.allclose(scaled.train.x.mean(0), torch.zeros(2), atol=1e-4)
    assert torch.allclose(scaled.train.x.std(0, correction=0), torch.ones(2), atol=1e-4)
    assert scaled.test.x.std() < 2
    rare = Table("moons", rare=7).dataset(config).train
    assert 0.1 < float(rare.y.float().mean()) < 0.15
