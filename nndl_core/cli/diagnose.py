"""The command that diagnoses labelled runs without a screen and tries the first remedy of each."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.base.knobs import short
from nndl_core.diagnosis.cases import LabelledCase, case_of, check_seeds, read_cases, read_data
from nndl_core.diagnosis.remedies import Remedy, remedies_for
from nndl_core.diagnosis.rival import add_rival
from nndl_core.diagnosis.rules import diagnose

MOST_JOBS = 256
Line = dict[str, Any]
Job = tuple[LabelledCase, int, bool]
"""A case, a seed, and whether a larger network may be trained beside the run."""


def add_parser(commands: Any) -> None:
    """Declare the command to the parser of the command line."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "diagnose",
        help=tr("train the cases of a file and say of each run why it does not learn"),
        description=tr(
            "Train each case with several seeds of the weights, name what is wrong with it and "
            "train it again with the first remedy. Writes one JSON line per run to standard "
            "output. A case that cannot be built gets a line with its error, and exit status 2."
        ),
    )
    parser.add_argument("cases", type=Path, metavar="CASES.json")
    parser.add_argument("--data", type=Path, required=True, metavar="DATA.npz")
    parser.add_argument("--seeds", type=int, default=1, metavar="K", help=tr("default 1"))
    parser.add_argument(
        "--rival",
        action="store_true",
        help=tr("beside a run that stands still train a larger network, to tell if it could learn"),
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help=tr("processes; default 1"))


def run_diagnose(options: argparse.Namespace) -> int:
    """Write the lines; return 0, or 2 if a case could not be built.

    Raises ConfigError or OSError with one sentence for files and numbers that cannot be used.
    """
    if not 1 <= options.jobs <= MOST_JOBS:
        allowed = tr("allowed is from 1 to {most_jobs}", most_jobs=MOST_JOBS)
        raise ConfigError(
            tr(
                "jobs: {short} is out of range; {allowed}.",
                short=short(options.jobs),
                allowed=allowed,
            )
        )
    seeds = check_seeds(options.seeds)
    cases, wrong = _built(options.cases, options.data)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    runs = [(case, seed, options.rival) for case in cases for seed in range(seeds)]
    lines = _lines(runs, options.jobs)
    for line in tqdm(lines, total=len(runs), unit="run", disable=None, file=sys.stderr):
        print(json.dumps(line), flush=True)
    return 2 if wrong else 0


def _built(cases: Path, data: Path) -> tuple[list[LabelledCase], list[str]]:
    """Return the cases, and one sentence for each that cannot be built."""
    arrays, built, wrong = read_data(data), [], []
    for values in read_cases(cases):
        try:
            built.append(case_of(values, arrays))
        except ConfigError as error:
            wrong.append(str(error))
    for case in built:
        if case.note:
            print(case.note, file=sys.stderr)
    return built, wrong


def _lines(runs: list[Job], jobs: int) -> Iterator[Line]:
    if jobs == 1:
        yield from map(diagnose_run, runs)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(diagnose_run, runs)


def diagnose_run(job: Job) -> Line:
    """Train one run, diagnose it, and train it again with the first remedy.

    The diagnosis is None where the run is too short to show anything.
    """
    case, seed, rival = job
    config = case.seeded(seed)
    runner, scores = _trained(case, config)
    if rival:
        add_rival(runner)
    findings = diagnose(config, runner.records)
    first = findings[0] if findings else None
    line: Line = {
        "id": case.name,
        "seed": seed,
        "diagnosis": first and first.disease,
        "epoch": first and first.epoch,
        "epochs": config.epochs,
        "diverged_at": runner.records.diverged_at,
        **scores,
        "findings": [_plain(asdict(finding)) for finding in findings],
        "remedy": None,
    }
    remedies = remedies_for(config, first, made_to_order=False) if first else ()
    if remedies:
        line["remedy"] = _tried(case, config, remedies[0])
    return line


def _tried(case: LabelledCase, config: RunConfig, remedy: Remedy) -> Line:
    cured = remedy.applied(config)
    runner, scores = _trained(case, cured)
    after = [finding.disease for finding in diagnose(cured, runner.records)]
    changed = {"name": remedy.name, "change": _plain(remedy.change)}
    return {**changed, "diagnosis": after[0] if after else None, **scores}


def _trained(case: LabelledCase, config: RunConfig) -> tuple[Any, Line]:
    runner = case.runner(config)
    while not runner.finished:
        runner.advance(runner.num_epochs)
    train, test = (runner.evaluate(part) for part in (case.dataset.train, case.dataset.test))
    scores = {
        "train_accuracy": train[0],
        "test_accuracy": test[0],
        "train_loss": _plain(train[1]),
    }
    return runner, scores


def _plain(value: Any) -> Any:
    """Turn a value into what JSON can hold; what is not finite becomes null."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
