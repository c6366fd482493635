"""Labelled runs of our own: a fault planted in the settings, proven by training, with its cure.

`PYTHONPATH=. python -m benchmarks.planted_cases [--out FILE] [--jobs N]` draws candidates from the
seeded families of `planted_families.py`, trains each of them five times, and prints how many stand
and why the others do not. A label stands where the run fails in at least four of five weight seeds
and the one change that takes the fault away cures at least four of five; a healthy case learns in
all five. What decides is the outcome, never a rule of the diagnosis: the share of what a sound
network learns of 4000 points of the same kind, on 2000 points that nobody trained on. Equal
seeds give the same list. FILE is a cache for `diagnosis_score.py`, not a result to keep.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.planted_families import DIVERGES, FAMILIES, Candidate
from benchmarks.planted_tables import Table
from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import Dataset
from nndl_core.engine.runner import Runner
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.losses import constant_loss, output_units, targets

SEEDS, MOST_OF_THEM = 5, 4
FAILED, CURED, SOUND = 0.6, 0.8, 0.85
"""Shares of what a sound network learns: at most so much is a failure, at least so much a cure, and
at least so much, in every seed, is a healthy run."""
STILL, NOT_ALL = 0.05, 0.95
"""A run stands still if its loss changes by less than STILL of H in its second half, and it has
something left to learn below an accuracy of NOT_ALL."""
STALL_SEEDS = 40
"""Weight seeds among which a candidate of a family that stalls now and then is looked for."""
TRIES = 12
"""Candidates that are drawn at most for every case that is wanted."""
LATE = 0.2
"""The last part of a run, over which the training loss is averaged: a lucky last epoch is none."""


@dataclass(frozen=True)
class Planted:
    """A labelled run: its settings and data, the answers that are right, and what cures it.

    seeds are the weight seeds in which the label holds.
    """

    name: str
    label: str
    accept: tuple[str, ...]
    config: RunConfig
    table: Table
    change: dict[str, Any]
    seeds: tuple[int, ...]
    why: str

    def dataset(self) -> Dataset:
        """Make the data of this case."""
        return _data(self.table, _data_part(self.config))


@dataclass(frozen=True)
class Verified:
    """What training said of a candidate: the cases that stand, or why none does."""

    cases: tuple[Planted, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Result:
    """How one run ended, as a share of what a sound network learns.

    moved is the change of the training loss in the second half, and jumped the spread of its
    steps at the end, both in units of the constant answer's loss.
    """

    share: float
    accuracy: float
    gap: float
    moved: float
    jumped: float
    dead_layer: bool


@cache
def _data(table: Table, config: RunConfig) -> Dataset:
    return table.dataset(config)


@cache
def _attainable(table: Table, config: RunConfig) -> float:
    """Return what the better of two sound networks learns of many points of the same kind."""
    data, best = table.sound(config), 0.05
    for activation, init in (("tanh", "xavier_normal"), ("relu", "he_normal")):
        sound = RunConfig.from_dict(
            {"hidden": (32, 32), "activation": activation, "init": init, "optimizer": "adam",
             "learning_rate": 0.005, "batch_size": 64, "epochs": 60, "loss": config.loss}
        )  # fmt: skip
        best = max(best, _learned(trained(Runner.from_config(sound, data)), data))
    return best


def _learned(runner: Runner, data: Dataset) -> float:
    """Return 1 - loss / H, the lesser of that on fresh points and that on the late train set."""
    losses, (_, loss) = runner.records.column("train_loss"), runner.evaluate(data.test)
    late = float(_late(losses).mean())
    loss_name = runner.described.loss
    outputs = output_units(loss_name, len(data.classes))
    h = constant_loss(loss_name, targets(data.test.y, outputs, torch.float64))
    return max(0.0, min(1 - loss / h, 1 - late / runner.records.constant_loss))


def _late(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    return losses[-max(1, round(LATE * len(losses))) :]


def _data_part(config: RunConfig) -> RunConfig:
    """The settings that the data are made of."""
    c = config
    return RunConfig(
        points=c.points, noise=c.noise, label_noise=c.label_noise, data_seed=c.data_seed
    )


def _kind_part(config: RunConfig) -> RunConfig:
    """The settings that say how well any network can do."""
    c = config
    return RunConfig(noise=c.noise, label_noise=c.label_noise, loss=c.loss)


def trained(runner: Runner) -> Runner:
    """Train a run to its end and return it."""
    while not runner.finished:
        runner.advance(runner.num_epochs)
    return runner


def result_of(table: Table, config: RunConfig) -> Result:
    """Train one run and measure how it ended."""
    data = _data(table, _data_part(config))
    runner = trained(Runner.from_config(config, data))
    losses, h = runner.records.column("train_loss"), runner.records.constant_loss
    dead = _has_dead_layer(runner, data)
    if runner.diverged is not None or not len(losses):
        return Result(0.0, 0.0, 0.0, math.inf, math.inf, dead)
    late, accuracy = _late(losses), float(runner.records.column("train_accuracy")[-1])
    return Result(
        share=_learned(runner, data) / _attainable(table, _kind_part(config)),
        accuracy=accuracy,
        gap=accuracy - runner.evaluate(data.test)[0],
        moved=abs(float(losses[len(losses) // 2] - losses[-1])) / h,
        jumped=float(np.abs(np.diff(late)).mean()) / h if len(late) > 1 else 0.0,
        dead_layer=dead,
    )


def _has_dead_layer(runner: Runner, data: Dataset) -> bool:
    """Whether a hidden layer gives the same output for every training example."""
    model, phi = runner.model, ACTIVATIONS[runner.model.activation].value
    with torch.no_grad():
        x = data.train.x.to(model.layers[0].weight.dtype)
        for layer in model.layers[:-1]:
            x = phi(layer(x), model.slope)
            if bool((x == x[:1]).all()):
                return True
    return False


def verify(name: str, candidate: Candidate) -> Verified:
    """Train a candidate, with and without its fault; return what stands."""
    if candidate.label == "healthy":
        return _verified_healthy(name, candidate)
    if candidate.label == "stalled":
        return _verified_stall(name, candidate)
    failed = _those(range(SEEDS), lambda s: _has_failed(candidate, _plain(candidate, s)))
    if len(failed) < MOST_OF_THEM:
        return Verified(reason="it does not fail in this way")
    if len(_cured(candidate, range(SEEDS))) < MOST_OF_THEM:
        return Verified(reason="the change does not cure")
    return Verified((_planted(name, candidate, failed),))


def _verified_healthy(name: str, candidate: Candidate) -> Verified:
    if all(_is_sound(_plain(candidate, seed)) for seed in range(SEEDS)):
        return Verified((_planted(name, candidate, range(SEEDS)),))
    return Verified(reason="it does not learn in every seed")


def _verified_stall(name: str, candidate: Candidate) -> Verified:
    """Look for seeds that stand still, and that no number of epochs brings on; keep both kinds."""
    results = {seed: _plain(candidate, seed) for seed in range(STALL_SEEDS)}
    still = [s for s, r in results.items() if _stands_still(r)][:SEEDS]
    learned = [s for s, r in results.items() if _is_sound(r)][:SEEDS]
    if len(still) < SEEDS:
        return Verified(reason="too few seeds stand still")
    longer = {"epochs": 5 * candidate.config.epochs}
    if not all(_stands_still(_plain(candidate, s, longer)) for s in still):
        return Verified(reason="more epochs bring it on")
    if len(_cured(candidate, still)) < MOST_OF_THEM:
        return Verified(reason="the change does not cure")
    cases = [_planted(name, candidate, still)]
    if len(learned) == SEEDS:
        sound = replace(candidate, label="healthy", accept=("healthy",), change={})
        sound = replace(sound, why="few units from a start that learns")
        cases.append(_planted(f"{name}-learns", sound, learned))
    return Verified(tuple(cases))


def _plain(candidate: Candidate, seed: int, change: dict[str, Any] | None = None) -> Result:
    return result_of(*changed(candidate, seed, change or {}))


def changed(
    case: Candidate | Planted, seed: int, change: dict[str, Any]
) -> tuple[Table, RunConfig]:
    """Return the data and the settings of a case with a change, which may be one of the data."""
    config = replace(case.config, **({"init_seed": seed} | change))
    return replace(case.table, scaled=case.table.scaled or "scale" in change), config


def is_cured(result: Result) -> bool:
    """Whether a run learns nearly what a sound network learns."""
    return result.share >= CURED


def _cured(candidate: Candidate, seeds: Sequence[int]) -> list[int]:
    return _those(seeds, lambda s: is_cured(_plain(candidate, s, candidate.change)))


def _those(seeds: Sequence[int], holds: Callable[[int], bool]) -> list[int]:
    """Return the seeds in which something holds; stop once it cannot be most of them."""
    kept: list[int] = []
    for tried, seed in enumerate(seeds, start=1):
        if holds(seed):
            kept.append(seed)
        if tried - len(kept) > SEEDS - MOST_OF_THEM:
            break
    return kept


def _is_sound(result: Result) -> bool:
    return result.share >= SOUND


def _stands_still(result: Result) -> bool:
    return result.accuracy < NOT_ALL and result.moved < STILL and result.share < SOUND


def _has_failed(candidate: Candidate, result: Result) -> bool:
    """Whether a run failed, and in the way that a label says beyond that."""
    if result.share > FAILED:
        return False
    also = {
        "dying_relu": result.dead_layer,
        "exploding_gradient": candidate.why != DIVERGES or math.isinf(result.jumped),
        "oscillating_loss": STILL / 2 < result.jumped < math.inf and not result.dead_layer,
        "overfitting": result.gap > 0.08 and result.accuracy > 0.9,
    }
    return also.get(candidate.label, True)


def _planted(name: str, candidate: Candidate, seeds: Iterable[int]) -> Planted:
    c = candidate
    return Planted(name, c.label, c.accept, c.config, c.table, c.change, tuple(seeds), c.why)


def family_cases(family: str, seed: int = 0) -> tuple[list[Planted], Counter[str]]:
    """Draw and verify candidates of a family until there are as many cases as are wanted."""
    draw, wanted = FAMILIES[family]
    random, cases, reasons = Random(f"{family} {seed}"), list[Planted](), Counter[str]()
    for number in range(TRIES * wanted):
        found = verify(f"{family}-{number:03d}", draw(random))
        cases += found.cases
        reasons[found.reason or "stands"] += 1
        if reasons["stands"] == wanted:
            break
    return cases, reasons


def planted_cases(jobs: int = 1, seed: int = 0) -> list[Planted]:
    """Return the cases of all families; print how many stand and why the others do not."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = {family: pool.submit(family_cases, family, seed) for family in FAMILIES}
        for family, future in found.items():
            counts = future.result()[1]
            print(f"{family:12s} " + ", ".join(f"{n} {why}" for why, n in counts.most_common()))
    return [case for future in found.values() for case in future.result()[0]]


def as_json(cases: Iterable[Planted]) -> str:
    """Write cases as JSON; from_json gives equal ones back."""
    return json.dumps([asdict(case) for case in cases])


def from_json(text: str) -> list[Planted]:
    """Read cases that as_json wrote."""
    return [_read(values) for values in json.loads(text)]


def _read(values: dict[str, Any]) -> Planted:
    table, change = values["table"], values["change"]
    table |= {name: tuple(table[name]) for name in ("scale", "shift")}
    if "hidden" in change:
        change["hidden"] = tuple(change["hidden"])
    read = {"table": Table(**table), "config": RunConfig.from_dict(values["config"])}
    lists = {name: tuple(values[name]) for name in ("accept", "seeds")}
    return Planted(**(values | read | lists))


def main() -> None:
    """Generate the cases and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cases = planted_cases(options.jobs, options.seed)
    for label, count in Counter(case.label for case in cases).most_common():
        runs = sum(len(case.seeds) for case in cases if case.label == label)
        print(f"{label:20s} {count:4d} cases, {runs:4d} runs")
    print(f"{len(cases)} cases")
    if options.out is not None:
        options.out.write_text(as_json(cases))


if __name__ == "__main__":
    main()
