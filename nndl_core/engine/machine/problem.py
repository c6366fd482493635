"""What the machine code is given, and the sentences that refuse it: it compares no index itself."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nndl_core.base.checks import (
    LARGEST,
    check_count,
    check_name,
    check_number,
    check_sizes,
    check_tensor,
    check_type,
)
from nndl_core.base.config import ActivationName, LossName, OptimizerName
from nndl_core.base.i18n import tr
from nndl_core.base.knobs import short
from nndl_core.network.activations import ACTIVATIONS, Slope
from nndl_core.network.losses import LOSSES, check_loss
from nndl_core.network.optimizers import OPTIMIZERS, STATE_VECTORS, Optimizer, OptimizerState

PRECISIONS = (torch.float32, torch.float64)
MOST_BETA = 0.999999
LARGEST_SEED = 10**12
"""A seed is multiplied by a million for the order of the batches, and has 64 bits then."""


@dataclass(frozen=True)
class Problem:
    """What is trained: shapes, data and the loss.

    x [1 or R, features, N] holds the train examples first, then the dev examples; target
    [1 or R, K, N] likewise, each column a class: 0 or 1 (K = 1), or one-hot. sizes counts units
    from input to output. Raises TypeError or ValueError with one sentence for what does not fit.
    """

    sizes: tuple[int, ...]
    activation: ActivationName
    slope: Slope
    loss: LossName
    x: Tensor
    target: Tensor
    n_train: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", check_sizes(self.sizes))
        check_name("activation", self.activation, ACTIVATIONS)
        check_name("loss", self.loss, LOSSES)
        check_loss(self.loss, self.sizes[-1])
        for name, rows in (("x", self.sizes[0]), ("target", self.sizes[-1])):
            self._check_data(name, getattr(self, name), rows)
        _check_targets(self.target)
        self._check_pair()
        self._check_slope()

    def _check_data(self, name: str, data: Tensor, rows: int) -> None:
        """Refuse all but finite numbers [runs, rows, N] of a precision, and detach them."""
        check_tensor(name, data, PRECISIONS)
        if data.ndim != 3 or 0 in data.shape or data.shape[1] != rows:
            raise ValueError(
                tr(
                    "{name} has shape {shape}; a network of {sizes} units needs [runs, {rows}, "
                    "examples].",
                    name=name,
                    shape=list(data.shape),
                    sizes="-".join(map(str, self.sizes)),
                    rows=rows,
                )
            )
        if not data.isfinite().all():
            raise ValueError(
                tr(
                    "{name} holds a number that is not finite in {precision}; scale the data, or "
                    "leave the example out.",
                    name=name,
                    precision=str(data.dtype).removeprefix("torch."),
                )
            )
        object.__setattr__(self, name, data.detach())

    def _check_pair(self) -> None:
        """Refuse data of two precisions or lengths, and a train part that is none."""
        x, target = self.x, self.target
        runs = {x.shape[0], target.shape[0]} - {1}
        if x.dtype != target.dtype or x.shape[2] != target.shape[2] or len(runs) > 1:
            raise ValueError(
                tr(
                    "x is {x} in {x_precision} and target {target} in {target_precision}; they "
                    "need one precision, one number of examples, and one or equally many runs.",
                    x=list(x.shape),
                    x_precision=str(x.dtype).removeprefix("torch."),
                    target=list(target.shape),
                    target_precision=str(target.dtype).removeprefix("torch."),
                )
            )
        check_count("n_train", self.n_train, 1, x.shape[2])

    def _check_slope(self) -> None:
        slope = self.slope
        if isinstance(slope, Tensor) and slope.ndim:
            check_tensor("slope", slope, (self.x.dtype,))
            if slope.ndim != 3 or slope.shape[1:] != (1, 1) or not slope.isfinite().all():
                raise ValueError(
                    tr(
                        "slope has shape {shape}; it is a number, or finite numbers [runs, 1, 1].",
                        shape=list(slope.shape),
                    )
                )
        else:
            check_number("slope", slope)


def check_kernel(
    problem: Problem, parameters: Sequence[Tensor], optimizer: Optimizer, seeds: tuple[int, ...]
) -> int:
    """Return the number of runs R; refuse what does not belong to R runs of this problem."""
    check_type("problem", problem, Problem)
    check_type("optimizer", optimizer, Optimizer)
    first = parameters[0] if isinstance(parameters, list | tuple) and parameters else None
    runs = first.shape[0] if isinstance(first, Tensor) and first.ndim == 3 else 1
    shapes = [(runs, o, i + 1) for i, o in itertools.pairwise(problem.sizes)]
    check_windows(parameters, shapes, problem.x.dtype)
    slopes = problem.slope.numel() if isinstance(problem.slope, Tensor) else 1
    for name, count in (
        ("x", problem.x.shape[0]),
        ("target", problem.target.shape[0]),
        ("slope", slopes),
        ("shuffle_seed", len(seeds)),
    ):
        if count not in (1, runs):
            raise ValueError(
                tr(
                    "{name} is given for {count} runs, and the parameters are those of {runs}; "
                    "give it once, or for each run.",
                    name=name,
                    count=count,
                    runs=runs,
                )
            )
    _check_optimizer(optimizer, sum(math.prod(shape) for shape in shapes))
    return runs


def check_windows(
    values: Sequence[Tensor], shapes: Sequence[tuple[int, ...]], dtype: torch.dtype
) -> None:
    """Refuse parameters that are not one window [R, fan_out, fan_in + 1] for each layer."""
    given = values if isinstance(values, list | tuple) else []
    found: list[object] = [
        tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__ for value in given
    ]
    if found != shapes or 0 in shapes[0]:
        raise ValueError(
            tr(
                "The parameters have the shapes {found}; expected are windows [runs, units, inputs "
                "+ 1], here {wanted}.",
                found=short([list(f) if isinstance(f, tuple) else f for f in found]),
                wanted=short([list(shape) for shape in shapes]),
            )
        )
    for value in values:
        check_tensor("parameters", value, (dtype,))


def check_state(state: OptimizerState, rule: OptimizerName, like: Tensor) -> OptimizerState:
    """Return what an optimizer remembers if it is of this rule and of parameters like these [T]."""
    check_type("state", state, OptimizerState)
    wanted = [tuple(like.shape)] * STATE_VECTORS[rule]
    for vector in state.vectors:
        check_tensor("optimizer", vector, (like.dtype,))
    if [tuple(v.shape) for v in state.vectors] != wanted or not all(
        v.is_contiguous() for v in state.vectors
    ):
        raise ValueError(
            tr(
                "The optimizer's memory has the shapes {found}; {rule} of these parameters needs "
                "{wanted}, each contiguous.",
                found=short([list(v.shape) for v in state.vectors]),
                rule=rule,
                wanted=short([list(shape) for shape in wanted]),
            )
        )
    check_count("steps", state.steps, 0, 2**62)
    return state


def seeds_of(shuffle_seed: int | Sequence[int]) -> tuple[int, ...]:
    """Return the seeds of the batches' order, one for all runs or one for each."""
    seeds = shuffle_seed if isinstance(shuffle_seed, Sequence) else (shuffle_seed,)
    if isinstance(seeds, str) or not len(seeds):
        seeds = (check_count("shuffle_seed", shuffle_seed, 0, LARGEST_SEED),)
    return tuple(check_count("shuffle_seed", seed, 0, LARGEST_SEED) for seed in seeds)


def _check_optimizer(o: Optimizer, total: int) -> None:
    """Refuse settings that PyTorch's own optimizers refuse, and vectors of another length."""
    check_name("optimizer", o.name, OPTIMIZERS)
    check_number("learning_rate", o.learning_rate, 0)
    check_number("weight_decay", o.weight_decay, 0)
    check_number("momentum", o.momentum, 0, MOST_BETA if o.name == "adam" else LARGEST)
    for name, vector in (("rates", o.rates), ("decays", o.decays)):
        if vector is None:
            continue
        check_tensor(name, vector, PRECISIONS)
        if vector.shape != (total,) or not (vector.isfinite() & (vector >= 0)).all():
            raise ValueError(
                tr(
                    "{name} has shape {shape}; it needs a finite number from 0 on for each of the "
                    "{total} parameters, [{total}].",
                    name=name,
                    shape=list(vector.shape),
                    total=total,
                )
            )


def _check_targets(target: Tensor) -> None:
    """Refuse targets [.., K, N] whose columns are no classes."""
    is_class = (target == 0) | (target == 1)
    if not is_class.all() or (target.shape[1] > 1 and not (target.sum(1) == 1).all()):
        raise ValueError(
            tr(
                "target holds what is no class; its columns are 0 or 1 with one output, one-hot "
                "with more, as losses.targets makes them of labels."
            )
        )
