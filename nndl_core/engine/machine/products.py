"""Products of small matrices with rows of examples, as machine code.

A processor adds up four rows in one go for the price of reading them once, so every loop over
examples takes four; what is left over has loops of its own.
"""

from __future__ import annotations

from typing import Any

from nndl_core.engine.machine.compiler import inlined
from nndl_core.engine.machine.math import like


@inlined
def combine(w: Any, count: int, bias: Any, rows: Any, first: int, base: int, out: Any) -> None:
    """Write bias + sum of w[i] rows[first + i] over i < count into out [n].

    The columns of rows [.., E] begin at base.
    """
    n = out.shape[0]
    end = base + n
    i = count % 4
    r0, w0 = rows[first, base:end], w[0]
    if i == 1:
        for j in range(n):
            out[j] = bias + w0 * r0[j]
    elif i == 2:
        r1, w1 = rows[first + 1, base:end], w[1]
        for j in range(n):
            out[j] = bias + w0 * r0[j] + w1 * r1[j]
    elif i == 3:
        r1, r2 = rows[first + 1, base:end], rows[first + 2, base:end]
        w1, w2 = w[1], w[2]
        for j in range(n):
            out[j] = bias + w0 * r0[j] + w1 * r1[j] + w2 * r2[j]
    else:
        i = 4
        r1, r2 = rows[first + 1, base:end], rows[first + 2, base:end]
        r3 = rows[first + 3, base:end]
        w1, w2, w3 = w[1], w[2], w[3]
        for j in range(n):
            out[j] = bias + w0 * r0[j] + w1 * r1[j] + w2 * r2[j] + w3 * r3[j]
    while i < count:
        r0, r1 = rows[first + i, base:end], rows[first + i + 1, base:end]
        r2, r3 = rows[first + i + 2, base:end], rows[first + i + 3, base:end]
        w0, w1, w2, w3 = w[i], w[i + 1], w[i + 2], w[i + 3]
        for j in range(n):
            out[j] += w0 * r0[j] + w1 * r1[j] + w2 * r2[j] + w3 * r3[j]
        i += 4


@inlined
def add_products(d: Any, count: int, rows: Any, first: int, base: int, g: Any) -> None:
    """Add the product of d [n] with rows[first + i] to g[i] for i < count, sum of d to g[count]."""
    n = d.shape[0]
    end = base + n
    zero = like(0.0, d[0])
    i = 0
    while i + 4 <= count:
        r0, r1 = rows[first + i, base:end], rows[first + i + 1, base:end]
        r2, r3 = rows[first + i + 2, base:end], rows[first + i + 3, base:end]
        s0 = s1 = s2 = s3 = zero
        for j in range(n):
            s0 += d[j] * r0[j]
            s1 += d[j] * r1[j]
            s2 += d[j] * r2[j]
            s3 += d[j] * r3[j]
        g[i] += s0
        g[i + 1] += s1
        g[i + 2] += s2
        g[i + 3] += s3
        i += 4
    if i + 2 <= count:
        r0, r1 = rows[first + i, base:end], rows[first + i + 1, base:end]
        s0 = s1 = zero
        for j in range(n):
            s0 += d[j] * r0[j]
            s1 += d[j] * r1[j]
        g[i] += s0
        g[i + 1] += s1
        i += 2
    total = zero
    if i < count:
        r0 = rows[first + i, base:end]
        s0 = zero
        for j in range(n):
            s0 += d[j] * r0[j]
            total += d[j]
        g[i] += s0
    else:
        for j in range(n):
            total += d[j]
    g[count] += total
