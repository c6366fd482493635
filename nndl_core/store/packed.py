"""Curves as bytes: int32 epochs, then float32 values, little-endian, compressed."""

from __future__ import annotations

import zlib

import numpy as np

from nndl_core.base.i18n import tr
from nndl_core.store.runs import CURVES, MOST_POINTS, KeptCurves

EPOCH, VALUE = np.dtype("<i4"), np.dtype("<f4")
MOST_BYTES = MOST_POINTS * (EPOCH.itemsize + len(CURVES) * VALUE.itemsize)


def pack(curves: KeptCurves) -> bytes:
    """Write curves; unpack gives the equal ones back, also where a value is no number."""
    columns = [np.array(getattr(curves, name), VALUE).tobytes() for name in CURVES]
    return zlib.compress(np.array(curves.epoch, EPOCH).tobytes() + b"".join(columns))


def unpack(content: bytes) -> KeptCurves:
    """Read what pack has written; raise ValueError for anything else."""
    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(content, MOST_BYTES)
    except zlib.error:
        raise ValueError(tr("The curves of this run are damaged.")) from None
    width = EPOCH.itemsize + len(CURVES) * VALUE.itemsize
    if not reader.eof or len(plain) % width:
        raise ValueError(tr("The curves of this run are damaged."))
    count = len(plain) // width
    epochs = np.frombuffer(plain, EPOCH, count).tolist()
    values = np.frombuffer(plain, VALUE, -1, count * EPOCH.itemsize)
    table = values.reshape(len(CURVES), count).tolist()
    return KeptCurves(tuple(epochs), *map(tuple, table))
