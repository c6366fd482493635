"""The table of a sweep: one row for each run, and the Parquet file of all of them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from nndl_core.engine.batch import Outcome
from nndl_core.engine.records import EpochRecord
from nndl_core.studies.sweep.cells import Cell, Sweep

WHOLE = ("seed", "best_epoch", "epochs_trained", "diverged_at")


def rows(cell: Cell) -> Iterator[dict[str, Any]]:
    """Yield one row per seed: the value on every axis, the seed, and what was measured.

    Losses and accuracies (shares) are those at the end; best_ is the first epoch with the highest
    dev accuracy. A gradient is the norm of a layer's weight gradient on the training set, a ratio
    log10 of the first layer's over the last one's: -inf where the first is exactly 0, NaN where
    both are. Dead and distinct shares are of all hidden units at the end; NaN if there are none.
    diverged_at is None for a run that did not diverge.
    """
    for seed, outcome in enumerate(cell.outcomes):
        yield {**cell.values, "seed": seed, **_measured(outcome)}


def _measured(outcome: Outcome) -> dict[str, Any]:
    last = outcome.last
    return {
        "train_loss": last.train_loss,
        "train_accuracy": last.train_accuracy,
        "dev_loss": last.dev_loss,
        "dev_accuracy": last.dev_accuracy,
        "test_loss": outcome.test_last[1],
        "test_accuracy": outcome.test_last[0],
        "best_epoch": outcome.best_epoch,
        "best_dev_accuracy": outcome.dev_best,
        "best_test_loss": outcome.test_best[1],
        "best_test_accuracy": outcome.test_best[0],
        "epochs_trained": outcome.epochs,
        "diverged_at": outcome.diverged_at,
        **_gradients("start", outcome.first),
        **_gradients("end", last),
        "dead_share": _hidden_share(last, "dead_units"),
        "distinct_share": _hidden_share(last, "distinct_units"),
    }


def _gradients(when: str, record: EpochRecord) -> dict[str, float]:
    first, last = (record.layers[i].weight_grad_norm for i in (0, -1))
    return {
        f"first_gradient_{when}": first,
        f"last_gradient_{when}": last,
        f"gradient_ratio_log10_{when}": _log10(first) - _log10(last),
    }


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else -math.inf if value == 0 else math.nan


def _hidden_share(record: EpochRecord, count: str) -> float:
    hidden = record.layers[:-1]
    units = sum(layer.units for layer in hidden)
    return sum(getattr(layer, count) for layer in hidden) / units if units else math.nan


def table(cells: Iterable[Cell | None]) -> pd.DataFrame:
    """Return the rows of all finished cells in the order of the cells, then of the seeds."""
    frame = pd.DataFrame([row for cell in cells if cell is not None for row in rows(cell)])
    return frame.astype({name: "Int64" for name in WHOLE if name in frame})


def write_parquet(sweep: Sweep, path: Path) -> None:
    """Write the table at once, beside its place first; the base config is in its metadata."""
    frame = table(sweep.cells)
    frame.attrs["base"] = json.dumps(asdict(sweep.base))
    part = path.with_name(f"{path.name}.part")
    try:
        frame.to_parquet(part, index=False)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
