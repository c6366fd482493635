"""The command that trains a sweep without a screen and writes its table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.base.i18n import tr, trn
from nndl_core.base.json_text import JsonError, parsed
from nndl_core.base.knobs import short
from nndl_core.studies.sweep.cells import AHEAD, Sweep, SweepError, processes
from nndl_core.studies.sweep.grid import points

INTERRUPTED = 130
"""The exit status that shells give to Ctrl-C."""
MOST_JOBS = 256
CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Plan:
    """What a SWEEP.json holds; only the axes must be there."""

    axes: dict[str, Any]
    base: RunConfig
    seeds: int


def add_parser(commands: Any) -> None:
    """Declare the command to the parser of the command line."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "sweep",
        help=tr("train a grid of configs over seeds and write one row per run"),
        description=tr(
            "Train a grid over seeds. SWEEP.json: base = settings, axes = {setting: [values]} "
            "(also depth and width), seeds = how many. An interrupted sweep goes on where it "
            "stopped when the same command is given again."
        ),
    )
    parser.add_argument("sweep", type=Path, metavar="SWEEP.json")
    parser.add_argument("--out", type=Path, required=True, metavar="RESULTS.parquet")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--cluster", metavar="ADDRESS", help=tr("of a Dask scheduler, tcp://host:port")
    )
    where.add_argument(
        "--jobs", type=int, metavar="N", help=tr("processes on this machine; default 1")
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help=tr("default: beside the output"))


def run_sweep(options: argparse.Namespace) -> int:
    """Train what the options say; return 0, or 130 after a sentence if it was interrupted.

    Raises ConfigError, SweepError or OSError with one sentence for what cannot be done.
    """
    # here, because pandas is slow to import and every other command would wait for it
    from nndl_core.studies.sweep.table import write_parquet

    plan = _read(options.sweep)
    out: Path = options.out
    _check_place(out)
    cache = options.cache or out.with_name(f"{out.name}.cache")
    with _executor(options.cluster, options.jobs) as where:
        sweep = Sweep(plan.base, plan.axes, plan.seeds, cache=cache, **where)
        try:
            _train(sweep)
        except KeyboardInterrupt:
            print(_interrupted(sweep, cache), file=sys.stderr)
            return INTERRUPTED
        write_parquet(sweep, out)
    print(
        tr(
            "{out}: {runs} in {cells}.",
            out=out,
            runs=trn("{n} run", "{n} runs", len(sweep.cells) * sweep.seeds),
            cells=trn("{n} cell", "{n} cells", len(sweep.cells)),
        )
    )
    return 0


def _interrupted(sweep: Sweep, cache: Path) -> str:
    done = sum(cell is not None for cell in sweep.cells)
    return tr(
        "Interrupted after {done} of {count} cells; what is finished is kept in {cache}, and "
        "the same command goes on from there.",
        done=done,
        count=len(sweep.cells),
        cache=cache,
    )


def _train(sweep: Sweep) -> None:
    with tqdm(total=len(sweep.cells), unit="cell", disable=None, file=sys.stderr) as bar:
        for _ in sweep:
            bar.update()


def _read(path: Path) -> Plan:
    try:
        return _plan(path.read_bytes())
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _plan(content: bytes) -> Plan:
    try:
        values = parsed(content)
    except JsonError as error:
        raise ConfigError(tr("The sweep is not valid JSON: {why}.", why=error)) from None
    if not isinstance(values, dict) or not isinstance(values.get("axes"), dict):
        raise ConfigError(
            tr(
                'A sweep is a JSON object such as {"axes": {"depth": [1, 2]}, "seeds": 4, "base": '
                "{}}."
            )
        )
    unknown = [name for name in values if name not in ("base", "axes", "seeds")]
    if unknown:
        raise ConfigError(
            tr("{short} is not known; known are base, axes, seeds.", short=short(unknown[0]))
        )
    plan = Plan(values["axes"], RunConfig.from_dict(values.get("base", {})), values.get("seeds", 1))
    points(plan.base, plan.axes, plan.seeds)  # what is wrong is said before anything is started
    return plan


def _check_place(out: Path) -> None:
    """Refuse an output that could not be written at the end, before anything is trained."""
    if out.is_dir():
        raise ConfigError(tr("--out: {out} is a folder; name a file.", out=out))
    if not out.parent.is_dir():
        raise ConfigError(tr("--out: the folder {parent} does not exist.", parent=out.parent))


@contextmanager
def _executor(cluster: str | None, jobs: int | None) -> Iterator[dict[str, Any]]:
    """Yield the options of a Sweep that say where it is trained."""
    if cluster is not None:
        with _cluster(cluster) as options:
            yield options
    elif jobs is None or jobs == 1:
        yield {}
    elif not 1 < jobs <= MOST_JOBS:
        raise ConfigError(
            tr(
                "--jobs: {jobs} is out of range; allowed is from 1 to {most_jobs}.",
                jobs=jobs,
                most_jobs=MOST_JOBS,
            )
        )
    else:
        pool = processes(jobs)
        try:
            yield {"executor": pool, "ahead": max(AHEAD, 2 * jobs)}
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _cluster(address: str) -> Iterator[dict[str, Any]]:
    try:
        from distributed import Client
    except ImportError:
        raise SweepError(
            tr("--cluster: Dask is not installed; install requirements-cluster.txt.")
        ) from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError):
        raise SweepError(
            tr("--cluster: no Dask scheduler answers at {short}.", short=short(address))
        ) from None
    try:
        cores = sum(client.ncores().values())
        yield {"executor": client.get_executor(), "ahead": max(AHEAD, 2 * cores)}
    finally:
        client.close()
