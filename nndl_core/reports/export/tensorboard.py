"""The curves of a run as an event file of TensorBoard; only scalars are written."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import masked_crc32c

from nndl_core.engine.records import SCALARS, Records

MOST_STEPS = 1000
PER_LAYER = ("weight_grad_norm", "bias_grad_norm", "saturated_share", "dead_units")


def event_file(records: Records, began: float) -> bytes:
    """Write losses, accuracies and, for each layer, gradient norms and unit counts.

    began is the time of the first event in seconds since 1970. Epochs are the steps, MOST_STEPS of
    them at most, evenly spaced.
    """
    events = [Event(wall_time=began, file_version="brain.Event:2")]
    epochs = len(records)  # before the columns, which grow while the run plays on
    tags = list(_columns(records))
    count = min(epochs, MOST_STEPS) if tags else 0
    for row in sorted({round((epochs - 1) * i / max(1, count - 1)) for i in range(count)}):
        values = [Summary.Value(tag=tag, simple_value=column[row]) for tag, column in tags]
        summary = Summary(value=values)
        events.append(Event(wall_time=began + row * 1e-3, step=row, summary=summary))
    return b"".join(_record(event.SerializeToString()) for event in events)


def _columns(records: Records) -> Iterator[tuple[str, list[float]]]:
    if not len(records):
        return
    for name in SCALARS:
        part, _, what = name.partition("_")
        yield f"{what}/{part}", _single(records.column(name).tolist())
    for name in PER_LAYER:
        for k, column in enumerate(records.column(name).T.tolist(), start=1):
            yield f"{name}/fc{k}", _single(column)


def _single(values: list[float]) -> list[float]:
    """Bound numbers to what a float32 of the file can hold; not a number stays that."""
    most = 3.4028234e38
    return [max(-most, min(most, value)) if value == value else value for value in values]


def _record(content: bytes) -> bytes:
    """Frame an event as TensorFlow's record_writer.h does, with checksums of length and content."""
    length = struct.pack("<Q", len(content))
    of_length, of_content = (struct.pack("<I", masked_crc32c(part)) for part in (length, content))
    return length + of_length + content + of_content
