"""The machine code's formulas: exponentials against SciPy, rows against the readable formulas."""

import math
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from nndl_core.base.config import ActivationName, LossName, OptimizerName
from nndl_core.engine.machine import math as vector_math
from nndl_core.engine.machine.compiler import called
from nndl_core.engine.machine.rows import (
    ACTIVATION_CODES,
    LOSS_CODES,
    RULE_CODES,
    activate,
    loss_delta,
    score,
    weigh_by_slope,
)
from nndl_core.network.activations import ACTIVATIONS
from nndl_core.network.losses import LOSSES, hits, targets

DTYPES = [torch.float32, torch.float64]
Row = NDArray[np.float64]


@called  # type: ignore[untyped-decorator]
def row_of(formula: Any, x: Any, out: Any) -> None:
    for j in range(len(x)):
        out[j] = formula(x[j])


@called  # type: ignore[untyped-decorator]
def log1p_unit(e: Any) -> Any:
    return vector_math.log1p_unit(e)


EXPONENTIALS: dict[str, tuple[Any, Callable[[Row], Row], float, float]] = {
    # name: (formula, oracle, lowest and highest point)
    "exponential": (vector_math.exponential, np.exp, -80.0, 80.0),
    "expm1": (vector_math.expm1, np.expm1, -80.0, 80.0),
    "sigmoid": (vector_math.sigmoid, special.expit, -80.0, 80.0),
    "tanh": (vector_math.tanh, np.tanh, -30.0, 30.0),
    "softplus": (vector_math.softplus, lambda x: np.logaddexp(x, 0.0), -80.0, 80.0),
    "normal_cdf": (vector_math.normal_cdf, special.ndtr, -9.0, 9.0),
    "log1p_unit": (log1p_unit, np.log1p, 0.0, 1.0),
}


def test_every_name_of_the_config_has_a_code() -> None:
    assert set(ACTIVATION_CODES) == set(get_args(ActivationName))
    assert set(LOSS_CODES) == set(get_args(LossName))
    assert set(RULE_CODES) == set(get_args(OptimizerName))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXPONENTIALS)
def test_an_exponential_is_exact_to_some_units_in_the_last_place(name: str, dtype: Any) -> None:
    """Relative error, of small results too: also a vanishing number is one."""
    formula, oracle, low, high = EXPONENTIALS[name]
    tiny = np.geomspace(1e-30, 1, 200)
    x = np.concatenate([np.linspace(low, high, 20_001), tiny, -tiny if low < 0 else tiny])
    x = x.astype(dtype)
    out = np.empty_like(x)
    row_of(formula, x, out)
    expected = oracle(x.astype(np.float64))
    nonzero = np.abs(expected) > np.finfo(dtype).tiny
    error = np.abs(out[nonzero] / expected[nonzero] - 1).max()
    # an exponent of 40 has 40 times the rounding error, here and in the oracle
    units = 100 if name == "normal_cdf" else 8
    assert error < units * np.finfo(dtype).eps
    assert np.abs(out[~nonzero]).max(initial=0) <= np.finfo(dtype).tiny


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXPONENTIALS)
def test_what_is_no_number_stays_none_and_infinity_has_its_limit(name: str, dtype: Any) -> None:
    formula, oracle, *_ = EXPONENTIALS[name]
    x = np.array([np.nan, 1e30, -1e30], dtype=dtype)
    out = np.empty_like(x)
    row_of(formula, x, out)
    assert np.isnan(out[0])
    if name in ("sigmoid", "tanh", "normal_cdf"):
        np.testing.assert_allclose(out[1:], oracle(x[1:].astype(np.float64)), atol=1e-37)


def points(dtype: torch.dtype) -> Tensor:
    """A dense range, the kink at exactly 0, and both far tails."""
    tails = torch.tensor([-1000.0, -100.0, -40.0, 0.0, -0.0, 40.0, 100.0, 1000.0], dtype=dtype)
    return torch.cat([torch.linspace(-8, 8, 401, dtype=dtype), tails])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("p", [0.0, 0.01, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("name", get_args(ActivationName))
def test_rows_are_the_formulas(name: ActivationName, p: float, dtype: torch.dtype) -> None:
    z, act, code = points(dtype), ACTIVATIONS[name], ACTIVATION_CODES.index(name)
    slope = z.new_tensor([p]).numpy()[0]
    a, back = torch.full_like(z, math.nan), torch.full_like(z, math.nan)
    activate(code, z.numpy(), slope, a.numpy())
    tolerance = 2e-6 if dtype is torch.float32 else 1e-13
    torch.testing.assert_close(a, act.value(z, p), rtol=tolerance, atol=tolerance)
    delta = torch.linspace(-2, 3, len(z), dtype=dtype)
    kept = z if act.keeps_z else a
    weigh_by_slope(code, delta.numpy(), kept.numpy(), slope, back.numpy())
    torch.testing.assert_close(back, delta * act.slope(z, p), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_a_flat_side_is_exactly_flat(name: ActivationName) -> None:
    """Dead means exactly zero, so no rounding may lift it."""
    z = torch.linspace(-8, 0, 33)
    out, code, p = torch.full_like(z, math.nan), ACTIVATION_CODES.index(name), np.float32(0)
    activate(code, z.numpy(), p, out.numpy())
    assert (out == 0).all()
    weigh_by_slope(code, torch.ones(33).numpy(), z.numpy(), p, out.numpy())
    assert (out == 0).all()


def test_close_inputs_keep_their_distance() -> None:
    """Outputs around sigma(1) that differ by 1e-7 are as many numbers as float32 has there."""
    z = (1 + torch.arange(-200, 201) * 2.0**-23).float()
    out = torch.empty_like(z)
    activate(0, z.numpy(), np.float32(0), out.numpy())
    expected = torch.sigmoid(z.double())
    spread, wanted = out.double().std().item(), expected.std().item()
    assert spread == pytest.approx(wanted, rel=0.02)
    assert (out.double() - expected).abs().max().item() < 1.2e-7


HEADS: list[tuple[LossName, int]] = [
    ("bce", 1),
    ("mse", 1),
    ("mse", 2),
    ("mse", 4),
    ("cross_entropy", 2),
    ("cross_entropy", 10),
]
AT = 3
"""Rows of logits begin at a column of their own."""


def delta_of(name: LossName, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    rows, d = memory(logits)
    code = LOSS_CODES.index(name)
    loss_delta(code, rows.numpy(), AT, target.numpy(), 0, weight.numpy(), d.numpy())
    return d[0, : len(logits), : logits.shape[1]]


def score_of(name: LossName, logits: Tensor, target: Tensor) -> tuple[float, float]:
    rows, d = memory(logits)
    code, n = LOSS_CODES.index(name), logits.shape[1]
    found: tuple[float, float] = score(code, rows.numpy(), AT, target.numpy(), 0, n, d.numpy())
    return found


def memory(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Rows with something else around the logits, and working memory that holds no number."""
    outputs, n = logits.shape
    rows = torch.full((outputs + 1, n + 2 * AT), 7, dtype=logits.dtype)
    rows[:outputs, AT : AT + n] = logits
    return rows, torch.full((3, max(2, outputs), n), math.nan, dtype=logits.dtype)


def example(outputs: int, scale: float, n: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(3)
    logits = (scale * torch.randn(outputs, n, generator=g)).to(dtype)
    labels = torch.randint(0, max(2, outputs), (n,), generator=g)
    return logits, targets(labels, outputs, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [0.0, 3.0, 300.0])
@pytest.mark.parametrize(("name", "outputs"), HEADS)
def test_the_loss_delta_is_the_formula(
    name: LossName, outputs: int, scale: float, dtype: torch.dtype
) -> None:
    logits, target = example(outputs, scale, 50, dtype)
    weight = torch.rand(50, generator=torch.Generator().manual_seed(4)).to(dtype)
    tolerance = 1e-6 if dtype is torch.float32 else 1e-13
    expected = LOSSES[name].delta(logits, target) * weight
    found = delta_of(name, logits, target, weight)
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("outputs", [1, 3])
def test_a_logit_that_is_no_number_spoils_its_own_example_only(outputs: int, bad: float) -> None:
    logits = torch.zeros(outputs, 8)
    logits[0, 5] = bad
    name: LossName = "bce" if outputs == 1 else "cross_entropy"
    found = delta_of(name, logits, torch.zeros(outputs, 8), torch.ones(8))
    others = torch.arange(8) != 5
    assert found[:, others].isfinite().all()
    if math.isnan(bad):
        assert found[0, 5].isnan()


@pytest.mark.parametrize("scale", [0.0, 0.01, 3.0, 300.0])
@pytest.mark.parametrize("n", [1, 31, 32, 100])
@pytest.mark.parametrize(("name", "outputs"), HEADS)
def test_the_score_is_the_sum_of_the_values_and_the_number_of_hits(
    name: LossName, outputs: int, n: int, scale: float
) -> None:
    logits, target = example(outputs, scale, n, torch.float64)
    expected = LOSSES[name].value(logits, target).sum().item()
    loss, right = score_of(name, logits, target)
    assert loss == pytest.approx(expected, rel=1e-13, abs=1e-300)
    assert right == hits(logits, target).sum().item()
    single, _ = score_of(name, logits.float(), target.float())
    assert single == pytest.approx(expected, rel=1e-5, abs=1e-37 if name == "bce" else 1e-5)


def test_bce_keeps_losses_far_below_the_precision_of_one() -> None:
    margins = torch.linspace(20, 80, 100)[None]
    expected = torch.log1p(torch.exp(-margins.double())).sum().item()
    for sign, label in ((1, 1.0), (-1, 0.0)):
        found, _ = score_of("bce", sign * margins, torch.full((1, 100), label))
        assert found == pytest.approx(expected, rel=1e-6)


def test_a_sum_beyond_single_precision_is_finite_if_every_loss_is() -> None:
    large = torch.full((1, 50), -3e38)
    assert score_of("bce", large, torch.ones(1, 50))[0] == pytest.approx(50 * 3e38)
    large[0, 7] = -torch.inf
    assert score_of("bce", large, torch.ones(1, 50))[0] == math.inf
    large[0, 7] = torch.nan
    assert math.isnan(score_of("bce", large, torch.ones(1, 50))[0])


def test_equal_logits_answer_class_one_or_the_first() -> None:
    logits = torch.tensor([[0.0, 0.0, -0.1, 0.1]])
    assert score_of("bce", logits, torch.tensor([[1.0, 0.0, 0.0, 0.0]]))[1] == 2
    several = torch.tensor([[3.0, 0.0, 1.0], [1.0, 5.0, 1.0], [2.0, 6.0, 1.0]])
    target = targets(torch.tensor([0, 1, 0]), 3, torch.float32)
    assert score_of("cross_entropy", several, target)[1] == 2
