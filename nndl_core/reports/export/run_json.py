"""A run as JSON: its settings, what it scored, and its curves; read back, it is the same run."""

from __future__ import annotations

import json
import math

from nndl_core.base.config import ConfigError, RunConfig, values_in
from nndl_core.base.i18n import mark, tr
from nndl_core.base.knobs import short
from nndl_core.engine.records import SCALARS, Records
from nndl_core.engine.runner import Runner
from nndl_core.engine.snapshot import evaluate_test

FORMAT = "nndl-run-1"
NOT_REPEATABLE = mark(
    "The file's run was loaded or its learning rate changed on the way; its settings are here, but "
    "a run from its seeds gives other curves."
)


def run_json(runner: Runner, *, engine: str, is_repeatable: bool) -> bytes:
    """Write settings, engine, scores and curves; a number that is none becomes null.

    engine says what computed the numbers; is_repeatable whether the settings alone give the run.
    Raises ValueError for a runner without a config.
    """
    if runner.config is None:
        message = tr("Only a runner made from a config can be written as JSON.")
        raise ValueError(message)
    count = len(runner.records)  # before the columns, which grow while the run plays on
    content = {
        "format": FORMAT,
        "engine": engine,
        "config": json.loads(runner.config.to_json()),
        "repeatable": is_repeatable,
        "epochs_recorded": count,
        "diverged_at": None if runner.diverged is None else runner.diverged.epoch,
        "scores": _scores(runner),
        "curves": {name: _plain(runner.records, name, count) for name in ("epoch", *SCALARS)},
    }
    return json.dumps(content, indent=1, allow_nan=False).encode()


def _scores(runner: Runner) -> dict[str, float | None]:
    """Evaluate on the test set, at the last parameters and at those of the best dev score."""
    test = evaluate_test(runner)
    if test is None:
        return {}
    names = ("best_epoch", "best_score", "best_loss", "last_score", "last_loss")
    return {f"test_{name}": _number(getattr(test, name)) for name in names}


def _plain(records: Records, name: str, count: int) -> list[float | None]:
    return [_number(value) for value in records.column(name)[:count].tolist()]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def config_in(content: bytes) -> RunConfig:
    """Read the settings from a file that holds a run, or only settings.

    Raises ConfigError with one sentence.
    """
    data = values_in(content)
    if not (isinstance(data, dict) and "format" in data):
        return RunConfig.from_dict(data)
    if data["format"] != FORMAT:
        raise ConfigError(
            tr(
                "The file has the format {given}, not {wanted!r}.",
                given=short(data["format"]),
                wanted=FORMAT,
            )
        )
    if "config" not in data:
        raise ConfigError(tr("The file says that it is a run, but holds no settings."))
    return RunConfig.from_dict(data["config"])


def warning_in(content: bytes) -> str:
    """Return the sentence for a run that its settings alone do not repeat; else empty."""
    try:
        data = values_in(content)
    except ConfigError:
        return ""
    is_straight = not isinstance(data, dict) or data.get("repeatable", True) is True
    return "" if is_straight else tr(NOT_REPEATABLE)
