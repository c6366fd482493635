"""What is read off a map's cells, against outcomes written by hand and one small real sweep."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.batch import Outcome
from nndl_core.engine.records import EpochRecord, LayerStats
from nndl_core.reports.pack import csv_text
from nndl_core.studies.map.axis import Axis
from nndl_core.studies.map.plan import PRESETS, MapPlan
from nndl_core.studies.map.trainability import agreement, births, chance, run_rows, summarize
from nndl_core.studies.sweep.cells import Cell, Sweep
from nndl_core.theory.mean_field import born_dead

LAYER = LayerStats(1.0, 1.0, 1.0, 1e-3, 1.0, 0.0, 1.0, 1.0, 0.0, 0, 4, 4)


def record(accuracy: float, gradients: tuple[float, ...], dead: int = 0) -> EpochRecord:
    """A network of hidden layers of 4 units; the first hidden layer has so many dead ones."""
    layers = [replace(LAYER, weight_grad_norm=norm) for norm in gradients]
    layers[0] = replace(layers[0], dead_units=dead)
    return EpochRecord(0, 0.3, accuracy, 0.3, accuracy, tuple(layers))


def outcome(
    config: RunConfig, accuracy: float, gradients: tuple[float, ...] = (1.0, 1.0, 1.0), **more: Any
) -> Outcome:
    dead, diverged = more.get("dead", 0), more.get("diverged")
    return Outcome(
        config=config,
        first=record(0.5, gradients, more.get("born_dead", 0)),
        last=record(accuracy, gradients, dead),
        epochs=10,
        best_epoch=3,
        dev_best=accuracy,
        test_last=(accuracy, 0.4),
        test_best=(accuracy, 0.4),
        diverged_at=diverged,
        movement=np.zeros((3, 2)),
        curves={"epoch": np.zeros(1, np.float32)},
    )


def cell(depth: int, scale: float, *outcomes: Outcome, **settings: Any) -> Cell:
    config = replace(PRESETS["tanh"].base, hidden=(4,) * depth, init_scale=scale, **settings)
    runs = tuple(replace(o, config=replace(config, data_seed=s)) for s, o in enumerate(outcomes))
    return Cell((0, 0), {"depth": depth, "init_scale": scale}, config, runs)


BASE = PRESETS["tanh"].base


def test_a_summary_holds_mean_and_deviation_over_the_seeds() -> None:
    found = summarize(cell(2, 1.0, outcome(BASE, 0.6), outcome(BASE, 0.8), outcome(BASE, 1.0)))
    accuracy = found.spreads["accuracy"]
    assert (accuracy.mean, accuracy.deviation) == pytest.approx((0.8, 0.2))
    assert (accuracy.zeros, accuracy.odd) == (0, 0)
    one = summarize(cell(2, 1.0, outcome(BASE, 0.6))).spreads["accuracy"]
    assert one.mean == 0.6
    assert math.isnan(one.deviation)


def test_ratios_of_an_exact_zero_are_counted_and_left_out_of_the_mean() -> None:
    runs = [outcome(BASE, 0.9, (g, 1.0, last)) for g, last in ((1e-3, 1.0), (0.0, 1.0), (0.0, 0.0))]
    ratio = summarize(cell(2, 1.0, *runs)).spreads["gradient_ratio"]
    assert ratio.mean == pytest.approx(-3)
    assert (ratio.zeros, ratio.odd) == (2, 0)
    none = summarize(cell(2, 1.0, *runs[1:])).spreads["gradient_ratio"]
    assert math.isnan(none.mean)
    assert none.zeros == 2


def test_the_dead_share_is_of_all_hidden_units() -> None:
    found = summarize(cell(2, 1.0, outcome(BASE, 0.9, dead=3)))
    assert found.spreads["dead_share"].mean == pytest.approx(3 / 8)


def test_of_several_statuses_the_cause_is_named_and_most_seeds_decide() -> None:
    dead = outcome(BASE, 0.5, dead=4)  # dead and at chance
    diverged = outcome(BASE, 0.5, dead=4, diverged=7)
    vanished = outcome(BASE, 0.9, (1e-9, 1.0, 1.0))
    healthy = outcome(BASE, 0.9)
    found = summarize(cell(2, 1.0, healthy, dead, vanished, dead, diverged))
    assert found.status == "dead_layer"
    assert found.statuses == (
        ("dead_layer", 2),
        ("diverged", 1),
        ("vanishing_gradient", 1),
        ("no_sign", 1),
    )
    assert summarize(cell(2, 1.0, healthy, vanished)).status == "vanishing_gradient"


def test_chance_is_the_share_of_the_largest_class() -> None:
    config = RunConfig(data_seed=9)  # 307 of its 640 train points are of class 1
    assert chance(config) == 333 / 640
    y = dataset_of(RunConfig(dataset="spirals3")).train.y.tolist()
    assert chance(RunConfig(dataset="spirals3")) == max(map(y.count, range(3))) / len(y)


def tanh_cells() -> list[Cell]:
    """At scale 1 everything trains, at .2 (6 xi is 1.86 layers) only depth 1 shall."""
    good, bad = outcome(BASE, 0.95), outcome(BASE, 0.55)
    return [
        cell(1, 1.0, good, good),
        cell(9, 1.0, good, good),
        cell(1, 0.2, good, good),
        cell(2, 0.2, good, good),  # trains although it is too deep
        cell(3, 0.2, bad, bad),
        cell(9, 0.2, good, bad),  # .75 on average, above halfway
        cell(3, 1.0, bad, bad),  # does not train although it could
    ]


def test_agreement_counts_the_cells_that_do_as_the_rule_says() -> None:
    found = agreement(tanh_cells())
    assert found is not None
    guess = (max(320, 320) + max(315, 325)) / 2 / 640
    assert (found.chance, found.best) == pytest.approx((guess, 0.95))
    assert found.limit == pytest.approx((guess + 0.95) / 2)
    assert [one.agrees for one in found.judged] == [True, True, True, False, True, False, False]
    assert found.agreeing == 4
    assert found.share == pytest.approx(4 / 7)
    assert [one.cell.values for one in found.disagreeing] == [
        {"depth": 2, "init_scale": 0.2},
        {"depth": 9, "init_scale": 0.2},
        {"depth": 3, "init_scale": 1.0},
    ]
    assert found.judged[2].trainable_depth == pytest.approx(6 / abs(2 * math.log(0.2)), rel=1e-9)


def test_a_higher_limit_lets_fewer_cells_train() -> None:
    strict = agreement(tanh_cells(), part=0.9)
    assert strict is not None
    assert [one.trains for one in strict.judged] == [True, True, True, True, False, False, False]


def test_a_cell_exactly_at_the_limit_does_not_train() -> None:
    one = agreement([cell(1, 1.0, outcome(BASE, 0.9), outcome(BASE, 0.9))], part=1.0)
    assert one is not None
    assert not one.judged[0].trains


def test_without_random_weights_there_is_no_theory() -> None:
    assert agreement([cell(2, 1.0, outcome(BASE, 0.9), init="zeros")]) is None


def test_births_are_counted_beside_the_bound() -> None:
    alive, dead = outcome(BASE, 0.9), outcome(BASE, 0.5, born_dead=4)
    cells = [cell(2, 1.0, alive, dead, activation="relu"), cell(9, 1.0, dead, activation="relu")]
    found = births(cells)
    p, q = born_dead(4, 3)[1], born_dead(4, 10)[1]
    assert (found.runs, found.dead) == (3, 2)
    assert found.bound == pytest.approx((2 * p + q) / 3)
    assert found.error == pytest.approx(math.sqrt(2 * p * (1 - p) + q * (1 - q)) / 3)


@pytest.fixture(scope="module")
def narrow() -> list[Cell]:
    """A real sweep of narrow ReLU networks."""
    base = replace(PRESETS["Narrow ReLU"].base, epochs=2, points=100)
    plan = MapPlan(Axis("width", 2, 4, 2), Axis("depth", 1, 6, 3), base, seeds=10)
    sweep = Sweep(plan.base, plan.axes, plan.seeds)
    sweep.advance()
    return [found for found in sweep.cells if found is not None]


def test_no_more_networks_are_born_dead_than_the_bound_says(narrow: list[Cell]) -> None:
    found = births(narrow)
    assert found.runs == 60
    assert 0 < found.dead / found.runs <= found.bound + 4 * found.error


def test_the_table_has_every_run_once_with_its_own_numbers(narrow: list[Cell]) -> None:
    table = list(csv.DictReader(io.StringIO(csv_text(run_rows(narrow)))))
    runs = [(c, s, o) for c in narrow for s, o in enumerate(c.outcomes)]
    assert len(table) == len(runs) == 60
    for row, (c, seed, run) in zip(table, runs, strict=True):
        assert (int(row["depth"]), int(row["width"])) == (
            len(run.config.hidden),
            run.config.hidden[0],
        )
        assert int(row["seed"]) == seed == run.config.init_seed
        assert float(row["test_accuracy"]) == run.test_last[0]
        assert float(row["train_loss"]) == run.last.train_loss
        assert float(row["sigma_w"]) == pytest.approx(math.sqrt(2))
        assert c.config.hidden == run.config.hidden


def test_no_cell_of_the_table_is_a_formula(narrow: list[Cell]) -> None:
    table = list(csv.reader(io.StringIO(csv_text(run_rows(narrow)))))
    words = [text for row in table for text in row if not is_number(text)]
    assert "infinite" in words  # 6 xi of He's scale
    assert "minus infinite" in words or "undefined" in words  # ratios of networks born dead
    assert all(not text.startswith(("=", "+", "-", "@", "\t", "\r")) for text in words)


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
