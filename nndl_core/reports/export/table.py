"""The records of a run as CSV: one row for each epoch, columns for each layer."""

from __future__ import annotations

import csv
import io

import numpy as np

from nndl_core.engine.records import LAYER_FIELDS, SCALARS, Records


def records_csv(records: Records) -> bytes:
    """Write every record: epoch, losses and accuracies, then each layer's statistics by name."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    count = len(records)  # before the columns, which grow while the run plays on
    header = ["epoch", *SCALARS]
    columns = [records.column(name)[:count] for name in header]
    for name in LAYER_FIELDS:
        values = records.column(name)[:count]
        for layer in range(values.shape[1] if values.ndim == 2 else 0):
            header.append(f"fc{layer + 1}.{name}")
            columns.append(values[:, layer])
    writer.writerow(header)
    if count:
        for row in np.stack(columns, axis=1).tolist():
            # an empty cell is not a number, which a spreadsheet would read as a word
            writer.writerow(["" if value != value else f"{value:.9g}" for value in row])
    return out.getvalue().encode()
