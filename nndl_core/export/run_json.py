"""A run as JSON: its settings, what it scored, and its curves; read back, it is the same run."""

from __future__ import annotations

import json
from typing import Any

from nndl_core.config import ConfigError, RunConfig
from nndl_core.records import SCALARS, Records

FORMAT = "nndl-run-1"


def run_json(config: RunConfig, records: Records) -> bytes:
    """Write settings and curves; a number that is none becomes null."""
    curves = {name: _plain(records, name) for name in ("epoch", *SCALARS)}
    content = {"format": FORMAT, "config": json.loads(config.to_json()), "curves": curves}
    return json.dumps(content, indent=1).encode()


def _plain(records: Records, name: str) -> list[float | None]:
    values: list[float] = records.column(name).tolist()
    return [value if abs(value) < float("inf") else None for value in values]


def config_in(content: bytes) -> RunConfig:
    """Read the settings from a file that holds a run, or only settings.

    Raises ConfigError with one sentence.
    """
    try:
        data: Any = json.loads(content)
    except (ValueError, RecursionError):
        data = None  # RunConfig has the sentence for that
    if not (isinstance(data, dict) and "format" in data):
        return RunConfig.from_json(content)
    if data["format"] != FORMAT:
        raise ConfigError(f"The file has the format {str(data['format'])[:40]!r}, not {FORMAT!r}.")
    return RunConfig.from_json(json.dumps(data.get("config")).encode())
