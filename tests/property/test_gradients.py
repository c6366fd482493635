"""The hand-derived gradient against autograd, the kernel and central differences."""

import itertools
import math
from dataclasses import dataclass
from typing import get_args

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nndl_core.base.config import ActivationName, LossName
from nndl_core.engine.kernel import Kernel, Problem
from nndl_core.network.gradients import LayerGradient, by_autograd, by_hand
from nndl_core.network.losses import LOSSES, targets
from nndl_core.network.model import MLP, pack
from nndl_core.network.optimizers import Optimizer

HEADS: list[tuple[LossName, int]] = [
    ("bce", 1),
    ("mse", 1),
    ("mse", 2),
    ("mse", 4),
    ("cross_entropy", 2),
    ("cross_entropy", 3),
    ("cross_entropy", 10),
]


@dataclass(frozen=True)
class Case:
    """A network with data, all float64: x [n, d], y [n, K]."""

    model: MLP
    x: Tensor
    y: Tensor
    loss: LossName


def build(
    activation: ActivationName,
    slope: float,
    head: tuple[LossName, int],
    hidden: list[int],
    features: int,
    n: int,
    scale: float,
    bias: float,
    seed: int,
) -> Case:
    loss, outputs = head
    g = torch.Generator().manual_seed(seed)
    model = MLP((features, *hidden, outputs), activation, slope, torch.float64)
    with torch.no_grad():
        for layer in model.layers:
            fan_in = layer.weight.shape[1]
            draw = torch.randn(layer.weight.shape, generator=g, dtype=torch.float64)
            layer.weight.copy_(draw * scale / math.sqrt(fan_in))
            layer.bias.fill_(bias)
    x = torch.randn(n, features, generator=g, dtype=torch.float64)
    labels = torch.randint(0, max(2, outputs), (n,), generator=g)
    return Case(model, x, targets(labels, outputs, torch.float64).T, loss)


def cases(depth: int = 12, width: int = 16, most: int = 40) -> st.SearchStrategy[Case]:
    return st.builds(
        build,
        st.sampled_from(get_args(ActivationName)),
        st.sampled_from([0.0, 0.01, 0.3, 1.0, 2.0]),
        st.sampled_from(HEADS),
        st.lists(st.integers(1, width), max_size=depth),
        st.integers(1, 6),
        st.integers(1, most),
        st.sampled_from([0.0, 0.01, 1.0, 2.0, 8.0]),
        st.sampled_from([0.0, 1.0, -8.0]),
        st.integers(0, 10**6),
    )


def flat(gradients: list[LayerGradient]) -> Tensor:
    return torch.cat([part.flatten() for layer in gradients for part in layer])


def assert_equal_to(found: Tensor, expected: Tensor, tolerance: float = 1e-11) -> None:
    """Compare relative to the largest entry, absolutely where that is small."""
    largest = max(1.0, expected.abs().max().item())
    assert (found - expected).abs().max().item() <= tolerance * largest


def kernel_of(case: Case, batch_size: int = 0, learning_rate: float = 1.0) -> Kernel:
    model, x, y = case.model, case.x.T[None], case.y.T[None]
    problem = Problem(model.sizes, model.activation, model.slope, case.loss, x, y, len(case.x))
    return Kernel(problem, pack(model), Optimizer((), learning_rate=learning_rate), batch_size, 5)


def in_layers(windows: list[Tensor]) -> Tensor:
    """Flatten windows [1, out, in + 1] in the order of ``flat``."""
    parts = [(w[0, :, :-1].flatten(), w[0, :, -1]) for w in windows]
    return torch.cat(list(itertools.chain.from_iterable(parts)))


@settings(max_examples=250)
@given(cases())
def test_by_hand_is_by_autograd(case: Case) -> None:
    hand = flat(by_hand(case.model, case.x, case.y, case.loss))
    auto = flat(by_autograd(case.model, case.x, case.y, case.loss))
    assert_equal_to(hand, auto)


@settings(max_examples=250)
@given(cases(), st.booleans())
def test_the_kernel_has_the_gradient_of_by_hand(case: Case, by_autograd_: bool) -> None:
    kernel = kernel_of(case)
    kernel.by_autograd = by_autograd_
    with torch.no_grad():
        block = kernel.measure()
    found = in_layers(kernel.windows.of(block.gradients[0]))
    assert_equal_to(found, flat(by_hand(case.model, case.x, case.y, case.loss)))
    torch.testing.assert_close(
        block.logits[0, 0].T, case.model.logits(case.x), rtol=1e-11, atol=1e-11
    )


@settings(max_examples=100)
@given(cases(depth=4, width=8), st.integers(1, 50), st.booleans())
def test_an_epoch_of_mini_batches_is_that_of_by_hand(
    case: Case, batch_size: int, by_autograd_: bool
) -> None:
    """Repeat the epoch on the module itself; the order is the kernel's, from seed and epoch."""
    kernel = kernel_of(case, batch_size, learning_rate=0.01)
    kernel.by_autograd = by_autograd_
    kernel.run(1)
    n = len(case.x)
    whole = batch_size >= n
    order = torch.randperm(n, generator=torch.Generator().manual_seed(5 * 1_000_003))
    for rows in [torch.arange(n)] if whole else torch.split(order, batch_size):
        gradients = by_hand(case.model, case.x[rows], case.y[rows], case.loss)
        with torch.no_grad():
            for layer, g in zip(case.model.layers, gradients, strict=True):
                layer.weight.sub_(g.weight, alpha=0.01)
                layer.bias.sub_(g.bias, alpha=0.01)
    expected, found = in_layers(pack(case.model)), in_layers(kernel.windows.of(kernel.p[1])).clone()
    if not expected.isfinite().all():  # large weights and batches of one example explode
        assert not found.isfinite().all()
        return
    with torch.no_grad():
        assert_equal_to(found, expected, 1e-11)


def difference(case: Case, parameter: Tensor, index: int, step: float) -> float:
    """Central difference of the mean loss along one entry."""
    entry = parameter.data.view(-1)
    middle = entry[index].item()
    values = []
    for side in (middle + step, middle - step):
        entry[index] = side
        logits = case.model.logits(case.x)
        values.append(LOSSES[case.loss].value(logits.T, case.y.T).mean().item())
    entry[index] = middle
    return (values[0] - values[1]) / (2 * step)


def near_a_kink(model: MLP) -> bool:
    hidden = model.pre_activations[:-1]
    kinked = model.activation in ("relu", "leaky_relu", "elu")
    return kinked and any(z.abs().min().item() < 1e-4 for z in hidden)


@settings(max_examples=120)
@given(cases(depth=5, width=6, most=12))
def test_central_differences_agree(case: Case) -> None:
    gradients = flat(by_hand(case.model, case.x, case.y, case.loss))
    if near_a_kink(case.model):
        return
    largest = max(1.0, gradients.abs().max().item())
    start = 0
    for layer in case.model.layers:
        for parameter in (layer.weight, layer.bias):
            for index in {0, parameter.numel() // 2, parameter.numel() - 1}:
                found = difference(case, parameter, index, 1e-6)
                assert abs(found - gradients[start + index].item()) <= 1e-6 * largest
            start += parameter.numel()
