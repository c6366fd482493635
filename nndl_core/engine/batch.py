"""Runs of one kind trained as one batch of tensors, from their configs to their outcomes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nndl_core.base.checks import check_type
from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import Dataset, Split
from nndl_core.engine.kernel import Block, Kernel
from nndl_core.engine.machine.memory import Windows
from nndl_core.engine.machine.problem import Problem
from nndl_core.engine.records import SCALARS, Columns, EpochRecord, record_at
from nndl_core.engine.telemetry import Telemetry
from nndl_core.network.activations import Slope
from nndl_core.network.initializers import first_parameters
from nndl_core.network.losses import output_units, targets
from nndl_core.network.optimizers import Optimizer

BLOCK_SECONDS, BLOCK_EPOCHS = 0.02, 64
"""The processor time between two looks at the clock, and the most epochs of that."""
CURVE_POINTS = 200

Score = tuple[float, float]
"""Accuracy and loss."""


@dataclass(frozen=True)
class Outcome:
    """What is known of one run at its end.

    first is the record of epoch 0; last is measured at the final parameters, without an update.
    A run that diverged ends at the last parameters whose loss was finite, and diverged_at is the
    epoch whose loss was not. test_last and test_best are (accuracy, loss) on the test set with
    the final parameters and with those of the first epoch with the highest dev accuracy.
    movement [layers, 2] is the largest absolute change of any weight and of any bias.
    curves hold "epoch" and the losses and accuracies at no more than CURVE_POINTS epochs, the
    final state last.
    """

    config: RunConfig
    first: EpochRecord
    last: EpochRecord
    epochs: int
    best_epoch: int
    dev_best: float
    test_last: Score
    test_best: Score
    diverged_at: int | None
    movement: NDArray[np.float64]
    curves: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Member:
    """One run of an ensemble before it is trained.

    Raises TypeError or ValueError with one sentence where its data cannot be trained on, or have
    no dev or test part to be measured with.
    """

    index: int
    config: RunConfig
    data: Dataset

    def __post_init__(self) -> None:
        check_type("data", self.data, Dataset)
        check_type("config", self.config, RunConfig)
        if not all(len(part.x) for part in (self.data.dev, self.data.test)):
            raise ValueError(
                tr("Runs are compared by their dev and test scores; neither part may be empty.")
            )
        output_units(self.config.loss, len(self.data.classes))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The units of every layer, from the input on."""
        outputs = output_units(self.config.loss, len(self.data.classes))
        return (len(self.data.features), *self.config.hidden, outputs)

    @property
    def kind(self) -> tuple[object, ...]:
        """What runs trained as one batch must have in common."""
        c, d = self.config, self.data
        parts = tuple(len(part.x) for part in (d.train, d.dev, d.test))
        batch_size = c.batch_size if c.batch_size < parts[0] else 0
        rule = (c.optimizer, c.momentum, batch_size, c.epochs)
        return (self.sizes, parts, c.activation, c.loss, c.dtype, *rule)


def kernel_of(members: list[Member]) -> Kernel:
    """Make the kernel that trains these runs; raise ValueError unless they are of one kind."""
    if len({m.kind for m in members}) != 1:
        raise ValueError(
            tr("A batch trains runs of one shape, one update rule and one number of examples.")
        )
    sizes, configs = members[0].sizes, [m.config for m in members]
    c, dtype = configs[0], getattr(torch, configs[0].dtype)
    x, y = _tensors([(m.data.train, m.data.dev) for m in members], sizes[-1], dtype)
    n_train = len(members[0].data.train.x)
    problem = Problem(sizes, c.activation, _slope(configs), c.loss, x, y, n_train)
    drawn = [first_parameters(config, sizes) for config in configs]
    windows = [torch.stack(layer) for layer in zip(*drawn, strict=True)]
    seeds = [config.init_seed for config in configs]
    optimizer = _optimizer(configs, Windows(sizes, len(members)))
    return Kernel(problem, windows, optimizer, c.batch_size, seeds, lean=True)


def _tensors(
    parts: Sequence[tuple[Split, ...]], outputs: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Stack the examples of all runs: x [1 or R, features, n], target [1 or R, outputs, n]."""
    if all(part == parts[0] for part in parts):
        parts = parts[:1]
    x = torch.stack([torch.cat([s.x for s in part]) for part in parts])
    y = [targets(torch.cat([s.y for s in part]), outputs, dtype) for part in parts]
    return x.to(dtype).mT.contiguous(), torch.stack(y)


def _slope(configs: Sequence[RunConfig]) -> Slope:
    """The common slope, which has the faster kernels, or one for each run."""
    slopes = [c.slope for c in configs]
    if len(set(slopes)) == 1:
        return slopes[0]
    return torch.tensor(slopes, dtype=getattr(torch, configs[0].dtype))[:, None, None]


def _optimizer(configs: Sequence[RunConfig], windows: Windows) -> Optimizer:
    """The update rule of all runs, with vectors for what they do not have in common."""
    optimizer, dtype = Optimizer.from_config((), configs[0]), getattr(torch, configs[0].dtype)
    rates = torch.tensor([c.learning_rate for c in configs], dtype=torch.float64)
    decays = torch.tensor([c.weight_decay for c in configs], dtype=torch.float64)
    if (rates != rates[0]).any():
        # adam divides the rate before it rounds it
        optimizer.rates = windows.spread(rates if optimizer.name == "adam" else rates.to(dtype))
    if (decays != decays[0]).any():
        optimizer.decays = windows.spread(decays.to(dtype))
    return optimizer


class Batch:
    """Runs of one kind while they are trained as one batch of tensors."""

    def __init__(self, members: list[Member]) -> None:
        self.members, self.runs = members, len(members)
        self.kernel = kernel_of(members)
        self.epochs, self.epoch = members[0].config.epochs, 0
        self.kernel.resize(min(BLOCK_EPOCHS, self.epochs))
        self.windows = self.kernel.windows
        self.telemetry = Telemetry(self.kernel.problem, self.windows)
        self.run_of = self.windows.spread(torch.arange(self.runs))
        self.start = self.kernel.p[0].clone()
        self.previous = self.stopped = self.best = self.start
        self.first: Columns = {}
        self.best_score = np.full(self.runs, -1.0)
        self.best_epoch = np.zeros(self.runs, dtype=np.int64)
        self.diverged = np.full(self.runs, -1)
        # the first epoch is a block of its own, because all of its statistics are kept
        self.count = 1
        self.curve = _Curves(self.epochs, self.runs)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.epoch >= self.epochs or bool((self.diverged >= 0).all())

    def advance(self) -> None:
        """Train a few epochs and note what they did."""
        # processor time: blocks as short as a busy machine is slow would make it slower still
        start = time.thread_time()
        block = self.kernel.run(min(self.count, self.epochs - self.epoch))
        if not self.epoch:
            self.first = self.telemetry.measure(block, 0)
        columns = self.telemetry.outcome(block)
        with torch.inference_mode():
            self._follow(columns, block)
        count = len(block.gradients)
        self.kernel.keep(count)
        self.epoch += count
        taken = max(time.thread_time() - start, 1e-4)
        self.count = min(BLOCK_EPOCHS, max(1, int(count * BLOCK_SECONDS / taken)))

    def _follow(self, columns: Columns, block: Block) -> None:
        """Keep the best parameters of every run, and the last ones of those that diverge."""
        finite = np.isfinite(columns["train_loss"]) & np.isfinite(columns["dev_loss"])
        good = np.logical_and.accumulate(finite, axis=0) & (self.diverged < 0)
        ends = ~good[-1] & (self.diverged < 0)
        if ends.any():
            rows = torch.cat([self.previous[None], block.parameters])
            self._stop(ends, good.sum(0), rows)
        self._keep_best(np.where(good, columns["dev_accuracy"], -1.0), block.parameters)
        self.curve.add(columns, self.epoch)
        self.previous = block.parameters[-2].clone()

    def _stop(self, ends: NDArray[np.bool_], good: NDArray[np.int64], rows: Tensor) -> None:
        """Note that runs diverged after so many good epochs; rows begin one epoch earlier."""
        self.diverged = np.where(ends, self.epoch + good, self.diverged)
        last = self._pick(rows, good)
        self.stopped = last.where(self._each(ends), self.stopped)

    def _keep_best(self, scores: NDArray[np.float64], rows: Tensor) -> None:
        slot = scores.argmax(0)
        score = scores[slot, np.arange(self.runs)]
        better = score > self.best_score
        if better.any():
            self.best_score = np.where(better, score, self.best_score)
            self.best_epoch = np.where(better, self.epoch + slot, self.best_epoch)
            self.best = self._pick(rows, slot).where(self._each(better), self.best)

    def _pick(self, rows: Tensor, slot: NDArray[np.int64]) -> Tensor:
        """Take each run's parameters from its own row of [k, T]."""
        return rows.gather(0, self._each(slot)[None])[0]

    def _each(self, values: NDArray[np.int64] | NDArray[np.bool_]) -> Tensor:
        """Repeat one value per run for each of its parameters."""
        return torch.from_numpy(values)[self.run_of]

    def _final(self) -> tuple[Tensor, Columns]:
        """Measure where every run ended; the last update may have left the finite numbers."""
        with torch.inference_mode():
            end = self.kernel.p[0].where(self._each(self.diverged < 0), self.stopped)
            columns = self._measured(end)
            finite = np.isfinite(columns["train_loss"][0]) & np.isfinite(columns["dev_loss"][0])
            ends = ~finite & (self.diverged < 0)
            if ends.any():
                self._stop(ends, np.zeros(self.runs, dtype=np.int64), self.previous[None])
                end = end.where(self._each(self.diverged < 0), self.stopped)
                columns = self._measured(end)
        return end, columns

    def _measured(self, parameters: Tensor) -> Columns:
        self.kernel.p[0].copy_(parameters)
        return self.telemetry.measure(self.kernel.measure(), self.epoch)

    def outcomes(self) -> list[Outcome]:
        """Evaluate the finished runs."""
        end, columns = self._final()
        trained = np.where(self.diverged < 0, self.epochs, np.maximum(self.diverged - 1, 0))
        columns["epoch"] = trained[None].astype(np.float64)
        tests = zip(self._tested(end), self._tested(self.best), strict=True)
        rows = zip(tests, self._movement(end), strict=True)
        return [self._outcome(r, columns, *row) for r, row in enumerate(rows)]

    def _outcome(
        self, r: int, columns: Columns, tests: tuple[Score, Score], movement: NDArray[np.float64]
    ) -> Outcome:
        first, last = (
            record_at({name: c[:, r] for name, c in some.items()}, 0)
            for some in (self.first, columns)
        )
        diverged = int(self.diverged[r]) if self.diverged[r] >= 0 else None
        # a run without any finite loss has no best epoch but the one it stands at
        best = float(self.best_score[r]) if diverged != 0 else first.dev_accuracy
        return Outcome(
            config=self.members[r].config,
            first=first,
            last=last,
            epochs=last.epoch,
            best_epoch=int(self.best_epoch[r]),
            dev_best=best,
            test_last=tests[0],
            test_best=tests[1],
            diverged_at=diverged,
            movement=movement,
            curves=self.curve.of(r, last),
        )

    def _tested(self, parameters: Tensor) -> list[Score]:
        """Return (accuracy, loss) of each run on its test set."""
        p = self.kernel.problem
        x, y = _tensors([(m.data.test,) for m in self.members], p.sizes[-1], p.x.dtype)
        n = x.shape[-1]
        problem = replace(p, x=x, target=y, n_train=n)
        test = Kernel(problem, self.windows.of(parameters), self.kernel.optimizer, lean=True)
        with torch.inference_mode():
            scores = test.measure().scores[0] / n
        return list(zip(scores[:, 2].tolist(), scores[:, 0].tolist(), strict=True))

    def _movement(self, end: Tensor) -> NDArray[np.float64]:
        """Return the largest change of any weight and any bias, [R, layers, 2]."""
        change = (end.double() - self.start.double()).abs()
        rows = [
            torch.stack([w[..., :-1].amax((1, 2)), w[..., -1].amax(1)], -1)
            for w in self.windows.of(change)
        ]
        return torch.stack(rows, 1).numpy()


class _Curves:
    """The losses and accuracies of every run at some of the epochs."""

    def __init__(self, epochs: int, runs: int) -> None:
        points = np.linspace(0, epochs, min(CURVE_POINTS, epochs + 1))
        self.epochs = np.unique(points.round().astype(np.int64))[:-1]
        self.values = np.zeros((len(SCALARS), len(self.epochs), runs), dtype=np.float32)

    def add(self, columns: Columns, epoch: int) -> None:
        """Take what is wanted of a block that begins at an epoch."""
        count = len(columns["train_loss"])
        a, b = np.searchsorted(self.epochs, (epoch, epoch + count))
        with np.errstate(over="ignore"):
            for i, name in enumerate(SCALARS):
                self.values[i, a:b] = columns[name][self.epochs[a:b] - epoch]

    def of(self, run: int, last: EpochRecord) -> dict[str, NDArray[np.float32]]:
        """Return the curves of one run up to its final state."""
        n = int(np.searchsorted(self.epochs, last.epoch))
        names = ("epoch", *SCALARS)
        rows = [self.epochs[:n], *self.values[:, :n, run]]
        with np.errstate(over="ignore"):
            return {
                name: np.append(row, getattr(last, name)).astype(np.float32)
                for name, row in zip(names, rows, strict=True)
            }
