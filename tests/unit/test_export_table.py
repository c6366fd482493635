"""The records of a run as CSV, read back by pandas."""

import io
import math

import pandas as pd
import pytest

from nndl_core.config import RunConfig
from nndl_core.export.table import records_csv
from nndl_core.records import LAYER_FIELDS, SCALARS, Records
from nndl_core.runner import Runner


def test_every_record_comes_back() -> None:
    runner = Runner.from_config(RunConfig(points=60, hidden=(4, 3), epochs=12, init_scale=0.0))
    runner.advance(12)
    table = pd.read_csv(io.BytesIO(records_csv(runner.records)))
    assert list(table["epoch"]) == list(range(12))
    assert len(table.columns) == 1 + len(SCALARS) + 3 * len(LAYER_FIELDS)
    for record, (_, row) in zip(runner.records, table.iterrows(), strict=True):
        assert row["train_loss"] == pytest.approx(record.train_loss, rel=1e-8)
        for k, layer in enumerate(record.layers, start=1):
            for name in LAYER_FIELDS:
                wanted, found = float(getattr(layer, name)), float(row[f"fc{k}.{name}"])
                if math.isnan(wanted):  # weights of 0 have no relative update
                    assert math.isnan(found)
                else:
                    assert found == pytest.approx(wanted, rel=1e-8)


def test_a_run_that_has_not_begun_is_a_heading() -> None:
    assert records_csv(Records()).decode().startswith("epoch,train_loss")
