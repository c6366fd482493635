"""The binary frame that the live component draws: a JSON header, then the arrays."""

from __future__ import annotations

import json
import math
from typing import Any

from nndl_core.base.i18n import tr
from nndl_core.charts.style.theme import CLASS_COLORS
from nndl_core.engine.records import SCALARS, EpochRecord, as_dict
from nndl_core.engine.snapshot import COMPONENTS, Curves, Plane, Snapshot, TestResult
from nndl_core.studies.seed_band import SeedBand

ALIGNMENT = 8
CURVES = ("train_loss", "dev_loss", "train_accuracy", "dev_accuracy")
POINTS = ("points_x", "points_y", "points_label", "points_part")
PANEL_OF = dict.fromkeys(("boundary", "boundary_class", *POINTS), "boundary")
PANEL_OF |= {"histogram": "activations"}
"""The only panel that needs an array; an array that is not here is always sent."""


def encode(header: dict[str, Any], arrays: dict[str, Any]) -> bytes:
    """Pack a header and NumPy arrays: uint32 length, JSON, arrays, each padded to 8 bytes."""
    listed = [
        {"name": name, "dtype": a.dtype.name, "shape": list(a.shape)} for name, a in arrays.items()
    ]
    text = json.dumps({**header, "arrays": listed}, separators=(",", ":"), allow_nan=False)
    raw = text.encode()
    raw += b" " * (-(4 + len(raw)) % ALIGNMENT)
    parts = [len(raw).to_bytes(4, "little"), raw]
    for array in arrays.values():
        content = array.tobytes()
        parts += [content, bytes(-len(content) % ALIGNMENT)]
    return b"".join(parts)


def contents(snapshot: Snapshot, plane: Plane, curves: Curves) -> tuple[dict[str, Any], Any]:
    """Return the header fields and the arrays that change with every frame."""
    record = as_dict(snapshot.record)
    layers = record["layers"]
    for i, layer in enumerate(layers, start=1):
        layer["name"] = f"fc{i}"
    header = {
        "epoch": snapshot.epoch,
        "layers": layers,
        "histogram_range": snapshot.histogram_range,
        "extent": plane.extent,
        "axes": [*map(tr, COMPONENTS)] if plane.axes == COMPONENTS else plane.axes,
        "curve": {"from": curves.start, "stride": curves.stride},
    }
    arrays = {"curve_epoch": curves.epoch}
    arrays |= {name: getattr(curves, name) for name in CURVES}
    arrays["boundary"] = snapshot.boundary
    if snapshot.boundary_class is not None:
        arrays["boundary_class"] = snapshot.boundary_class
    arrays["histogram"] = snapshot.histogram
    return header, arrays


def still_contents(plane: Plane, classes: tuple[str, ...]) -> tuple[dict[str, Any], Any]:
    """Return the header fields and arrays that only a full frame carries."""
    x, y = plane.points.T.copy()
    part = plane.labels * 0
    part[plane.n_train :] = 1
    header = {"classes": classes, "colors": CLASS_COLORS[: len(classes)]}
    arrays = {"points_x": x, "points_y": y, "points_label": plane.labels, "points_part": part}
    return header, arrays


def shown(arrays: dict[str, Any], panels: tuple[str, ...]) -> dict[str, Any]:
    """Return the arrays that these panels draw."""
    return {n: array for n, array in arrays.items() if PANEL_OF.get(n) in (None, *panels)}


def band_arrays(seeds: SeedBand | None) -> dict[str, Any]:
    """Return the arrays of a band; without one, or before its first run has ended, none."""
    if seeds is None or not seeds.band.values:
        return {}
    arrays = {f"band_{name}": values for name, values in seeds.band.values.items()}
    return {"band_epoch": seeds.band.epoch, **arrays}


def band_header(seeds: SeedBand | None) -> dict[str, int] | None:
    """Return how many seeds of a band there are, have ended, and have diverged."""
    if seeds is None:
        return None
    band = seeds.band
    return {"seeds": seeds.seeds, "done": band.done, "diverged": band.diverged}


def merit(
    record: EpochRecord, epochs_per_second: float | None, test: TestResult | None
) -> dict[str, Any]:
    """Return the figures on top of the charts."""
    figures: dict[str, Any] = {name: _finite(getattr(record, name)) for name in SCALARS}
    figures["epochs_per_second"] = epochs_per_second
    figures["test"] = None if test is None else _test(test)
    return figures


def _test(test: TestResult) -> dict[str, Any]:
    best = {"score": test.best_score, "loss": _finite(test.best_loss), "epoch": test.best_epoch}
    return {"best": best, "last": {"score": test.last_score, "loss": _finite(test.last_loss)}}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
