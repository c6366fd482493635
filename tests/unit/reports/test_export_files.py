"""A run as JSON and as TensorBoard events, each read back by somebody else's reader."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.engine.records import Records
from nndl_core.engine.runner import Runner
from nndl_core.reports.export.run_json import FORMAT, config_in, run_json, warning_in
from nndl_core.reports.export.tensorboard import MOST_STEPS, event_file


def trained(**values: Any) -> Runner:
    runner = Runner.from_config(RunConfig.from_dict({"points": 60, "epochs": 30} | values))
    runner.advance(runner.num_epochs)
    return runner


def test_a_run_read_back_is_the_same_run() -> None:
    runner = trained(hidden=[4, 3], activation="elu", slope=0.5, batch_size=7)
    assert runner.config is not None
    content = run_json(runner, engine="nndl_core 1", is_repeatable=True)
    assert config_in(content) == runner.config
    assert config_in(runner.config.to_json().encode()) == runner.config
    again = Runner.from_config(config_in(content))
    again.advance(30)
    assert again.train_loss == runner.train_loss == json.loads(content)["curves"]["train_loss"]


def test_a_run_as_json_says_what_it_scored_and_by_which_engine() -> None:
    runner = trained()
    assert runner.dataset is not None
    data = json.loads(run_json(runner, engine="nndl_core 1", is_repeatable=True))
    assert (data["engine"], data["epochs_recorded"], data["diverged_at"]) == (
        "nndl_core 1",
        30,
        None,
    )
    last, best = (runner.evaluate(runner.dataset.test, best) for best in (False, True))
    scores = data["scores"]
    assert (scores["test_last_score"], scores["test_last_loss"]) == last
    assert (scores["test_best_score"], scores["test_best_loss"]) == best
    unplayed = Runner.from_config(RunConfig(points=60))
    assert json.loads(run_json(unplayed, engine="", is_repeatable=True))["scores"] == {}


def test_only_a_run_that_settings_do_not_repeat_gets_a_warning() -> None:
    runner = trained()
    for straight in (True, False):
        content = run_json(runner, engine="", is_repeatable=straight)
        assert bool(warning_in(content)) is not straight
    assert runner.config is not None
    assert (
        warning_in(runner.config.to_json().encode()) == warning_in(b"{") == warning_in(b"3") == ""
    )


@settings(max_examples=100)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
            max_leaves=8,
        ).map(lambda data: json.dumps({"format": FORMAT, "config": data}).encode()),
        st.sampled_from(
            [
                b'{"format": "nndl-run-9"}',
                b'{"format": []}',
                b'{"format": "nndl-run-1"}',
                b'{"format": ' + b"[" * 800 + b"]" * 800 + b"}",
                b'{"format": "' + b"x" * 9_000 + b'"}',
                b"[" * 10_000,
            ]
        ),
    )
)
def test_a_foreign_file_is_one_sentence(content: bytes) -> None:
    sentence = ""
    try:
        config_in(content)
        warning_in(content)
    except ConfigError as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert sentence == "" or sentence.endswith(".")
    assert len(sentence) < 400


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_every_event(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_file_loader import (  # type: ignore[import-untyped]
        EventFileLoader,
    )

    runner = trained(hidden=[4, 3])
    path = tmp_path / "events.out.tfevents.lab"
    path.write_bytes(event_file(runner.records, 1.7e9))
    first, *events = list(EventFileLoader(str(path)).Load())
    assert first.file_version == "brain.Event:2"
    assert [event.step for event in events] == list(range(30))
    for event, record in zip(events, runner.records, strict=True):
        values = {value.tag: _scalar(value) for value in event.summary.value}
        assert len(values) == 4 + 4 * 3
        assert values["loss/train"] == pytest.approx(record.train_loss, rel=1e-6)
        assert values["accuracy/dev"] == pytest.approx(record.dev_accuracy, rel=1e-6)
        norm = record.layers[2].weight_grad_norm
        assert values["weight_grad_norm/fc3"] == pytest.approx(norm, rel=1e-6)


def _scalar(value: Any) -> float:
    """The loader turns simple values into tensors of one number."""
    return float(value.tensor.float_val[0]) if value.HasField("tensor") else value.simple_value


@pytest.mark.filterwarnings("ignore")
def test_a_long_run_is_thinned_and_an_empty_one_is_a_heading(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    long = tmp_path / "long.tfevents"
    long.write_bytes(event_file(trained(epochs=3 * MOST_STEPS).records, 0.0))
    steps = [event.step for event in EventFileLoader(str(long)).Load()][1:]
    assert len(steps) == MOST_STEPS
    assert (steps[0], steps[-1]) == (0, 3 * MOST_STEPS - 1)
    empty = tmp_path / "empty.tfevents"
    empty.write_bytes(event_file(Records(), 0.0))
    assert len(list(EventFileLoader(str(empty)).Load())) == 1


def test_numbers_that_are_none_become_null() -> None:
    runner = trained(learning_rate=1000.0, init_scale=100.0, activation="identity", epochs=200)
    assert runner.diverged is not None
    assert runner.config is not None
    content = json.loads(run_json(runner, engine="", is_repeatable=True))
    assert content["diverged_at"] == runner.diverged.epoch
    values = [v for curve in content["curves"].values() for v in curve]
    assert all(v is None or math.isfinite(v) for v in values)
