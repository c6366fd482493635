"""One pass forward and back over a batch of networks, in memory that is made once.

Arrays are [run, feature, example]; the bias is the last column of a weight matrix and meets a row
of ones, so a layer is one product. Rows are padded to whole vectors: a run then has the same bits
in any company.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nndl_core.activations import ACTIVATIONS, Slope
from nndl_core.config import ActivationName, LossName
from nndl_core.losses import LOSSES, VECTOR

LINE = 16
"""The numbers in a cache line of 64 bytes, or in two."""


@dataclass(frozen=True)
class Problem:
    """What is trained: shapes, data and the loss.

    x [1 or R, features, N] holds the train examples first, then the dev examples; target
    [1 or R, K, N] likewise. sizes counts units from input to output.
    """

    sizes: tuple[int, ...]
    activation: ActivationName
    slope: Slope
    loss: LossName
    x: Tensor
    target: Tensor
    n_train: int


class Windows:
    """The layers as windows [R, fan_out, fan_in + 1] on a flat vector, layer after layer."""

    def __init__(self, sizes: tuple[int, ...], runs: int) -> None:
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


def slots_of(count: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Make memory [count, *shape] of ones in which every slot begins on a cache line.

    A product may round differently where its operands lie differently, and which slot an epoch
    gets depends on where the run was paused.
    """
    size = math.prod(shape)
    memory = torch.ones(count, size + -size % LINE, dtype=dtype)
    return memory[:, :size].view(count, *shape)


def _whole(count: int) -> int:
    """Round a number of examples up to whole vectors.

    What is left over after the processor's vectors is computed by other code, whose exp differs
    in the last bit, and what is left over would depend on how many runs lie in a row.
    """
    return count + -count % VECTOR


def _shared(shapes: Sequence[tuple[int, ...]], dtype: torch.dtype) -> list[Tensor]:
    """Make tensors that lie in one memory, because each is read before the next is written.

    Memory that is used again is still in the cache.
    """
    memory = torch.ones(max((math.prod(shape) for shape in shapes), default=0), dtype=dtype)
    return [memory[: math.prod(shape)].view(shape) for shape in shapes]


_Ahead = tuple[list[tuple[Tensor, Tensor, Tensor]], Tensor, Tensor]
"""(input, product, output) of each hidden layer, then input and output of the last layer."""
_Back = tuple[Tensor, list[tuple[Tensor, Tensor, Tensor, Tensor]], Tensor]
"""The logits; (delta, delta before, input, kept) of each layer but the first; the first input."""


class Pass:
    """Preallocated memory for forward and backward over the examples of one input x."""

    def __init__(
        self,
        p: Problem,
        runs: int,
        x: Tensor,
        target: Tensor,
        n: int,
        slots: int,
        lean: bool = False,
    ) -> None:
        self.problem, self.n, dtype = p, n, x.dtype
        self.act, self.delta_ = ACTIVATIONS[p.activation], LOSSES[p.loss].delta_
        self.width, rest = _whole(n), x.shape[-1] - n
        examples = self.width + _whole(rest)
        self.rest = slice(self.width, self.width + rest)
        self.is_padded = examples > x.shape[-1]
        self.input = torch.ones(len(x), p.sizes[0] + 1, examples, dtype=dtype)
        # padding repeats an example with no weight: what is no number there is none anywhere else
        self.input[:, :-1] = x[..., :1]
        self.input[:, :-1, :n], self.input[:, :-1, self.rest] = x[..., :n], x[..., n:]
        self.target = F.pad(target[..., :n], (0, self.width - n))
        hidden, outputs = p.sizes[1:-1], p.sizes[-1]
        kept = 1 if lean else slots
        rows = [slots_of(kept, (runs, w + 1, examples), dtype) for w in hidden]
        self.outputs = [a[:, :, :-1] for a in rows]
        if self.act.keeps_z:
            self.z = [slots_of(kept, (runs, w, examples), dtype) for w in hidden]
        elif runs == 1:
            self.z = self.outputs
        else:
            # a product into rows that do not follow each other costs three times as much
            self.z = [z[None] for z in _shared([(runs, w, examples) for w in hidden], dtype)]
        self.logits = slots_of(slots, (runs, outputs, examples), dtype)
        shapes = [(runs, w, self.width) for w in (*hidden, outputs)]
        even, odd = _shared(shapes[::2], dtype), _shared(shapes[1::2], dtype)
        self.delta = [(even, odd)[i % 2][i // 2] for i in range(len(shapes))]
        # a tensor, because a Python number costs more than the product with 640 examples
        self.weight = torch.tensor(1.0 / n, dtype=dtype)
        if self.width > n:
            self.weight = (torch.arange(self.width) < n).to(dtype) / n
        # with one output unit; many small products are slower by bmm, a single one by mul
        self.is_outer = runs > 1 and outputs == 1
        self._bind(runs, rows)

    def recorded(self, k: int) -> Tensor:
        """Return the logits [k, R, K, N] of the first slots, without padding."""
        logits = self.logits[:k]
        if not self.is_padded:
            return logits
        return torch.cat([logits[..., : self.n], logits[..., self.rest]], -1)

    def _bind(self, runs: int, rows: list[Tensor]) -> None:
        """Make every view once: creating one costs as much as a small kernel."""
        n = self.width
        shared = self.input.expand(runs, -1, -1)
        pick = self.z if self.act.keeps_z else self.outputs
        self.kept = [k[..., :n] for k in pick]
        self.ahead: list[_Ahead] = []
        self.back: list[_Back] = []
        for s in range(self.logits.shape[0]):
            layer_in = [shared, *(a[s % a.shape[0]] for a in rows)]
            z = [zs[s % zs.shape[0]] for zs in self.z]
            a_t = [a[:, :, :n].mT for a in layer_in]
            out = [a[s % a.shape[0]] for a in self.outputs]
            kept = [k[s % k.shape[0]] for k in self.kept]
            logits = self.logits[s]
            self.ahead.append((list(zip(layer_in, z, out, strict=False)), layer_in[-1], logits))
            back = zip(self.delta[:0:-1], self.delta[-2::-1], a_t[:0:-1], kept[::-1], strict=True)
            self.back.append((logits[..., :n], list(back), a_t[0]))

    def forward(self, s: int, weights: list[Tensor]) -> None:
        """Compute activations and logits of slot s."""
        layers, last, logits = self.ahead[s]
        activate, slope = self.act.forward_, self.problem.slope
        for w, (a, z, out) in zip(weights, layers, strict=False):
            torch.bmm(w, a, out=z)
            activate(z, out, slope)
        torch.bmm(weights[-1], last, out=logits)

    def backward(self, s: int, weights_t: list[Tensor], gradients: list[Tensor]) -> None:
        """Write the gradient of the mean training loss of slot s, layer by layer."""
        logits, layers, x_t = self.back[s]
        delta, scale, slope = self.delta[-1], self.act.backward_, self.problem.slope
        self.delta_(logits, self.target, delta)
        delta.mul_(self.weight)
        back = torch.mul if self.is_outer else torch.bmm
        i = len(layers)
        for delta, before, a_t, kept in layers:
            torch.bmm(delta, a_t, out=gradients[i])
            back(weights_t[i], delta, out=before)
            scale(before, kept, slope)
            back, i = torch.bmm, i - 1
        torch.bmm(self.delta[0], x_t, out=gradients[0])
