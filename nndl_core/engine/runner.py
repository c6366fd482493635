"""The Runner: iterate it to train; it evaluates, predicts, saves and loads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nndl_core.base.checks import check_count, check_examples
from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import Dataset, Split, dataset_of
from nndl_core.data.examples import Data, as_split, pair_of, tensor_of
from nndl_core.engine.any_module.criterion import Criterion, LossFunction, check_loss, named_loss
from nndl_core.engine.any_module.described import FirstWeights, described, first_weights
from nndl_core.engine.any_module.module_loop import ModuleLoop, fitting, predicted
from nndl_core.engine.any_module.probe import Probe
from nndl_core.engine.any_module.trainable import (
    AnyMetric,
    check_metric,
    check_model,
    check_optimizer,
    fits,
    own_metric,
    score_of,
    why_by_autograd,
)
from nndl_core.engine.checkpoint import Checkpoint, fitted, in_precision
from nndl_core.engine.kernel import MAX_SLOTS, Block
from nndl_core.engine.kernel_loop import KernelLoop, Loop, Metric, Parameters
from nndl_core.engine.records import Columns, EpochRecord, Records, record_at
from nndl_core.network.losses import LOSSES, Loss, accuracy, probabilities, targets
from nndl_core.network.model import MLP, is_plain
from nndl_core.network.optimizers import Optimizer

MOST_EPOCHS = 10**9
FIRST_BLOCK = 4
"""The epochs of a block while nobody knows how long one takes."""


@dataclass(frozen=True)
class Divergence:
    """Training met a loss that is no finite number: where, and what grew fastest before."""

    epoch: int
    learning_rate: float
    layer: str
    update_ratio: float


@dataclass(frozen=True)
class Best:
    """The parameters with the best dev score so far, as the loop keeps them."""

    epoch: int
    score: float
    parameters: Parameters


class Runner:
    """Trains a network; ``for record in runner`` gives one EpochRecord per epoch.

    A record is measured before the update of its epoch, train and dev at the same parameters.
    Pausing is not pulling the next record; the numbers are those of a straight run. The model's
    own parameters are the truth: what is written into them between two epochs is trained on.

    An MLP with a loss of LOSSES and SGD or Adam is trained by machine code. Any other torch.nn
    Module, loss function, optimizer or DataLoader is trained by autograd, which the Runner says
    once; its records tell the same of every nn.Linear. metric(outputs, labels) gives a score of
    which more is better. Raises TypeError or ValueError with one sentence for what does not fit.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer | torch.optim.Optimizer,
        metric: AnyMetric | None = accuracy,
        loss_fn: str | LossFunction = "bce",
    ) -> None:
        self.metric: AnyMetric = accuracy if metric is None else metric
        check_loss(loss_fn)
        check_metric(self.metric)
        check_model(model)
        check_optimizer(optimizer, model)
        self.optimizer: Any = optimizer
        self.model: Any = model
        self.loss_fn = loss_fn
        self.config: RunConfig | None = None
        self.dataset: Dataset | None = None
        self.num_epochs = 0
        self.by_autograd = False
        self.block_epochs = MAX_SLOTS  # at most so many at once: fewer need less memory
        self.custom_print_log: Callable[[Runner], object] | None = None
        self.records = Records()
        self.best: Best | None = None
        self.diverged: Divergence | None = None
        self.seconds = 0.0
        self._pace: float | None = None  # seconds per epoch of the last block
        self._loop: Loop | None = None
        self._sets: tuple[Data, Data, int, int] | None = None
        self._previous: Parameters | None = None
        self._first: FirstWeights | None = None
        self._said = ""

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
    def described(self) -> RunConfig:
        """The config of this run; of one that no config made, what can be read off its parts."""
        if self.config is not None:
            return self.config
        loop, first = self._ready(), self._first
        if not loop.layers:
            raise ValueError(
                tr(
                    "The network has no nn.Linear, and only these are measured; its losses and "
                    "scores are in runner.records."
                )
            )
        assert self._sets is not None
        assert first is not None
        train, _, batch_size, _ = self._sets
        batches = train if isinstance(train, DataLoader) else batch_size
        sizes = len(pair_of(train)[0]), batches
        epochs = max(self.num_epochs, self.epoch)
        return described(loop.layers, first, self.optimizer, self.loss_fn, epochs, sizes)

    @property
    def sets(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The train and the dev set (x, y), as they were given."""
        self._ready()
        assert self._sets is not None
        return pair_of(self._sets[0]), pair_of(self._sets[1])

    @property
    def epoch(self) -> int:
        """The number of epochs trained so far."""
        return self._loop.epoch if self._loop else 0

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
        loop, start, before = self._ready(), time.perf_counter(), len(self.records)
        loop.load()
        goal = min(loop.epoch + epochs, self.num_epochs)
        while not self.finished and loop.epoch < goal:
            begin, epoch = time.perf_counter(), loop.epoch
            left = seconds - (begin - start)
            self._advance_block(loop, self._fitting(goal - epoch, left))
            end = time.perf_counter()
            self._pace = (end - begin) / max(1, loop.epoch - epoch)
            if end - start >= seconds:
                break
        if len(self.records) > before and self.diverged is None:
            self._check_last_update(loop)
        loop.store()
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
        """Measure the current parameters of an MLP without training.

        The block holds the logits and activations of all examples; the next epoch overwrites it.
        Raises ValueError for a network that is trained by autograd.
        """
        loop = self._ready()
        if not isinstance(loop, KernelLoop):
            raise ValueError(
                tr(
                    "Only the lab's own network can be measured between two epochs; what was "
                    "measured in each epoch is in runner.records."
                )
            )
        loop.load()
        columns, block = loop.measure()
        return record_at({name: c[:, 0] for name, c in columns.items()}, 0), block

    def release(self) -> None:
        """Give the memory of a block of epochs back; the run can go on at any time."""
        if self._loop is not None:
            self._loop.release()

    def train(
        self,
        train_set: Data | None = None,
        dev_set: Data | None = None,
        num_epochs: int = 0,
        log_epochs: int | None = 0,
        save_path: str | Path | None = None,
        custom_print_log: Callable[[Runner], object] | None = None,
        batch_size: int = 0,
    ) -> None:
        """Train as the course's Runner does: further epochs on these sets, the best model saved.

        log_epochs > 0 prints a line that often; custom_print_log(runner) is called in every epoch
        after backward and before the update, when each parameter's .grad is that of the epoch.
        """
        batch_size = _count("batch_size", batch_size)
        _check_folder(save_path)
        if train_set is not None:
            self._bind(train_set, train_set if dev_set is None else dev_set, batch_size, 0)
        num_epochs, log_epochs = _count("num_epochs", num_epochs), _count("log_epochs", log_epochs)
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
        if self.diverged is not None:
            print(
                tr(
                    "[Runner] Stopped: the loss of epoch {epoch} is no finite number. The network "
                    "has its last parameters with a finite loss.",
                    epoch=self.diverged.epoch,
                )
            )
        if save_path is not None:
            self.save_model(save_path, best=True)

    def evaluate(self, data_set: Data, best: bool = False) -> tuple[float, float]:
        """Return (score, loss) on a set; no history, mode or parameter changes.

        best: with the parameters of the best dev score instead of the current ones.
        """
        loss = named_loss(self.loss_fn)
        if type(self.model) is MLP and loss is not None and fits(self.model, loss):
            return self._evaluate_mlp(as_split(data_set, self.model.sizes[-1]), LOSSES[loss], best)
        x, y = pair_of(data_set)
        outputs = predicted(self.model, x, self._state(best))
        criterion = self._criterion(x)
        labels = criterion.fitted(y.to(outputs.device), outputs)
        with torch.no_grad():
            value = float(criterion(outputs, labels))
        metric = own_metric(self.metric)
        return (metric or criterion.score)(outputs, labels), value

    def _evaluate_mlp(self, split: Split, loss: Loss, best: bool) -> tuple[float, float]:
        check_examples(split.x, self.model.sizes[0])
        logits = self._mlp(best).logits(split.x)
        target = targets(split.y, logits.shape[1], logits.dtype)
        value = loss.value(logits.T, target).double().mean().item()
        return score_of(self.metric, probabilities(logits.T).T, target.T), value

    def predict(self, x: Any, best: bool = False) -> Tensor:
        """Return what the network gives for examples x [n, ...], without a graph.

        Of an MLP these are probabilities [n, outputs]; with one output, that of class 1.
        """
        x = tensor_of(x, tr("examples"))
        if type(self.model) is MLP:
            check_examples(x, self.model.sizes[0])
            return self._mlp(best).predict(x)
        return predicted(self.model, x, self._state(best))

    def save_model(self, path: str | Path, best: bool = False) -> None:
        """Write the current (or the best) parameters.

        A path that ends in .safetensors also holds the optimizer's memory and the config; any
        other is a state dict that torch.load and model.load_state_dict read.
        """
        Path(path).write_bytes(self.checkpoint(best).to_bytes_for(path))

    def load_model(self, path: str | Path) -> None:
        """Read parameters that fit this model; the curves of what was trained so far stay.

        Raises CheckpointError with a sentence if they do not fit.
        """
        checkpoint = Checkpoint.from_file(path, self.model.state_dict())
        if not len(self.records):
            self.restore(checkpoint)
            return
        self._take_over(checkpoint)
        self.diverged = self.records.diverged_at = None

    def checkpoint(self, best: bool = False) -> Checkpoint:
        """Return what save_model writes."""
        state = self._state(best)
        if state is not None and self.best is not None:
            return Checkpoint(state, self.best.epoch, self.config)
        tensors = {name: t.detach().cpu().clone() for name, t in self.model.state_dict().items()}
        memory = None if self._loop is None else self._loop.memory()
        if memory is None:
            return Checkpoint(tensors, self.epoch, self.config)
        vectors = [vector.clone() for vector in memory.vectors]
        return Checkpoint(tensors, self.epoch, self.config, memory.steps, vectors)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint: parameters, epoch and the optimizer's memory."""
        self._take_over(checkpoint)
        self.records = self.records.fresh()
        self.best, self.diverged = None, None
        self._previous = None
        if self._loop is not None:
            self._loop.epoch = checkpoint.epoch

    def _take_over(self, checkpoint: Checkpoint) -> None:
        """Read parameters and the optimizer's memory."""
        own = self.model.state_dict()
        tensors = in_precision(fitted(checkpoint.tensors, own), own)
        self.model.load_state_dict(tensors)
        if self._loop is not None:
            self._loop.remember(checkpoint.vectors, checkpoint.steps)

    def _bind(self, train: Data, dev: Data, batch_size: int, seed: int) -> None:
        """Make the loop for these sets; histories, epoch and the optimizer's memory go on."""
        before, self._sets = self._loop, (train, dev, batch_size, seed)
        why = why_by_autograd(self.model, self.optimizer, self.loss_fn, train)
        loop = self._module_loop(why) if why else self._kernel_loop()
        if before is not None:
            loop.epoch = before.epoch
            memory = before.memory()
            if memory is not None:
                loop.remember(memory.vectors, memory.steps)
        if self._first is None:
            self._first = first_weights(loop.layers)
        self.records.constant_loss, self.records.data = loop.constant_loss, loop.data
        self._loop = loop

    def _kernel_loop(self) -> Loop:
        assert self._sets is not None
        train, dev, batch_size, seed = self._sets
        loss, outputs = named_loss(self.loss_fn), self.model.sizes[-1]
        assert loss is not None
        parts = as_split(train, outputs), as_split(dev, outputs)
        metric = own_metric(self.metric)
        return KernelLoop(self.model, self.optimizer, loss, *parts, batch_size, seed, metric)

    def _module_loop(self, why: str) -> Loop:
        assert self._sets is not None
        train, dev, batch_size, seed = self._sets
        batches = train if isinstance(train, DataLoader) else batch_size
        metric = own_metric(self.metric)
        if metric is not None and type(self.model) is MLP:
            metric = _of_probabilities(metric)
        loop = ModuleLoop(
            self.model,
            self.optimizer,
            self.loss_fn,
            pair_of(train),
            pair_of(dev),
            batches,
            seed,
            metric,
        )
        if why != self._said:
            print(
                tr(
                    "[Runner] Autograd trains this run, because of {why}: slower than the lab's "
                    "own loop, with the same records.",
                    why=why,
                )
            )
            print("\n".join(loop.doubts), end="\n" if loop.doubts else "")
            self._said = why
        return loop

    def _criterion(self, x: Tensor) -> Criterion:
        """Return the loss for this network, also before it was trained."""
        if isinstance(self._loop, ModuleLoop):
            return self._loop.criterion
        probe = Probe(self.model, fitting(self.model, x))
        return Criterion.of(self.loss_fn, probe.output, probe.outputs)

    def _ready(self) -> Loop:
        if self._loop is None:
            raise ValueError(
                tr("There is nothing to train on yet; call train(train_set, dev_set).")
            )
        if isinstance(self._loop, KernelLoop):
            if not is_plain(self.model) and self._sets is not None:
                self._bind(*self._sets)
            else:
                self._loop.by_autograd = self.by_autograd
        # More threads make products of this size several times slower. Set at every entry,
        # because the number belongs to the calling thread; it costs a tenth of a microsecond.
        torch.set_num_threads(1)
        return self._loop

    def _advance_block(self, loop: Loop, epochs: int) -> None:
        hook = self.custom_print_log
        columns = loop.train(epochs, None if hook is None else lambda: hook(self))
        finite = np.isfinite(columns["train_loss"][:, 0]) & np.isfinite(columns["dev_loss"][:, 0])
        if finite.all():
            count = len(finite)
            self._keep(columns, loop, count)
            self._previous = loop.parameters_at(count - 1)
            loop.accept(count)
        else:
            self._stop_diverged(loop, columns, int(finite.argmin()))

    def _check_last_update(self, loop: Loop) -> None:
        """Tell at once, not one epoch later, that the last update left the finite numbers."""
        columns = loop.failure()
        if columns is not None:
            self._stop_diverged(loop, columns, 0)

    def _keep(self, columns: Columns, loop: Loop, count: int) -> None:
        self.records.append({name: c[:, 0] for name, c in columns.items()}, count)
        dev = columns["dev_accuracy"][:count, 0]
        s = int(dev.argmax()) if count else 0
        if count and (self.best is None or dev[s] > self.best.score):
            epoch = int(columns["epoch"][s, 0])
            self.best = Best(epoch, float(dev[s]), loop.parameters_at(s))

    def _stop_diverged(self, loop: Loop, columns: Columns, s: int) -> None:
        """Go back to the last parameters whose loss was finite, and say what happened."""
        self._keep(columns, loop, s)
        last = loop.parameters_at(s - 1) if s else self._previous
        bad = int(columns["epoch"][s, 0])
        loop.go_back(last, bad if last is None else bad - 1)
        ratios = np.nan_to_num(self.records.column("update_ratio"), posinf=np.inf)
        worst = int(ratios[-1].argmax()) if ratios.size else 0
        ratio = float(ratios[-1, worst]) if ratios.size else float("nan")
        self.records.diverged_at = bad
        self.diverged = Divergence(bad, loop.learning_rate, f"fc{worst + 1}", ratio)

    def _state(self, best: bool) -> dict[str, Tensor] | None:
        """Return the best parameters as a state dict; None for the current ones."""
        if not best or self.best is None or self._loop is None:
            return None
        return self._loop.state_of(self.best.parameters)

    def _mlp(self, best: bool) -> MLP:
        """The model, or one with the best parameters."""
        state = self._state(best)
        if state is None:
            own: MLP = self.model
            return own
        dtype = next(self.model.parameters()).dtype
        model = MLP(self.model.sizes, self.model.activation, self.model.slope, dtype)
        model.load_state_dict(state)
        return model

    def _log_line(self, epoch: int) -> str:
        r = self.records[epoch - int(self.records[0].epoch)]
        return (
            f"[Train] epoch: {r.epoch}/{self.num_epochs}, loss: {r.train_loss:.5f}, "
            f"score: {r.train_accuracy:.5f}  [Dev] loss: {r.dev_loss:.5f}, "
            f"score: {r.dev_accuracy:.5f}"
        )


def _count(name: str, value: int | None) -> int:
    """Return a number of epochs or examples, 0 for None."""
    return 0 if value is None else check_count(name, value, 0, MOST_EPOCHS)


def _check_folder(path: str | Path | None) -> None:
    """Raise ValueError if a file cannot be written there: after the training it is too late."""
    if path is not None and not Path(path).parent.is_dir():
        raise ValueError(
            tr(
                "There is no folder {folder} in which the model could be saved; make it, or choose "
                "another save_path.",
                folder=str(Path(path).parent),
            )
        )


def _of_probabilities(metric: Metric) -> Metric:
    """Return a metric that gets the probabilities and targets of an MLP, not its logits."""

    def score(logits: Tensor, labels: Tensor) -> float:
        target = targets(labels, logits.shape[1], logits.dtype).T
        return metric(probabilities(logits.T).T, target)

    return score


def _listed(records: Records, name: str) -> list[float]:
    values: list[float] = records.column(name).tolist()
    return values
