"""Time an epoch of the engine against a plain eager loop and the course's Runner loop.

All contenders run interleaved in one process on one thread, on the same data, weights and
learning rate: full batch, train and dev loss and accuracy every epoch. The engine measures
everything it always measures (all of LayerStats); the peers measure nothing but these four.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nndl_core.config import RunConfig
from nndl_core.datasets import Dataset, dataset_of
from nndl_core.runner import Runner

SHAPES = {
    "2-5-1 sigmoid": RunConfig(hidden=(5,), epochs=100_000),
    "2-3-3-3-3-1 sigmoid": RunConfig(hidden=(3,) * 4, epochs=100_000),
    "2-3-3-3-3-1 relu": RunConfig(hidden=(3,) * 4, activation="relu", epochs=100_000),
    "2-8x6-1 relu": RunConfig(hidden=(8,) * 6, activation="relu", init="he_normal", epochs=100_000),
}
BATCH_10 = RunConfig(
    hidden=(4, 2), activation="tanh", points=390, batch_size=10, learning_rate=0.03, epochs=100_000
)
Step = Callable[[], None]


def network(config: RunConfig) -> nn.Sequential:
    """Build the network of a config from torch's own layers, ending in a sigmoid."""
    act = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}[config.activation]
    widths = (2, *config.hidden)
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), act()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1), nn.Sigmoid())


def labelled(data: Dataset) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return train x, train y, dev x, dev y with labels [n, 1]."""
    train, dev = data.train, data.dev
    return train.x, train.y.float()[:, None], dev.x, dev.y.float()[:, None]


def score(p: Tensor, y: Tensor) -> float:
    """Return the accuracy as the course computes it."""
    return ((p >= 0.5).float() == y).float().mean().item()


def eager(config: RunConfig, data: Dataset) -> Step:
    """Make the loop that one writes by hand with autograd, BCE and SGD."""
    model, loss_fn = network(config), nn.BCELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=config.learning_rate)
    x, y, dev_x, dev_y = labelled(data)
    size = config.batch_size or len(x)

    def epoch() -> None:
        order = torch.randperm(len(x)) if size < len(x) else None
        for start in range(0, len(x), size):
            rows = slice(None) if order is None else order[start : start + size]
            p = model(x[rows])
            loss = loss_fn(p, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss.item(), score(p, y[rows])
        with torch.no_grad():
            p = model(dev_x)
            loss_fn(p, dev_y).item(), score(p, dev_y)

    return epoch


class CourseRunner:
    """The shape of the course's RunnerV2_2: histories, evaluate, best score."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.model, self.optimizer, self.loss_fn = model, optimizer, nn.BCELoss()
        self.train_loss: list[float] = []
        self.train_scores: list[float] = []
        self.dev_loss: list[float] = []
        self.dev_scores: list[float] = []
        self.best_score = 0.0

    def train_epoch(self, x: Tensor, y: Tensor, dev_x: Tensor, dev_y: Tensor) -> None:
        """Train one epoch and evaluate the dev set."""
        self.model.train()
        p = self.model(x)
        loss = self.loss_fn(p, y)
        self.train_loss.append(loss.item())
        self.train_scores.append(score(p, y))
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        dev_score = self.evaluate(dev_x, dev_y)
        if dev_score > self.best_score:
            self.best_score = dev_score

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor) -> float:
        """Append dev loss and score."""
        self.model.eval()
        p = self.model(x)
        self.dev_loss.append(self.loss_fn(p, y).item())
        self.dev_scores.append(score(p, y))
        return self.dev_scores[-1]


def course(config: RunConfig, data: Dataset) -> Step:
    """Make the course's loop."""
    model = network(config)
    runner = CourseRunner(model, torch.optim.SGD(model.parameters(), lr=config.learning_rate))
    sets = labelled(data)
    return lambda: runner.train_epoch(*sets)


def microseconds(step: Step, epochs: int) -> float:
    """Time a step that trains one epoch."""
    start = time.perf_counter()
    for _ in range(epochs):
        step()
    return (time.perf_counter() - start) / epochs * 1e6


def void(_: object) -> None:
    """Drop a result."""


def compare(config: RunConfig, rounds: int, epochs: int) -> dict[str, list[float]]:
    """Time all contenders in turn, ``rounds`` times; microseconds per epoch."""
    data = dataset_of(config)
    runner = Runner.from_config(config, data)
    single = Runner.from_config(config, data)
    peers = {"plain eager": eager(config, data)}
    if not config.batch_size:
        peers["course's Runner"] = course(config, data)
    times: dict[str, list[float]] = {name: [] for name in ("engine", "one by one", *peers)}
    for _ in range(rounds):
        start = time.perf_counter()
        runner.advance(epochs)
        times["engine"].append((time.perf_counter() - start) / epochs * 1e6)
        times["one by one"].append(microseconds(lambda: void(next(single)), epochs // 4))
        for name, step in peers.items():
            times[name].append(microseconds(step, epochs // 4))
    return times


def report(name: str, times: dict[str, list[float]]) -> None:
    """Print medians and the ratios of each round against the engine."""
    print(f"\n{name}")
    for contender, values in times.items():
        ratios = sorted(v / e for v, e in zip(values, times["engine"], strict=True))
        low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
        print(
            f"  {contender:16s} {statistics.median(values):8.1f} us/epoch   "
            f"x {statistics.median(ratios):5.2f}  (quartiles {low:.2f} to {high:.2f})"
        )


def main() -> None:
    """Run every comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--epochs", type=int, default=400)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name, config in SHAPES.items():
        report(name, compare(config, options.rounds, options.epochs))
    report("2-4-2-1 tanh, batches of 10", compare(BATCH_10, options.rounds, options.epochs // 8))


if __name__ == "__main__":
    main()
