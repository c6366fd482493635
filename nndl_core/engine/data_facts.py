"""Facts of a train part that a diagnosis needs: its classes, its scale, and what can be learned."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from nndl_core.base.config import LossName
from nndl_core.data.bayes import posterior
from nndl_core.data.catalog import Split, standardize
from nndl_core.engine.records import DataFacts
from nndl_core.network.losses import LOSSES, targets

FIT_STEPS, FLAT = 400, 1e-7
"""Most steps of the fit of a straight boundary, and the slope at which it has arrived."""
STEEPEST = 2.0
"""Over the largest eigenvalue of the inputs' second moments: a step that suits every loss, for the
curvature in a logit is at most 1/2 (softmax with cross entropy)."""
LEAST = 1e-30
"""Probability below which a label is as good as impossible."""


def facts_of(train: Split, loss: LossName, outputs: int, *, linear: bool) -> DataFacts:
    """Measure a train part; linear is whether the network can only draw straight boundaries."""
    torch.set_num_threads(1)  # more are slower at this size, as for the Runner
    classes = max(2, outputs)
    counts = tuple(torch.bincount(train.y, minlength=classes).tolist())
    if broken := int((~torch.isfinite(train.x)).any(1).sum()):
        return DataFacts(counts, broken)
    facts = DataFacts(counts, 0, 0, *_scales(train.x.double()))
    if train.source is not None:
        best, right = limit(posterior(train.source, train.x), train.y, loss, outputs)
        facts = replace(facts, best_loss=best, best_accuracy=right)
    if linear:
        line, right = limit(_straight(train, loss, outputs), train.y, loss, outputs)
        facts = replace(facts, linear_loss=line, linear_accuracy=right)
    return facts


def limit(p: Tensor, y: Tensor, loss: LossName, outputs: int) -> tuple[float, float]:
    """Return mean loss and accuracy of class probabilities p [n, K] for labels y [n]."""
    accuracy = float((p.argmax(1) == y).double().mean())
    if loss != "mse":
        given = p.gather(1, y[:, None]).clamp(LEAST, 1)
        return max(0.0, -float(given.log().mean())), accuracy
    seen = p[:, 1:] if outputs == 1 else p
    return float(((seen.T - targets(y, outputs, p.dtype)) ** 2).sum(0).mean()), accuracy


def _scales(x: Tensor) -> tuple[float, float, float, float]:
    """Return the largest mean, the extreme spreads and the largest mean in spreads, [n, d]."""
    mean, spread = x.mean(0).abs(), x.std(0, correction=0)
    varied = spread > 0
    if not bool(varied.any()):
        return float(mean.max()), 1.0, 1.0, 0.0
    seen = spread[varied]
    offset = float((mean[varied] / seen).max())
    return float(mean.max()), float(seen.min()), float(seen.max()), offset


def _straight(train: Split, loss: LossName, outputs: int) -> Tensor:
    """Fit the linear network of the least loss; return its class probabilities [n, K].

    Accelerated gradient descent on scaled columns, whose step the curvature of the loss allows
    (Nesterov 1983). torch's own L-BFGS imports a compiler first, which takes a second.
    """
    x = standardize(train.x, len(train.x))
    x = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], 1)
    target = targets(train.y, outputs, torch.float64)
    step = STEEPEST / float(torch.linalg.eigvalsh(x.T @ x / len(x))[-1])
    at = before = torch.zeros(outputs, x.shape[1], dtype=torch.float64)
    for k in range(FIT_STEPS):
        ahead = at + k / (k + 3) * (at - before)
        slope = LOSSES[loss].delta(ahead @ x.T, target) @ x / len(x)
        before, at = at, ahead - step * slope
        if float(slope.abs().max()) < FLAT:
            break
    logits = at @ x.T
    if outputs > 1:
        return torch.softmax(logits, 0).T
    p = torch.sigmoid(logits[0])
    return torch.stack([1 - p, p], 1)
