"""Exported programs, run by an interpreter that has no lab, train what the lab trained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.config import (
    ActivationName,
    ConfigError,
    InitializerName,
    OptimizerName,
    RunConfig,
)
from nndl_core.datasets import DATASETS
from nndl_core.export.notebook import notebook_of
from nndl_core.export.script import script_of
from nndl_core.runner import Runner

RUNNER = """
import contextlib, io, json, runpy, sys
assert not any(name.startswith("nndl_core") for name in sys.modules)
results = []
for path in sys.argv[1:]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        space = runpy.run_path(path)
    results.append({"history": space["history"], "printed": out.getvalue()})
print(json.dumps(results))
"""


def run_all(sources: list[str], folder: Path) -> list[dict[str, Any]]:
    """Run programs one after another in an interpreter that cannot import the lab."""
    paths = []
    for i, source in enumerate(sources):
        path = folder / f"run{i}.py"
        path.write_text(source, encoding="utf-8")
        paths.append(str(path))
    command = [sys.executable, "-I", "-c", RUNNER, *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def trained(config: RunConfig) -> Runner:
    runner = Runner.from_config(config)
    runner.advance(config.epochs)
    return runner


def check(config: RunConfig, found: dict[str, Any], tolerance: float) -> None:
    """Compare every epoch and the printed table with the run of the lab."""
    runner = trained(config)
    history = np.array(found["history"]).reshape(-1, 5)
    names = ("epoch", "train_loss", "train_accuracy", "dev_loss", "dev_accuracy")
    assert len(history) == len(runner.records)
    for column, name in enumerate(names):
        wanted = runner.records.column(name)
        scale = np.maximum(1, np.abs(wanted)) if "loss" in name else 1
        most = tolerance if "loss" in name else 1e-12
        assert (np.abs(history[:, column] - wanted) <= most * scale).all(), (name, config)
    if runner.diverged is not None:
        assert f"Diverged at epoch {runner.diverged.epoch}" in found["printed"]
        return
    assert runner.dataset is not None
    for title, best in (("last epoch: ", False), ("best on dev:", True)):
        score, loss = runner.evaluate(runner.dataset.test, best)
        line = next(line for line in found["printed"].splitlines() if f"test, {title}" in line)
        words = line.replace(",", "").split()
        assert float(words[-1]) == pytest.approx(loss, abs=2e-6, rel=2e-6)
        assert float(words[-3]) == pytest.approx(score, abs=1e-4)


def config_of(**values: Any) -> RunConfig:
    base = {"points": 120, "epochs": 25, "dtype": "float64", "learning_rate": 0.1}
    return RunConfig.from_dict(base | values)


def every_name() -> list[RunConfig]:
    """Each data set, activation, initializer, optimizer and loss at least once."""
    found = []
    for name, spec in DATASETS.items():
        loss = "bce" if spec.classes == 2 else "cross_entropy"
        points = 1000 if name == "digits" else 120
        found.append(config_of(dataset=name, loss=loss, points=points, label_noise=0.1))
        found.append(config_of(dataset=name, loss="mse", points=points, batch_size=32))
    found += [config_of(activation=n, slope=0.3) for n in get_args(ActivationName)]
    found += [config_of(init=n, init_scale=0.7, hidden=[4, 6]) for n in get_args(InitializerName)]
    for name in get_args(OptimizerName):
        found.append(config_of(optimizer=name, learning_rate=0.02, weight_decay=0.01))
        found.append(config_of(optimizer=name, learning_rate=0.02, batch_size=7, momentum=0.5))
    return found


def test_every_name_is_exported_as_it_is_trained(tmp_path: Path) -> None:
    configs = every_name()
    results = run_all([script_of(c) for c in configs], tmp_path)
    for config, found in zip(configs, results, strict=True):
        check(config, found, 1e-9)


random_configs = st.builds(
    config_of,
    dataset=st.sampled_from(["moons", "circles", "xor", "blobs2", "spirals2"]),
    loss=st.sampled_from(["bce", "cross_entropy", "mse"]),
    points=st.integers(20, 200),
    noise=st.floats(0, 2),
    label_noise=st.sampled_from([0.0, 0.05, 0.5]),
    data_seed=st.integers(0, 10**6 - 1),
    hidden=st.lists(st.integers(1, 8), max_size=6),
    activation=st.sampled_from(get_args(ActivationName)),
    slope=st.floats(0, 2),
    init=st.sampled_from(get_args(InitializerName)),
    init_scale=st.floats(0, 2),
    bias=st.floats(-3, 3),
    init_seed=st.integers(0, 10**6 - 1),
    optimizer=st.sampled_from(get_args(OptimizerName)),
    learning_rate=st.floats(1e-4, 0.5),
    momentum=st.floats(0, 0.95),
    weight_decay=st.sampled_from([0.0, 0.001, 0.1]),
    batch_size=st.sampled_from([0, 0, 1, 10, 64, 500]),
)


@settings(max_examples=2)
@given(st.lists(random_configs, min_size=20, max_size=20))
def test_random_runs_are_repeated_to_a_millionth(
    tmp_path_factory: pytest.TempPathFactory, configs: list[RunConfig]
) -> None:
    sources = [script_of(c) for c in configs]
    found = run_all(sources, tmp_path_factory.mktemp("scripts"))
    for config, result in zip(configs, found, strict=True):
        check(config, result, 1e-6)


def test_a_run_in_single_precision_is_repeated_to_its_rounding(tmp_path: Path) -> None:
    """The lab's default run; sums in another order differ in the last bits of float32."""
    configs = [
        RunConfig(epochs=300),
        RunConfig(hidden=(3, 3, 3, 3), init="xavier_normal", epochs=300),
    ]
    results = run_all([script_of(c) for c in configs], tmp_path)
    for config, found in zip(configs, results, strict=True):
        history = np.array(found["history"])
        for column, name in ((1, "train_loss"), (3, "dev_loss")):
            assert np.abs(history[:, column] - trained(config).records.column(name)).max() < 1e-6


def test_a_notebook_holds_the_same_program() -> None:
    content = json.loads(notebook_of(config_of()))
    cells = content["cells"]
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in cells}) == len(cells)
    codes = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    script = script_of(config_of())
    assert all(code in script for code in codes[:-1])
    compile("\n".join(codes), "notebook", "exec")


def test_a_run_on_a_file_is_refused_with_a_sentence() -> None:
    with pytest.raises(ConfigError, match="uploaded table"):
        script_of(RunConfig(dataset="csv"))
