"""Time one run and 64 runs of the engine against other libraries, after checking that they agree.

Run it from the project's root: `python benchmarks/peers.py [--markdown]`. All contenders take
turns in one process and on one thread; a figure is processor time per epoch and run. Each trains
full batch and computes train and dev loss and accuracy in every epoch, but for scikit-learn's fit.
The engine alone measures all of LayerStats as well; its Ensemble does so at both ends of a run.
What is not installed is skipped.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from benchmarks import peers_numeric, peers_torch
from benchmarks.peers_torch import Train, timed
from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import Dataset, dataset_of
from nndl_core.engine.batch import Member, kernel_of
from nndl_core.engine.ensemble import MOST_RUNS, Ensemble
from nndl_core.engine.kernel import Kernel
from nndl_core.engine.runner import Runner
from nndl_core.engine.telemetry import Telemetry

SHAPES = {
    "2-5-1 sigmoid": RunConfig(hidden=(5,), epochs=100_000),
    "2-3-3-3-3-1 sigmoid": RunConfig(hidden=(3,) * 4, epochs=100_000),
    "2-8-8-8-8-8-8-1 relu": RunConfig(
        hidden=(8,) * 6, activation="relu", init="he_normal", epochs=100_000
    ),
}
RUNS, CHECKED, TOLERANCE = 64, 10, 1e-4
"""Runs at once; epochs after which all losses must be the engine's, up to this share of it."""
EPOCHS = 500
"""The epochs of an ensemble, which is made anew in every round."""
ONE, MANY = "engine, all of LayerStats", "engine, Ensemble of 64"


@dataclass
class Contender:
    """Something that trains ``runs`` networks of one config.

    A sample is of ``epochs`` epochs, of as many as take a given time if this is 0.
    """

    name: str
    train: Train
    runs: int = 1
    epochs: int = 0

    def fit(self, seconds: float) -> None:
        """Find how many epochs take about this long; the first call of a length may compile."""
        if not self.epochs:
            self.train(20)
            self.epochs = max(20, int(20 * seconds / self.train(20).seconds))
        self.train(self.epochs)

    def sample(self) -> float:
        """Return the microseconds per epoch and run of one round."""
        return self.train(self.epochs).seconds / self.epochs / self.runs * 1e6


def rounds_of(field: list[Contender], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Time all contenders in turn, ``rounds`` times; microseconds per epoch and run."""
    for contender in field:
        contender.fit(seconds)
    times: dict[str, list[float]] = {c.name: [] for c in field}
    for _ in range(rounds):
        for contender in field:
            times[contender.name].append(contender.sample())
    return times


def runner(config: RunConfig, data: Dataset) -> Train:
    """Make the engine as the lab page uses it."""
    runner = Runner.from_config(config, data)

    def train(epochs: int) -> list[float]:
        runner.advance(epochs)
        return [runner.records[-1].train_loss]

    return timed(train)


def ensemble(configs: Sequence[RunConfig], data: Dataset) -> Train:
    """Make the engine as studies and maps use it, from configs to outcomes."""

    def train(epochs: int) -> list[float]:
        some = [replace(config, epochs=epochs) for config in configs]
        whole = Ensemble(some, dict.fromkeys(some, data))
        whole.advance()
        return [float(o.curves["train_loss"][-2]) for o in whole.outcomes if o is not None]

    return timed(train)


def measured(configs: Sequence[RunConfig], data: Dataset) -> Train:
    """Make the kernel of many runs with all of LayerStats in every epoch of every run."""
    groups = [
        _recorded([Member(i, config, data) for i, config in enumerate(configs[a : a + MOST_RUNS])])
        for a in range(0, len(configs), MOST_RUNS)
    ]

    def train(epochs: int) -> list[float]:
        losses: list[float] = []
        for kernel, telemetry in groups:
            end = kernel.epoch + epochs
            while kernel.epoch < end:
                first = kernel.epoch
                block = kernel.run(end - first)
                columns = telemetry.measure(block, first)
                kernel.keep(len(block.gradients))
            losses += columns["train_loss"][-1].tolist()
        return losses

    return timed(train)


def _recorded(members: list[Member]) -> tuple[Kernel, Telemetry]:
    lean = kernel_of(members)
    kernel = Kernel(lean.problem, lean.parameters, lean.optimizer, 0, lean.seeds)
    return kernel, Telemetry(kernel.problem, kernel.windows)


def contenders(config: RunConfig, data: Dataset, folder: Path) -> Iterator[Contender]:
    """Make everything that is installed; say what is not."""
    configs = [replace(config, init_seed=seed) for seed in range(RUNS)]
    yield Contender(ONE, runner(config, data))
    yield Contender(MANY, ensemble(configs, data), RUNS, EPOCHS)
    yield Contender("64 runs, all of LayerStats", measured(configs, data), RUNS)
    optional: dict[str, Callable[[], Train]] = {
        "plain eager loop": lambda: peers_torch.eager(config, data),
        "course's Runner": lambda: peers_torch.course(config, data),
        "NumPy by hand": lambda: peers_numeric.by_hand(config, data),
        "scikit-learn, scored": lambda: peers_numeric.scikit_learn(config, data, evaluates=True),
        "scikit-learn, fit only": lambda: peers_numeric.scikit_learn(config, data, evaluates=False),
        "skorch": lambda: peers_torch.skorch(config, data),
        "Lightning": lambda: peers_torch.lightning(config, data),
        "JAX jit(scan)": lambda: peers_numeric.jax_scan([config], data),
        "C++, the ceiling": lambda: peers_numeric.ceiling(config, data, folder),
    }
    for name, make in optional.items():
        try:
            yield Contender(name, make())
        except (ImportError, FileNotFoundError) as missing:
            print(f"{name} is skipped: {missing}", file=sys.stderr)
    try:
        yield Contender("JAX jit(vmap(scan)) of 64", peers_numeric.jax_scan(configs, data), RUNS)
    except ImportError as missing:
        print(f"JAX of 64 is skipped: {missing}", file=sys.stderr)


def check(field: list[Contender]) -> None:
    """Stop where a contender does not have the engine's losses, run by run."""
    losses = {c.name: c.train(CHECKED).losses for c in field}
    for name, found in losses.items():
        wanted = losses[MANY] if len(found) == RUNS else losses[ONE]
        for f, w in zip(found, wanted, strict=True):
            if abs(f - w) > TOLERANCE * abs(w):
                raise SystemExit(f"{name} trains something else: {f} instead of {w}.")


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Return median, lower and upper quartile."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def row(name: str, times: dict[str, list[float]]) -> list[str]:
    """Format a contender: its time, and how many times as long as each form of the engine."""
    cells = [name, f"{statistics.median(times[name]):.1f}"]
    for engine in (ONE, MANY):
        ratios = [t / e for t, e in zip(times[name], times[engine], strict=True)]
        middle, low, high = quartiles(ratios)
        cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f})")
    return cells


def table(shape: str, times: dict[str, list[float]], markdown: bool) -> str:
    """Write the results of one shape."""
    head = [shape, "us per epoch and run", "x one run (quartiles)", "x run of 64 (quartiles)"]
    rows = [head, *(row(name, times) for name in times)]
    if markdown:
        rows.insert(1, ["---", *["---:"] * 3])
        return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return "\n".join("{:27s}{:>22s}{:>26s}{:>26s}".format(*cells) for cells in rows)


def main() -> None:
    """Run every comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.1, help="per sample of one run")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for shape, config in SHAPES.items():
            field = list(contenders(config, dataset_of(config), Path(folder)))
            check(field)
            times = rounds_of(field, options.rounds, options.seconds)
            print(table(shape, times, options.markdown), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
