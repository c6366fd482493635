"""Train labelled and unlabelled runs once, keep their records, and judge them again in seconds.

Run it from the project's root, first to train and then after every change of a rule:
`PYTHONPATH=. python benchmarks/diagnosis_replay.py train FOLDER [--cases CASES.json --data NPZ]`,
`PYTHONPATH=. python benchmarks/diagnosis_replay.py judge FOLDER [--misses]`.
A labelled run is right if the first finding is accepted. The XOR runs have no label: of those that
stand still below .95 it counts how many are called healthy.
"""

from __future__ import annotations

import argparse
import itertools
import pickle
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.planted_cases import from_json
from nndl_core.base.config import ActivationName, RunConfig
from nndl_core.course.gallery import EXHIBITS
from nndl_core.course.lessons import LESSONS
from nndl_core.course.lessons.diagnoses import DIAGNOSES
from nndl_core.data.catalog import Dataset
from nndl_core.diagnosis.cases import case_of, read_cases, read_data
from nndl_core.diagnosis.rival import add_rival
from nndl_core.diagnosis.rules import diagnose
from nndl_core.engine.records import LAYER_FIELDS, SCALARS, Records
from nndl_core.engine.runner import Runner
from nndl_core.studies.map.plan import BASE

XOR_SEEDS, SEEDS = 40, 5
LOW, MOVED = 0.95, 0.05
"""A run stands still below LOW if its loss moved less than MOVED of H in its second half."""


@dataclass(frozen=True)
class Kept:
    """A trained run: where it comes from, what it may be called (any if empty), its records."""

    group: str
    name: str
    accept: tuple[str, ...]
    config: RunConfig
    dataset: Dataset | None
    records: Records


def xor_settings() -> Iterator[tuple[str, RunConfig]]:
    """Yield XOR without noise for two and three hidden units and three activations."""
    base = RunConfig(
        dataset="xor", points=400, noise=0.0, init="xavier_normal", learning_rate=0.5, epochs=2000
    )
    names: tuple[ActivationName, ...] = ("relu", "tanh", "sigmoid")
    for width, activation in itertools.product((2, 3), names):
        config = replace(base, hidden=(width,), activation=activation)
        if activation == "relu":
            config = replace(config, init="he_normal")
        yield f"2-{width}-1 {activation} sgd", config
        adam = replace(
            config, optimizer="adam", learning_rate=0.01, init="torch_default", batch_size=64
        )
        yield f"2-{width}-1 {activation} adam", replace(adam, epochs=300)


def _jobs(options: argparse.Namespace) -> Iterator[tuple[str, str, tuple[str, ...], Runner]]:
    if options.cases:
        arrays = read_data(options.data)
        for values in read_cases(options.cases):
            case = case_of(values, arrays)
            for seed in range(SEEDS):
                runner = case.runner(case.seeded(seed))
                yield "given", f"{case.name}/{seed}", tuple(values["accept"]), runner
    for name, config in xor_settings():
        for seed in range(XOR_SEEDS):
            seeded = replace(config, init_seed=seed)
            yield "xor", f"{name}/{seed}", (), Runner.from_config(seeded)
    for path in options.planted or ():
        for planted in from_json(path.read_text()):
            for seed in planted.seeds:
                config = replace(planted.config, init_seed=seed)
                runner = Runner.from_config(config, planted.dataset())
                yield "planted", f"{planted.name}/{seed}: {planted.why}", planted.accept, runner
    for exhibit in EXHIBITS:
        for seed in range(2):
            seeded = replace(exhibit.config, data_seed=seed, init_seed=seed)
            runner = Runner.from_config(seeded)
            yield "gallery", f"{exhibit.name}/{seed}", (exhibit.shows,), runner
    for lesson, arms in DIAGNOSES.items():
        for arm, disease in arms.items():
            runner = Runner.from_config(LESSONS[lesson].arms[arm])
            yield "lesson", f"{lesson}/{arm}", (disease,), runner
    names: tuple[ActivationName, ...] = ("relu", "tanh", "sigmoid")
    for activation in names:
        config = replace(BASE, activation=activation)
        yield "map", activation, (), Runner.from_config(config)


def train(options: argparse.Namespace) -> None:
    """Train every run and keep it; what is kept already is not trained again."""
    options.folder.mkdir(parents=True, exist_ok=True)
    for group, name, accept, runner in _jobs(options):
        path = options.folder / f"{group}-{re.sub('[^a-z0-9.]+', '-', name.lower())}.pickle"
        if path.exists():
            continue
        while not runner.finished:
            runner.advance(runner.num_epochs)
        assert runner.config is not None
        made_here = group not in ("given", "planted")
        given = None if made_here else runner.dataset
        kept = Kept(group, name, accept, runner.config, given, runner.records)
        path.write_bytes(pickle.dumps(kept))


def kept_runs(folder: Path, rival: bool = False) -> list[Kept]:
    """Read what was trained, with the facts of the data as they are measured now.

    rival: train a larger network beside a run that stands still on data of unknown limit.
    """
    kept = [pickle.loads(path.read_bytes()) for path in sorted(folder.glob("*.pickle"))]
    for run in kept:
        runner = Runner.from_config(run.config, run.dataset)
        run.records.data, runner.records = runner.records.data, run.records
        if rival:
            add_rival(runner)
    return kept


def part_of(records: Records, epochs: int) -> Records:
    """Return the first epochs of a run, as a page sees them while it plays."""
    part = Records(records.constant_loss, records.data)
    names = (*SCALARS, *LAYER_FIELDS, "epoch")
    part.append({name: records.column(name)[:epochs] for name in names}, epochs)
    return part


def on_the_way(kept: Kept) -> list[str]:
    """Return what is said first at each twentieth of a run."""
    ends = [round(kept.config.epochs * share / 20) for share in range(1, 20)]
    said = [diagnose(kept.config, part_of(kept.records, max(1, e))) for e in ends]
    return [found[0].disease if found else "" for found in said]


def _stands_still(kept: Kept) -> bool:
    """Whether a run stands still below LOW."""
    loss, accuracy = (kept.records.column(name) for name in ("train_loss", "train_accuracy"))
    moved = abs(loss[len(loss) // 2] - loss[-1]) / kept.records.constant_loss
    return bool(accuracy[-1] < LOW and moved < MOVED)


def judge(options: argparse.Namespace) -> None:
    """Print, for every group, what is accepted and what is said."""
    right: dict[str, list[bool]] = {}
    said: dict[str, Counter[str]] = {}
    torch.set_num_threads(1)
    for kept in kept_runs(options.folder, options.rival):
        found = diagnose(kept.config, kept.records)
        first = found[0].disease if found else "nothing"
        label = kept.accept[0] if kept.accept else "still" if _stands_still(kept) else "moves"
        key = f"{kept.group} {label}"
        right.setdefault(key, []).append(not kept.accept or first in kept.accept)
        said.setdefault(key, Counter())[first] += 1
        if options.on_the_way and "healthy" in kept.accept:
            early = {name for name in on_the_way(kept) if name not in ("", "healthy")}
            if early:
                print(f"{kept.name}: said on the way {sorted(early)}")
        if options.misses and not right[key][-1]:
            all_found = [(f.disease, f.epoch) for f in found]
            end = kept.records[-1]
            print(
                f"{kept.name}: {all_found}, loss {end.train_loss:.3f} of "
                f"{kept.records.constant_loss:.3f}, accuracy {end.train_accuracy:.3f}"
            )
    for key in sorted(right):
        print(f"{key:28s} {np.mean(right[key]):.3f} of {len(right[key])}: {dict(said[key])}")


def main() -> None:
    """Train or judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["train", "judge"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--planted", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--rival", action="store_true")
    parser.add_argument("--on-the-way", action="store_true")
    options = parser.parse_args()
    train(options) if options.what == "train" else judge(options)


if __name__ == "__main__":
    main()
