"""The memory that passes over a batch of networks read and write, made once.

Arrays are [run, feature, example]; the bias is the last column of a weight matrix. Rows of examples
are padded to whole vectors: a run then has the same bits in any company.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nndl_core.base.config import OptimizerName
from nndl_core.engine.machine import loop as fused
from nndl_core.engine.machine.loop import VECTOR
from nndl_core.engine.machine.problem import Problem
from nndl_core.engine.machine.rows import ACTIVATION_CODES, LOSS_CODES, RULE_CODES
from nndl_core.network.activations import ACTIVATIONS


class Windows:
    """The layers as windows [R, fan_out, fan_in + 1] on a flat vector, layer after layer."""

    def __init__(self, sizes: tuple[int, ...], runs: int) -> None:
        self.runs = runs
        self.shapes = [(runs, o, i + 1) for i, o in itertools.pairwise(sizes)]
        lengths = [r * o * i for r, o, i in self.shapes]
        self.offsets = [sum(lengths[:n]) for n in range(len(lengths) + 1)]
        self.total = self.offsets[-1]

    def spread(self, values: Tensor) -> Tensor:
        """Repeat one value per run, [R], for each of its parameters: a flat vector [T]."""
        flat = torch.empty(self.total, dtype=values.dtype)
        for window in self.of(flat):
            window.copy_(values[:, None, None].expand_as(window))
        return flat

    def of(self, flat: Tensor) -> list[Tensor]:
        """Cut flat [..., T] into one view [..., R, fan_out, fan_in + 1] for each layer."""
        ends = zip(self.offsets, self.offsets[1:], self.shapes, strict=False)
        return [flat[..., a:b].view(*flat.shape[:-1], *shape) for a, b, shape in ends]


@contextmanager
def flushed() -> Iterator[None]:
    """Count numbers below the normal ones as 0 in this thread: they cost a hundred times more."""
    # where the processor cannot, PyTorch returns False and changes nothing
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _whole(count: int) -> int:
    return count + -count % VECTOR


class Examples:
    """The columns of a Problem in whole vectors: the train part, then the rest.

    Padding repeats an example with no weight: what is no number there is none anywhere else.
    """

    def __init__(self, p: Problem) -> None:
        n, rest = p.n_train, p.x.shape[-1] - p.n_train
        self.n, self.width = n, _whole(n)
        self.rest = slice(self.width, self.width + rest)
        self.total = self.width + _whole(rest)
        self.x = p.x[..., :1].repeat(1, 1, self.total)
        self.x[..., :n], self.x[..., self.rest] = p.x[..., :n], p.x[..., n:]
        self.y = p.target.new_zeros(*p.target.shape[:-1], self.total)
        self.y[..., :n], self.y[..., self.rest] = p.target[..., :n], p.target[..., n:]
        self.counts = np.array([n, rest])
        self.weight = (torch.arange(self.width) < n).to(p.x.dtype) / n

    def unpadded(self, rows: Tensor) -> Tensor:
        """Cut the padding out of rows [..., total]."""
        if self.total == self.n + self.rest.stop - self.rest.start:
            return rows
        return torch.cat([rows[..., : self.n], rows[..., self.rest]], -1)


def network_of(p: Problem, windows: Windows, rule: OptimizerName) -> fused.Network:
    """Describe a problem's networks to the machine code."""
    slopes = torch.as_tensor(p.slope, dtype=p.x.dtype).reshape(-1).expand(windows.runs)
    codes = (
        ACTIVATION_CODES.index(p.activation),
        LOSS_CODES.index(p.loss),
        RULE_CODES.index(rule),
        int(ACTIVATIONS[p.activation].keeps_z),
    )
    sizes, offsets, numbers = (np.array(v, np.int64) for v in (p.sizes, windows.offsets, codes))
    return fused.Network(sizes, offsets, numbers, slopes.contiguous().numpy())


@dataclass(frozen=True)
class Slots:
    """Memory for a block of k epochs, as tensors; what each holds is said in fused.Memory."""

    theta: Tensor
    gradient: Tensor
    scores: Tensor
    a: Tensor
    z: Tensor
    logits: Tensor

    @classmethod
    def of(cls, p: Problem, windows: Windows, examples: int, k: int, lean: bool) -> Slots:
        """Make it; lean memory holds the activations and logits of one epoch."""
        units, kept = sum(p.sizes[1:-1]), 1 if lean else k
        total = windows.total + -windows.total % VECTOR
        keeps_z = ACTIVATIONS[p.activation].keeps_z
        shapes = [
            (k + 1, total),
            (k, total),
            (k, windows.runs, 4),
            (kept, windows.runs, units, examples),
            (kept, windows.runs, units if keeps_z else 0, examples),
            (kept, windows.runs, p.sizes[-1], examples),
        ]
        memory = [torch.zeros(shape, dtype=p.x.dtype) for shape in shapes]
        memory[2] = memory[2].double()
        return cls(*memory)

    def plain(self) -> fused.Memory:
        """Return the same memory as arrays."""
        return fused.Memory(*(t.numpy() for t in vars(self).values()))


def scratch_of(p: Problem, windows: Windows) -> fused.Scratch:
    """Make the working memory for one tile."""
    units, widest = sum(p.sizes[1:-1]), max(2, *p.sizes[1:])
    rows = [(units,), (max(units, 1),), (p.sizes[0],), (p.sizes[-1],), (), (3, widest), ()]
    shapes = [(windows.total,), *((*row, fused.TILE) for row in rows)]
    # PyTorch's memory begins at a whole vector, NumPy's need not
    return fused.Scratch(*(torch.zeros(shape, dtype=p.x.dtype).numpy() for shape in shapes))
