"""Our diagnosis against three published rule sets, on the same labelled runs.

Run it from the project's root:
`PYTHONPATH=. python benchmarks/diagnosis_rules.py CASES.json --data DATA.npz [--seeds K]`.
A system that flags several problems is judged by the first in its own order; "any" counts a run as
right if an accepted name is among its flags. A healthy run is right only without a flag.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.published_rules import SYSTEMS, watch
from nndl_core.diagnosis.cases import LabelledCase, case_of, read_cases, read_data
from nndl_core.diagnosis.rules import diagnose

Job = tuple[LabelledCase, int]
Verdicts = dict[str, list[str]]


def judge(job: Job) -> Verdicts:
    """Train one run and let every system name what it sees."""
    case, seed = job
    config = case.seeded(seed)
    runner = case.runner(config)
    history = watch(runner)
    ours = [finding.disease for finding in diagnose(config, runner.records)]
    named = {"ours": ours} | {name: list(rules(history)) for name, rules in SYSTEMS.items()}
    return {name: list(flags) or ["healthy"] for name, flags in named.items()}


def table(title: str, rows: list[list[Any]], header: list[str]) -> str:
    """Write a Markdown table."""
    lines = [f"### {title}", "", f"| {' | '.join(header)} |", "| --- " * len(header) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows), ""])


def main() -> None:
    """Print the summary and a confusion table for each system, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path, nargs="?")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if options.cases is None or options.data is None:
        print("Labelled cases are needed: CASES.json --data DATA.npz.")
        return
    arrays, values = read_data(options.data), read_cases(options.cases)
    jobs = [(case_of(v, arrays), seed) for v in values for seed in range(options.seeds)]
    labels = [v for v in values for _ in range(options.seeds)]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(judge, jobs, chunksize=4))
    summary, confusions = [], []
    for system in found[0]:
        first, anywhere, alarms = 0, 0, 0
        recall: dict[str, list[bool]] = defaultdict(list)
        confusion: Counter[tuple[str, str]] = Counter()
        for value, verdicts in zip(labels, found, strict=True):
            flags, label = verdicts[system], value["label"]
            right = flags[0] in value["accept"]
            first += right
            anywhere += any(flag in value["accept"] for flag in flags)
            alarms += label == "healthy" and not right
            recall[label].append(right)
            confusion[label, "accepted" if right else flags[0]] += 1
        healthy = len(recall["healthy"])
        macro = sum(sum(r) / len(r) for r in recall.values()) / len(recall)
        n = len(found)
        shares = [f"{first / n:.3f}", f"{anywhere / n:.3f}"]
        summary.append([system, *shares, f"{alarms} of {healthy}", f"{macro:.3f}"])
        columns = sorted({c for _, c in confusion}, key=lambda c: (c != "accepted", c))
        rows = [[label, *(confusion[label, c] or "" for c in columns)] for label in recall]
        confusions.append(table(system, rows, ["label", *columns]))
    header = ["system", "first name accepted", "any name accepted", "false alarms", "macro recall"]
    print(table(f"{len(found)} runs", summary, header))
    print("\n".join(confusions))


if __name__ == "__main__":
    main()
