"""Three published rule sets, written again from the thresholds that they publish.

AUTOTRAINER (Zhang et al., ICSE 2021), the built-in rules of SageMaker Debugger with their default
parameters, and DeepDiagnosis (Wardat et al., ICSE 2022). They look at every third epoch and at the
first batch of the training set, as AUTOTRAINER does; what they name is given our disease's name.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from nndl_core.diagnosis.facts import Disease
from nndl_core.engine.runner import Runner
from nndl_core.network.gradients import by_hand
from nndl_core.network.losses import targets

EVERY, BATCH = 3, 64


@dataclass(frozen=True)
class Look:
    """What the rules measure at one epoch; lists have one entry per layer."""

    norms: list[float]
    mean_abs: list[float]
    zero_share: float
    inactive: list[float]
    beyond: list[float]
    far: list[float]
    weight_variance: list[float]
    update_ratio: list[float]


@dataclass
class History:
    """A run as the published rules see it."""

    activation: str
    looks: list[Look] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    dev_loss: list[float] = field(default_factory=list)
    diverged: bool = False


def watch(runner: Runner) -> History:
    """Train a run to its end, looking at every third epoch."""
    assert runner.config is not None
    history = History(runner.config.activation)
    while not runner.finished:
        look = _look(runner)
        runner.advance(EVERY)
        if runner.records:
            update = [layer.update_ratio for layer in runner.records[-1].layers]
            history.looks.append(Look(*look, update_ratio=update))
    history.loss = runner.train_loss
    history.accuracy, history.dev_loss = runner.train_scores, runner.dev_loss
    history.diverged = runner.diverged is not None
    return history


def _look(runner: Runner) -> tuple[list[float], list[float], float, list[float], list[float],
                                   list[float], list[float]]:  # fmt: skip
    assert runner.dataset is not None
    assert runner.config is not None
    model, part = runner.model, runner.dataset.train
    x = part.x[:BATCH].to(next(model.parameters()).dtype)
    y = targets(part.y[:BATCH], model.sizes[-1], x.dtype).T
    gradients = by_hand(model, x, y, runner.config.loss)
    weights = [g.weight for g in gradients]
    entries = torch.cat([g.flatten() for g in weights])
    hidden = model.pre_activations[:-1]
    limits = {"tanh": (-9.5, 9.5), "sigmoid": (-23.0, 17.0)}
    low, high = limits.get(model.activation, (-math.inf, math.inf))
    return (
        [float(g.norm()) for g in weights],
        [float(g.abs().mean()) for g in weights],
        float((entries == 0).double().mean()),
        [_share((z > 0).double().mean(0) < 0.01) for z in hidden],
        [_share((z < low) | (z > high)) for z in hidden],
        [_share(z.abs() >= 5) for z in hidden],
        [float(layer.weight.detach().var(correction=0)) for layer in model.layers],
    )


def _share(marks: Tensor) -> float:
    return float(marks.double().mean())


def autotrainer(run: History) -> list[Disease]:
    """Name problems only where the accuracy stays below .7; its own order of repairs."""
    if run.diverged or any(loss >= 1e5 for loss in run.loss):
        return ["exploding_gradient"]
    if not run.accuracy or run.accuracy[-1] >= 0.7:
        return []
    found: list[Disease] = []
    pairs = [(look.norms[0], look.norms[-1]) for look in run.looks]
    if any(last > 0 and first / last > 70 for first, last in pairs):
        found.append("exploding_gradient")
    if any(first < 1e-4 and first < 1e-3 * last for first, last in pairs):
        found.append("vanishing_gradient")
    if any(look.zero_share >= 0.7 for look in run.looks):
        found.append("dying_relu")
    steps = [b - a for a, b in itertools.pairwise(run.accuracy)]
    if steps and sum(abs(s) >= 0.03 for s in steps) >= 0.2 * len(steps):
        found.append("oscillating_loss")
    if not steps or max(steps) < 0.01:
        found.append("slow_convergence")
    return found


def sagemaker(run: History) -> list[Disease]:
    """Fire every built-in rule at its default, in the order of its documentation."""
    found: list[Disease] = []
    hidden_relu = run.activation in ("relu", "leaky_relu")
    if hidden_relu and any(share > 0.5 for look in run.looks for share in look.inactive):
        found.append("dying_relu")
    if run.diverged or not all(map(math.isfinite, run.loss)):
        found.append("exploding_gradient")
    for look in run.looks:
        low, high = min(look.weight_variance), max(look.weight_variance)
        if low == 0 or high / low > 10:  # "poor weight initialization"
            found.append("symmetric_weights" if low == 0 else "exploding_gradient")
            break
    if any(share > 0.5 for look in run.looks for share in look.beyond):
        found.append("saturation")
    if any(value < 1e-7 for look in run.looks for value in look.mean_abs):
        found.append("vanishing_gradient")
    ratios = [r for look in run.looks for r in look.update_ratio if not math.isnan(r)]
    if any(r > 10 for r in ratios):
        found.append("exploding_gradient")
    if any(r < 1e-8 for r in ratios):
        found.append("slow_convergence")
    if any(b > 0 and (d - b) / b > 0.1 for b, d in zip(run.loss, run.dev_loss, strict=True)):
        found.append("overfitting")
    return list(dict.fromkeys(found))


def deep_diagnosis(run: History) -> list[Disease]:
    """Fire its detectors in the order of its paper: the first that is met ends its run."""
    if run.diverged or not all(map(math.isfinite, run.loss)):
        return ["exploding_gradient"]
    found: list[Disease] = []
    if any(share > 0.5 for look in run.looks for share in look.far):
        found.append("saturation")
    relu = run.activation in ("relu", "leaky_relu")
    if relu and any(share >= 0.7 for look in run.looks for share in look.inactive):
        found.append("dying_relu")
    if any(look.zero_share >= 0.7 for look in run.looks):
        found.append("dying_relu")
    if any(value < 1e-7 for look in run.looks for value in look.mean_abs):
        found.append("vanishing_gradient")
    if len(run.loss) > 3 and run.loss[-1] >= run.loss[0]:
        found.append("slow_convergence")
    return list(dict.fromkeys(found))


SYSTEMS = {
    "AUTOTRAINER": autotrainer,
    "SageMaker Debugger": sagemaker,
    "DeepDiagnosis": deep_diagnosis,
}
