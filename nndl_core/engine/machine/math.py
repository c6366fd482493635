"""Exponentials without a branch or a call, so that a loop over them becomes vector instructions.

Every function takes and returns one float32 or float64; NaN stays NaN. Errors are a few units in
the last place (tests compare with PyTorch).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nndl_core.engine.machine.compiler import formula, overloads, types

_F = np.float32
_I = np.int32
# ln 2 in two parts: the first has so few digits that its products with whole numbers are exact
_HIGH32, _LOW32 = _F(0.693359375), _F(-2.12194440e-4)
_HIGH64, _LOW64 = 0.693147180369123816490, 1.90821492927058770002e-10
_LOG2E = 1.4426950408889634


def like(value: float, x: Any) -> Any:
    """Return the constant in the precision of x."""
    raise NotImplementedError("compiled code only")


@overloads(like)
def _like(value: float, x: Any) -> Callable[..., Any]:
    if x == types.float32:
        return lambda value, x: np.float32(value)
    return lambda value, x: np.float64(value)


def exp_parts(x: Any) -> Any:
    """Return s and q with exp(x) = s (1 + q), s a power of two; |x| below largest(x)."""
    raise NotImplementedError("compiled code only")


def _exp_parts32(x: Any) -> Any:
    n = _I(x * _F(_LOG2E) + (_F(0.5) if x > _F(0) else _F(-0.5)))
    f = _F(n)
    r = (x - f * _HIGH32) - f * _LOW32
    tail = _F(1 / 24) + r * (_F(1 / 120) + r * (_F(1 / 720) + r * _F(1 / 5040)))
    q = r + r * r * (_F(1 / 2) + r * (_F(1 / 6) + r * tail))
    return np.int32((n + _I(127)) << _I(23)).view(np.float32), q


def _exp_parts64(x: Any) -> Any:
    n = np.int32(x * _LOG2E + (0.5 if x > 0.0 else -0.5))
    f = np.float64(n)
    r = (x - f * _HIGH64) - f * _LOW64
    last = 1 / 479001600 + r * (1 / 6227020800)
    tail = 1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800 + r * last))
    middle = 1 / 720 + r * (1 / 5040 + r * (1 / 40320 + r * tail))
    q = r + r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * middle))))
    return np.int64((np.int64(n) + 1023) << 52).view(np.float64), q


@overloads(exp_parts)
def _exp_parts(x: Any) -> Callable[..., Any]:
    return _exp_parts32 if x == types.float32 else _exp_parts64


def largest(x: Any) -> Any:
    """Return the largest whole number whose exponential and its inverse are normal numbers."""
    raise NotImplementedError("compiled code only")


@overloads(largest)
def _largest(x: Any) -> Callable[..., Any]:
    if x == types.float32:
        return lambda x: np.float32(87)
    return lambda x: np.float64(708)


def log1p_unit(e: Any) -> Any:
    """Return log(1 + e) for e in [0, 1], by the series of 2 atanh(e / (2 + e))."""
    raise NotImplementedError("compiled code only")


def _log1p32(e: Any) -> Any:
    u = e / (_F(2) + e)
    v = u * u
    tail = _F(2 / 9) + v * (_F(2 / 11) + v * (_F(2 / 13) + v * _F(2 / 15)))
    return u * (_F(2) + v * (_F(2 / 3) + v * (_F(2 / 5) + v * (_F(2 / 7) + v * tail))))


def _log1p64(e: Any) -> Any:
    u = e / (2.0 + e)
    v = u * u
    last = 2 / 29 + v * (2 / 31 + v * (2 / 33 + v * (2 / 35)))
    third = 2 / 21 + v * (2 / 23 + v * (2 / 25 + v * (2 / 27 + v * last)))
    second = 2 / 13 + v * (2 / 15 + v * (2 / 17 + v * (2 / 19 + v * third)))
    first = 2 / 5 + v * (2 / 7 + v * (2 / 9 + v * (2 / 11 + v * second)))
    return u * (2.0 + v * (2 / 3 + v * first))


@overloads(log1p_unit)
def _log1p_unit(e: Any) -> Callable[..., Any]:
    return _log1p32 if e == types.float32 else _log1p64


@formula
def bounded(x: Any) -> Any:
    """Keep x where its exponential is a normal number."""
    x = largest(x) if x > largest(x) else x
    return -largest(x) if x < -largest(x) else x


@formula
def exponential(x: Any) -> Any:
    """Return exp(x)."""
    s, q = exp_parts(bounded(x))
    return s + s * q


@formula
def expm1(x: Any) -> Any:
    """Return exp(x) - 1, exact to the last places where it is small."""
    s, q = exp_parts(bounded(x))
    return s * q + (s - like(1.0, x))


@formula
def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)); 1 + s is exact, so close x keep their distance."""
    s, q = exp_parts(bounded(-x))
    return like(1.0, x) / ((like(1.0, x) + s) + s * q)


@formula
def tanh(x: Any) -> Any:
    """Return t / (t + 2) with t = exp(2x) - 1; beyond 20 it is 1 in float64 too."""
    twice = like(40.0, x) if x > like(20.0, x) else x + x
    twice = like(-40.0, x) if x < like(-20.0, x) else twice
    s, q = exp_parts(twice)
    t = s * q + (s - like(1.0, x))
    return t / (t + like(2.0, x))


@formula
def softplus(x: Any) -> Any:
    """Return log(1 + exp(x))."""
    positive = x if x > like(0.0, x) else like(0.0, x)
    size = x if x < like(0.0, x) else -x
    return positive + log1p_unit(exponential(size))


def _log_erfc(t: Any) -> Any:
    """Return log(erfc(x) / t) + x^2 at t = 2 / (2 + x), a polynomial in t."""
    raise NotImplementedError("compiled code only")


# Chebyshev interpolation of the exact function at 11 points for x up to 9.5, and at 23 for x up to
# 27, beyond which erfc(x) is 0 in that precision; u runs from -1 to 1. The errors, 8e-9 and 9e-16,
# are relative errors of erfc.
def _log_erfc32(t: Any) -> Any:
    u = (t - _F(13.5 / 23)) / _F(9.5 / 23)
    p = _F(-0.000494649807) + u * (
        _F(0.000129369964) + u * (_F(4.91937729e-05) + u * _F(-2.27272432e-05))
    )
    p = _F(-0.00085303326) + u * (_F(0.00353491423) + u * (_F(-0.000296156163) + u * p))
    p = _F(0.565612735) + u * (_F(0.014716361) + u * (_F(-0.0287410202) + u * p))
    return _F(-0.553634987) + u * p


def _log_erfc64(t: Any) -> Any:
    u = (t - 31 / 58) / (27 / 58)
    p = 2.2842445990844268e-7 + u * (
        -5.3672586837154821e-8 + u * (-2.2644365582095919e-8 + u * 9.2146774921291946e-9)
    )
    p = 1.4941389165335392e-6 + u * (-1.0700418159796764e-6 + u * (-1.2800555596570769e-8 + u * p))
    p = 1.6125746923478182e-6 + u * (-9.5423525472756335e-6 + u * (2.5422087665676748e-6 + u * p))
    p = -9.8492214399414784e-5 + u * (-4.8748069590999159e-5 + u * (3.6975371621491691e-5 + u * p))
    p = -0.0014044550875723173 + u * (0.0001373381507195083 + u * (0.00029909761228137564 + u * p))
    p = -0.0050576925070996176 + u * (0.0065183199000249845 + u * (0.00040707164281280895 + u * p))
    p = 0.63169968458974242 + u * (0.032409287681113274 + u * (-0.039698260231181994 + u * p))
    return -0.62519531188811297 + u * p


@overloads(_log_erfc)
def _log_erfc_of(t: Any) -> Callable[..., Any]:
    return _log_erfc32 if t == types.float32 else _log_erfc64


@formula
def normal_cdf(z: Any) -> Any:
    """Return the probability that a standard normal number is below z."""
    half = like(0.5, z) * z * z
    x = (-z if z < like(0.0, z) else z) * like(0.7071067811865476, z)
    t = like(2.0, z) / (like(2.0, z) + x)
    tail = like(0.5, z) * t * exponential(_log_erfc(t) - half)
    return tail if z < like(0.0, z) else like(1.0, z) - tail
