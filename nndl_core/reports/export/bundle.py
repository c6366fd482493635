"""A run on an uploaded table, packed as a zip: script and notebook with the data beside them."""

from __future__ import annotations

import csv
import io
import zipfile

import torch

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import Dataset
from nndl_core.reports.export.notebook import notebook_of
from nndl_core.reports.export.script import script_of

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def bundle_of(config: RunConfig, data: Dataset) -> bytes:
    """Pack run.py, run.ipynb and the data.csv that both read."""
    files = {
        "run.py": script_of(config, data).encode(),
        "run.ipynb": notebook_of(config, data),
        "data.csv": dataset_csv(data),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def dataset_csv(data: Dataset) -> bytes:
    """Write train, dev and test rows: features as the network sees them, class index, class name.

    Nine digits are every bit of a float32. Names that a spreadsheet would take for a formula get
    an apostrophe before them.
    """
    is_whole = data.train is data.dev  # too few rows to be divided: each part is all of them
    parts = (data.train,) if is_whole else (data.train, data.dev, data.test)
    x = torch.cat([part.x for part in parts]).tolist()
    y = torch.cat([part.y for part in parts]).tolist()
    classes = [harmless(name) for name in data.classes]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*(harmless(name) for name in data.features), "label", "class"])
    for row, label in zip(x, y, strict=True):
        writer.writerow([*(f"{value:.9g}" for value in row), label, classes[label]])
    return out.getvalue().encode()


def harmless(name: str) -> str:
    """Return a name as text to a spreadsheet: what may begin a formula gets an apostrophe."""
    return f"'{name}" if name.startswith(FORMULA_STARTS) else name
