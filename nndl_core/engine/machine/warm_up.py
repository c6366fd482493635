"""Makes the machine code of the training loop ahead of its first use, and says whether it is there.

Numba compiles for the types of the arguments, so a network of two units is trained for a moment
in each precision; the code serves all networks.
"""

from __future__ import annotations

import torch

from nndl_core.base.config import DtypeName
from nndl_core.engine.kernel import Kernel, Problem
from nndl_core.engine.machine.loop import train
from nndl_core.network.optimizers import Optimizer

PRECISIONS: tuple[DtypeName, ...] = ("float32", "float64")


def compile_training(precision: DtypeName) -> None:
    """Compile the training loop for one precision, or load what an earlier process kept.

    It takes about 10 seconds the first time on a machine, and a third of a second later.
    """
    dtype = getattr(torch, precision)
    x = torch.zeros(1, 1, 2, dtype=dtype)
    problem = Problem((1, 1, 1), "sigmoid", 0.01, "bce", x, torch.zeros_like(x), 1)
    parameters = [torch.zeros(1, 1, 2, dtype=dtype) for _ in range(2)]
    Kernel(problem, parameters, Optimizer(())).measure()


def compile_all() -> None:
    """Compile the training loop for every precision."""
    for precision in PRECISIONS:
        compile_training(precision)


def is_compiled(precision: DtypeName) -> bool:
    """Tell whether this process can train in a precision without a wait."""
    return any(precision in str(signature) for signature in train.signatures)
