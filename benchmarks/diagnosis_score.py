"""How often the diagnosis is right on labelled runs: named, false alarms, and every miss.

`PYTHONPATH=. python -m benchmarks.diagnosis_score [--cases CASES.json --data DATA.npz]
[--planted FILE] [--xor] [--cures] [--jobs N]`. --cases reads labelled runs of a file, five seeds
each; --planted those that `planted_cases.py --out FILE` wrote (without FILE they are made anew);
--xor counts, of small networks on the exclusive or that stand still, those called healthy; --cures
tries on the planted runs the remedies that the lab offers for the diagnosis.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.planted_cases import (
    NOT_ALL,
    STILL,
    Planted,
    changed,
    from_json,
    is_cured,
    planted_cases,
    result_of,
    trained,
)
from nndl_core.base.config import RunConfig
from nndl_core.diagnosis.cases import LabelledCase, case_of, read_cases, read_data
from nndl_core.diagnosis.remedies import remedies_for
from nndl_core.diagnosis.rules import diagnose
from nndl_core.engine.runner import Runner

GIVEN_SEEDS = 5
XOR_SEEDS = 40
XOR = RunConfig(dataset="xor", noise=0.0, points=400, epochs=2000)
XOR_SETTINGS = {
    "2-2-1 relu, adam": replace(
        XOR, hidden=(2,), activation="relu", init="he_normal", optimizer="adam", learning_rate=0.01
    ),
    "2-3-1 relu, sgd": replace(
        XOR, hidden=(3,), activation="relu", init="he_normal", learning_rate=0.2
    ),
    "2-2-1 tanh, sgd": replace(
        XOR, hidden=(2,), activation="tanh", init="xavier_normal", learning_rate=0.5
    ),
    "2-2-1 sigmoid, adam": replace(
        XOR, hidden=(2,), activation="sigmoid", optimizer="adam", learning_rate=0.05
    ),
    "2-3-1 sigmoid, sgd": replace(XOR, hidden=(3,), activation="sigmoid", learning_rate=2.0),
}


@dataclass(frozen=True)
class Judged:
    """A labelled run and the first name that the diagnosis gave it."""

    name: str
    seed: int
    label: str
    accept: tuple[str, ...]
    said: str

    @property
    def is_right(self) -> bool:
        """Whether an accepted answer was given."""
        return self.said in self.accept


def first_name(config: RunConfig, runner: Runner) -> str:
    """Train a run and return the first name of its diagnosis."""
    found = diagnose(config, trained(runner).records)
    return found[0].disease if found else "nothing"


def judge_given(case: LabelledCase, values: dict[str, Any]) -> list[Judged]:
    """Judge a case of a file in all its seeds."""
    judged = []
    for seed in range(GIVEN_SEEDS):
        config = case.seeded(seed)
        said = first_name(config, case.runner(config))
        judged.append(Judged(case.name, seed, values["label"], tuple(values["accept"]), said))
    return judged


def judge_planted(case: Planted) -> list[Judged]:
    """Judge a planted case in the seeds in which its label holds."""
    judged = []
    for seed in case.seeds:
        config = replace(case.config, init_seed=seed)
        said = first_name(config, Runner.from_config(config, case.dataset()))
        judged.append(Judged(case.name, seed, case.label, case.accept, said))
    return judged


def report(judged: Iterable[Judged]) -> None:
    """Print what is named of each label, the false alarms and the misses."""
    by_label: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        by_label[one.label].append(one)
    everything = [one for ones in by_label.values() for one in ones]
    for label, ones in sorted(by_label.items()):
        right = sum(one.is_right for one in ones)
        word = "not alarmed" if label == "healthy" else "named"
        print(f"  {label:20s} {right:4d} of {len(ones):4d} {word}  {right / len(ones):.3f}")
    right = sum(one.is_right for one in everything)
    print(f"  {'all':20s} {right:4d} of {len(everything):4d} right  {right / len(everything):.3f}")
    missed: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for one in everything:
        if not one.is_right:
            missed[one.name, one.label, one.said].append(one.seed)
    for (name, label, said), seeds in missed.items():
        print(f"    miss {name} ({label}) seeds {','.join(map(str, seeds))}: {said}")


def xor_study(config: RunConfig) -> Counter[str]:
    """Train a small network from many starts; count what those that stand still are called."""
    said: Counter[str] = Counter()
    for seed in range(XOR_SEEDS):
        seeded = replace(config, init_seed=seed)
        runner = trained(Runner.from_config(seeded))
        losses = runner.records.column("train_loss")
        moved = abs(losses[len(losses) // 2] - losses[-1]) / runner.records.constant_loss
        if runner.records.column("train_accuracy")[-1] < NOT_ALL and moved < STILL:
            said[first_name(seeded, runner)] += 1
    return said


@dataclass(frozen=True)
class Tried:
    """Which of the remedies that are offered for a run cure it, and which change one setting."""

    disease: str
    cured: tuple[bool, ...]
    single: tuple[bool, ...]


def try_cures(case: Planted) -> Tried | None:
    """Try every remedy that the lab offers for the first seed of a case that it names right."""
    config = replace(case.config, init_seed=case.seeds[0])
    runner = trained(Runner.from_config(config, case.dataset()))
    first = diagnose(config, runner.records)[0]
    if first.disease not in case.accept:
        return None
    offered = remedies_for(config, first)
    runs = [changed(case, config.init_seed, remedy.change) for remedy in offered]
    cured = tuple(is_cured(result_of(*run)) for run in runs)
    return Tried(first.disease, cured, tuple(len(r.change) == 1 for r in offered))


def report_cures(tried: Iterable[Tried]) -> None:
    """Print per disease how often the first remedy cures, and the best that changes one setting."""
    by_disease: dict[str, list[Tried]] = defaultdict(list)
    for one in tried:
        by_disease[one.disease].append(one)
    for disease, ones in sorted(by_disease.items()):
        first = sum(one.cured[:1] == (True,) for one in ones)
        offered = sum(any(one.single) for one in ones)
        pairs = [zip(one.cured, one.single, strict=True) for one in ones]
        single = sum(any(cured and one for cured, one in pair) for pair in pairs)
        anyone = sum(any(one.cured) for one in ones)
        print(
            f"  {disease:20s} of {len(ones):3d}: first cures {first:3d}, a single change is "
            f"offered {offered:3d} and cures {single:3d}, any cures {anyone:3d}"
        )


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--planted", type=Path, nargs="?", const=Path())
    parser.add_argument("--xor", action="store_true")
    parser.add_argument("--cures", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    planted: list[Planted] = []
    if options.planted is not None or options.cures:
        path = options.planted
        planted = from_json(path.read_text()) if path and path.is_file() else planted_cases()
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        if options.cases is not None:
            arrays, values = read_data(options.data), read_cases(options.cases)
            cases = [case_of(v, arrays) for v in values]
            print(f"{options.cases}: {len(cases)} cases")
            report(one for ones in pool.map(judge_given, cases, values) for one in ones)
        if options.planted is not None:
            print(f"planted: {len(planted)} cases")
            report(one for ones in pool.map(judge_planted, planted) for one in ones)
        if options.cures:
            print("remedies on the planted cases that are named right")
            report_cures(one for one in pool.map(try_cures, planted) if one is not None)
        if options.xor:
            print(f"runs of {XOR_SEEDS} on the exclusive or that stand still, and their names")
            total: Counter[str] = Counter()
            for name, said in zip(
                XOR_SETTINGS, pool.map(xor_study, XOR_SETTINGS.values()), strict=True
            ):
                total += said
                print(f"  {name:20s} {said.total():3d}: {dict(said)}")
            healthy = total["healthy"] / max(1, total.total())
            print(f"  {'all':20s} {total.total():3d}: {healthy:.3f} called healthy, {dict(total)}")


if __name__ == "__main__":
    main()
