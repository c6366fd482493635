"""Activations and losses on rows of examples, as machine code: one loop for each formula.

A code is the position of a name in ACTIVATION_CODES, LOSS_CODES or RULE_CODES.
"""

from __future__ import annotations

from typing import Any

from nndl_core.config import ActivationName, LossName, OptimizerName
from nndl_core.machine_code import called
from nndl_core.vector_math import (
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
def loss_delta(code: int, z: Any, y: Any, weight: Any, out: Any, spare: Any) -> None:
    """Write the derivative of the weighted loss by the logits z [K, n] into out [K, n].

    y [K, n] are the targets, weight [n] the share of each example; spare [2, n] is working memory.
    """
    n = weight.shape[0]
    one, two = like(1.0, weight[0]), like(2.0, weight[0])
    if z.shape[0] == 1:
        logit, target, d = z[0], y[0], out[0]
        if code == 2:
            for j in range(n):
                s = sigmoid(logit[j])
                d[j] = two * (s - target[j]) * s * (one - s) * weight[j]
        else:
            for j in range(n):
                d[j] = (sigmoid(logit[j]) - target[j]) * weight[j]
        return
    softmax(z, out, spare)
    if code == 2:
        product = spare[0]
        product[:] = like(0.0, one)
        for k in range(z.shape[0]):
            s, target = out[k], y[k]
            for j in range(n):
                product[j] += (s[j] - target[j]) * s[j]
        for k in range(z.shape[0]):
            s, target = out[k], y[k]
            for j in range(n):
                s[j] = two * s[j] * (s[j] - target[j] - product[j]) * weight[j]
    else:
        for k in range(z.shape[0]):
            s, target = out[k], y[k]
            for j in range(n):
                s[j] = (s[j] - target[j]) * weight[j]


@called
def softmax(z: Any, out: Any, spare: Any) -> None:
    """Write the probabilities of logits z [K, n] into out [K, n]; spare is [2, n]."""
    top, total = spare[0], spare[1]
    n = top.shape[0]
    for j in range(n):
        top[j] = z[0, j]
        total[j] = like(0.0, top[0])
    for k in range(1, z.shape[0]):
        logit = z[k]
        for j in range(n):
            top[j] = logit[j] if logit[j] > top[j] else top[j]
    for k in range(z.shape[0]):
        logit, s = z[k], out[k]
        for j in range(n):
            s[j] = exponential(logit[j] - top[j])
            total[j] += s[j]
    for k in range(z.shape[0]):
        s = out[k]
        for j in range(n):
            s[j] = s[j] / total[j]
