"""The whole training loop as one piece of machine code: passes, gradients, update rules.

One run after another, and each through all epochs of a block: a network of this size with a tile
of its examples then stays in the processor's first cache, and no run can change another's bits.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from nndl_core.engine.machine.compiler import compiled, inlined
from nndl_core.engine.machine.math import like
from nndl_core.engine.machine.products import add_products, combine
from nndl_core.engine.machine.rows import activate, loss_delta, score, weigh_by_slope

TILE = 320
"""The examples that go through the network at once."""
VECTOR = 32
"""A multiple of the numbers that a processor computes at once; rows are whole vectors."""
GRADIENT, UPDATE = 1, 2
"""What to do in an epoch: one of the two, or their sum."""
BETA_2, EPSILON = 0.999, 1e-8


class Network(NamedTuple):
    """The shape: sizes [L + 1]; offsets [L + 1] of the layers in flat parameters; slopes [R].

    codes [4] are those of activation, loss and update rule, then whether z is kept.
    """

    sizes: Any
    offsets: Any
    codes: Any
    slopes: Any


class Data(NamedTuple):
    """The examples: x [1 or R, features, E], y [1 or R, K, E], weight [W] of W train columns.

    counts [2] are the train columns and the others that are no padding.

    orders [k, 1 or R, n_train] are the examples in the order in which batches take them; batch is
    their size, 0 for the full batch.
    """

    x: Any
    y: Any
    weight: Any
    counts: Any
    orders: Any
    batch: int


class Rule(NamedTuple):
    """The update rule: rates [R, 2] are learning rate and weight decay; m and v its memory [T].

    steps [1] counts the updates before this block.
    """

    rates: Any
    momentum: float
    m: Any
    v: Any
    steps: Any


class Memory(NamedTuple):
    """What is recorded: theta [k + 1, T], gradient [k, T], logits [k or 1, R, K, E].

    scores [k, R, 4] are the sums of train and other losses and the numbers of right answers.
    a and z [k or 1, R, units, E] are the hidden layers' outputs and what the slope is computed
    from where that is not a. With one slot, these and the logits are those of the last epoch.
    """

    theta: Any
    gradient: Any
    scores: Any
    a: Any
    z: Any
    logits: Any


class Scratch(NamedTuple):
    """Working memory for one tile: gradient [T], rows [.., TILE], deltas [3, widest, TILE]."""

    gradient: Any
    a: Any
    z: Any
    x: Any
    y: Any
    weight: Any
    deltas: Any
    back: Any


@inlined
def _step(rule: Any, code: int, theta: Any, g: Any, out: Any, at: int, end: int, r: int) -> None:
    """Write parameters at:end of run r after one step into out, all flat [T]."""
    m, v, one = rule.m, rule.v, like(1.0, theta[0])
    decay, momentum = one * like(rule.rates[r, 1], one), like(rule.momentum, one)
    rate = like(rule.rates[r, 0], one)
    if code == 0:
        for i in range(at, end):
            out[i] = theta[i] - rate * (g[i] + decay * theta[i])
    elif code == 1:
        for i in range(at, end):
            m[i] = momentum * m[i] + (g[i] + decay * theta[i])
            out[i] = theta[i] - rate * m[i]
    elif code == 2:
        for i in range(at, end):
            slope = g[i] + decay * theta[i]
            m[i] = momentum * m[i] + slope
            out[i] = theta[i] - rate * (slope + momentum * m[i])
    else:
        # Kingma and Ba 2015, with bias correction; beta 1 is the setting momentum
        steps = rule.steps[0]
        length = like(rule.rates[r, 0] / (1.0 - rule.momentum**steps), one)
        root = like(1.0 / math.sqrt(1.0 - BETA_2**steps), one)
        new, new_square = like(1.0 - rule.momentum, one), like(1.0 - BETA_2, one)
        for i in range(at, end):
            slope = g[i] + decay * theta[i]
            m[i] = momentum * m[i] + new * slope
            v[i] = like(BETA_2, one) * v[i] + new_square * slope * slope
            size = like(math.sqrt(v[i]), one) * root + like(EPSILON, one)
            out[i] = theta[i] - length * m[i] / size


@inlined
def _gather(
    data: Any, order: Any, r: int, begin: int, size: int, start: int, n: int, scratch: Any
) -> None:
    """Copy n examples of a batch into the tile; those beyond its size have no weight."""
    x, y = data.x[r % data.x.shape[0]], data.y[r % data.y.shape[0]]
    share = like(1.0 / size, data.weight[0])
    for j in range(n):
        here = order[(begin + start + j) % data.counts[0]]
        for i in range(x.shape[0]):
            scratch.x[i, j] = x[i, here]
        for i in range(y.shape[0]):
            scratch.y[i, j] = y[i, here]
        scratch.weight[j] = share if start + j < size else like(0.0, share)


@inlined
def _forward(
    network: Any,
    r: int,
    theta: Any,
    source: Any,
    at: int,
    a: Any,
    a_at: int,
    z: Any,
    z_at: int,
    logits: Any,
    logits_at: int,
    n: int,
) -> None:
    """Compute n columns of activations and logits; each array's columns begin at its own *_at."""
    sizes, code, keeps_z = network.sizes, network.codes[0], network.codes[3] == 1
    slope, last = network.slopes[r], sizes.shape[0] - 2
    rows, first, column, unit = source, 0, at, 0
    for layer in range(last + 1):
        fan_in, fan_out = sizes[layer], sizes[layer + 1]
        own = network.offsets[layer] + r * fan_out * (fan_in + 1)
        for o in range(fan_out):
            w = theta[own : own + fan_in + 1]
            own += fan_in + 1
            if layer == last:
                out = logits[o, logits_at : logits_at + n]
            else:
                row = unit + o if keeps_z else 0
                out = z[row, z_at : z_at + n]
            combine(w, fan_in, w[fan_in], rows, first, column, out)
            if layer < last:
                activate(code, out, slope, a[unit + o, a_at : a_at + n])
        rows, first, column = a, unit, a_at
        unit += fan_out


@inlined
def _backward(
    network: Any,
    r: int,
    theta: Any,
    source: Any,
    at: int,
    a: Any,
    a_at: int,
    z: Any,
    z_at: int,
    scratch: Any,
    n: int,
    g: Any,
) -> None:
    """Add what n examples give to the gradient; deltas[0] holds dL/dlogits."""
    sizes, code, keeps_z = network.sizes, network.codes[0], network.codes[3] == 1
    slope, last = network.slopes[r], sizes.shape[0] - 2
    d, below = scratch.deltas[0], scratch.deltas[1]
    unit = 0
    for layer in range(1, last + 1):
        unit += sizes[layer]
    for layer in range(last, -1, -1):
        fan_in, fan_out = sizes[layer], sizes[layer + 1]
        own = network.offsets[layer] + r * fan_out * (fan_in + 1)
        unit -= fan_in
        if layer > 0:
            rows, first, column = a, unit, a_at
        else:
            rows, first, column = source, 0, at
        for o in range(fan_out):
            begin = own + o * (fan_in + 1)
            add_products(d[o, :n], fan_in, rows, first, column, g[begin : begin + fan_in + 1])
        if layer > 0:
            back = scratch.back[:n]
            for i in range(fan_in):
                w = theta[own + i : own + fan_out * (fan_in + 1) : fan_in + 1]
                combine(w, fan_out, like(0.0, slope), d, 0, 0, back)
                rows, column = (z, z_at) if keeps_z else (a, a_at)
                kept = rows[unit + i, column : column + n]
                weigh_by_slope(code, back, kept, slope, below[i, :n])
        d, below = below, d


@compiled
def train(
    do: int, epochs: int, network: Any, data: Any, rule: Any, memory: Any, scratch: Any
) -> None:
    """Train all runs for a block of epochs; slot s of a memory is the state before update s.

    With GRADIENT the whole set goes through the network and slot s of gradient, logits, a and z is
    written; with UPDATE slot s + 1 of theta is.
    """
    sizes, theta, a, z = network.sizes, memory.theta, memory.a, memory.z
    layers, keeps_z = sizes.shape[0] - 1, network.codes[3] == 1
    train_width, width = data.weight.shape[0], data.x.shape[2]
    batches = 0
    if data.batch > 0 and do >= UPDATE:
        batches = -(-data.counts[0] // data.batch)
    steps = rule.steps[0]
    for r in range(memory.scores.shape[1]):
        rule.steps[0] = steps
        for s in range(epochs):
            is_kept = a.shape[0] > 1 or s == epochs - 1
            slot = s if a.shape[0] > 1 else 0
            # part 0 is the whole set, which is recorded; the others are batches
            for part in range(1 + batches):
                begin, size, end = 0, data.counts[0], width
                if part == 0:
                    parameters, g = theta[s], memory.gradient[s]
                    if do == UPDATE:
                        end = 0
                else:
                    parameters, g = theta[s + 1], scratch.gradient
                    begin = (part - 1) * data.batch
                    size = min(data.batch, data.counts[0] - begin)
                    end = size + -size % VECTOR
                for layer in range(layers):
                    count = sizes[layer + 1] * (sizes[layer] + 1)
                    own = network.offsets[layer] + r * count
                    for i in range(own, own + count):
                        if part == 1:
                            parameters[i] = theta[s, i]
                        if end > 0:
                            g[i] = like(0.0, g[0])
                start = 0
                while start < end:
                    if part == 0:
                        is_learned = start < train_width
                        n = min(TILE, (train_width if is_learned else end) - start)
                        x, y, shares, at = (
                            data.x[r % data.x.shape[0]],
                            data.y[r % data.y.shape[0]],
                            data.weight,
                            start,
                        )
                    else:
                        is_learned = True
                        n = min(TILE, end - start)
                        order = data.orders[s, r % data.orders.shape[1]]
                        _gather(data, order, r, begin, size, start, n, scratch)
                        x, y, shares, at = scratch.x, scratch.y, scratch.weight, 0
                    a_rows, a_at, z_rows, z_at = scratch.a, 0, scratch.z, 0
                    logits, logits_at = scratch.deltas[2], 0
                    if part == 0 and is_kept:
                        a_rows, a_at = a[slot, r], start
                        logits, logits_at = memory.logits[slot, r], start
                        if keeps_z:
                            z_rows, z_at = z[slot, r], start
                    _forward(
                        network, r, parameters, x, at, a_rows, a_at, z_rows, z_at,
                        logits, logits_at, n,
                    )  # fmt: skip
                    if part == 0:
                        side = 0 if is_learned else 1
                        if start == 0 or start == train_width:
                            memory.scores[s, r, side] = memory.scores[s, r, 2 + side] = 0.0
                        # the columns of this tile that are no padding
                        count = min(n, data.counts[side] + side * train_width - start)
                        result = score(
                            network.codes[1], logits, logits_at, y, at, count, scratch.deltas
                        )
                        memory.scores[s, r, side] += result[0]
                        memory.scores[s, r, 2 + side] += result[1]
                    if is_learned:
                        weight = shares[at : at + n]
                        loss_delta(
                            network.codes[1], logits, logits_at, y, at, weight, scratch.deltas
                        )
                        _backward(
                            network, r, parameters, x, at, a_rows, a_at, z_rows, z_at,
                            scratch, n, g,
                        )  # fmt: skip
                    start += n
                if do >= UPDATE and (part > 0 or batches == 0):
                    rule.steps[0] += 1
                    for layer in range(layers):
                        count = sizes[layer + 1] * (sizes[layer] + 1)
                        own = network.offsets[layer] + r * count
                        _step(
                            rule, network.codes[2], parameters, g, theta[s + 1], own,
                            own + count, r,
                        )  # fmt: skip
