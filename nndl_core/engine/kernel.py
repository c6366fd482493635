"""The training kernel: R networks of one shape trained as one batch, with closed-form gradients.

One network is a batch of one. Arrays are [run, feature, example]; the bias is the last column of
a weight matrix. A block of epochs is one call of the machine code in fused.py; it writes
parameters, gradients, logits and activations into slots, to be measured afterwards all at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nndl_core.base.checks import check_count
from nndl_core.engine.machine.loop import GRADIENT, UPDATE, Data, Rule, train
from nndl_core.engine.machine.memory import (
    Examples,
    Slots,
    Windows,
    flushed,
    network_of,
    scratch_of,
)
from nndl_core.engine.machine.problem import (
    Problem,
    check_kernel,
    check_state,
    check_windows,
    seeds_of,
)
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.losses import LOSSES
from nndl_core.network.optimizers import Optimizer, OptimizerState, fresh_state, update

__all__ = ["Block", "Kernel", "Problem", "Windows"]

BLOCK_BYTES = 16_000_000
MIN_SLOTS, MAX_SLOTS = 4, 512
LARGEST_COUNT = 2**62


@dataclass(frozen=True)
class Block:
    """What a block of k epochs recorded; slot s is the state before the update of epoch s.

    parameters [k+1, T] and gradients [k, T] are flat vectors; scores [k, R, 4] float64 the sums of
    train and dev losses and the numbers of right answers; logits [k, R, K, N], kept[l] and
    activations[l] [k, R, n_l, n_train] for each hidden layer, where kept is what the activation's
    backward_ takes. A lean kernel has these three of the last epoch only, [1, ...].
    """

    parameters: Tensor
    gradients: Tensor
    scores: Tensor
    logits: Tensor
    kept: list[Tensor]
    activations: list[Tensor]


class Kernel:
    """Trains a Problem from its flat parameters with one optimizer.

    ``parameters`` are windows [R, fan_out, fan_in + 1], weights with the bias as last column.
    shuffle_seed is one for all runs, or one for each. A lean kernel records no activations. Raises
    TypeError or ValueError with one sentence for what does not fit the problem.
    """

    def __init__(
        self,
        problem: Problem,
        parameters: list[Tensor],
        optimizer: Optimizer,
        batch_size: int = 0,
        shuffle_seed: int | Sequence[int] = 0,
        lean: bool = False,
    ) -> None:
        self.seeds = seeds_of(shuffle_seed)
        self.runs = check_kernel(problem, parameters, optimizer, self.seeds)
        self.problem, self.optimizer = problem, optimizer
        self.windows = Windows(problem.sizes, self.runs)
        self.by_autograd = False
        self.epoch = 0
        batch_size = check_count("batch_size", batch_size, 0, LARGEST_COUNT)
        self.batch_size = batch_size if batch_size < problem.n_train else 0
        self.lean = lean
        self.examples = Examples(problem)
        self.rule = optimizer.name  # the machine code keeps it, whatever becomes of the optimizer
        self.network = network_of(problem, self.windows, self.rule)
        self.scratch = scratch_of(problem, self.windows)
        self.max_slots = self._most_slots()
        self._reserve(1)
        self.parameters = parameters
        self._state = fresh_state(self.rule, self.p[0])

    def _most_slots(self) -> int:
        p, floats = self.problem, 2 * self.windows.total + 8 * self.runs
        if not self.lean:
            kept = 1 + ACTIVATIONS[p.activation].keeps_z
            units = p.sizes[-1] + kept * sum(p.sizes[1:-1])
            floats += self.runs * p.x.shape[-1] * units
        return max(MIN_SLOTS, min(MAX_SLOTS, BLOCK_BYTES // (floats * p.x.element_size())))

    def _reserve(self, slots: int) -> None:
        """Make memory for a block of this many epochs."""
        total = self.windows.total
        self.memory = Slots.of(self.problem, self.windows, self.examples.total, slots, self.lean)
        self.p, self.g = self.memory.theta[:, :total], self.memory.gradient[:, :total]
        self.plain = self.memory.plain()
        self.slots = slots

    def resize(self, slots: int) -> None:
        """Change how many epochs a block can hold; the parameters stay."""
        slots = check_count("slots", slots, 1, LARGEST_COUNT)
        theta = self.p[0].clone()
        self._reserve(min(slots, self.max_slots))
        self.p[0].copy_(theta)

    @property
    def parameters(self) -> list[Tensor]:
        """The current parameters: windows [R, fan_out, fan_in + 1] that later epochs overwrite."""
        return self.windows.of(self.p[0])

    @parameters.setter
    def parameters(self, values: list[Tensor]) -> None:
        check_windows(values, self.windows.shapes, self.p.dtype)
        for window, value in zip(self.windows.of(self.p[0]), values, strict=True):
            window.copy_(value.detach())

    @property
    def state(self) -> OptimizerState:
        """What the optimizer remembers; another memory has to be of its rule and this size."""
        return self._state

    @state.setter
    def state(self, state: OptimizerState) -> None:
        self._state = check_state(state, self.rule, self.p[0])

    def run(
        self, epochs: int, before_update: Callable[[list[Tensor]], None] | None = None
    ) -> Block:
        """Train for up to ``epochs`` epochs, at most ``max_slots``, and return what was recorded.

        The block is a view on memory that the next call overwrites. before_update receives the
        gradient windows of the epoch before its update, which makes the block one epoch.
        """
        k = min(check_count("epochs", epochs, 1, LARGEST_COUNT), self.max_slots)
        if before_update is not None or self.by_autograd:
            k = 1
        if k > self.slots:
            self.resize(k)
        with torch.inference_mode():
            if k == 1:
                self._gradient()
                if before_update is not None:
                    before_update(self.windows.of(self.g[0]))
                self._update()
            else:
                self._train(GRADIENT + UPDATE, k)
            self.epoch += k
            return self._block(k)

    def measure(self) -> Block:
        """Record the current state without training: a block of one epoch that changes nothing."""
        with torch.inference_mode():
            self._gradient()
            self.p[1].copy_(self.p[0])
            return self._block(1)

    def loss_is_finite(self) -> bool:
        """Tell whether the current parameters give every example a finite loss."""
        with torch.inference_mode():
            self._train(GRADIENT, 1)
            return bool(self.memory.scores[0].isfinite().all())

    def keep(self, s: int) -> None:
        """Take the parameters of slot s of the last block as the current ones."""
        if s:
            self.p[0].copy_(self.p[s])

    def _block(self, k: int) -> Block:
        m, n = self.memory, self.problem.n_train
        sizes = self.problem.sizes[1:-1]
        ends = list(itertools.accumulate(sizes, initial=0))
        hidden = list(itertools.pairwise(ends))
        a = [m.a[:k, :, first:end, :n] for first, end in hidden]
        keeps_z = ACTIVATIONS[self.problem.activation].keeps_z
        kept = [m.z[:k, :, first:end, :n] for first, end in hidden] if keeps_z else a
        logits = self.examples.unpadded(m.logits[:k])
        return Block(self.p[: k + 1], self.g[:k], m.scores[:k], logits, kept, a)

    def _train(self, do: int, epochs: int) -> None:
        """Call the machine code and count its updates."""
        o, state, none = self.optimizer, self.state, self.p.new_empty(0).numpy()
        m, v = [*(vector.numpy() for vector in state.vectors), none, none][:2]
        steps = np.array([state.steps])
        rule = Rule(self._rates(), float(o.momentum), m, v, steps)
        e, batch = self.examples, self.batch_size
        orders = self._orders(epochs) if batch and do >= UPDATE else np.zeros((1, 1, 1), np.int64)
        data = Data(e.x.numpy(), e.y.numpy(), e.weight.numpy(), e.counts, orders, batch)
        with flushed():
            train(do, epochs, self.network, data, rule, self.plain, self.scratch)
        state.steps = int(steps[0])

    def _rates(self) -> NDArray[np.float64]:
        """Return (learning rate, weight decay) of each run, [R, 2]."""
        o = self.optimizer
        rates = np.empty((self.runs, 2))
        for column, vector, value in (
            (0, o.rates, o.learning_rate),
            (1, o.decays, o.weight_decay),
        ):
            each = value if vector is None else self.windows.of(vector)[0][:, 0, 0].numpy()
            rates[:, column] = each
        return rates

    def _orders(self, epochs: int) -> NDArray[np.int64]:
        """Return the order of the train examples in each epoch and run, [k, 1 or R, n]."""
        n = self.problem.n_train
        orders = torch.empty(epochs, len(self.seeds), n, dtype=torch.int64)
        for s in range(epochs):
            for r, seed in enumerate(self.seeds):
                # seed and epoch alone decide, so that a paused run goes on as a straight one
                generator = torch.Generator().manual_seed(seed * 1_000_003 + self.epoch + s)
                torch.randperm(n, generator=generator, out=orders[s, r])
        return orders.numpy()

    def _gradient(self) -> None:
        """Record the current state in the first slot."""
        self._train(GRADIENT, 1)
        if self.by_autograd:
            p = self.problem
            n = p.n_train
            self.g[0].copy_(self._autograd(self.p[0], p.x[..., :n], p.target[..., :n]))

    def _update(self) -> None:
        """Write the parameters after this epoch into the second slot."""
        if not self.by_autograd:
            self._train(UPDATE, 1)
        elif self.batch_size:
            self._batches_by_autograd()
        else:
            update(self.optimizer, self.state, self.p[0], self.g[0], self.p[1])

    def _batches_by_autograd(self) -> None:
        p, theta = self.problem, self.p[1]
        theta.copy_(self.p[0])
        orders = torch.from_numpy(self._orders(1))[0][:, None]
        for order in torch.split(orders, self.batch_size, -1):
            x, target = (
                t.expand(self.runs, -1, -1).gather(-1, order.expand(self.runs, t.shape[1], -1))
                for t in (p.x, p.target)
            )
            update(self.optimizer, self.state, theta, self._autograd(theta, x, target), theta)

    def _autograd(self, flat: Tensor, x: Tensor, target: Tensor) -> Tensor:
        """Compute the flat gradient of the mean loss by torch.autograd."""
        p = self.problem
        phi = ACTIVATIONS[p.activation].value
        with torch.inference_mode(False), torch.enable_grad():
            theta = flat.clone().requires_grad_()
            a = x.clone().expand(self.runs, -1, -1)
            ones = torch.ones_like(a[:, :1])
            windows = self.windows.of(theta)
            for w in windows[:-1]:
                a = phi(w @ torch.cat([a, ones], 1), p.slope)
            value = LOSSES[p.loss].value(windows[-1] @ torch.cat([a, ones], 1), target.clone())
            return torch.autograd.grad(value.mean(-1).sum(), theta)[0]
