"""Labels and examples: what is taken, and one sentence for everything else."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from nndl_core.base.checks import check_examples, class_indices
from nndl_core.network.losses import targets
from tests.bad_input import check_sentence

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.uint8,
                                   torch.int32, torch.int64])  # fmt: skip
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_whole_numbers_of_any_type_are_class_indices(
    dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    labels = torch.tensor([0, 2, 1, 2]).to(dtype).reshape(shape)
    found = class_indices(labels, 3)
    assert found.dtype == torch.int64
    assert found.tolist() == [0, 2, 1, 2]


def test_truth_values_are_the_labels_of_one_output() -> None:
    assert class_indices(torch.tensor([True, False]), 1).tolist() == [1, 0]


def test_labels_that_fit_are_not_copied() -> None:
    labels = torch.tensor([0, 1, 1])
    assert class_indices(labels, 1).data_ptr() == labels.data_ptr()


@pytest.mark.parametrize(
    ("labels", "outputs", "words"),
    [
        (torch.arange(10), 1, "index 2 is 2; one output takes the labels 0 and 1: give the "
                              "network 10 outputs and the loss 'cross_entropy'"),
        (torch.tensor([1, 2, 3]), 3, "index 2 is 3; 3 outputs take the labels 0 to 2: count the "
                                     "classes from 0"),
        (torch.tensor([2, 1]), 1, "index 0 is 2; .* count the classes from 0"),
        (torch.tensor([1, -1]), 1, "index 1 is -1; .* (y + 1) / 2 makes"),
        (torch.tensor([1.0, -1.0]), 2, "index 1 is -1; .* (y + 1) / 2 makes"),
        (torch.tensor([-2, 1]), 3, "index 0 is -2; .* number the classes from 0"),
        (torch.tensor([0.0, 0.3]), 1, "index 1 is 0.3; .* y > 0.5"),
        (torch.tensor([0.0, 0.4]), 3, "index 1 is 0.4; .* y > 0.5"),
        (torch.tensor([0.0, 1e-12 + 1.0], dtype=torch.float64), 1, "index 1 is 1.00000000000"),
        (torch.linspace(-1, 1, 5) / 2, 1, "index 0 is -0.5; .* y > 0.5"),
        (torch.tensor([0.0, NAN]), 1, "index 1 is nan; .* leave out the rows"),
        (torch.tensor([INF, 1.0]), 4, "index 0 is inf; .* leave out the rows"),
        (torch.tensor([0, 1, 4]), 3, "index 2 is 4; .* give the network 5 outputs."),
        (torch.tensor([10**12]), 3, "index 0 is 1000000000000; .* number the classes from 0"),
        (torch.eye(3), 3, "shape [3, 3]"),
        (torch.tensor(1), 1, "shape []"),
        (torch.zeros(2, 1, 1), 1, "shape [2, 1, 1]"),
    ],
)  # fmt: skip
def test_other_labels_are_refused_with_what_was_found_what_is_allowed_and_what_to_do(
    labels: Tensor, outputs: int, words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words).replace(r"\.\*", ".*")) as refused:
        class_indices(labels, outputs)
    check_sentence(str(refused.value))


@pytest.mark.parametrize("labels", [[0, 1], np.array([0, 1]), None, "01"])
def test_labels_that_are_no_tensor_are_refused(labels: Tensor) -> None:
    with pytest.raises(TypeError, match=r"The labels are a \w+; expected is a tensor") as refused:
        class_indices(labels, 1)
    check_sentence(str(refused.value))


@pytest.mark.parametrize(
    "labels",
    [torch.tensor([1j, 0]), torch.tensor([0.0, 1.0]).to_sparse()],
    ids=["complex", "sparse"],
)
def test_labels_that_are_no_real_dense_numbers_are_refused(labels: Tensor) -> None:
    with pytest.raises(TypeError, match="real numbers in a dense tensor") as refused:
        class_indices(labels, 1)
    check_sentence(str(refused.value))


def test_targets_are_made_of_checked_labels_only() -> None:
    column = torch.tensor([[1.0], [0.0]])
    assert targets(column, 1, torch.float64).tolist() == [[1.0, 0.0]]
    assert targets(column, 2, torch.float64).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    for outputs in (1, 2):
        with pytest.raises(ValueError, match=r"index 0 is 0\.3"):
            targets(torch.tensor([0.3]), outputs, torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.uint8])
def test_finite_rows_and_columns_are_examples(dtype: torch.dtype) -> None:
    x = torch.arange(6).reshape(2, 3).to(dtype)
    check_examples(x)
    check_examples(x, 3)


@pytest.mark.parametrize(
    ("x", "inputs", "words"),
    [
        (torch.zeros(4), None, "shape [4]; expected is a row for each example"),
        (torch.zeros(0, 2), 2, "shape [0, 2]; expected is a row"),
        (torch.zeros(3, 0), None, "shape [3, 0]; expected is a row"),
        (torch.zeros(3, 2, 1), 2, "shape [3, 2, 1]; expected is a row"),
        (torch.zeros(7, 2), 3, "shape [7, 2], and the network has 3 inputs"),
        (torch.tensor([[0, 1], [2, NAN]]), 2, "nan, which is not finite, at row 1 and column 1"),
        (
            torch.tensor([[0, 1], [-INF, NAN]]),
            2,
            "-inf, which is not finite, at row 1 and column 0",
        ),
    ],
)
def test_other_examples_are_refused(x: Tensor, inputs: int | None, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        check_examples(x, inputs)
    check_sentence(str(refused.value))


@pytest.mark.parametrize("x", [[[0.0]], np.zeros((2, 2)), torch.zeros(2, 2) * 1j])
def test_examples_that_are_no_tensor_of_numbers_are_refused(x: Tensor) -> None:
    with pytest.raises(TypeError, match="The examples are a") as refused:
        check_examples(x)
    check_sentence(str(refused.value))
