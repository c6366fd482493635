"""An outcome as bytes that hold no code, every number bit for bit, with a checksum."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.engine.batch import Outcome
from nndl_core.engine.records import COUNTS, LAYER_FIELDS, SCALARS, EpochRecord, LayerStats

MAGIC = b"nndl-outcome-1\n"
DIGEST_BYTES, LENGTH_BYTES = 32, 4
WHOLE = ("epochs", "best_epoch", "diverged_at")
DOUBLE, SINGLE = np.dtype("<f8"), np.dtype("<f4")

Numbers = NDArray[np.float64]


class OutcomeError(ValueError):
    """Bytes that are not the outcome that was asked for; the text is one sentence."""


def identity(config: RunConfig) -> str:
    """Return a config as one line of JSON, by which its outcome is known."""
    return json.dumps(vars(config))


def encode(outcome: Outcome) -> bytes:
    """Write an outcome: magic, SHA-256 of the rest, length of a JSON header, header, numbers.

    The numbers are float64 (both records, scores, movement), then float32 (the curves).
    """
    curves = outcome.curves
    header = {
        "config": identity(outcome.config),
        "layers": len(outcome.first.layers),
        "curves": {name: len(curve) for name, curve in curves.items()},
        **{name: getattr(outcome, name) for name in WHOLE},
    }
    head = json.dumps(header).encode()
    doubles = np.concatenate([*_doubles(outcome)]).astype(DOUBLE)
    singles = [curve.astype(SINGLE).tobytes() for curve in curves.values()]
    length = len(head).to_bytes(LENGTH_BYTES, "little")
    body = b"".join([length, head, doubles.tobytes(), *singles])
    return MAGIC + hashlib.sha256(body).digest() + body


def decode(content: bytes, config: RunConfig) -> Outcome:
    """Read the outcome of this config; raise OutcomeError for anything else."""
    start = len(MAGIC) + DIGEST_BYTES
    body = content[start:]
    if content[:start] != MAGIC + hashlib.sha256(body).digest():
        raise OutcomeError(tr("The bytes are not a complete outcome; they may be damaged."))
    try:
        return _read(body, config)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise OutcomeError(tr("The bytes are not the outcome of this configuration.")) from None


def _read(body: bytes, config: RunConfig) -> Outcome:
    end = LENGTH_BYTES + int.from_bytes(body[:LENGTH_BYTES], "little")
    header: dict[str, Any] = json.loads(body[LENGTH_BYTES:end])
    if header["config"] != identity(config):
        raise ValueError(tr("another configuration"))
    layers, lengths = header["layers"], header["curves"]
    count = _count_doubles(layers)
    middle = end + DOUBLE.itemsize * count
    doubles = np.frombuffer(body, DOUBLE, count, end).astype(np.float64)
    singles = np.frombuffer(body, SINGLE, -1, middle).astype(np.float32)
    *parts, rest = np.split(singles, np.cumsum([*lengths.values()]))
    if len(rest):
        raise ValueError(tr("more numbers than the header says"))
    whole = {name: header[name] for name in WHOLE}
    return _outcome(config, doubles, layers, whole, dict(zip(lengths, parts, strict=True)))


def _doubles(outcome: Outcome) -> list[Numbers]:
    scores = [outcome.dev_best, *outcome.test_last, *outcome.test_best]
    records = [_record_numbers(record) for record in (outcome.first, outcome.last)]
    return [*records, np.array(scores), outcome.movement.ravel()]


def _count_doubles(layers: int) -> int:
    return 2 * (1 + len(SCALARS) + len(LAYER_FIELDS) * layers) + 5 + 2 * layers


def _outcome(
    config: RunConfig,
    numbers: Numbers,
    layers: int,
    whole: dict[str, Any],
    curves: dict[str, NDArray[np.float32]],
) -> Outcome:
    size = 1 + len(SCALARS) + len(LAYER_FIELDS) * layers
    first, last, scores, movement = np.split(numbers, [size, 2 * size, 2 * size + 5])
    dev_best, *tests = scores.tolist()
    return Outcome(
        config=config,
        first=_record(first),
        last=_record(last),
        dev_best=dev_best,
        test_last=(tests[0], tests[1]),
        test_best=(tests[2], tests[3]),
        movement=movement.reshape(layers, 2),
        curves=curves,
        **whole,
    )


def _record_numbers(record: EpochRecord) -> Numbers:
    scalars = [record.epoch, *(getattr(record, name) for name in SCALARS)]
    layers = [getattr(layer, name) for layer in record.layers for name in LAYER_FIELDS]
    return np.array([*scalars, *layers], dtype=np.float64)


def _record(numbers: Numbers) -> EpochRecord:
    split = 1 + len(SCALARS)
    epoch, *scalars = numbers[:split].tolist()
    train_loss, train_accuracy, dev_loss, dev_accuracy = scalars
    rows = numbers[split:].reshape(-1, len(LAYER_FIELDS)).tolist()
    layers = tuple(_stats(row) for row in rows)
    return EpochRecord(
        int(epoch), train_loss, train_accuracy, dev_loss, dev_accuracy, layers=layers
    )


def _stats(row: list[Any]) -> LayerStats:
    measured, counts = row[: -len(COUNTS)], row[-len(COUNTS) :]
    return LayerStats(*measured, *map(int, counts))
