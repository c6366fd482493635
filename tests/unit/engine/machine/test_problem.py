"""What reached the machine code and should not: memory beyond an array, labels of no class."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nndl_core.base.config import LossName
from nndl_core.engine.kernel import Kernel, Problem
from nndl_core.engine.machine.compiler import numba, source_key
from nndl_core.engine.runner import Runner
from nndl_core.network.losses import LOSSES
from nndl_core.network.model import MLP, pack
from nndl_core.network.optimizers import Optimizer, OptimizerState
from tests.bad_input import ROOT, check_sentence

X = torch.linspace(-1, 1, 40).reshape(20, 2)
Y = (X[:, 0] > 0).long()


def trained(sizes: tuple[int, ...], x: Tensor, y: Tensor, loss: LossName = "bce") -> None:
    model = MLP(sizes)
    Runner(model, torch.optim.SGD(model.parameters(), lr=0.2), loss_fn=loss).train(
        (x, y), (x, y), num_epochs=20
    )


@pytest.mark.parametrize("inputs", [1, 3, 10, 1_000_000])
def test_another_number_of_features_than_inputs_is_refused(inputs: int) -> None:
    """Three inputs trained on what lies behind the array, a million ended in a crash."""
    with pytest.raises(ValueError, match=r"shape \[.*\].*network") as refused:
        trained((inputs, 5, 1), X, Y)
    check_sentence(str(refused.value))


@pytest.mark.parametrize("sizes", [(2,), (), (2, 0, 1), (2, -1), (0, 1), (2.0, 1)])
def test_what_is_no_network_is_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="is no network") as refused:
        Problem(sizes, "relu", 0.01, "bce", X.T[None], Y.float()[None, None], 20)
    check_sentence(str(refused.value))


@pytest.mark.parametrize(
    ("labels", "outputs"),
    [
        (torch.arange(20) % 10, 1),
        (2 * Y - 1, 1),
        (torch.arange(20) % 3 + 1, 3),
        (torch.full((20,), -1), 2),
    ],
)
def test_labels_beyond_the_outputs_are_refused(labels: Tensor, outputs: int) -> None:
    """Labels 0 to 9 with one output trained to an accuracy of 4.4."""
    with pytest.raises(ValueError, match="The label at index") as refused:
        trained((2, 5, outputs), X, labels, "mse")
    check_sentence(str(refused.value))


@pytest.mark.parametrize(("loss", "outputs"), [("bce", 3), ("bce", 2), ("cross_entropy", 1)])
def test_a_loss_of_other_outputs_is_refused(loss: LossName, outputs: int) -> None:
    """The machine code took bce of several outputs for cross entropy, which is 0 with one."""
    with pytest.raises(ValueError, match=f"'{loss}'") as refused:
        trained((2, 5, outputs), X, Y, loss)
    check_sentence(str(refused.value))
    y = torch.zeros(1, outputs, 20)
    with pytest.raises(ValueError, match=f"loss: '{loss}' takes") as refused:
        Problem((2, outputs), "relu", 0.01, loss, X.T[None], y, 20)
    check_sentence(str(refused.value))
    with pytest.raises(ValueError, match=f"loss: '{loss}' takes"):
        LOSSES[loss].value(y, y)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39])
def test_examples_that_are_not_finite_are_refused(value: float) -> None:
    """They were blamed on the learning rate, as a run that diverged in epoch 0."""
    x = X.double().clone()
    x[3, 1] = value
    with pytest.raises(ValueError, match="not finite") as refused:
        trained((2, 5, 1), x, Y)
    check_sentence(str(refused.value))


def kernel(inputs: int = 4, rule: str = "adam") -> Kernel:
    x = torch.arange(inputs * 20.0).reshape(1, inputs, 20) / 40
    problem = Problem((inputs, 3, 1), "tanh", 0.01, "bce", x, Y.float()[None, None], 15)
    return Kernel(problem, pack(MLP((inputs, 3, 1))), Optimizer((), rule))  # type: ignore[arg-type]


def test_data_with_a_graph_are_detached() -> None:
    x = X.T[None].clone().requires_grad_()
    problem = Problem((2, 1), "relu", 0.01, "bce", x, Y.float()[None, None], 20)
    assert not problem.x.requires_grad
    Kernel(problem, [torch.zeros(1, 1, 3)], Optimizer(())).run(2)


def test_another_memory_of_the_optimizer_has_to_fit() -> None:
    """The machine code would write its second moments behind the vector."""
    mine = kernel()
    with pytest.raises(ValueError, match="optimizer's memory has the shapes") as refused:
        mine.state = OptimizerState([torch.zeros(3), torch.zeros(3)])
    check_sentence(str(refused.value))
    mine.optimizer.name = "sgd"
    with pytest.raises(ValueError, match="adam of these parameters needs"):
        mine.state = OptimizerState()
    mine.state = OptimizerState([torch.zeros(mine.windows.total) for _ in range(2)], 7)
    mine.run(3)
    assert mine.state.steps == 10


def test_without_the_checks_the_machine_code_reads_beyond_the_array() -> None:
    """Why they are needed; with Numba's bounds check on, the same call raises IndexError."""
    whole = kernel()
    whole.examples.x = whole.examples.x[:, :2]  # the memory goes on, the array does not
    if numba.config.BOUNDSCHECK:
        with pytest.raises(IndexError):
            whole.measure()
    else:
        expected = kernel()
        expected.parameters = [w.clone() for w in whole.parameters]
        assert torch.equal(whole.measure().logits, expected.measure().logits)


INDEX = """
import numpy as np
from nndl_core.network.losses import LOSSES
from nndl_core.engine.machine.compiler import FOLDER, compiled

@compiled
def at(row, index):
    return row[index]

print(FOLDER.name)
try:
    print(at(np.arange(10.0)[:3], 5))
except IndexError:
    print("IndexError")
"""


@pytest.mark.parametrize(("check", "answer"), [("1", "IndexError"), ("0", "5.0")])
def test_the_bounds_check_is_asked_for_in_the_environment(
    check: str, answer: str, tmp_path: Path
) -> None:
    program = tmp_path / "index.py"
    program.write_text(INDEX)
    environment = os.environ | {"NUMBA_BOUNDSCHECK": check, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        [sys.executable, program], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert said[1] == answer
    own = bool(numba.config.BOUNDSCHECK) == (check == "1")
    assert said[0].endswith(source_key()) == own
