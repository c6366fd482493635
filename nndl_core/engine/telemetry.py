"""What is measured of a run: a recorded block of tensors becomes plain numbers per epoch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from nndl_core.engine.kernel import Block
from nndl_core.engine.machine.memory import Windows
from nndl_core.engine.machine.problem import Problem
from nndl_core.engine.records import (
    Columns,
)
from nndl_core.network.activations import ACTIVATIONS, Activation
from nndl_core.network.losses import probabilities

FLAT_SLOPE = 0.05
"""A unit is saturated on an example where its slope is below this share of the largest slope."""
SAME_UNIT = 1e-4
"""Two units count as one if their weights and bias differ by less than this share of their norm."""

PIECE = 1_000_000
"""The numbers of a block that are measured at once."""

TINY, LIFT = 1e-150, 2.0**1000
"""A norm below TINY is taken of entries times LIFT, for the square of 1e-170 is 0 in float64."""

Row = tuple[Tensor, ...]
"""Mean, standard deviation, signal, saturated share and dead units of a layer, each [k, R]."""


class Telemetry:
    """Measures blocks of one Problem; what does not change from block to block is made once."""

    def __init__(self, problem: Problem, windows: Windows) -> None:
        self.problem, self.windows = problem, windows
        self.runs, self.layers = windows.shapes[0][0], len(windows.shapes)
        is_bias = torch.zeros(windows.total, dtype=torch.long)
        layer = torch.zeros(windows.total, dtype=torch.long)
        run = torch.zeros(windows.total, dtype=torch.long)
        for i, window in enumerate(windows.of(layer)):
            window.fill_(i)
        for window in windows.of(run):
            window.copy_(torch.arange(self.runs)[:, None, None].expand_as(window))
        for window in windows.of(is_bias):
            window[..., -1] = 1
        self.segment = (run * self.layers + layer) * 2 + is_bias
        self.sizes = self._sum(torch.ones(1, windows.total, dtype=torch.float64))
        generator = torch.Generator().manual_seed(0)
        shapes = [(i, 1) for _, _, i in windows.shapes]
        self._scratch = torch.empty(0)
        self.directions = [torch.randn(s, generator=generator).double() for s in shapes]

    def measure(self, block: Block, epoch: int) -> Columns:
        """Return columns [k, R] and [k, R, layers] for a block whose first epoch is ``epoch``."""
        with torch.inference_mode():
            k = block.gradients.shape[0]
            columns = self._outcome(block) | self._parameters(block) | self._activations(block)
            columns["distinct_units"] = self._distinct(block)
        plain = {name: value.double().numpy() for name, value in columns.items()}
        epochs = np.arange(epoch, epoch + k, dtype=np.float64)[:, None]
        plain["epoch"] = np.repeat(epochs, self.runs, axis=1)
        units = np.array([o for _, o, _ in self.windows.shapes], dtype=np.float64)
        plain["units"] = np.broadcast_to(units, (k, self.runs, self.layers))
        return plain

    def outcome(self, block: Block) -> Columns:
        """Return only the losses and accuracies of a block, columns [k, R]."""
        with torch.inference_mode():
            return {name: value.numpy() for name, value in self._outcome(block).items()}

    def scores(self, block: Block, metric: Callable[[Tensor, Tensor], float]) -> Columns:
        """Score each epoch of a one-run block by another metric than accuracy; columns [k, 1]."""
        n, target = self.problem.n_train, self.problem.target[0]
        p = probabilities(block.logits)[:, 0]
        train = [[metric(row[:, :n].T, target[:, :n].T)] for row in p]
        dev = [[metric(row[:, n:].T, target[:, n:].T)] for row in p]
        return {"train_accuracy": np.array(train), "dev_accuracy": np.array(dev)}

    def _outcome(self, block: Block) -> dict[str, Tensor]:
        examples = self.problem.x.shape[-1]
        counts = {"train": self.problem.n_train, "dev": examples - self.problem.n_train}
        columns = {}
        for i, (name, count) in enumerate(counts.items()):
            # 0 / 0 is not a number, and neither is the score on an empty set
            columns[f"{name}_loss"] = block.scores[..., i] / count
            columns[f"{name}_accuracy"] = block.scores[..., 2 + i] / count
        return columns

    def _sum(self, flat: Tensor) -> Tensor:
        """Sum flat [k, T] over each weight matrix and bias vector -> [k, R, layers, 2]."""
        total = torch.zeros(flat.shape[0], self.runs * self.layers * 2, dtype=torch.float64)
        total.index_add_(1, self.segment, flat)
        return total.view(-1, self.runs, self.layers, 2)

    def _norm(self, flat: Tensor) -> Tensor:
        """L2 norm of flat [k, T] over each weight matrix and bias vector -> [k, R, layers, 2]."""
        norm = self._sum(flat.square()).sqrt()
        tiny = norm < TINY  # only in float64: a float32 number is 0 long before
        if self.problem.x.dtype == torch.float64 and tiny.any():
            lifted = self._sum((flat * LIFT).square()).sqrt() / LIFT
            norm = lifted.where(tiny, norm)
        return norm

    def _parameters(self, block: Block) -> dict[str, Tensor]:
        parameters = block.parameters.double()
        step = parameters[1:] - parameters[:-1]
        gradient_norm = self._norm(block.gradients.double())
        weight_norm = self._sum(parameters[:-1].square()).sqrt()[..., 0]
        step_norm = self._sum(step.square()).sqrt()[..., 0]
        changed = self._sum((step != 0).double()).sum(-1) / self.sizes.sum(-1)
        return {
            "weight_grad_norm": gradient_norm[..., 0],
            "bias_grad_norm": gradient_norm[..., 1],
            "weight_norm": weight_norm,
            # x / 0 would be infinite, 0 / 0 is not; neither is a ratio
            "update_ratio": step_norm / weight_norm.where(weight_norm > 0, torch.nan),
            "changed_share": changed,
        }

    def _activations(self, block: Block) -> dict[str, Tensor]:
        n = self.problem.n_train
        layers = zip(block.activations, block.kept, strict=True)
        rows = [self._outputs(a, kept) for a, kept in layers]
        rows.append(self._predictions(block.logits[..., :n]))
        names = (
            "activation_mean",
            "activation_std",
            "example_std",
            "saturated_share",
            "dead_units",
        )
        by_name = zip(names, zip(*rows, strict=True), strict=True)
        return {name: torch.stack(values, -1) for name, values in by_name}

    def _outputs(self, a: Tensor, kept: Tensor) -> Row:
        """Measure the outputs of a hidden layer [k, R, n, N]."""
        act, p = ACTIVATIONS[self.problem.activation], self.problem.slope
        sums, squares, flat = self._reduced(act, a, kept)
        dead = flat == a.shape[-1]
        if dead.any() and not act.flat_is_zero:
            slope = self._memory(a.numel(), a.dtype).view(a.shape).fill_(1)
            act.backward_(slope, kept, p)
            dead = slope.abs_().amax(-1) == 0
        return (*_moments(a, sums, squares), _share(flat, a), dead.sum(-1).double())

    def _predictions(self, logits: Tensor) -> Row:
        """Measure the probabilities; no output unit is called dead."""
        p = probabilities(logits)
        sums, squares, flat = self._reduced(ACTIVATIONS["sigmoid"], p, p)
        return (*_moments(p, sums, squares), _share(flat, p), torch.zeros_like(flat[..., 0]))

    def _reduced(self, act: Activation, a: Tensor, kept: Tensor) -> list[Tensor]:
        """Reduce outputs [k, R, n, N] to [k, R] and [k, R, n].

        These are the norm of the distances to each unit's first output, and for each unit their
        sum and the number of examples on which it is flat.
        """
        count = max(1, PIECE // a[0].numel())
        rows = []
        for piece, k in zip(torch.split(a, count), torch.split(kept, count), strict=True):
            memory = self._memory(piece.numel(), a.dtype).view(piece.shape)
            d = torch.sub(piece, piece[..., :1], out=memory)
            reduced = d.sum(-1), torch.linalg.vector_norm(d.flatten(-2), dim=-1)
            flat = act.is_flat(k, FLAT_SLOPE, self.problem.slope, memory)
            rows.append((*reduced, flat.sum(-1)))
        return [torch.cat(values) for values in zip(*rows, strict=True)]

    def release(self) -> None:
        """Give the working memory back."""
        self._scratch = torch.empty(0)

    def _memory(self, count: int, dtype: torch.dtype) -> Tensor:
        """Return flat memory that is used again and again.

        A fresh block of megabytes costs more in page faults than what is computed in it.
        """
        if self._scratch.numel() < count or self._scratch.dtype != dtype:
            self._scratch = torch.empty(count, dtype=dtype)
        return self._scratch[:count]

    def _distinct(self, block: Block) -> Tensor:
        windows = self.windows.of(block.parameters[:-1])
        pairs = zip(windows, self.directions, strict=True)
        return torch.stack([count_distinct(w.double(), d) for w, d in pairs], -1)


def count_distinct(rows: Tensor, direction: Tensor) -> Tensor:
    """Count rows [..., n, m] that differ by more than SAME_UNIT of the larger norm -> [...].

    Equal rows are neighbours once the rows are sorted by their projection on a fixed direction
    [m, 1], so n - 1 comparisons do instead of n(n - 1)/2.
    """
    if rows.shape[-2] == 1:
        return rows.new_ones(rows.shape[:-2])
    order = (rows @ direction).argsort(dim=-2)
    rows = rows.gather(-2, order.expand_as(rows))
    norm = rows.norm(dim=-1)
    gap = (rows[..., 1:, :] - rows[..., :-1, :]).norm(dim=-1)
    larger = torch.maximum(norm[..., 1:], norm[..., :-1])
    distinct: Tensor = 1 + (gap > SAME_UNIT * larger).sum(-1)
    return distinct


def _share(counts: Tensor, a: Tensor) -> Tensor:
    """Return the share of the outputs a [..., n, N] that was counted per unit, [...]."""
    return counts.double().sum(-1) / (a.shape[-1] * a.shape[-2])


def _moments(a: Tensor, sums: Tensor, norms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, standard deviation and signal of outputs [..., n, N] from those of their distances.

    The signal is the root mean square over units of a unit's standard deviation over examples.
    """
    # from a value of each unit, so that a spread of 1e-7 around 0.73 does not cancel; summed in
    # the precision of the run, because converting every element costs five times more
    units, examples = a.shape[-2:]
    sums = sums.double() / examples
    means = a[..., 0] + sums
    within = norms.double().square() / (units * examples) - sums.square().mean(-1)
    within = within.clamp(min=0)
    mean = means.mean(-1)
    variance = within + (means - mean[..., None]).square().mean(-1)
    return mean, variance.sqrt(), within.sqrt()
