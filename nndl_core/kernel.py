"""The training kernel: R networks of one shape trained as one batch, with closed-form gradients.

One network is a batch of one. Arrays are [run, feature, example]; the bias is the last column of
a weight matrix and meets a row of ones, so a layer is one product. A block of epochs writes its
parameters, gradients, logits and activations into slots, to be measured afterwards all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nndl_core.activations import ACTIVATIONS
from nndl_core.losses import LOSSES, VECTOR
from nndl_core.optimizers import Optimizer, fresh_state, update
from nndl_core.passes import Pass, Problem, Windows, slots_of

__all__ = ["Block", "Kernel", "Problem", "Windows"]

BLOCK_BYTES = 16_000_000
MIN_SLOTS, MAX_SLOTS = 4, 512


@dataclass(frozen=True)
class Block:
    """What a block of k epochs recorded; slot s is the state before the update of epoch s.

    parameters [k+1, T] and gradients [k, T] are flat vectors, logits [k, R, K, N],
    kept[l] and activations[l] [k, R, n_l, n_train] for each hidden layer, where kept is what
    the activation's backward_ takes. A lean kernel has these two of the last epoch only, [1, ...].
    """

    parameters: Tensor
    gradients: Tensor
    logits: Tensor
    kept: list[Tensor]
    activations: list[Tensor]


class Kernel:
    """Trains a Problem from its flat parameters with one optimizer.

    ``parameters`` are windows [R, fan_out, fan_in + 1], weights with the bias as last column.
    shuffle_seed is one for all runs, or one for each. A lean kernel records no activations.
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
        self.problem, self.optimizer = problem, optimizer
        self.runs = parameters[0].shape[0]
        self.windows = Windows(problem.sizes, self.runs)
        self.by_autograd = False
        self.epoch = 0
        self.batch_size = batch_size if batch_size < problem.n_train else 0
        self.seeds = (shuffle_seed,) if isinstance(shuffle_seed, int) else tuple(shuffle_seed)
        self.lean = lean
        self.max_slots = self._most_slots()
        self._reserve(1)
        self.parameters = parameters
        self.state = fresh_state(optimizer.name, self.p[0])
        self._batches: dict[int, Pass] = {}

    def _most_slots(self) -> int:
        p = self.problem
        units, kept = p.sizes[-1], 1 + ACTIVATIONS[p.activation].keeps_z
        if not self.lean:
            units += sum(1 + kept * width for width in p.sizes[1:-1])
        floats = self.runs * p.x.shape[-1] * units + 2 * self.windows.total
        return max(MIN_SLOTS, min(MAX_SLOTS, BLOCK_BYTES // (floats * p.x.element_size())))

    def _reserve(self, slots: int) -> None:
        """Make memory for a block of this many epochs."""
        p, dtype = self.problem, self.problem.x.dtype
        self.p = slots_of(slots + 1, (self.windows.total,), dtype)
        self.g = slots_of(slots, (self.windows.total,), dtype)
        self.p_rows, self.g_rows = list(self.p), list(self.g)
        self.w = [self.windows.of(row) for row in self.p_rows]
        self.w_t = [[w[:, :, :-1].mT for w in row] for row in self.w]
        self.dw = [self.windows.of(row) for row in self.g_rows]
        self.slots = slots
        self.pass_ = Pass(p, self.runs, p.x, p.target, p.n_train, slots, self.lean)

    def resize(self, slots: int) -> None:
        """Change how many epochs a block can hold; the parameters stay."""
        theta = self.p[0].clone()
        self._reserve(min(slots, self.max_slots))
        self.p[0].copy_(theta)

    @property
    def parameters(self) -> list[Tensor]:
        """The current parameters: windows [R, fan_out, fan_in + 1] that later epochs overwrite."""
        return self.w[0]

    @parameters.setter
    def parameters(self, values: list[Tensor]) -> None:
        for window, value in zip(self.w[0], values, strict=True):
            window.copy_(value.detach())

    def run(
        self, epochs: int, before_update: Callable[[list[Tensor]], None] | None = None
    ) -> Block:
        """Train for up to ``epochs`` epochs, at most ``max_slots``, and return what was recorded.

        The block is a view on memory that the next call overwrites. before_update receives the
        gradient windows of each epoch before its update.
        """
        k = min(epochs, self.max_slots)
        if k > self.slots:
            self.resize(k)
        with torch.inference_mode():
            for s in range(k):
                self._gradient(s)
                if before_update is not None:
                    before_update(self.dw[s])
                self._update(s)
            block = self._block(k)
        return block

    def measure(self) -> Block:
        """Record the current state without training: a block of one epoch that changes nothing."""
        with torch.inference_mode():
            self._gradient(0)
            self.p[1].copy_(self.p[0])
            return self._block(1)

    def loss_is_finite(self) -> bool:
        """Tell whether the current parameters give every example a finite loss."""
        with torch.inference_mode():
            self.pass_.forward(0, self.w[0])
            total = LOSSES[self.problem.loss].total(self.pass_.recorded(1), self.problem.target)
            return bool(total.isfinite().all())

    def keep(self, s: int) -> None:
        """Take the parameters of slot s of the last block as the current ones."""
        if s:
            self.p[0].copy_(self.p[s])

    def _block(self, k: int) -> Block:
        pass_ = self.pass_
        activations = [a[:k, :, :, : pass_.n] for a in pass_.outputs]
        kept = [z[:k, :, :, : pass_.n] for z in pass_.kept]
        return Block(self.p[: k + 1], self.g[:k], pass_.recorded(k), kept, activations)

    def _gradient(self, s: int) -> None:
        self.pass_.forward(s, self.w[s])
        if self.by_autograd:
            self.g_rows[s].copy_(self._autograd(self.pass_, self.p_rows[s]))
        else:
            self.pass_.backward(s, self.w_t[s], self.dw[s])

    def _update(self, s: int) -> None:
        theta, out = self.p_rows[s], self.p_rows[s + 1]
        if self.batch_size:
            out.copy_(theta)
            self._minibatch_epoch(out, self.w[s + 1], self.w_t[s + 1])
        else:
            update(self.optimizer, self.state, theta, self.g_rows[s], out)
        self.epoch += 1

    def _minibatch_epoch(self, theta: Tensor, w: list[Tensor], w_t: list[Tensor]) -> None:
        """Go once through the shuffled training set; the last batch may be smaller."""
        p, size = self.problem, self.batch_size
        x, target = self._shuffled()
        g = torch.empty_like(theta)
        dw = self.windows.of(g)
        for start in range(0, p.n_train, size):
            count = min(size, p.n_train - start)
            batch = self._batch(count)
            columns = slice(start, start + batch.width)  # what follows is padding
            batch.input[:, :-1], batch.target = x[..., columns], target[..., columns]
            batch.forward(0, w)
            if self.by_autograd:
                g.copy_(self._autograd(batch, theta))
            else:
                batch.backward(0, w_t, dw)
            update(self.optimizer, self.state, theta, g, theta)

    def _shuffled(self) -> tuple[Tensor, Tensor]:
        """The train examples and targets in the order of this epoch, each run in its own."""
        p, orders = self.problem, []
        for seed in self.seeds:
            # seed and epoch alone give the order, so that a paused run goes on as a straight one
            generator = torch.Generator().manual_seed(seed * 1_000_003 + self.epoch)
            order = torch.randperm(p.n_train, generator=generator)
            orders.append(order.repeat(1 + -(-VECTOR // p.n_train))[: p.n_train + VECTOR])
        if len(orders) == 1:
            return p.x[..., orders[0]], p.target[..., orders[0]]
        order = torch.stack(orders)[:, None]
        x, target = (
            t.expand(self.runs, -1, -1).gather(-1, order.expand(-1, t.shape[1], -1))
            for t in (p.x, p.target)
        )
        return x, target

    def _batch(self, count: int) -> Pass:
        if count not in self._batches:
            p, orders = self.problem, len(self.seeds)
            x, target = (
                t[..., :count].expand(max(orders, len(t)), -1, -1) for t in (p.x, p.target)
            )
            self._batches[count] = Pass(self.problem, self.runs, x, target, count, 1)
        return self._batches[count]

    def _autograd(self, pass_: Pass, flat: Tensor) -> Tensor:
        """Compute the same flat gradient by torch.autograd."""
        p = self.problem
        phi, n = ACTIVATIONS[p.activation].value, pass_.n
        with torch.inference_mode(False), torch.enable_grad():
            theta = flat.clone().requires_grad_()
            a = pass_.input[..., :n].clone()
            ones = torch.ones_like(a[:, :1])
            windows = self.windows.of(theta)
            for w in windows[:-1]:
                a = torch.cat([phi(w @ a, p.slope), ones], dim=1)
            value = LOSSES[p.loss].value(windows[-1] @ a, pass_.target[..., :n].clone())
            return torch.autograd.grad(value.mean(-1).sum(), theta)[0]
