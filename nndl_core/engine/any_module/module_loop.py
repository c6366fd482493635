"""The loop that trains any PyTorch network by autograd, one epoch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nndl_core.base.checks import class_indices
from nndl_core.base.config import LossName
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import Split
from nndl_core.engine.any_module.criterion import BINARY, SEVERAL, Criterion, LossFunction
from nndl_core.engine.any_module.layer_stats import columns_of, evaluating
from nndl_core.engine.any_module.probe import Probe, called, is_affine
from nndl_core.engine.data_facts import facts_of
from nndl_core.engine.kernel_loop import Metric, Parameters
from nndl_core.engine.records import Columns, DataFacts
from nndl_core.network.optimizers import Optimizer, OptimizerState

Examples = tuple[Tensor, Tensor]


class ModuleLoop:
    """Trains a network of PyTorch's parts with its own forward, optimizer and loss; a Loop.

    batches is a size (0 is the full train set) or a loader, which is read once in each epoch. With
    batches, an epoch is measured before its first update, on the whole train set in evaluation
    mode. Raises ValueError with one sentence if network, loss and examples do not fit.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer | torch.optim.Optimizer,
        loss_fn: str | LossFunction,
        train: Examples,
        dev: Examples,
        batches: int | Iterable[Any] = 0,
        seed: int = 0,
        metric: Metric | None = None,
    ) -> None:
        self.model, self.metric, self.seed, self.epoch = model, metric, seed, 0
        self._rule = optimizer if isinstance(optimizer, Optimizer) else None
        self.optimizer = in_torch(optimizer) if isinstance(optimizer, Optimizer) else optimizer
        self.x, self.dev_x = (fitting(model, x) for x in (train[0], dev[0]))
        self.batches = 0 if isinstance(batches, int) and batches >= len(self.x) else batches
        self.probe = Probe(model, self.x)
        self.layers = self.probe.layers
        self.criterion = Criterion.of(loss_fn, self.probe.output, self.probe.outputs)
        with evaluating(model), torch.no_grad(), torch.random.fork_rng(devices=[]):
            outputs, dev_outputs = called(model, self.x), called(model, self.dev_x)
        self.y = self.criterion.fitted(train[1].to(self.x.device), outputs)
        self.dev_y = self.criterion.fitted(dev[1].to(self.x.device), dev_outputs)
        for given, labels in ((outputs, self.y), (dev_outputs, self.dev_y)):
            self.score(given, labels)
        self.constant_loss = self.criterion.constant_loss(self.y, outputs)
        self.data = self._facts(loss_fn)
        self._before: Parameters = []

    @property
    def doubts(self) -> list[str]:
        """Say what is trained in earnest and yet is hardly meant."""
        said = [self.criterion.doubt]
        if self.probe.unknown:
            said.append(
                tr(
                    "[Runner] forward uses layers that the model does not hold ({layers}): they "
                    "are neither trained nor saved; make them attributes, or put them into an "
                    "nn.ModuleList.",
                    layers=", ".join(self.probe.unknown),
                )
            )
        return [text for text in said if text]

    @property
    def learning_rate(self) -> float:
        """The length of a step now, of the first group of parameters."""
        return float(self.optimizer.param_groups[0]["lr"])

    def load(self) -> None:
        """Take the settings of an optimizer of the lab over."""
        if self._rule is not None:
            for group in self.optimizer.param_groups:
                group["lr"], group["weight_decay"] = (
                    self._rule.learning_rate,
                    self._rule.weight_decay,
                )

    def store(self) -> None:
        """Do nothing: the network's own parameters are trained."""

    def train(self, epochs: int, hook: Callable[[], object] | None = None) -> Columns:
        """Train one epoch; return its columns [1, 1] and [1, 1, layers]."""
        del epochs
        self._before = self._parameters()
        weights = self.probe.weights()
        with torch.enable_grad():
            columns, rows = self._measured(keep=self.batches == 0)
            if finite(columns):
                if hook is not None:
                    hook()
                self._update()
        self.probe.updated(rows, weights)
        self.epoch += 1
        return columns | columns_of(rows)

    def score(self, outputs: Tensor, labels: Tensor) -> float:
        """Return the score of outputs: the user's metric, or else the accuracy."""
        if self.metric is None:
            return self.criterion.score(outputs, labels)
        return float(self.metric(outputs.detach(), labels))

    def parameters_at(self, s: int) -> Parameters:
        """Return the parameters before the update of the last epoch."""
        return self._before

    def accept(self, count: int) -> None:
        """Do nothing: there is one epoch, and it is done."""

    def go_back(self, parameters: Parameters | None, epoch: int) -> None:
        """Stand at these parameters; the optimizer remembers gradients that are no numbers."""
        if parameters is not None:
            self.model.load_state_dict(self.state_of(parameters))
        self.optimizer.state.clear()
        self.epoch = epoch

    def failure(self) -> Columns | None:
        """Return the columns of the current parameters where their loss is no finite number."""
        with evaluating(self.model), torch.no_grad():
            loss = self.criterion(called(self.model, self.x), self.y)
        if bool(loss.isfinite()):
            return None
        with torch.enable_grad():
            columns, rows = self._measured(keep=False)
        columns["train_loss"][:] = np.nan
        return columns | columns_of(rows)

    def state_of(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return parameters as a state dict of the network."""
        return dict(zip(self.model.state_dict(), parameters, strict=True))

    def memory(self) -> OptimizerState | None:
        """Return None: what an optimizer of PyTorch remembers is not saved."""
        return None

    def remember(self, vectors: list[Tensor], steps: int) -> None:
        """Forget what the optimizer remembers of the parameters before."""
        self.optimizer.state.clear()

    def release(self) -> None:
        """Do nothing: no memory is held for many epochs."""

    def _facts(self, loss_fn: str | LossFunction) -> DataFacts | None:
        """Measure the train part where it is a table of rows with classes."""
        one_hot = self.y.ndim > 1 and self.y.shape[1] > 1
        labels, outputs = self.y.argmax(1) if one_hot else self.y.reshape(-1), self.probe.outputs
        if self.x.ndim != 2 or len(labels) != len(self.x):
            return None
        try:
            rows = Split(self.x.float().cpu(), class_indices(labels.cpu(), outputs))
        except ValueError:  # amounts
            return None
        named = isinstance(loss_fn, str) and loss_fn == "mse"
        proper = self.criterion.wants in (*BINARY, *SEVERAL) and not named
        linear = all(layer.activation == "identity" for layer in self.layers[:-1])
        loss: LossName = "mse" if not proper else "bce" if outputs == 1 else "cross_entropy"
        known = self.criterion.output == "logits" and (proper or named)
        known = known and self.criterion.is_default
        linear = linear and known and is_affine(self.model, self.x)
        facts = facts_of(rows, loss, outputs, linear=linear)
        return replace(facts, dev_rows=len(self.dev_x))

    def _parameters(self) -> Parameters:
        return [t.detach().clone() for t in self.model.state_dict().values()]

    def _measured(self, keep: bool) -> tuple[Columns, list[dict[str, float]]]:
        """Measure the train and dev set; with keep, as the epoch's own pass, in the mode set."""
        if keep:
            with self.probe.watching() as seen:
                return self._backward(seen)
        with evaluating(self.model), self.probe.watching() as seen:
            return self._backward(seen)

    def _backward(self, seen: Any) -> tuple[Columns, list[dict[str, float]]]:
        self.model.zero_grad()
        outputs = called(self.model, self.x)
        loss = self.criterion(outputs, self.y)
        _differentiate(loss, retain_graph=True)
        with evaluating(self.model), torch.no_grad():
            dev_outputs = called(self.model, self.dev_x)
            dev_loss = float(self.criterion(dev_outputs, self.dev_y))
        gradients: dict[Tensor, Tensor] = {
            p: p.grad for p in self.model.parameters() if p.requires_grad and p.grad is not None
        }
        rows = self.probe.measure(seen, outputs, gradients)
        numbers = {
            "epoch": float(self.epoch),
            "train_loss": float(loss.detach()),
            "train_accuracy": self.score(outputs, self.y),
            "dev_loss": dev_loss,
            "dev_accuracy": self.score(dev_outputs, self.dev_y),
        }
        return {name: np.array([[value]]) for name, value in numbers.items()}, rows

    def _update(self) -> None:
        """Make the updates of an epoch; the gradient of the full train set is there."""
        if self.batches == 0:
            self._step(self.x, self.y)
            return
        for x, y in self._pairs():
            self.model.zero_grad()
            _differentiate(self._loss(x, y))
            self._step(x, y)

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        outputs = called(self.model, x)
        return self.criterion(outputs, self.criterion.fitted(y, outputs))

    def _step(self, x: Tensor, y: Tensor) -> None:
        if not isinstance(self.optimizer, torch.optim.LBFGS):
            self.optimizer.step()
            return

        def closure() -> float:
            self.model.zero_grad()
            loss = self._loss(x, y)
            _differentiate(loss)
            return float(loss.detach())

        self.optimizer.step(closure)  # type: ignore[no-untyped-call]

    def _pairs(self) -> Iterator[Examples]:
        """Yield the batches of an epoch."""
        if isinstance(self.batches, int):
            # seed and epoch alone decide, so that a paused run goes on as a straight one
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            order = torch.randperm(len(self.x), generator=generator)
            for part in torch.split(order, self.batches):
                yield self.x[part], self.y[part]
            return
        for x, y in self.batches:
            yield fitting(self.model, x), y.to(self.x.device)


def _differentiate(loss: Tensor, retain_graph: bool = False) -> None:
    """Compute the gradients; raise ValueError for a loss on which no parameter has a bearing."""
    if not loss.requires_grad:
        raise ValueError(
            tr(
                "What loss_fn returns has no gradient; compute it from the outputs without "
                "comparing or rounding them and without .detach() or .item(), and note the order "
                "Runner(model, optimizer, metric, loss_fn)."
            )
        )
    torch.autograd.backward(loss, retain_graph=retain_graph)


def finite(columns: Columns) -> bool:
    """Tell whether both losses of an epoch are finite numbers."""
    return bool(np.isfinite([columns["train_loss"], columns["dev_loss"]]).all())


def fitting(model: nn.Module, x: Tensor) -> Tensor:
    """Return examples on the device and in the precision of a network.

    Whole numbers stay whole for a network that looks them up. Raises ValueError for what is not
    finite.
    """
    parameter = next(model.parameters())
    looked_up = any(isinstance(m, nn.Embedding) for m in model.modules())
    if looked_up and not x.is_floating_point():
        return x.to(parameter.device)
    x = x.detach().to(parameter.device, parameter.dtype)
    if not x.isfinite().all():
        place = (~x.isfinite()).nonzero()[0].tolist()
        raise ValueError(
            tr(
                "The examples hold {value} at {place}, counted from 0; fill the gap, or leave the "
                "row out.",
                value=float(x[tuple(place)]),
                place=place,
            )
        )
    return x


def predicted(model: nn.Module, x: Tensor, state: dict[str, Tensor] | None) -> Tensor:
    """Return what a network gives for examples, with the parameters of a state dict if given."""
    x = fitting(model, x)
    with evaluating(model), torch.no_grad():
        if state is None:
            return called(model, x)
        with _standing_at(model, state):
            return called(model, x)


@contextmanager
def _standing_at(model: nn.Module, state: dict[str, Tensor]) -> Iterator[None]:
    """Give a network other parameters, and its own back; of any kind, also with shared ones."""
    own = {name: t.detach().clone() for name, t in model.state_dict().items()}
    model.load_state_dict(state)
    try:
        yield
    finally:
        model.load_state_dict(own)


def in_torch(optimizer: Optimizer) -> torch.optim.Optimizer:
    """Return PyTorch's optimizer of the same rule and settings for the same parameters."""
    o, parameters = optimizer, list(optimizer.parameters)
    if o.name == "adam":
        betas = (o.momentum, 0.999)
        return torch.optim.Adam(parameters, o.learning_rate, betas, weight_decay=o.weight_decay)
    momentum = 0.0 if o.name == "sgd" else o.momentum
    return torch.optim.SGD(
        parameters,
        o.learning_rate,
        momentum,
        weight_decay=o.weight_decay,
        nesterov=o.name == "nesterov",
    )
