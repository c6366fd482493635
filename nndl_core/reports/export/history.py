"""Runs as files: the table as CSV, chosen runs with their curves as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from nndl_core.reports.export.bundle import harmless
from nndl_core.store.runs import KeptCurves, KeptRun

FORMAT = "nndl-history-1"


def table_csv(runs: Sequence[KeptRun]) -> bytes:
    """Write one row per run: name, time, scores, findings and every setting."""
    rows = [_row(run) for run in runs]
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue().encode()


def runs_json(runs: Sequence[KeptRun], curves: Mapping[str, KeptCurves]) -> bytes:
    """Write runs with their curves; a value that is no number becomes null."""
    content = {"format": FORMAT, "runs": [_object(run, curves.get(run.id)) for run in runs]}
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False).encode()


def moment(run: KeptRun) -> str:
    """Write when a run ended: day and time, UTC, as ISO 8601."""
    return datetime.fromtimestamp(run.finished_at, UTC).isoformat(timespec="seconds")


def _row(run: KeptRun) -> dict[str, Any]:
    plain = {"name": run.name, "finished_at": moment(run), "pinned": run.pinned}
    last = {"epochs_trained": run.epochs, "diverged_at": run.diverged_at}
    said = {"findings": " ".join(said.disease for said in run.findings)}
    settings = {name: _flat(value) for name, value in run.settings.items()}
    ending = {"repeatable": run.repeatable, "engine": run.engine, "id": run.id}
    return plain | last | asdict(run.scores) | said | settings | ending


def _flat(value: Any) -> Any:
    return "-".join(map(str, value)) or "none" if isinstance(value, list) else value


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return harmless(value)
    return "" if value is None else value


def _object(run: KeptRun, curves: KeptCurves | None) -> dict[str, Any]:
    found = {name: value for name, value in asdict(run).items() if name != "config"}
    points = {} if curves is None else {n: [*map(_number, v)] for n, v in vars(curves).items()}
    return found | {"finished_at": moment(run), "config": run.settings, "curves": points}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
