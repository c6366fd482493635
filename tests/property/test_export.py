"""Exported programs, run by an interpreter that has no lab, train what the lab trained."""

from __future__ import annotations

import ast
import csv
import io
import json
import random
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from nndl_core.base.config import (
    ActivationName,
    ConfigError,
    InitializerName,
    OptimizerName,
    RunConfig,
    ScaleName,
)
from nndl_core.base.i18n import Language, breadth, speaking
from nndl_core.data.catalog import DATASETS, Dataset
from nndl_core.data.table.reading import read_table
from nndl_core.engine.runner import Runner
from nndl_core.reports.export.bundle import bundle_of, dataset_csv
from nndl_core.reports.export.notebook import notebook_of
from nndl_core.reports.export.script import script_of

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


def trained(config: RunConfig, data: Dataset | None = None, by_autograd: bool = False) -> Runner:
    runner = Runner.from_config(config, data)
    runner.by_autograd = by_autograd
    runner.advance(config.epochs)
    return runner


NAMES = ("epoch", "train_loss", "train_accuracy", "dev_loss", "dev_accuracy")
CALM = 1e-8
DIVERGES = {"activation": "identity", "hidden": [8, 8, 8], "learning_rate": 30.0, "points": 60}


SAID: dict[Language, tuple[str, str, str]] = {
    "en": ("Diverged at epoch {}:", "test, last epoch: ", "test, best on dev:"),
    "zh": ("在第 {} 轮发散：", "测试集，最后一轮：", "测试集，验证最佳："),  # noqa: RUF001
}
"""How the printed lines begin, in each language."""


def check(
    runner: Runner, found: dict[str, Any], tolerance: float, language: Language = "en"
) -> None:
    """Compare every epoch and the whole printed table with the run of the lab."""
    history = np.array(found["history"]).reshape(-1, 5)
    assert len(history) == len(runner.records), runner.config
    check_curves(runner, history, tolerance, len(history))
    # where rounding decided a dev score, it decided which epoch is the best as well
    is_best_decided = bool((history[:, 4] == runner.records.column("dev_accuracy")).all())
    check_table(runner, found["printed"], is_best_decided, language)


def check_curves(
    runner: Runner, history: np.ndarray[Any, Any], tolerance: float, count: int
) -> None:
    """Compare the first epochs: losses within the tolerance, the rest exactly.

    An accuracy may differ where rounding decides it, with an example on the boundary.
    """
    for column, name in enumerate(NAMES):
        wanted = runner.records.column(name)[:count]
        scale = np.maximum(1, np.abs(wanted)) if "loss" in name else 1
        most = tolerance if "loss" in name else 1e-12
        wrong = np.flatnonzero(np.abs(history[:count, column] - wanted) > most * scale)
        is_excused = "accuracy" in name and all(is_on_boundary(runner, int(e)) for e in wrong)
        assert is_excused or not len(wrong), (name, wrong, runner.config)


def is_on_boundary(runner: Runner, epoch: int) -> bool:
    """Tell whether the lab's own logits leave an example of train or dev undecided."""
    assert runner.config is not None
    assert runner.dataset is not None
    again = Runner.from_config(runner.config, runner.dataset)
    again.advance(epoch)
    logits = again.model.logits(torch.cat([runner.dataset.train.x, runner.dataset.dev.x]))
    if logits.shape[1] == 1:
        return bool(logits.abs().min() < CALM)
    top = logits.topk(2, dim=1).values
    return bool((top[:, 0] - top[:, 1]).min() < CALM)


def check_table(
    runner: Runner, printed: str, is_best_decided: bool = True, language: Language = "en"
) -> None:
    """Compare each printed number with the lab's record, and the test figures with its own."""
    lines = printed.splitlines()
    rows = [line.split() for line in lines if line.strip()[:1].isdecimal()]
    count = len(runner.records)
    assert len(rows) == min(10, count)
    for row in rows:
        record = runner.records[int(row[0])]
        wanted = [getattr(record, name) for name in NAMES]
        for cell, value, digits in zip(row, wanted, (0, 2e-6, 1e-4, 2e-6, 1e-4), strict=True):
            same = float(cell) == pytest.approx(value, abs=digits, rel=2e-6)
            assert same or (digits == 1e-4 and is_on_boundary(runner, record.epoch)), (row, wanted)
    diverged, last, best_on_dev = SAID[language]
    said = [line for line in lines if line.startswith(diverged.partition("{")[0])]
    at = diverged.format(runner.diverged.epoch) if runner.diverged else ""
    assert [line[: len(at)] for line in said] == ([at] if at else [])
    assert runner.dataset is not None
    parts = [(last, False), (best_on_dev, True)][: 1 + is_best_decided]
    for title, best in parts if count else ():
        score, loss = runner.evaluate(runner.dataset.test, best)
        line = next(line for line in lines if title in line)
        words = re.sub("[,，]", " ", line).split()  # noqa: RUF001
        assert float(words[-1]) == pytest.approx(loss, abs=2e-6, rel=2e-6)
        assert float(words[-3]) == pytest.approx(score, abs=1e-4)


def calm_epochs(config: RunConfig, runner: Runner) -> int:
    """Count the epochs before a run amplifies rounding to CALM, as its own two gradients show.

    By hand and by autograd the lab computes one gradient with other roundings. Where these two
    runs have parted, no program with roundings of its own can follow one of them.
    """
    other = trained(config, by_autograd=True)
    count = min(len(other.records), len(runner.records))
    apart = np.zeros(count)
    for name in ("train_loss", "dev_loss"):
        a, b = (run.records.column(name)[:count] for run in (runner, other))
        apart = np.maximum(apart, np.abs(a - b) / np.maximum(1, np.abs(a)))
    loud = np.flatnonzero(apart > CALM)
    return int(loud[0]) if len(loud) else count


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
    found.append(config_of(dataset="iris", loss="cross_entropy", learning_rate=0.01, scale="off"))
    found += [config_of(activation=n, slope=0.3) for n in get_args(ActivationName)]
    found += [config_of(init=n, init_scale=0.7, hidden=[4, 6]) for n in get_args(InitializerName)]
    for name in get_args(OptimizerName):
        found.append(config_of(optimizer=name, learning_rate=0.02, weight_decay=0.01))
        found.append(config_of(optimizer=name, learning_rate=0.02, momentum=0.0))
        found.append(config_of(optimizer=name, learning_rate=0.02, batch_size=7, momentum=0.5))
    return found


def test_every_name_is_exported_as_it_is_trained(tmp_path: Path) -> None:
    configs = every_name()
    results = run_all([script_of(c) for c in configs], tmp_path)
    for config, found in zip(configs, results, strict=True):
        check(trained(config), found, 1e-9)


def test_a_chinese_program_trains_and_prints_the_same_numbers(tmp_path: Path) -> None:
    configs = [
        config_of(),
        config_of(dataset="iris", loss="cross_entropy", hidden=[], label_noise=0.1),
        config_of(dataset="spirals3", loss="mse", batch_size=7, init="orthogonal"),
        config_of(**DIVERGES, epochs=100),
    ]
    with speaking("zh"):
        programs = [script_of(c) for c in configs]
    for config, found in zip(configs, run_all(programs, tmp_path), strict=True):
        assert found["printed"].isascii() is False
        check(trained(config), found, 1e-9, "zh")


def without_words(program: str) -> str:
    """Return the syntax tree with texts blank: what the program does, and its identifiers."""
    tree = ast.parse(program)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def test_only_the_words_of_a_chinese_program_are_chinese() -> None:
    """And all its comments are: four Latin words in a row are English."""
    for config in [*every_name(), RunConfig(hidden=())]:
        english = script_of(config)
        with speaking("zh"):
            chinese = script_of(config)
        for line in chinese.splitlines():
            said = line.partition("#")[2] or (line if line.strip().startswith("print") else "")
            assert not re.search(r"[A-Za-z]{2,}( [A-Za-z]{2,}){3}", said), line
            assert breadth(line) <= 100 or not line.startswith("#"), line
        assert without_words(chinese) == without_words(english)


COUNT = 40


def random_config(seed: int) -> RunConfig:
    """Draw every setting evenly; Hypothesis on its own gives mostly networks without a layer."""
    rng = random.Random(seed)
    dataset = rng.choice(list(DATASETS))
    losses = ["bce"] * (DATASETS[dataset].classes == 2) + ["cross_entropy", "mse"]
    return config_of(
        dataset=dataset,
        loss=rng.choice(losses),
        points=rng.randint(20, 200),
        noise=rng.uniform(0, 2),
        label_noise=rng.choice([0.0, 0.05, 0.5]),
        data_seed=rng.randrange(10**6),
        hidden=[rng.randint(1, 8) for _ in range(rng.randint(0, 6))],
        activation=rng.choice(get_args(ActivationName)),
        slope=rng.choice([0.0, rng.uniform(0, 2)]),
        init=rng.choice(get_args(InitializerName)),
        init_scale=rng.uniform(0, 2),
        bias=rng.uniform(-3, 3),
        init_seed=rng.randrange(10**6),
        optimizer=rng.choice(get_args(OptimizerName)),
        learning_rate=10 ** rng.uniform(-4, -0.3),
        momentum=rng.choice([0.0, rng.uniform(0, 0.95)]),
        weight_decay=rng.choice([0.0, 0.001, 0.1]),
        batch_size=rng.choice([0, 0, 1, 10, 64, 500]),
    )


def random_configs() -> list[RunConfig]:
    """Draw COUNT different configs: the same in CI, new ones at a desk."""
    drawn: dict[RunConfig, None] = {}

    @settings(max_examples=COUNT + 20, phases=[Phase.generate], database=None)
    @given(st.integers(0, 10**9))
    def draw(seed: int) -> None:
        drawn[random_config(seed)] = None

    draw()
    return list(drawn)[:COUNT]


def test_random_runs_are_repeated_to_a_millionth(tmp_path: Path) -> None:
    """One interpreter runs all programs, for starting PyTorch takes longer than a run."""
    configs = random_configs()
    assert len(set(configs)) == COUNT
    calm = 0
    for config, found in zip(
        configs, run_all([script_of(c) for c in configs], tmp_path), strict=True
    ):
        runner = trained(config)
        epochs = calm_epochs(config, runner)
        check_curves(runner, np.array(found["history"]).reshape(-1, 5), 1e-6, epochs)
        if epochs == len(runner.records):
            check(runner, found, 1e-6)
            calm += 1
    assert calm >= 30


def test_a_program_diverges_where_the_lab_does(tmp_path: Path) -> None:
    """Once on the way, once by the last update, after which no epoch finds it out."""
    config = config_of(**DIVERGES, epochs=100)
    at = trained(config).diverged
    assert at is not None
    configs = [config, replace(config, epochs=at.epoch)]
    results = run_all([script_of(c) for c in configs], tmp_path)
    for config, found in zip(configs, results, strict=True):
        runner = trained(config)
        assert runner.diverged is not None
        check(runner, found, 1e-9)


def test_a_run_in_single_precision_is_repeated_to_its_rounding(tmp_path: Path) -> None:
    """The lab's default run; sums in another order differ in the last bits of float32."""
    configs = [
        RunConfig(epochs=300),
        RunConfig(hidden=(3, 3, 3, 3), init="xavier_normal", epochs=300),
    ]
    results = run_all([script_of(c) for c in configs], tmp_path)
    for config, found in zip(configs, results, strict=True):
        runner, history = trained(config), np.array(found["history"])
        for column, name in enumerate(NAMES[1:], start=1):
            # an example that lies on the boundary may fall to its other side in single epochs
            most = 1e-6 if "loss" in name else 1.5 / 160
            assert np.abs(history[:, column] - runner.records.column(name)).max() < most


CELLS = """
import json, sys
space = {}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]), space)
lines = space["plt"].gca().lines
print(json.dumps([[line.get_label(), list(line.get_ydata())] for line in lines]))
"""


def test_a_notebook_runs_from_top_to_bottom_and_draws_the_curves(tmp_path: Path) -> None:
    config = config_of(hidden=[4, 3], batch_size=10)
    path = tmp_path / "run.ipynb"
    path.write_bytes(notebook_of(config))
    command = [sys.executable, "-I", "-c", f"import matplotlib; matplotlib.use('Agg'){CELLS}"]
    done = subprocess.run(
        [*command, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *printed, last = done.stdout.splitlines()
    runner = trained(config)
    check_table(runner, "\n".join(printed))
    drawn = dict(json.loads(last))
    assert drawn["train"] == pytest.approx(runner.train_loss, abs=1e-9)
    assert drawn["dev"] == pytest.approx(runner.dev_loss, abs=1e-9)


def test_a_notebook_holds_the_same_program() -> None:
    content = json.loads(notebook_of(config_of()))
    cells = content["cells"]
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in cells}) == len(cells)
    codes = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    script = script_of(config_of())
    assert all(code in script for code in codes[:-1])
    compile("\n".join(codes), "notebook", "exec")


TABLE = "@x;-y;=kind\n" + "\n".join(
    f"{i % 7 - 3.5};{i * i % 11 / 3};{('=1+1', '+b', 'plain')[i * i % 3 if i % 2 else 2]}"
    for i in range(60)
)


def test_a_run_on_a_table_goes_with_its_table(tmp_path: Path) -> None:
    data = read_table(TABLE.encode(), "mine.csv", 3)
    base = config_of(dataset="csv", loss="cross_entropy", label_noise=0.3, points=20)
    configs = [replace(base, batch_size=size) for size in (0, 7, 38, 39)]  # of 38 train rows
    programs = []
    for config in configs:
        with zipfile.ZipFile(io.BytesIO(bundle_of(config, data))) as archive:
            assert sorted(archive.namelist()) == ["data.csv", "run.ipynb", "run.py"]
            archive.extractall(tmp_path)
        programs.append((tmp_path / "run.py").read_text())
    for config, found in zip(configs, run_all(programs, tmp_path), strict=True):
        check(trained(config, data), found, 1e-9)


@pytest.mark.parametrize("scale", ["on", "off"])
def test_a_table_of_four_rows_and_one_left_raw_are_exported_as_trained(
    tmp_path: Path, scale: ScaleName
) -> None:
    four, many = "x1,x2,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n", TABLE
    configs, programs, tables = [], [], []
    for number, (text, loss) in enumerate(((four, "bce"), (many, "cross_entropy"))):
        config = config_of(dataset="csv", loss=loss, scale=scale, learning_rate=0.02, hidden=[4])
        tables.append(read_table(text.encode(), "mine.csv", 3, scale))
        folder = tmp_path / str(number)
        with zipfile.ZipFile(io.BytesIO(bundle_of(config, tables[-1]))) as archive:
            archive.extractall(folder)
        content = (folder / "data.csv").read_text()
        assert len(content.splitlines()) == len(text.splitlines())
        program = (folder / "run.py").read_text()
        programs.append(program.replace('"data.csv"', repr(str(folder / "data.csv"))))
        configs.append(config)
    for config, data, found in zip(configs, tables, run_all(programs, tmp_path), strict=True):
        check(trained(config, data), found, 1e-9)


def test_a_name_that_a_spreadsheet_would_compute_is_text() -> None:
    rows = list(csv.reader(io.StringIO(dataset_csv(read_table(TABLE.encode(), "", 3)).decode())))
    assert rows[0] == ["'@x", "'-y", "label", "class"]
    assert {row[-1] for row in rows[1:]} == {"'=1+1", "'+b", "plain"}
    assert all(float(cell) == float(cell) for row in rows[1:] for cell in row[:-1])


def test_a_table_that_is_missing_is_told_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="without the table"):
        script_of(RunConfig(dataset="csv"))
