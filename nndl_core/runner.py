"""The Runner: iterate it to train; it evaluates, predicts, saves and loads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nndl_core.checkpoint import Checkpoint, CheckpointError, check_shapes, in_precision
from nndl_core.config import LossName, RunConfig
from nndl_core.data_facts import facts_of
from nndl_core.datasets import Data, Dataset, Split, as_split, dataset_of
from nndl_core.i18n import tr
from nndl_core.kernel import MAX_SLOTS, Block, Kernel, Problem
from nndl_core.losses import LOSSES, accuracy, constant_loss, probabilities, targets
from nndl_core.model import MLP, pack, unpack
from nndl_core.optimizers import Optimizer, OptimizerState, fresh_state
from nndl_core.records import Columns, EpochRecord, Records, record_at
from nndl_core.telemetry import Telemetry

FIRST_BLOCK = 4
"""The epochs of a block while nobody knows how long one takes."""

Metric = Callable[[Tensor, Tensor], float]
"""(probabilities [n, K], labels [n, K]) -> score; larger is better."""


@dataclass(frozen=True)
class Divergence:
    """Training met a loss that is no finite number: where, and what grew fastest before."""

    epoch: int
    learning_rate: float
    layer: str
    update_ratio: float


@dataclass(frozen=True)
class Best:
    """The parameters with the best dev score so far: windows of weights with bias column."""

    epoch: int
    score: float
    parameters: list[Tensor]


class Runner:
    """Trains an MLP; ``for record in runner`` gives one EpochRecord per epoch.

    A record is measured before the update of its epoch, train and dev at the same parameters.
    Pausing is not pulling the next record; the numbers are those of a straight run. The model's
    own parameters are the truth: what is written into them between two epochs is trained on.
    """

    def __init__(
        self,
        model: MLP,
        optimizer: Optimizer | torch.optim.Optimizer,
        metric: Metric = accuracy,
        loss_fn: LossName = "bce",
    ) -> None:
        if loss_fn not in LOSSES:
            raise ValueError(
                tr(
                    "loss_fn: {loss_fn!r} is not known; choose one of {known}.",
                    loss_fn=loss_fn,
                    known=list(LOSSES),
                )
            )
        self._torch = optimizer if isinstance(optimizer, torch.optim.Optimizer) else None
        self.optimizer = (
            optimizer if isinstance(optimizer, Optimizer) else Optimizer.from_torch(optimizer)
        )
        if not self.optimizer.holds(model.parameters()):
            raise ValueError(
                tr(
                    "The optimizer does not hold this model's parameters; make one from "
                    "model.parameters() of the model that you train."
                )
            )
        self.model, self.metric, self.loss_fn = model, metric, loss_fn
        self.config: RunConfig | None = None
        self.dataset: Dataset | None = None
        self.num_epochs = 0
        self.by_autograd = False
        self.block_epochs = MAX_SLOTS  # at most so many at once: fewer need less memory
        self.custom_print_log: Callable[[Runner], None] | None = None
        self.records = Records()
        self.best: Best | None = None
        self.diverged: Divergence | None = None
        self.seconds = 0.0
        self._pace: float | None = None  # seconds per epoch of the last block
        self._kernel: Kernel | None = None
        self._previous: Tensor | None = None

    @classmethod
    def from_config(cls, config: RunConfig, dataset: Dataset | None = None) -> Runner:
        """Build data, model and optimizer of a config; equal configs give equal runs."""
        data = dataset if dataset is not None else dataset_of(config)
        model = MLP.from_config(config, len(data.features), len(data.classes))
        optimizer = Optimizer.from_config(model.parameters(), config)
        runner = cls(model, optimizer, loss_fn=config.loss)
        runner.config, runner.dataset, runner.num_epochs = config, data, config.epochs
        runner._bind(data.train, data.dev, config.batch_size, config.init_seed)
        return runner

    @property
    def epoch(self) -> int:
        """The number of epochs trained so far."""
        return self._kernel.epoch if self._kernel else 0

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the run has diverged."""
        return self.epoch >= self.num_epochs or self.diverged is not None

    @property
    def train_loss(self) -> list[float]:
        """The training loss of every epoch."""
        return _listed(self.records, "train_loss")

    @property
    def train_scores(self) -> list[float]:
        """The training score of every epoch."""
        return _listed(self.records, "train_accuracy")

    @property
    def dev_loss(self) -> list[float]:
        """The dev loss of every epoch; evaluate() never adds to it."""
        return _listed(self.records, "dev_loss")

    @property
    def dev_scores(self) -> list[float]:
        """The dev score of every epoch; evaluate() never adds to it."""
        return _listed(self.records, "dev_accuracy")

    def __iter__(self) -> Iterator[EpochRecord]:
        return self

    def __next__(self) -> EpochRecord:
        if self.advance(1) == 0:
            raise StopIteration
        return self.records[-1]

    def advance(self, epochs: int, seconds: float = float("inf")) -> int:
        """Train up to this many epochs or this long; return how many were trained.

        Many epochs at once give the numbers of the same epochs one by one, many times faster.
        """
        kernel, start, before = self._ready(), time.perf_counter(), len(self.records)
        self._load_kernel(kernel)
        goal = min(kernel.epoch + epochs, self.num_epochs)
        while not self.finished and kernel.epoch < goal:
            begin, epoch = time.perf_counter(), kernel.epoch
            left = seconds - (begin - start)
            self._advance_block(kernel, self._fitting(goal - epoch, left))
            end = time.perf_counter()
            self._pace = (end - begin) / max(1, kernel.epoch - epoch)
            if end - start >= seconds:
                break
        if len(self.records) > before and self.diverged is None:
            self._check_last_update(kernel)
        self._store_kernel(kernel)
        self.seconds += time.perf_counter() - start
        return len(self.records) - before

    def _fitting(self, epochs: int, seconds: float) -> int:
        """Return how many of these epochs a block may have that has to end in time."""
        epochs = min(epochs, self.block_epochs)
        if seconds == float("inf"):
            return epochs
        if self._pace is None:
            return min(epochs, FIRST_BLOCK)
        return max(1, min(epochs, int(seconds / self._pace)))

    def measure(self) -> tuple[EpochRecord, Block]:
        """Measure the current parameters without training.

        The block holds the logits and activations of all examples; the next epoch overwrites it.
        """
        kernel = self._ready()
        self._load_kernel(kernel)
        block = kernel.measure()
        columns = self._measured(block, kernel.epoch)
        return record_at({name: c[:, 0] for name, c in columns.items()}, 0), block

    def release(self) -> None:
        """Give the memory of a block of epochs back; the run can go on at any time."""
        if self._kernel is not None and self._kernel.slots > 1:
            self._kernel.resize(1)
            self._telemetry.release()

    def train(
        self,
        train_set: Data | None = None,
        dev_set: Data | None = None,
        num_epochs: int = 0,
        log_epochs: int = 0,
        save_path: str | Path | None = None,
        custom_print_log: Callable[[Runner], None] | None = None,
        batch_size: int = 0,
    ) -> None:
        """Train as the course's Runner does: further epochs on these sets, the best model saved.

        log_epochs > 0 prints a line that often; custom_print_log(runner) is called in every epoch
        after backward and before the update, when each parameter's .grad is that of the epoch.
        """
        if train_set is not None:
            self._bind(as_split(train_set), as_split(dev_set or train_set), batch_size, 0)
        self.num_epochs = self.epoch + num_epochs if num_epochs else self.num_epochs
        self.custom_print_log = custom_print_log
        step = log_epochs or self.num_epochs
        try:
            while (left := self.num_epochs - self.epoch) > 0:
                first = self.epoch
                if self.advance(min(step, left)) == 0:
                    break
                if log_epochs:
                    print(self._log_line(first))
        finally:
            self.custom_print_log = None
        if save_path is not None:
            self.save_model(save_path, best=True)

    def evaluate(self, data_set: Data, best: bool = False) -> tuple[float, float]:
        """Return (score, loss) on a set; no history, mode or parameter changes.

        best: with the parameters of the best dev score instead of the current ones.
        """
        split = as_split(data_set)
        logits = self._chosen(best).logits(split.x)
        target = targets(split.y, logits.shape[1], logits.dtype)
        loss = LOSSES[self.loss_fn].value(logits.T, target).double().mean().item()
        return self.metric(probabilities(logits.T).T, target.T), loss

    def predict(self, x: Tensor, best: bool = False) -> Tensor:
        """Return probabilities [n, outputs]; with one output, that of class 1."""
        return self._chosen(best).predict(x)

    def save_model(self, path: str | Path, best: bool = False) -> None:
        """Write the current (or the best) parameters, the optimizer's memory and the config."""
        Path(path).write_bytes(self.checkpoint(best).to_bytes())

    def load_model(self, path: str | Path) -> None:
        """Read parameters that fit this model; raise CheckpointError with a sentence if not."""
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise CheckpointError(
                tr("{path} cannot be read: {strerror}.", path=path, strerror=error.strerror)
            ) from None
        self.restore(Checkpoint.from_bytes(content))

    def checkpoint(self, best: bool = False) -> Checkpoint:
        """Return what save_model writes."""
        tensors = {name: t.clone() for name, t in self.model.state_dict().items()}
        if best and self.best is not None:
            unpack(self.best.parameters, tensors)
            return Checkpoint(tensors, self.best.epoch, self.config)
        if self._kernel is None:
            return Checkpoint(tensors, self.epoch, self.config)
        state = self._kernel.state
        tensors |= {f"optimizer.{i}": vector.clone() for i, vector in enumerate(state.vectors)}
        return Checkpoint(tensors, self.epoch, self.config, state.steps)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint: parameters, epoch and the optimizer's memory."""
        own = self.model.state_dict()
        check_shapes(checkpoint.tensors, {name: t.shape for name, t in own.items()})
        tensors = in_precision(checkpoint.tensors, next(iter(own.values())).dtype)
        self.model.load_state_dict({name: tensors[name] for name in own})
        self.records = Records(self.records.constant_loss, self.records.data)
        self.best, self.diverged = None, None
        self._previous = None
        if self._kernel is not None:
            self._kernel.state = self._remembered(self._kernel, tensors, checkpoint.steps)
            self._kernel.epoch = checkpoint.epoch

    def _remembered(self, kernel: Kernel, tensors: dict[str, Tensor], steps: int) -> OptimizerState:
        """The saved memory if it is that of this update rule, else a fresh one."""
        fresh = fresh_state(self.optimizer.name, kernel.p[0])
        saved = {n: t for n, t in tensors.items() if n.startswith("optimizer.")}
        shapes = {f"optimizer.{i}": vector.shape for i, vector in enumerate(fresh.vectors)}
        if {name: t.shape for name, t in saved.items()} != shapes:
            return fresh
        for i, vector in enumerate(fresh.vectors):
            vector.copy_(saved[f"optimizer.{i}"])
        fresh.steps = steps
        return fresh

    def _bind(self, train: Split, dev: Split, batch_size: int, seed: int) -> None:
        """Make the kernel for these sets; histories, epoch and the optimizer's memory go on."""
        sizes, dtype = self.model.sizes, next(self.model.parameters()).dtype
        x = torch.cat([train.x, dev.x]).to(dtype).T.contiguous()[None]
        y = targets(torch.cat([train.y, dev.y]), sizes[-1], dtype)[None]
        problem = Problem(
            sizes, self.model.activation, self.model.slope, self.loss_fn, x, y, len(train.x)
        )
        self.records.constant_loss = constant_loss(self.loss_fn, y[0, :, : len(train.x)])
        linear = self.model.activation == "identity" or len(sizes) == 2
        facts = facts_of(train, self.loss_fn, sizes[-1], linear=linear)
        self.records.data = replace(facts, dev_rows=len(dev.x))
        before = self._kernel
        self._kernel = Kernel(problem, pack(self.model), self.optimizer, batch_size, seed)
        if before is not None:
            self._kernel.epoch, self._kernel.state = before.epoch, before.state
        self._telemetry = Telemetry(problem, self._kernel.windows)

    def _ready(self) -> Kernel:
        if self._kernel is None:
            raise ValueError(
                tr("There is nothing to train on yet; call train(train_set, dev_set).")
            )
        # More threads make products of this size several times slower. Set at every entry,
        # because the number belongs to the calling thread; it costs a tenth of a microsecond.
        torch.set_num_threads(1)
        return self._kernel

    def _load_kernel(self, kernel: Kernel) -> None:
        kernel.parameters = pack(self.model)
        kernel.by_autograd = self.by_autograd
        if self._torch is not None:
            fresh = Optimizer.from_torch(self._torch)
            self.optimizer.learning_rate = fresh.learning_rate
            self.optimizer.weight_decay = fresh.weight_decay

    def _store_kernel(self, kernel: Kernel) -> None:
        unpack(kernel.parameters, self.model.state_dict())

    def _advance_block(self, kernel: Kernel, epochs: int) -> None:
        first = kernel.epoch
        if self.custom_print_log is None:
            block = kernel.run(epochs)
        else:
            block = kernel.run(1, self._call_hook)
        count = block.gradients.shape[0]
        columns = self._measured(block, first)
        finite = np.isfinite(columns["train_loss"][:, 0]) & np.isfinite(columns["dev_loss"][:, 0])
        if finite.all():
            self._keep(columns, block, count)
            self._previous = block.parameters[-2].clone()
            kernel.keep(count)
        else:
            self._stop_diverged(kernel, block, columns, int(finite.argmin()))

    def _check_last_update(self, kernel: Kernel) -> None:
        """Tell at once, not one epoch later, that the last update left the finite numbers."""
        if not kernel.loss_is_finite():
            block = kernel.measure()
            self._stop_diverged(kernel, block, self._measured(block, kernel.epoch), 0)

    def _measured(self, block: Block, epoch: int) -> Columns:
        columns = self._telemetry.measure(block, epoch)
        if self.metric is not accuracy:
            columns |= self._telemetry.scores(block, self.metric)
        return columns

    def _keep(self, columns: Columns, block: Block, count: int) -> None:
        self.records.append({name: c[:, 0] for name, c in columns.items()}, count)
        dev = columns["dev_accuracy"][:count, 0]
        s = int(dev.argmax()) if count else 0
        if count and (self.best is None or dev[s] > self.best.score):
            windows = self._ready().windows.of(block.parameters[s].clone())
            self.best = Best(int(columns["epoch"][s, 0]), float(dev[s]), windows)

    def _stop_diverged(self, kernel: Kernel, block: Block, columns: Columns, s: int) -> None:
        """Go back to the last parameters whose loss was finite, and say what happened."""
        self._keep(columns, block, s)
        last = block.parameters[s - 1] if s else self._previous
        bad = kernel.epoch = int(columns["epoch"][s, 0])
        if last is not None:
            kernel.parameters = kernel.windows.of(last.clone())
            kernel.epoch = bad - 1
        # the optimizer remembers gradients that are no numbers; a saved file may not hold them
        kernel.state = fresh_state(self.optimizer.name, kernel.p[0])
        ratios = np.nan_to_num(self.records.column("update_ratio"), posinf=np.inf)
        worst = int(ratios[-1].argmax()) if len(ratios) else 0
        ratio = float(ratios[-1, worst]) if len(ratios) else float("nan")
        self.records.diverged_at = bad
        self.diverged = Divergence(bad, self.optimizer.learning_rate, f"fc{worst + 1}", ratio)

    def _call_hook(self, gradients: list[Tensor]) -> None:
        assert self.custom_print_log is not None
        kernel = self._ready()
        with torch.inference_mode(False), torch.no_grad():
            for layer, g in zip(self.model.layers, gradients, strict=True):
                layer.weight.grad, layer.bias.grad = g[0, :, :-1].clone(), g[0, :, -1].clone()
            self._store_kernel(kernel)
            self.custom_print_log(self)

    def _chosen(self, best: bool) -> MLP:
        """The model, or one with the best parameters."""
        if not best or self.best is None:
            return self.model
        dtype = next(self.model.parameters()).dtype
        model = MLP(self.model.sizes, self.model.activation, self.model.slope, dtype)
        unpack(self.best.parameters, model.state_dict())
        return model

    def _log_line(self, epoch: int) -> str:
        r = self.records[epoch - int(self.records[0].epoch)]
        return (
            f"[Train] epoch: {r.epoch}/{self.num_epochs}, loss: {r.train_loss:.5f}, "
            f"score: {r.train_accuracy:.5f}  [Dev] loss: {r.dev_loss:.5f}, "
            f"score: {r.dev_accuracy:.5f}"
        )


def _listed(records: Records, name: str) -> list[float]:
    values: list[float] = records.column(name).tolist()
    return values
