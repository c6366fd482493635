"""Compare the engine's speed with its goals: one run, mini-batches, 64 runs, a panel of seeds.

Run it from the project's root: `python benchmarks/engine.py`. All contenders take turns in one
process on one thread, on the same data, weights and learning rate, with train and dev loss and
accuracy in every epoch, and only after a check that they train the same. The engine's single run
measures all of LayerStats as well, in every epoch; its Ensemble does so at both ends of a run.
Times are of the processor.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from benchmarks import peers_numeric, peers_torch
from benchmarks.peers import (
    EPOCHS,
    MANY,
    ONE,
    RUNS,
    SHAPES,
    Contender,
    check,
    ensemble,
    quartiles,
    rounds_of,
    runner,
)
from nndl_core.base.config import RunConfig
from nndl_core.course.claims import CLAIMS
from nndl_core.data.catalog import dataset_of
from nndl_core.studies.study import Study

BATCH_10 = RunConfig(
    hidden=(4, 2), activation="tanh", points=390, batch_size=10, learning_rate=0.03, epochs=100_000
)
EAGER, COURSE, CEILING = "plain eager loop", "course's Runner", "C++ ceiling"
SINGLE = {"2-5-1 sigmoid": 10.0, "2-3-3-3-3-1 sigmoid": 7.0}
AT_ONCE = {"2-5-1 sigmoid": 25.0, "2-3-3-3-3-1 sigmoid": 20.0}
OF_CEILING = {"2-5-1 sigmoid": 3.5, "2-8-8-8-8-8-8-1 relu": 2.5}
PAIRS, PANEL_SECONDS = 200, 12.0


def say(name: str, ratios: list[float], goal: float | None, at_least: bool = True) -> None:
    """Print a ratio with its quartiles and what was asked of it."""
    middle, low, high = quartiles(ratios)
    asked = ""
    if goal is not None:
        met = middle >= goal if at_least else middle <= goal
        asked = (
            f"goal {'at least' if at_least else 'within'} {goal:g}: {'met' if met else 'missed'}"
        )
    print(f"{name:58s} x {middle:5.2f}  ({low:5.2f} to {high:5.2f})  {asked}", flush=True)


def ratios(times: dict[str, list[float]], over: str, under: str) -> list[float]:
    """Divide the times of two contenders, round by round."""
    return [a / b for a, b in zip(times[over], times[under], strict=True)]


def compare(shape: str, rounds: int, seconds: float, folder: Path) -> None:
    """Time one run and 64 of a shape against the loops and the ceiling."""
    config = SHAPES[shape]
    data = dataset_of(config)
    configs = [replace(config, init_seed=seed) for seed in range(RUNS)]
    field = [
        Contender(ONE, runner(config, data)),
        Contender(EAGER, peers_torch.eager(config, data)),
        Contender(COURSE, peers_torch.course(config, data)),
        Contender(MANY, ensemble(configs, data), RUNS, EPOCHS),
    ]
    try:
        field.append(Contender(CEILING, peers_numeric.ceiling(config, data, folder)))
    except FileNotFoundError as missing:
        print(f"{CEILING} is skipped: {missing}.")
    check(field)
    times = rounds_of(field, rounds, seconds)
    for name, values in times.items():
        print(f"{shape}, {name}: {statistics.median(values):.1f} us per epoch and run")
    for loop in (EAGER, COURSE):
        say(f"{shape}, one run, {loop} / engine", ratios(times, loop, ONE), SINGLE.get(shape))
    say(f"{shape}, 64 runs, {EAGER} / engine", ratios(times, EAGER, MANY), AT_ONCE.get(shape))
    if CEILING in times:
        found, goal = ratios(times, MANY, CEILING), OF_CEILING.get(shape)
        say(f"{shape}, 64 runs, engine / {CEILING}", found, goal, at_least=False)


def mini_batches(rounds: int, seconds: float) -> None:
    """Time batches of 10 against the eager loop, which shuffles in an order of its own."""
    data = dataset_of(BATCH_10)
    field = [
        Contender(ONE, runner(BATCH_10, data)),
        Contender(EAGER, peers_torch.eager(BATCH_10, data)),
    ]
    times = rounds_of(field, rounds, seconds)
    name = f"2-4-2-1 tanh, batches of 10, {EAGER} / engine"
    say(name, ratios(times, EAGER, ONE), 5.0)


def panel(pairs: int) -> None:
    """Train a lesson's panel of seeds, two runs of 1000 epochs for each."""
    study, wall, start = Study(CLAIMS["deeper-is-better"], pairs), time.time(), time.process_time()
    study.advance()
    taken, seconds = time.process_time() - start, time.time() - wall
    asked = f"goal within {PANEL_SECONDS:g}" if pairs == PAIRS else ""
    print(
        f"{2 * pairs} paired runs of 1000 epochs: {taken:.1f} s, {seconds:.1f} by the clock {asked}"
    )


def main() -> None:
    """Run every comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.1, help="per sample of one run")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for shape in SHAPES:
            compare(shape, options.rounds, options.seconds, Path(folder))
    mini_batches(options.rounds, options.seconds)
    panel(options.pairs)


if __name__ == "__main__":
    main()
