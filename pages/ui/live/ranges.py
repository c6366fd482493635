"""What the axes of live charts must hold: of one run, and common to runs that stand together."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from nndl_core.engine.snapshot import Curves, Snapshot
from nndl_core.studies.seed_band import Band

Range = tuple[float, float]
Ranges = dict[str, Range]
FAR_ABOVE = 20
"""A loss that has been this many times as high as another's has axes of its own."""


def seen_in(snapshot: Snapshot, part: Curves) -> Ranges:
    """Return the smallest and largest value of each kind that a frame shows.

    Losses and gradient norms count only where they are positive and finite, so that the range
    serves a logarithmic axis too.
    """
    layers = snapshot.record.layers
    norms = [norm for fc in layers for norm in (fc.weight_grad_norm, fc.bias_grad_norm)]
    found = {
        "loss": _range((*part.train_loss.tolist(), *part.dev_loss.tolist()), 0),
        "accuracy": _range((*part.train_accuracy.tolist(), *part.dev_accuracy.tolist()), -inf),
        "gradients": _range(norms, 0),
    }
    return {name: limits for name, limits in found.items() if limits is not None}


def seen_in_band(band: Band) -> Ranges:
    """Return the smallest and largest value of each kind that a band holds."""
    found = {
        kind: _range((v for part in ("train", "dev") for v in _all_of(band, f"{part}_{kind}")), low)
        for kind, low in (("loss", 0), ("accuracy", -inf))
    }
    return {name: limits for name, limits in found.items() if limits is not None}


def _all_of(band: Band, name: str) -> list[float]:
    values: list[float] = band.values[name].ravel().tolist() if band.values else []
    return values


def union(ranges: Iterable[Ranges]) -> Ranges:
    """Return the smallest ranges that hold all of the given ones."""
    joined: Ranges = {}
    for each in ranges:
        for name, (low, high) in each.items():
            known_low, known_high = joined.get(name, (inf, -inf))
            joined[name] = (min(low, known_low), max(high, known_high))
    return joined


def in_common(seen: list[Ranges]) -> list[Ranges]:
    """Return, for runs that stand side by side, the ranges of their axes: the same for all.

    Only a run whose loss has exploded keeps its own, or the others' curves would lie flat.
    """
    highs = [each.get("loss", (0.0, 0.0))[1] for each in seen]
    calm = [high <= FAR_ABOVE * min(highs) for high in highs]
    joined = union(each for each, is_calm in zip(seen, calm, strict=True) if is_calm)
    return [joined if is_calm else each for each, is_calm in zip(seen, calm, strict=True)]


def _range(values: Iterable[float], above: float) -> Range | None:
    kept = [value for value in values if above < value < inf]  # a NaN is in no range
    return (min(kept), max(kept)) if kept else None
