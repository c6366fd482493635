"""The default map's runs by the Ensemble and, the same runs, by joblib over eager loops.

Run it from the project's root: `PYTHONPATH=. python benchmarks/map_joblib.py`. Every eighth cell of
the default map with all its seeds; both sides use two processes and take turns, seconds by the
clock.
"""

from __future__ import annotations

import importlib
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch

from benchmarks.peers_torch import eager
from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.ensemble import Ensemble
from nndl_core.studies.map.plan import MapPlan
from nndl_core.studies.sweep.grid import points

joblib = importlib.import_module("joblib")
EVERY, PROCESSES, ROUNDS, GOAL = 8, 2, 3, 15.0


def subset() -> list[RunConfig]:
    """Return the runs of every eighth cell of the default map."""
    plan = MapPlan()
    cells = points(plan.base, plan.axes, plan.seeds)[::EVERY]
    return [
        RunConfig.from_dict({**vars(cell.config), "data_seed": seed, "init_seed": seed})
        for cell in cells
        for seed in range(plan.seeds)
    ]


def one_eager(config: RunConfig) -> float:
    """Train one run as a plain loop does; return its last loss."""
    torch.set_num_threads(1)
    return eager(config, dataset_of(config))(config.epochs).losses[0]


def many(configs: list[RunConfig]) -> list[float]:
    """Train runs as one ensemble; return their last losses."""
    ensemble = Ensemble(configs)
    ensemble.advance()
    return [outcome.last.train_loss for outcome in ensemble.outcomes if outcome is not None]


def main() -> None:
    """Print the ratio."""
    configs = subset()
    halves = [configs[k::PROCESSES] for k in range(PROCESSES)]
    ratios = []
    with (
        ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool,
        joblib.Parallel(n_jobs=PROCESSES) as parallel,
    ):
        list(pool.map(many, [part[:2] for part in halves]))
        parallel(joblib.delayed(one_eager)(config) for config in configs[:2])
        for _ in range(ROUNDS):
            start = time.perf_counter()
            list(pool.map(many, halves))
            middle = time.perf_counter()
            parallel(joblib.delayed(one_eager)(config) for config in configs)
            end = time.perf_counter()
            ratios.append((end - middle) / (middle - start))
            print(
                f"{len(configs)} runs: ensemble {middle - start:.2f} s, joblib {end - middle:.2f} s"
            )
    ratio = statistics.median(ratios)
    spread = f"({min(ratios):.1f} to {max(ratios):.1f})"
    verdict = "met" if ratio >= GOAL else "missed"
    print(f"joblib over eager loops / ensemble: {ratio:.1f} {spread}  goal {GOAL:g}: {verdict}")


if __name__ == "__main__":
    main()
