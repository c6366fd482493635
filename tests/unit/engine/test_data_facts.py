"""Facts of the data against scikit-learn and closed forms; changed rows have no known limit."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import Dataset, Split, dataset_of, make_dataset
from nndl_core.engine.data_facts import facts_of
from nndl_core.engine.runner import Runner


@pytest.mark.parametrize("name", ["moons", "circles", "iris"])
def test_the_straight_boundary_is_that_of_scikit_learn(name: str) -> None:
    data = make_dataset(name, 500, 0.3)
    outputs = 3 if name == "iris" else 1
    facts = facts_of(data.train, "cross_entropy" if outputs > 1 else "bce", outputs, linear=True)
    x, y = data.train.x.numpy(), data.train.y.numpy()
    model = LogisticRegression(C=1e9, max_iter=5000, tol=1e-9).fit(x, y)
    p = torch.from_numpy(model.predict_proba(x)).double()
    loss = float(-p.gather(1, data.train.y[:, None]).log().mean())
    assert facts.linear_loss == pytest.approx(loss, abs=1e-3)
    assert facts.linear_accuracy == pytest.approx(model.score(x, y), abs=0.01)


def test_no_straight_boundary_of_squared_error_is_better_than_the_fit() -> None:
    train = make_dataset("moons", 300, 0.3).train
    facts = facts_of(train, "mse", 1, linear=True)
    assert facts.linear_loss is not None
    model = LogisticRegression(C=1e9).fit(train.x.numpy(), train.y.numpy())
    p = torch.from_numpy(model.predict_proba(train.x.numpy())[:, 1])
    assert facts.linear_loss <= float(((p - train.y) ** 2).mean()) + 1e-4


def test_scales_and_classes_of_a_part_are_measured() -> None:
    x = torch.tensor([[1.0, 7.0, 100.0], [3.0, 7.0, 104.0], [1.0, 7.0, 96.0], [3.0, 7.0, 100.0]])
    facts = facts_of(Split(x, torch.tensor([0, 1, 1, 1])), "bce", 1, linear=False)
    assert facts.class_counts == (1, 3)
    assert (facts.mean, facts.spread_low) == (100.0, 1.0)
    assert facts.spread_high == pytest.approx(math.sqrt(8))
    assert facts.offset == pytest.approx(100 / math.sqrt(8))
    assert (facts.best_loss, facts.linear_loss) == (None, None)


def test_rows_that_are_not_finite_are_counted_and_nothing_else_is_measured() -> None:
    x = torch.tensor([[math.nan, 1.0], [2.0, math.inf], [0.0, 1.0]])
    facts = facts_of(Split(x, torch.tensor([0, 1, 1])), "bce", 1, linear=True)
    assert (facts.broken_rows, facts.linear_loss) == (2, None)


def test_a_run_knows_the_limit_of_its_own_data_and_of_no_other() -> None:
    config = RunConfig(points=100, epochs=5)
    data = dataset_of(config)
    assert data.dev.source is None
    known = Runner.from_config(config).records.data
    assert known is not None
    assert known.best_loss == pytest.approx(0.40, abs=0.15)
    changed = replace(data, train=Split(2 * data.train.x, data.train.y))
    for other in (changed, make_dataset("iris", 100)):
        facts = Runner.from_config(replace(config, loss="cross_entropy"), other).records.data
        assert facts is not None
        assert facts.best_loss is None


def test_facts_survive_a_checkpoint() -> None:
    runner = Runner.from_config(RunConfig(points=100, epochs=6))
    runner.advance(3)
    before = runner.records.data
    assert before is not None
    runner.restore(runner.checkpoint())
    assert runner.records.data == before


def test_a_part_of_many_classes_counts_them_all() -> None:
    data: Dataset = make_dataset("digits", 300)
    facts = facts_of(data.train, "cross_entropy", 10, linear=False)
    assert sum(facts.class_counts) == len(data.train.y)
    assert len(facts.class_counts) == 10
