"""Activations and losses on rows of examples, as machine code: one loop for each formula.

A code is the position of a name in ACTIVATION_CODES, LOSS_CODES or RULE_CODES.
"""

from __future__ import annotations

import math
from typing import Any

from nndl_core.base.config import ActivationName, LossName, OptimizerName
from nndl_core.engine.machine.compiler import called
from nndl_core.engine.machine.math import (
    expm1,
    exponential,
    like,
    normal_cdf,
    sigmoid,
    softplus,
    tanh,
)

ACTIVATION_CODES: tuple[ActivationName, ...] = (
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "gelu",
    "silu",
    "softplus",
    "identity",
)
LOSS_CODES: tuple[LossName, ...] = ("bce", "cross_entropy", "mse")
RULE_CODES: tuple[OptimizerName, ...] = ("sgd", "momentum", "nesterov", "adam")
LARGEST = 3.4028234663852886e38
"""The largest number of single precision."""


@called
def activate(code: int, z: Any, p: Any, out: Any) -> None:
    """Write phi(z) into out, both [n]; p is the Leaky slope or the ELU alpha."""
    zero = like(0.0, p)
    n = out.shape[0]
    if code == 0:
        for j in range(n):
            out[j] = sigmoid(z[j])
    elif code == 1:
        for j in range(n):
            out[j] = tanh(z[j])
    elif code == 2:
        for j in range(n):
            out[j] = zero if z[j] < zero else z[j]
    elif code == 3:
        for j in range(n):
            out[j] = z[j] if z[j] > zero else z[j] * p
    elif code == 4:
        for j in range(n):
            below = expm1(z[j]) * p
            out[j] = z[j] if z[j] > zero else below
    elif code == 5:
        for j in range(n):
            out[j] = z[j] * normal_cdf(z[j])
    elif code == 6:
        for j in range(n):
            out[j] = z[j] * sigmoid(z[j])
    elif code == 7:
        for j in range(n):
            out[j] = softplus(z[j])
    else:
        for j in range(n):
            out[j] = z[j]


@called
def weigh_by_slope(code: int, d: Any, kept: Any, p: Any, out: Any) -> None:
    """Write d phi'(z) into out, all [n]; kept is what Activation.backward_ takes."""
    zero, one = like(0.0, p), like(1.0, p)
    n = out.shape[0]
    if code == 0:
        for j in range(n):
            out[j] = d[j] * (kept[j] * (one - kept[j]))
    elif code == 1:
        for j in range(n):
            out[j] = d[j] * (one - kept[j] * kept[j])
    elif code == 2:
        for j in range(n):
            out[j] = d[j] if kept[j] > zero else zero
    elif code == 3:
        for j in range(n):
            out[j] = d[j] if kept[j] > zero else d[j] * p
    elif code == 4:
        for j in range(n):
            below = exponential(kept[j]) * p
            out[j] = d[j] * (one if kept[j] > zero else below)
    elif code == 5:
        for j in range(n):
            z = kept[j]
            density = exponential(like(-0.5, p) * z * z) * like(0.3989422804014327, p)
            out[j] = d[j] * (normal_cdf(z) + z * density)
    elif code == 6:
        for j in range(n):
            s = sigmoid(kept[j])
            out[j] = d[j] * (s * (one + kept[j] * (one - s)))
    elif code == 7:
        for j in range(n):
            out[j] = d[j] * sigmoid(kept[j])
    else:
        for j in range(n):
            out[j] = d[j]


@called
def loss_delta(code: int, logits: Any, at: int, y: Any, y_at: int, weight: Any, d: Any) -> None:
    """Write the derivative of the weighted loss by the logits into d[0], [K, TILE].

    weight [n] are the shares of the examples. The rows of logits and targets y [K, ..] begin at
    columns of their own; d [3, ..] is working memory, whose last part may hold the logits.
    """
    n, outputs = weight.shape[0], y.shape[0]
    one, two = like(1.0, weight[0]), like(2.0, weight[0])
    if outputs == 1:
        logit, target, out = logits[0, at : at + n], y[0, y_at : y_at + n], d[0, 0, :n]
        if code == 2:
            for j in range(n):
                s = sigmoid(logit[j])
                out[j] = two * (s - target[j]) * s * (one - s) * weight[j]
        else:
            for j in range(n):
                out[j] = (sigmoid(logit[j]) - target[j]) * weight[j]
        return
    softmax(logits, at, outputs, n, d)
    if code == 2:
        product = d[1, 0, :n]
        for j in range(n):
            product[j] = one - one
        for k in range(outputs):
            out, target = d[0, k, :n], y[k, y_at : y_at + n]
            for j in range(n):
                product[j] += (out[j] - target[j]) * out[j]
        for k in range(outputs):
            out, target = d[0, k, :n], y[k, y_at : y_at + n]
            for j in range(n):
                out[j] = two * out[j] * (out[j] - target[j] - product[j]) * weight[j]
    else:
        for k in range(outputs):
            out, target = d[0, k, :n], y[k, y_at : y_at + n]
            for j in range(n):
                out[j] = (out[j] - target[j]) * weight[j]


@called
def score(
    code: int, logits: Any, at: int, y: Any, y_at: int, n: int, d: Any
) -> tuple[float, float]:
    """Return the sum of the losses of n examples and the number of right answers.

    The arguments are those of loss_delta. A probability of .5 is an answer for class 1; of equal
    logits the first counts.
    """
    outputs, each = y.shape[0], d[0, 0, :n]
    hits = zero = like(0.0, each[0])
    one = like(1.0, zero)
    if outputs == 1:
        logit, target = logits[0, at : at + n], y[0, y_at : y_at + n]
        for j in range(n):
            hits += target[j] if logit[j] >= zero else one - target[j]
        if code == 2:
            for j in range(n):
                error = sigmoid(logit[j]) - target[j]
                each[j] = error * error
        else:
            # log(1 + exp(-m)) is exact where the form with probabilities clamps or gives 0
            for j in range(n):
                each[j] = softplus((one - target[j] - target[j]) * logit[j])
        return total_of(each), float(hits)
    for j in range(n):
        answer = 0
        for k in range(1, outputs):
            if logits[k, at + j] > logits[answer, at + j]:
                answer = k
        hits += y[answer, y_at + j]
    softmax(logits, at, outputs, n, d)
    top, total = d[1, 0, :n], d[1, 1, :n]
    if code == 2:
        for j in range(n):
            error = each[j] - y[0, y_at + j]
            each[j] = error * error
        for k in range(1, outputs):
            s, target = d[0, k, :n], y[k, y_at : y_at + n]
            for j in range(n):
                each[j] += (s[j] - target[j]) * (s[j] - target[j])
    else:
        for j in range(n):
            each[j] = like(math.log(total[j]), zero)
        for k in range(outputs):
            logit, target = logits[k, at : at + n], y[k, y_at : y_at + n]
            for j in range(n):
                each[j] -= (logit[j] - top[j]) * target[j]
    return total_of(each), float(hits)


@called
def total_of(row: Any) -> float:
    """Sum a row [n]; in float64 where the sum is too large for the precision of the run."""
    total, exact = like(0.0, row[0]), 0.0
    for j in range(row.shape[0]):
        total += row[j]
    # isfinite is total - total == 0, which sums in any order may cancel to a number
    if -LARGEST <= total <= LARGEST:
        return float(total)
    for j in range(row.shape[0]):
        exact += float(row[j])
    return exact


@called
def softmax(logits: Any, at: int, outputs: int, n: int, d: Any) -> None:
    """Write the probabilities of logits into d[0], their largest and the sum of exp into d[1]."""
    top, total = d[1, 0, :n], d[1, 1, :n]
    for j in range(n):
        top[j] = logits[0, at + j]
        total[j] = like(0.0, top[0])
    for k in range(1, outputs):
        logit = logits[k, at : at + n]
        for j in range(n):
            top[j] = logit[j] if logit[j] > top[j] else top[j]
    for k in range(outputs):
        logit, s = logits[k, at : at + n], d[0, k, :n]
        for j in range(n):
            s[j] = exponential(logit[j] - top[j])
            total[j] += s[j]
    for k in range(outputs):
        s = d[0, k, :n]
        for j in range(n):
            s[j] = s[j] / total[j]
