"""Losses: each value against PyTorch's, each derivative against autograd, and the score."""

from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nndl_core.base.config import LossName
from nndl_core.network.losses import LOSSES, accuracy, hits, output_units, probabilities, targets

NAMES: tuple[LossName, ...] = get_args(LossName)
CASES: list[tuple[LossName, int]] = [
    ("bce", 1),
    ("mse", 1),
    ("mse", 2),
    ("mse", 3),
    ("cross_entropy", 2),
    ("cross_entropy", 10),
]


def example(outputs: int, scale: float = 3.0, n: int = 50) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(outputs)
    logits = torch.randn(outputs, n, generator=g, dtype=torch.float64) * scale
    labels = torch.randint(0, max(2, outputs), (n,), generator=g)
    return logits, targets(labels, outputs, torch.float64)


def pytorch_value(name: LossName, logits: Tensor, target: Tensor) -> Tensor:
    if name == "bce":
        return F.binary_cross_entropy_with_logits(logits, target, reduction="none")[0]
    if name == "cross_entropy":
        return F.cross_entropy(logits.T, target.argmax(0), reduction="none")
    p = torch.sigmoid(logits) if len(logits) == 1 else torch.softmax(logits, 0)
    return F.mse_loss(p, target, reduction="none").sum(0)


def test_every_name_of_the_config_has_a_loss() -> None:
    assert set(LOSSES) == set(NAMES)


@pytest.mark.parametrize("scale", [0.0, 3.0, 300.0])
@pytest.mark.parametrize(("name", "outputs"), CASES)
def test_the_value_is_that_of_pytorch(name: LossName, outputs: int, scale: float) -> None:
    logits, target = example(outputs, scale)
    value = LOSSES[name].value(logits, target)
    torch.testing.assert_close(value, pytorch_value(name, logits, target), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("scale", [0.0, 3.0, 300.0])
@pytest.mark.parametrize(("name", "outputs"), CASES)
def test_delta_is_the_derivative_of_the_value(name: LossName, outputs: int, scale: float) -> None:
    logits, target = example(outputs, scale)
    leaf = logits.clone().requires_grad_()
    expected = torch.autograd.grad(LOSSES[name].value(leaf, target).sum(), leaf)[0]
    torch.testing.assert_close(LOSSES[name].delta(logits, target), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "outputs"), CASES)
def test_a_leading_run_axis_gives_each_run_alone(name: LossName, outputs: int) -> None:
    logits, target = example(outputs)
    stack = torch.stack([logits, 2 * logits, -logits])
    value, delta = LOSSES[name].value(stack, target), LOSSES[name].delta(stack, target)
    for r in range(3):
        assert torch.equal(value[r], LOSSES[name].value(stack[r], target))
        torch.testing.assert_close(delta[r], LOSSES[name].delta(stack[r], target))


def test_bce_is_exact_where_the_form_with_probabilities_fails() -> None:
    logits = torch.tensor([[-1000.0, 1000.0, -1000.0, 1000.0]])
    target = torch.tensor([[1.0, 0.0, 0.0, 1.0]])
    assert LOSSES["bce"].value(logits, target).tolist() == [1000.0, 1000.0, 0.0, 0.0]


def test_probabilities_of_one_and_of_several_outputs() -> None:
    logits, _ = example(3)
    assert torch.equal(probabilities(logits), torch.softmax(logits, 0))
    assert torch.equal(probabilities(logits[:1]), torch.sigmoid(logits[:1]))
    torch.testing.assert_close(probabilities(logits).sum(0), torch.ones(50, dtype=torch.float64))


def test_hits_of_one_output_count_a_tie_as_class_one() -> None:
    logits = torch.tensor([[0.0, 0.0, -0.1, 0.1]])
    assert hits(logits, torch.tensor([[1.0, 0.0, 0.0, 0.0]])).tolist() == [True, False, True, False]


def test_hits_of_several_outputs_compare_the_largest() -> None:
    logits = torch.tensor([[3.0, 0.0], [1.0, 5.0], [2.0, 6.0]])
    target = targets(torch.tensor([0, 1]), 3, torch.float32)
    assert hits(logits, target).tolist() == [True, False]


def test_accuracy_takes_probabilities_example_by_example() -> None:
    p = torch.tensor([[0.9], [0.2], [0.7], [0.5]])
    y = torch.tensor([[1.0], [0.0], [0.0], [1.0]])
    assert accuracy(p, y) == 0.75
    several = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    assert accuracy(several, torch.eye(3)[[1, 2]]) == 0.5


def test_accuracy_refuses_shapes_that_would_broadcast() -> None:
    with pytest.raises(ValueError, match=r"one shape, got \[4, 1\] and \[4\]\.$"):
        accuracy(torch.zeros(4, 1), torch.zeros(4))


def test_targets_are_labels_or_one_hot_columns() -> None:
    labels = torch.tensor([2, 0, 1])
    one_hot = targets(labels, 3, torch.float64)
    assert one_hot.tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert one_hot.dtype is torch.float64
    assert targets(torch.tensor([1, 0]), 1, torch.float32).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    ("loss", "classes", "units"),
    [("bce", 2, 1), ("mse", 2, 1), ("mse", 3, 3), ("cross_entropy", 2, 2), ("cross_entropy", 7, 7)],
)
def test_the_width_of_the_output_layer(loss: LossName, classes: int, units: int) -> None:
    assert output_units(loss, classes) == units


def test_bce_refuses_three_classes_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"^loss: 'bce' separates 2 classes .* 3; choose .*\.$"):
        output_units("bce", 3)
