"""The sweep command: its table, going on after an interrupt, and a sentence for every mistake."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nndl_core.base.config import RunConfig
from nndl_core.cli.main import main
from nndl_core.engine.runner import Runner
from nndl_core.studies.sweep.cells import Cell, Sweep

ROOT = Path(__file__).parents[3]
PLAN: dict[str, Any] = {
    "base": {"hidden": [3], "points": 60, "epochs": 30, "activation": "relu", "weight_decay": 1.0},
    "axes": {"depth": [0, 2, 1], "learning_rate": [0.1, 1000]},
    "seeds": 2,
}


def plan_file(folder: Path, plan: Any = PLAN) -> Path:
    path = folder / "SWEEP.json"
    path.write_text(plan if isinstance(plan, str) else json.dumps(plan), encoding="utf-8")
    return path


def run(folder: Path, *options: str, plan: Any = PLAN) -> int:
    out = ["--out", str(folder / "results.parquet")]
    return main(["sweep", str(plan_file(folder, plan)), *out, *options])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("sweep")
    assert run(folder) == 0
    return (folder / "results.parquet").read_bytes()


def test_one_row_for_each_run_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    output = capsys.readouterr()
    assert output.out == f"{tmp_path / 'results.parquet'}: 12 runs in 6 cells.\n"
    found = pd.read_parquet(tmp_path / "results.parquet")
    rows = [(d, rate, seed) for d in (0, 2, 1) for rate in (0.1, 1000.0) for seed in (0, 1)]
    assert list(zip(found.depth, found.learning_rate, found.seed, strict=True)) == rows
    assert json.loads(found.attrs["base"]) == {**PLAN["base"], "data_seed": 0} | json.loads(
        RunConfig.from_dict(PLAN["base"]).to_json()
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "SWEEP.json",
        "results.parquet",
        "results.parquet.cache",
    ]


def test_every_number_is_that_of_the_run_alone(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    for row in pd.read_parquet(tmp_path / "results.parquet").itertuples():
        config = replace(
            RunConfig.from_dict(PLAN["base"]),
            hidden=(3,) * row.depth,
            learning_rate=row.learning_rate,
            data_seed=int(row.seed),
            init_seed=int(row.seed),
        )
        runner = Runner.from_config(config)
        runner.advance(config.epochs)
        check_row(row, runner)


def check_row(row: Any, runner: Runner) -> None:
    first, last = runner.records[0], runner.measure()[0]
    assert runner.dataset is not None
    assert runner.best is not None
    wanted = {
        **{name: getattr(last, name) for name in ("train_loss", "train_accuracy", "dev_loss")},
        "dev_accuracy": last.dev_accuracy,
        "best_dev_accuracy": runner.best.score,
    }
    for name, value in wanted.items():
        assert getattr(row, name) == pytest.approx(value, rel=1e-5), name
    for prefix, best in (("test", False), ("best_test", True)):
        accuracy, loss = runner.evaluate(runner.dataset.test, best=best)
        assert getattr(row, f"{prefix}_accuracy") == pytest.approx(accuracy)
        assert getattr(row, f"{prefix}_loss") == pytest.approx(loss, rel=1e-5)
    assert (row.epochs_trained, row.best_epoch) == (runner.epoch, runner.best.epoch)
    diverged = runner.diverged.epoch if runner.diverged else None
    assert (None if pd.isna(row.diverged_at) else row.diverged_at) == diverged
    for when, record in (("start", first), ("end", last)):
        near, far = record.layers[0].weight_grad_norm, record.layers[-1].weight_grad_norm
        assert getattr(row, f"first_gradient_{when}") == pytest.approx(near, rel=1e-5)
        assert getattr(row, f"last_gradient_{when}") == pytest.approx(far, rel=1e-5)
        if near > 0:
            ratio = getattr(row, f"gradient_ratio_log10_{when}")
            assert 10**ratio == pytest.approx(near / far, rel=1e-5)
    check_shares(row, [(s.dead_units, s.distinct_units, s.units) for s in last.layers[:-1]])


def check_shares(row: Any, hidden: list[tuple[int, int, int]]) -> None:
    if not hidden:
        assert math.isnan(row.dead_share)
        assert math.isnan(row.distinct_share)
        return
    dead, distinct, units = (sum(column) for column in zip(*hidden, strict=True))
    assert (row.dead_share, row.distinct_share) == (dead / units, distinct / units)


def test_a_gradient_of_exactly_zero_has_a_ratio(tmp_path: Path) -> None:
    """All units dead: the gradient of every layer is exactly 0. Zero weights: only the first."""
    base = {"hidden": [3, 3], "points": 60, "epochs": 1, "activation": "relu"}
    plan = {"base": base, "axes": {"bias": [-10], "init": ["normal", "zeros"]}}
    assert run(tmp_path, plan=plan) == 0
    dead, zero = pd.read_parquet(tmp_path / "results.parquet").itertuples()
    assert (dead.first_gradient_start, dead.last_gradient_start) == (0, 0)
    assert math.isnan(dead.gradient_ratio_log10_start)
    assert dead.dead_share == 1
    plan["axes"] = {"bias": [1], "init": ["zeros"]}
    assert run(tmp_path, plan=plan) == 0
    (zero,) = pd.read_parquet(tmp_path / "results.parquet").itertuples()
    assert zero.first_gradient_start == 0 < zero.last_gradient_start
    assert zero.gradient_ratio_log10_start == -math.inf
    assert zero.distinct_share == 1 / 3


def test_the_same_file_comes_again_from_the_cache(
    written: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "elsewhere" / "cache"
    assert run(tmp_path, "--cache", str(cache), "--jobs", "1") == 0
    assert (tmp_path / "results.parquet").read_bytes() == written
    assert not (tmp_path / "results.parquet.cache").exists()
    monkeypatch.delattr("nndl_core.studies.sweep.tasks.InProcess.give")
    assert run(tmp_path, "--cache", str(cache)) == 0
    assert (tmp_path / "results.parquet").read_bytes() == written


def test_an_interrupted_sweep_says_so_and_goes_on(
    written: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    straight = Sweep.__iter__

    def interrupted(self: Sweep) -> Iterator[Cell]:
        yield next(straight(self))
        raise KeyboardInterrupt

    monkeypatch.setattr(Sweep, "__iter__", interrupted)
    assert run(tmp_path) == 130
    output = capsys.readouterr()
    assert output.out == ""
    assert "of 6 cells; what is finished is kept in" in output.err.splitlines()[-1]
    assert not (tmp_path / "results.parquet").exists()
    monkeypatch.undo()
    before = len(list(tmp_path.rglob("*.run")))
    assert before > 0
    assert run(tmp_path) == 0
    assert len(list(tmp_path.rglob("*.run"))) == 12 > before
    assert (tmp_path / "results.parquet").read_bytes() == written


def has_worker(parent: int) -> bool:
    """Tell whether a process has a worker, which may still be importing."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    with suppress(OSError):
        for child in children.read_text().split():
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                return True
    return False


@pytest.mark.parametrize("seconds", [None, 0.0, 0.2, 0.8, 1.6])
def test_control_c_reaches_workers_and_ends_with_a_sentence(
    tmp_path: Path, seconds: float | None
) -> None:
    """The signal goes to all processes of the terminal, as a real Ctrl-C does.

    It comes once a run is finished, or so many seconds after the first worker was started.
    """
    if seconds is not None and not Path("/proc/self/task").exists():
        pytest.skip("reads /proc")
    plan = PLAN | {"seeds": 200, "base": PLAN["base"] | {"epochs": 3000}}
    out, plan_path = tmp_path / "results.parquet", plan_file(tmp_path, plan)
    line = [sys.executable, "-m", "nndl_core", "sweep", str(plan_path), "--out", str(out)]
    # a shell starts what runs in the background deaf to Ctrl-C, and a child inherits that
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*line, "--jobs", "2"], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    signal.signal(signal.SIGINT, before)
    try:
        while process.poll() is None:
            if any(tmp_path.rglob("*.run")) if seconds is None else has_worker(process.pid):
                break
            time.sleep(0.02)
        time.sleep(seconds or 0.0)
        os.killpg(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in error, error
    assert process.returncode == 130, error
    assert error.splitlines()[-1].startswith("Interrupted after ")
    assert not out.exists()


MISTAKES: list[tuple[Any, str]] = [
    ("{", "The sweep is not valid JSON"),
    ("[" * 100_000, "The sweep is not valid JSON"),
    ("[]", "A sweep is a JSON object such as"),
    ({}, "A sweep is a JSON object such as"),
    ({"axes": [1]}, "A sweep is a JSON object such as"),
    ({"axes": {}, "seed": 4}, "'seed' is not known; known are base, axes, seeds."),
    ({"axes": {}, "base": [1]}, "A configuration is a JSON object of settings"),
    ({"axes": {}, "base": {"depth": 3}}, "'depth' is not a setting"),
    ({"axes": {}, "base": {"hidden": 3}}, "hidden: 3 is not possible"),
    ({"axes": {}, "seeds": 201}, "seeds: 201 is not a whole number from 1 to 200."),
    ({"axes": {"noise": 1}}, "noise: 1 is not a list of at least one value."),
    ({"axes": {"noise": [9]}}, "noise: 9 is out of range; allowed is from 0 to 2."),
]


@pytest.mark.parametrize(("plan", "sentence"), MISTAKES)
def test_a_wrong_file_gets_a_sentence(
    plan: Any, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, plan=plan) == 2
    check_sentence(capsys, f"{tmp_path / 'SWEEP.json'}: {sentence}")
    assert [path.name for path in tmp_path.iterdir()] == ["SWEEP.json"]


def check_sentence(capsys: pytest.CaptureFixture[str], start: str) -> None:
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(start)
    assert output.err.count("\n") == 1
    assert output.err.endswith(".\n")
    assert "Traceback" not in output.err
    assert "None" not in output.err


def test_places_that_cannot_be_used_get_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = str(plan_file(tmp_path))
    nowhere = tmp_path / "missing" / "out.parquet"
    for arguments, start in (
        ([str(tmp_path / "no.json"), "--out", "x"], f"{tmp_path / 'no.json'}: No such file"),
        ([plan, "--out", str(tmp_path)], f"--out: {tmp_path} is a folder; name a file."),
        ([plan, "--out", str(nowhere)], f"--out: the folder {nowhere.parent} does not exist."),
        ([plan, "--out", str(tmp_path / "o"), "--cache", plan], f"{plan}: File exists"),
        ([plan, "--out", str(tmp_path / "o"), "--jobs", "0"], "--jobs: 0 is out of range; allowed"),
    ):
        assert main(["sweep", *arguments]) == 2
        check_sentence(capsys, start)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense://x"])
def test_a_cluster_that_does_not_answer_gets_a_sentence(
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("nndl_core.cli.sweep.CONNECT_SECONDS", 0.2)
    assert run(tmp_path, "--cluster", address) == 2
    check_sentence(capsys, f"--cluster: no Dask scheduler answers at '{address}'.")


def test_without_dask_the_cluster_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert run(tmp_path, "--cluster", "127.0.0.1:8786") == 2
    check_sentence(capsys, "--cluster: Dask is not installed; install requirements-cluster.txt.")
