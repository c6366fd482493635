"""The gradient by hand against the gradient by autograd: entry by entry, and in time."""

from __future__ import annotations

import itertools
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nndl_core.base.config import DtypeName, LossName, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.runner import Runner
from nndl_core.network.gradients import GRADIENTS, LayerGradient, by_autograd, by_hand
from nndl_core.network.losses import LOSSES, targets
from nndl_core.network.model import MLP
from nndl_core.network.op_classes import BatchGD, BinaryCrossEntropyLoss, Model_MLP

STEPS = (6e-6, 6e-7, 6e-8, 6e-9)
"""The first is about the cube root of float64's rounding error; the smaller ones are for kinks."""
MOST_QUOTIENTS = 1000
MOST_PRODUCTS = 6e9
"""So many multiplications may all difference quotients of a table cost, a second or two."""

WAYS = ("by_hand", "by_autograd", "op_classes", "kernel")
# Processor time leaves out what else the machine does; on Windows it moves in steps of 16 ms.
CLOCK = time.perf_counter if sys.platform == "win32" else time.thread_time
Measure = Callable[[], tuple[float, list[Tensor]]]
Train = Callable[[int], list[Tensor]]
"""(epochs) -> the parameters after so many more, fc1.weight first."""


@dataclass(frozen=True, slots=True)
class GradientRow:
    """One entry of the gradient in three ways; the quotient is None where it was not computed."""

    name: str
    by_hand: float
    by_autograd: float
    quotient: float | None

    @property
    def absolute(self) -> float:
        """How far hand and autograd are apart."""
        return abs(self.by_hand - self.by_autograd)

    @property
    def relative(self) -> float:
        """The same as a share of the larger of the two; 0 where both are exactly 0."""
        if self.by_hand == self.by_autograd:
            return 0.0
        return self.absolute / max(abs(self.by_hand), abs(self.by_autograd))

    @property
    def quotient_absolute(self) -> float | None:
        """How far autograd and the difference quotient are apart."""
        return None if self.quotient is None else abs(self.by_autograd - self.quotient)


@dataclass(frozen=True)
class GradientTable:
    """Every entry of a gradient, and the largest differences; NaN where one is no number."""

    rows: list[GradientRow]

    @property
    def largest_absolute(self) -> float:
        """The largest difference of hand and autograd."""
        return _largest(row.absolute for row in self.rows)

    @property
    def largest_relative(self) -> float:
        """The largest relative difference of hand and autograd."""
        return _largest(row.relative for row in self.rows)

    @property
    def largest_quotient(self) -> float:
        """The largest difference of autograd and the difference quotient."""
        return _largest(d for row in self.rows if (d := row.quotient_absolute) is not None)

    @property
    def quotients(self) -> int:
        """The number of entries that have a difference quotient."""
        return sum(row.quotient is not None for row in self.rows)

    @property
    def equal(self) -> int:
        """The number of entries in which hand and autograd are equal in every digit."""
        return sum(row.by_hand == row.by_autograd for row in self.rows)

    @property
    def largest_entry(self) -> float:
        """The size of the largest entry of the gradient."""
        return _largest(abs(row.by_autograd) for row in self.rows)


def gradient_table(config: RunConfig, dtype: DtypeName | None = None) -> GradientTable:
    """Compute the gradient of the mean training loss at the first weights, in three ways.

    By hand and by autograd in this precision (default: the config's); central differences in
    float64, of every entry or, in a large network, of entries spread evenly. Rows are in the
    order fc1.weight[0,0], ..., fc1.bias[0], ... Raises ValueError if the data do not fit.
    """
    names, hand, auto = _both(replace(config, dtype=dtype or config.dtype))
    quotients = _quotients(*_problem(replace(config, dtype="float64")), config.loss)
    entries = zip(names, hand, auto, strict=True)
    return GradientTable(
        [GradientRow(name, h, a, quotients.get(i)) for i, (name, h, a) in enumerate(entries)]
    )


def largest_difference(config: RunConfig) -> float:
    """Return the largest |by hand - by autograd| of any entry, in the config's precision."""
    _, hand, auto = _both(config)
    return _largest(abs(h - a) for h, a in zip(hand, auto, strict=True))


def difference_quotient(parameter: Tensor, index: int, measure: Measure) -> float:
    """Return (L(theta + h) - L(theta - h)) / 2h for entry ``index`` of a float64 parameter.

    ``measure()`` gives the loss and the side of its kink on which each hidden unit is. Where a
    ReLU lies between theta - h and theta + h the quotient is no derivative, so h is made smaller.
    """
    entry = parameter.detach().view(-1)
    before = entry[index].item()
    for step in STEPS:
        h = step * max(1.0, abs(before))
        high, low = before + h, before - h  # rounded: their distance is not exactly 2h
        entry[index] = high
        above, sides = measure()
        entry[index] = low
        below, other_sides = measure()
        if all(map(torch.equal, sides, other_sides)):
            break
    entry[index] = before
    return (above - below) / (high - low)


def ways(config: RunConfig) -> tuple[str, ...]:
    """Return the WAYS that can train this config: the op classes know one network only."""
    course = config.activation == "sigmoid" and config.loss == "bce"
    return tuple(way for way in WAYS if course or way != "op_classes")


def time_gradients(
    config: RunConfig, epochs: int = 20, repeats: int = 50
) -> Iterator[tuple[str, float]]:
    """Yield (way, seconds per 1000 epochs), ``repeats`` times for each way, one after the other.

    Processor time; every way trains by plain gradient descent from the same weights, in one
    thread, in turns. Raises ValueError if training diverges.
    """
    trainers = {way: trainer(config, way) for way in ways(config)}
    for train in trainers.values():
        _stopwatch(train, epochs)  # the first epochs reserve memory
    for round_ in range(repeats):
        order = list(trainers)
        for way in order[round_ % len(order) :] + order[: round_ % len(order)]:
            yield way, _stopwatch(trainers[way], epochs)


def seconds_per_1000_epochs(
    config: RunConfig, how: str, epochs: int = 100, repeats: int = 5
) -> float:
    """Return the median time of 1000 epochs in one of the WAYS, in seconds."""
    train = trainer(config, how)
    _stopwatch(train, epochs)
    return statistics.median(_stopwatch(train, epochs) for _ in range(repeats))


def median_times(config: RunConfig, epochs: int = 20, repeats: int = 15) -> dict[str, float]:
    """Return the median of time_gradients for each way, in seconds per 1000 epochs."""
    found = list(time_gradients(config, epochs, repeats))
    return {way: statistics.median(s for w, s in found if w == way) for way in ways(config)}


def trainer(config: RunConfig, how: str) -> Train:
    """Return a function that trains on from the first weights in one of the WAYS, by descent."""
    if how not in ways(config):
        raise ValueError(
            tr(
                "how: {how!r:.40} cannot train this; choose one of {ways}.",
                how=how,
                ways=ways(config),
            )
        )
    plain = replace(config, optimizer="sgd", weight_decay=0.0, batch_size=0)
    if how in GRADIENTS:
        return _plain_trainer(plain, how)
    return _kernel_trainer(plain) if how == "kernel" else _op_trainer(plain)


def op_model(config: RunConfig) -> Model_MLP:
    """Build the course's model with the weights of a config; it must be sigmoid and bce."""
    mlp, _, _ = _problem(config)
    model = Model_MLP(mlp.sizes)
    for fc, linear in zip(mlp.layers, model.layers[::2], strict=True):
        linear.params = {"W": fc.weight.detach().T.clone(), "b": fc.bias.detach().clone()}
    return model


def _plain_trainer(config: RunConfig, how: str) -> Train:
    model, x, target = _problem(config)
    parameters = [p.detach() for p in model.parameters()]

    def train(epochs: int) -> list[Tensor]:
        for _ in range(epochs):
            gradients = GRADIENTS[how](model, x, target, config.loss)
            for p, g in zip(parameters, itertools.chain(*gradients), strict=True):
                p.sub_(g, alpha=config.learning_rate)
        return parameters

    return train


def _op_trainer(config: RunConfig) -> Train:
    _, x, target = _problem(config)
    model = op_model(config)
    loss_fn, optimizer = BinaryCrossEntropyLoss(model), BatchGD(config.learning_rate, model)

    def train(epochs: int) -> list[Tensor]:
        for _ in range(epochs):
            loss_fn(model(x), target)
            loss_fn.backward()
            optimizer.step()
        linears = model.layers[::2]
        return [p for fc in linears for p in (fc.params["W"].T, fc.params["b"])]

    return train


def _kernel_trainer(config: RunConfig) -> Train:
    runner = Runner.from_config(config)

    def train(epochs: int) -> list[Tensor]:
        runner.num_epochs = runner.epoch + epochs
        if runner.advance(epochs) < epochs or runner.diverged is not None:
            raise ValueError(
                tr(
                    "The loss of this network is no longer a finite number; "
                    "there is nothing to time."
                )
            )
        return [p.detach() for p in runner.model.parameters()]

    return train


def _stopwatch(train: Train, epochs: int) -> float:
    """Seconds per 1000 epochs."""
    torch.set_num_threads(1)
    start = CLOCK()
    train(epochs)
    return (CLOCK() - start) * 1000 / epochs


def _problem(config: RunConfig) -> tuple[MLP, Tensor, Tensor]:
    """The network at its first weights, the training examples [n, features], targets [n, K]."""
    torch.set_num_threads(1)  # of the calling thread, so it is set each time
    data = dataset_of(config)
    model = MLP.from_config(config, len(data.features), len(data.classes))
    dtype: torch.dtype = getattr(torch, config.dtype)
    return model, data.train.x.to(dtype), targets(data.train.y, model.sizes[-1], dtype).T


def _both(config: RunConfig) -> tuple[list[str], list[float], list[float]]:
    """The names of all entries, and their values by hand and by autograd."""
    model, x, target = _problem(config)
    hand = by_hand(model, x, target, config.loss)
    auto = by_autograd(model, x, target, config.loss)
    return list(_names(model)), _flat(hand), _flat(auto)


def _flat(gradients: list[LayerGradient]) -> list[float]:
    values: list[float] = torch.cat([g.reshape(-1) for pair in gradients for g in pair]).tolist()
    return values


def _names(model: MLP) -> Iterator[str]:
    for name, p in model.named_parameters():
        for index in itertools.product(*map(range, p.shape)):
            yield f"{name}[{','.join(map(str, index))}]"


def _quotients(model: MLP, x: Tensor, target: Tensor, loss: LossName) -> dict[int, float]:
    """The difference quotients by the entry's place in the flat gradient."""

    kinked = model.activation in ("relu", "leaky_relu", "elu")

    def measure() -> tuple[float, list[Tensor]]:
        value = LOSSES[loss].value(model(x).T, target.T).mean().item()
        return value, [z > 0 for z in model.pre_activations[:-1]] if kinked else []

    places = [(p, index) for p in model.parameters() for index in range(p.numel())]
    count = min(len(places), MOST_QUOTIENTS, int(MOST_PRODUCTS / (2 * len(x) * len(places))))
    chosen = sorted({round(k * (len(places) - 1) / max(count - 1, 1)) for k in range(count)})
    with torch.no_grad():
        return {k: difference_quotient(*places[k], measure) for k in chosen}


def _largest(values: Iterable[float]) -> float:
    """The maximum, but NaN if there is one, and for no values."""
    found = list(values)
    return math.nan if not found or any(map(math.isnan, found)) else max(found)
