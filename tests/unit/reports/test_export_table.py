"""The records of a run as CSV, read back by pandas."""

import io
import json
import math

import pandas as pd
import pytest

from nndl_core.base.config import RunConfig
from nndl_core.engine.records import LAYER_FIELDS, SCALARS, Column, Records
from nndl_core.engine.runner import Runner
from nndl_core.reports.export.run_json import run_json
from nndl_core.reports.export.table import records_csv
from nndl_core.reports.export.tensorboard import event_file


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


class Growing(Records):
    """Records to which training adds an epoch between any two columns that are read."""

    def __init__(self, runner: Runner) -> None:
        super().__init__()
        self.runner = runner

    def __len__(self) -> int:
        return len(self.runner.records)

    def column(self, name: str) -> Column:
        self.runner.advance(1)
        return self.runner.records.column(name)


def test_a_run_that_plays_on_while_it_is_written_gives_whole_rows() -> None:
    runner = Runner.from_config(RunConfig(points=60, epochs=500))
    runner.advance(5)
    table = pd.read_csv(io.BytesIO(records_csv(Growing(runner))))
    assert list(table["epoch"]) == list(range(5))
    assert not table["fc2.units"].isna().any()
    count = len(runner.records)
    runner.records = Growing(trained_beside := Runner.from_config(RunConfig(points=60, epochs=500)))
    trained_beside.advance(count)
    curves = json.loads(run_json(runner, engine="", is_repeatable=True))["curves"]
    assert {len(curve) for curve in curves.values()} == {count}
    assert len(event_file(Growing(trained_beside), 0.0)) > 0


def test_a_run_that_has_not_begun_is_a_heading() -> None:
    assert records_csv(Records()).decode().startswith("epoch,train_loss")
