"""An outcome as bytes that hold no code, every number bit for bit, with a checksum."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.engine.batch import Outcome
from nndl_core.engine.records import LAYER_FIELDS, SCALARS, EpochRecord, record_at

FORM = "nndl-outcome-2"
DIGEST_BYTES = 32
NEVER = -1
"""The epoch of what did not happen."""
PER_EPOCH = ("epoch", *SCALARS)

Arrays = dict[str, NDArray[np.generic]]


class OutcomeError(ValueError):
    """Bytes that are not the outcome that was asked for; the text is one sentence."""


def identity(config: RunConfig) -> str:
    """Return a config as one line of JSON, by which its outcome is known."""
    return json.dumps(vars(config))


def encode(outcome: Outcome) -> bytes:
    """Write an outcome: SHA-256 of the rest, then its numbers and its config as safetensors."""
    diverged_at = NEVER if outcome.diverged_at is None else outcome.diverged_at
    arrays = {
        "config": np.frombuffer(identity(outcome.config).encode(), np.uint8),
        "epochs": np.array([outcome.epochs, outcome.best_epoch, diverged_at]),
        "scores": np.array([outcome.dev_best, *outcome.test_last, *outcome.test_best]),
        "records": np.array([_numbers(outcome.first), _numbers(outcome.last)]),
        "movement": outcome.movement,
        **{f"curve.{name}": outcome.curves[name] for name in PER_EPOCH},
    }
    body = save(arrays)
    return hashlib.sha256(body).digest() + body


def decode(content: bytes, config: RunConfig) -> Outcome:
    """Read the outcome of this config; raise OutcomeError for anything else."""
    body = content[DIGEST_BYTES:]
    if content[:DIGEST_BYTES] != hashlib.sha256(body).digest():
        raise OutcomeError(tr("The bytes are not a complete outcome; they may be damaged."))
    try:
        arrays = load(body)
        if arrays["config"].tobytes().decode() == identity(config):
            return _read(arrays, config)
    except (SafetensorError, ValueError, LookupError, TypeError, OverflowError):
        pass
    raise OutcomeError(tr("The bytes are not the outcome of this configuration."))


def _read(arrays: Arrays, config: RunConfig) -> Outcome:
    first, last = _records(arrays["records"])
    epochs, best_epoch, diverged_at = arrays["epochs"].tolist()
    dev_best, *tests = arrays["scores"].tolist()
    return Outcome(
        config=config,
        first=first,
        last=last,
        epochs=epochs,
        best_epoch=best_epoch,
        dev_best=dev_best,
        test_last=(tests[0], tests[1]),
        test_best=(tests[2], tests[3]),
        diverged_at=None if diverged_at == NEVER else diverged_at,
        movement=arrays["movement"].astype(np.float64).reshape(len(first.layers), 2),
        curves={name: arrays[f"curve.{name}"].astype(np.float32) for name in PER_EPOCH},
    )


def _numbers(record: EpochRecord) -> list[float]:
    layers = [number for layer in record.layers for number in astuple(layer)]
    return [*(getattr(record, name) for name in PER_EPOCH), *layers]


def _records(rows: NDArray[np.generic]) -> list[EpochRecord]:
    layers = rows[:, len(PER_EPOCH) :].reshape(len(rows), -1, len(LAYER_FIELDS))
    columns = dict(zip(PER_EPOCH, rows.T, strict=False))
    columns |= dict(zip(LAYER_FIELDS, np.moveaxis(layers, 2, 0), strict=True))
    return [record_at(columns, row) for row in range(len(rows))]
