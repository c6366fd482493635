"""The curves of a run as an event file of TensorBoard.

The format is records of protocol buffers with a checksum (CRC-32C, masked), as TensorFlow's
record_writer.h and event.proto describe it; only scalars are written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from nndl_core.engine.records import SCALARS, Records

POLYNOMIAL = 0x82F63B78
MASK = 0xA282EAD8
MOST_STEPS = 1000
PER_LAYER = ("weight_grad_norm", "bias_grad_norm", "saturated_share", "dead_units")


def event_file(records: Records, began: float) -> bytes:
    """Write losses, accuracies and, for each layer, gradient norms and unit counts.

    began is the time of the first event in seconds since 1970. Epochs are the steps, MOST_STEPS of
    them at most, evenly spaced.
    """
    parts = [_record(_event(began, 0, _text(3, b"brain.Event:2")))]
    epochs = len(records)  # before the columns, which grow while the run plays on
    tags = list(_columns(records))
    count = min(epochs, MOST_STEPS) if tags else 0
    for row in sorted({round((epochs - 1) * i / max(1, count - 1)) for i in range(count)}):
        values = b"".join(
            _text(1, _text(1, tag.encode()) + _key(2, 5) + struct.pack("<f", column[row]))
            for tag, column in tags
        )
        parts.append(_record(_event(began, row, _text(5, values))))
    return b"".join(parts)


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


def _event(began: float, step: int, rest: bytes) -> bytes:
    return _key(1, 1) + struct.pack("<d", began + step * 1e-3) + _key(2, 0) + _varint(step) + rest


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _text(field: int, content: bytes) -> bytes:
    return _key(field, 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    parts = (length, _masked(length), content, _masked(content))
    return b"".join(parts)


def _masked(content: bytes) -> bytes:
    crc = crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + MASK) & 0xFFFFFFFF)


def _table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return table


TABLE = _table()


def crc32c(content: bytes) -> int:
    """Return the CRC-32C of bytes (Castagnoli's polynomial, RFC 3720 appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF
