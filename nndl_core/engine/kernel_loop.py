"""The loop that trains the lab's own network in blocks of epochs, by machine code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from nndl_core.base.checks import check_examples
from nndl_core.base.config import LossName
from nndl_core.data.catalog import Split
from nndl_core.engine.any_module.layer_stats import Layer
from nndl_core.engine.data_facts import facts_of
from nndl_core.engine.kernel import Block, Kernel, Problem
from nndl_core.engine.records import Columns, DataFacts
from nndl_core.engine.telemetry import Telemetry
from nndl_core.network.losses import constant_loss, targets
from nndl_core.network.model import MLP, pack, unpack
from nndl_core.network.optimizers import Optimizer, OptimizerState, fresh_state

Parameters = list[Tensor]
"""The parameters of a network at one moment, as the loop keeps them."""
Metric = Callable[[Tensor, Tensor], float]
"""(probabilities [n, K], labels [n, K]) -> score; larger is better."""


class Loop(Protocol):
    """What trains the network of a Runner; the network's own parameters are the truth.

    load takes them over before epochs are trained, store writes them back. train gives the columns
    of up to so many epochs; parameters_at(s) are those before the update of its epoch s, and
    accept(k) goes on from those after k of them. hook is called in each epoch, after backward.
    """

    epoch: int
    constant_loss: float
    layers: list[Layer]
    data: DataFacts | None

    @property
    def learning_rate(self) -> float:
        """The length of a step now."""

    def load(self) -> None:
        """Take the network's parameters and the optimizer's settings over."""

    def store(self) -> None:
        """Write the parameters into the network."""

    def train(self, epochs: int, hook: Callable[[], object] | None = None) -> Columns:
        """Train up to so many epochs; return their columns [k, 1] and [k, 1, layers]."""

    def parameters_at(self, s: int) -> Parameters:
        """Return a copy of the parameters before the update of epoch s of the last columns."""

    def accept(self, count: int) -> None:
        """Go on from the parameters after so many epochs of the last columns."""

    def go_back(self, parameters: Parameters | None, epoch: int) -> None:
        """Stand at these parameters (None: where it stands) with an optimizer without memory."""

    def failure(self) -> Columns | None:
        """Return the columns of the current parameters where their loss is no finite number."""

    def state_of(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return parameters as a state dict of the network."""

    def memory(self) -> OptimizerState | None:
        """Return what the optimizer remembers, None where it cannot be saved."""

    def remember(self, vectors: list[Tensor], steps: int) -> None:
        """Take over what a saved optimizer remembered; what does not fit is forgotten."""

    def release(self) -> None:
        """Give memory back that only many epochs at once need."""


class KernelLoop:
    """Trains an MLP with hand-derived gradients; a Loop."""

    def __init__(
        self,
        model: MLP,
        optimizer: Optimizer | torch.optim.Optimizer,
        loss: LossName,
        train: Split,
        dev: Split,
        batch_size: int = 0,
        seed: int = 0,
        metric: Metric | None = None,
    ) -> None:
        self.model, self.metric = model, metric
        self._torch = optimizer if isinstance(optimizer, torch.optim.Optimizer) else None
        self.rule = (
            optimizer if isinstance(optimizer, Optimizer) else Optimizer.from_torch(optimizer)
        )
        for part in (train, dev):
            if len(part.x):  # a set without a dev part has no score for it
                check_examples(part.x, model.sizes[0])
        sizes, dtype = model.sizes, next(model.parameters()).dtype
        x = torch.cat([train.x, dev.x]).to(dtype).T.contiguous()[None]
        y = targets(torch.cat([train.y, dev.y]), sizes[-1], dtype)[None]
        n = len(train.x)
        problem = Problem(sizes, model.activation, model.slope, loss, x, y, n)
        self.constant_loss = constant_loss(loss, y[0, :, :n])
        linear = model.activation == "identity" or len(sizes) == 2
        facts = facts_of(train, loss, sizes[-1], linear=linear)
        self.data: DataFacts | None = replace(facts, dev_rows=len(dev.x))
        self.kernel = Kernel(problem, pack(model), self.rule, batch_size, seed)
        self.telemetry = Telemetry(problem, self.kernel.windows)
        self.layers = [
            Layer(f"fc{i}", fc, model.activation, model.slope)
            for i, fc in enumerate(model.layers, start=1)
        ]
        self.by_autograd = False
        self._block: Block | None = None

    @property
    def epoch(self) -> int:
        """The number of epochs trained so far."""
        return self.kernel.epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self.kernel.epoch = value

    @property
    def learning_rate(self) -> float:
        """The length of a step now."""
        return self.rule.learning_rate

    def load(self) -> None:
        """Take the network's parameters and the optimizer's settings over."""
        self.kernel.parameters = pack(self.model)
        self.kernel.by_autograd = self.by_autograd
        if self._torch is not None:
            fresh = Optimizer.from_torch(self._torch)
            self.rule.learning_rate, self.rule.momentum = fresh.learning_rate, fresh.momentum
            self.rule.weight_decay = fresh.weight_decay

    def store(self) -> None:
        """Write the parameters into the network."""
        unpack(self.kernel.parameters, self.model.state_dict())
        if self._torch is not None:
            # a scheduler asks whether the optimizer has made a step before its own
            self._torch._opt_called = True  # type: ignore[attr-defined]

    def train(self, epochs: int, hook: Callable[[], object] | None = None) -> Columns:
        """Train up to so many epochs, one with a hook; return their columns."""
        first = self.epoch
        if hook is None:
            self._block = self.kernel.run(epochs)
        else:
            self._block = self.kernel.run(1, lambda gradients: self._call(hook, gradients))
        return self._measured(self._block, first)

    def measure(self) -> tuple[Columns, Block]:
        """Measure the current parameters without training."""
        block = self.kernel.measure()
        return self._measured(block, self.epoch), block

    def parameters_at(self, s: int) -> Parameters:
        """Return a copy of the parameters before the update of epoch s of the last columns."""
        assert self._block is not None
        return self.kernel.windows.of(self._block.parameters[s].clone())

    def accept(self, count: int) -> None:
        """Go on from the parameters after so many epochs of the last columns."""
        self.kernel.keep(count)

    def go_back(self, parameters: Parameters | None, epoch: int) -> None:
        """Stand at these parameters; the optimizer remembers gradients that are no numbers."""
        if parameters is not None:
            self.kernel.parameters = parameters
        self.epoch = epoch
        self.kernel.state = fresh_state(self.rule.name, self.kernel.p[0])

    def failure(self) -> Columns | None:
        """Return the columns of the current parameters where their loss is no finite number."""
        if self.kernel.loss_is_finite():
            return None
        columns, self._block = self.measure()
        return columns

    def state_of(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return parameters as a state dict of the network."""
        tensors = {name: t.clone() for name, t in self.model.state_dict().items()}
        unpack(parameters, tensors)
        return tensors

    def memory(self) -> OptimizerState | None:
        """Return what the optimizer remembers."""
        return self.kernel.state

    def remember(self, vectors: list[Tensor], steps: int) -> None:
        """Take over what a saved optimizer remembered; another rule's memory is forgotten."""
        fresh = fresh_state(self.rule.name, self.kernel.p[0])
        if [v.shape for v in vectors] == [v.shape for v in fresh.vectors]:
            for own, saved in zip(fresh.vectors, vectors, strict=True):
                own.copy_(saved)
            fresh.steps = steps
        self.kernel.state = fresh

    def release(self) -> None:
        """Give the memory of a block of epochs back."""
        if self.kernel.slots > 1:
            self.kernel.resize(1)
            self.telemetry.release()

    def _measured(self, block: Block, epoch: int) -> Columns:
        columns = self.telemetry.measure(block, epoch)
        if self.metric is not None:
            columns |= self.telemetry.scores(block, self.metric)
        return columns

    def _call(self, hook: Callable[[], object], gradients: list[Tensor]) -> None:
        """Call a hook as PyTorch would: what it does to gradients and parameters counts."""
        layers = self.model.layers
        with torch.inference_mode(False), torch.no_grad():
            for layer, g in zip(layers, gradients, strict=True):
                layer.weight.grad, layer.bias.grad = g[0, :, :-1].clone(), g[0, :, -1].clone()
            self.store()
            hook()
            self.load()
            for layer, g in zip(layers, gradients, strict=True):
                if layer.weight.grad is not None and layer.bias.grad is not None:
                    g[0, :, :-1], g[0, :, -1] = layer.weight.grad, layer.bias.grad
