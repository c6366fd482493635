"""The command that diagnoses labelled runs: its lines, its sentences, and its seeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nndl_core.base.config import ConfigError
from nndl_core.cli.main import main
from nndl_core.data.points import make_moons
from nndl_core.diagnosis.cases import case_of
from tests.bad_input import check_sentence

CASE: dict[str, Any] = {
    "id": "dead",
    "data": "moons",
    "hidden": [4],
    "activation": "relu",
    "init": {"kind": "he_normal"},
    "bias": -8.0,
    "optimizer": "sgd",
    "lr": 0.1,
    "momentum": 0.0,
    "epochs": 20,
    "batch": 32,
    "loss": "bce",
}


def arrays() -> dict[str, Any]:
    x, y = make_moons(160, noise=0.2)
    held = {"x_test": x[100:].numpy(), "y_test": y[100:].numpy().astype(np.int8)}
    learned = {"x_train": x[:100].numpy(), "y_train": y[:100].numpy().astype(np.int8)}
    return {f"moons.{name}": values for name, values in (learned | held).items()}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.npz"
    np.savez(path, **arrays())
    return path


def written(tmp_path: Path, cases: Any) -> str:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(cases))
    return str(path)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_per_run_with_diagnosis_evidence_and_remedy(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy = CASE | {"id": "well", "bias": 0.0, "hidden": [16], "lr": 0.5, "epochs": 60}
    cases = written(tmp_path, [CASE, healthy])
    assert main(["diagnose", cases, "--data", str(data), "--seeds", "2"]) == 0
    found = lines(capsys)
    assert [(line["id"], line["seed"]) for line in found] == [
        ("dead", 0),
        ("dead", 1),
        ("well", 0),
        ("well", 1),
    ]
    dead, well = found[0], found[2]
    assert dead["diagnosis"] == dead["findings"][0]["disease"] == "dying_relu"
    assert (dead["epoch"], dead["epochs"], dead["diverged_at"]) == (1, 20, None)
    assert dead["findings"][0]["evidence"][0]["value"] == 1.0
    assert dead["remedy"]["change"]["bias"] == 0.0
    assert dead["remedy"]["test_accuracy"] > dead["test_accuracy"] + 0.2
    assert (well["diagnosis"], well["remedy"]) == ("healthy", None)
    assert well["test_accuracy"] > 0.9


def test_a_run_too_short_to_show_anything_has_no_diagnosis(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = CASE | {"epochs": 1, "bias": 0.0, "lr": 1e-9}
    assert main(["diagnose", written(tmp_path, [short]), "--data", str(data)]) == 0
    (line,) = lines(capsys)
    assert (line["diagnosis"], line["epoch"], line["findings"]) == (None, None, [])
    assert line["remedy"] is None


def test_processes_give_the_same_lines(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = written(tmp_path, [CASE, CASE | {"id": "other", "activation": "tanh"}])
    arguments = ["diagnose", cases, "--data", str(data), "--seeds", "2"]
    assert main(arguments) == 0
    alone = lines(capsys)
    assert main([*arguments, "--jobs", "2"]) == 0
    assert lines(capsys) == alone


def test_a_run_that_diverges_has_null_for_what_is_not_finite(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = CASE | {"hidden": [64] * 20, "bias": 0.0, "init": {"kind": "normal", "std": 5.0}}
    assert main(["diagnose", written(tmp_path, [wild]), "--data", str(data)]) == 0
    (line,) = lines(capsys)
    assert line["diagnosis"] == "exploding_gradient"
    assert line["diverged_at"] is not None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lr": None}, "learning_rate"),
        ({"activation": "swish"}, "activation: 'swish' is not known"),
        ({"data": "unknown"}, "the data file has no array unknown.x_train"),
        ({"init": {"kind": "glorot"}}, "init: 'glorot' is not known"),
        ({"init": {"kind": "uniform"}}, "its a is None"),
        ({"hidden": [0]}, "hidden: [0] is not possible"),
        ({"hidden": 5}, "dead: "),
        ({"epochs": -1}, "epochs: -1 is out of range"),
    ],
)
def test_a_case_that_cannot_be_built_gets_a_sentence_and_the_others_run(
    tmp_path: Path,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    sentence: str,
) -> None:
    cases = written(tmp_path, [CASE | change, CASE | {"id": "good"}])
    assert main(["diagnose", cases, "--data", str(data)]) == 2
    output = capsys.readouterr()
    assert sentence in output.err
    assert "Traceback" not in output.err
    assert [json.loads(line)["id"] for line in output.out.splitlines()] == ["good"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("{", "is not valid JSON"), ("{}", "is not a list of cases"), ("[1]", "is not a list")],
)
def test_a_wrong_file_of_cases_gets_a_sentence(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], content: str, sentence: str
) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content)
    assert main(["diagnose", str(path), "--data", str(data)]) == 2
    assert sentence in capsys.readouterr().err


def test_a_wrong_data_file_and_wrong_numbers_get_a_sentence(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = written(tmp_path, [CASE])
    text = tmp_path / "data.txt"
    text.write_text("no arrays")
    assert main(["diagnose", cases, "--data", str(text)]) == 2
    assert "is not an npz file of arrays" in capsys.readouterr().err
    assert main(["diagnose", cases, "--data", str(tmp_path / "absent.npz")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["diagnose", cases, "--data", str(data), "--seeds", "0"]) == 2
    assert "seeds: 0 is out of range" in capsys.readouterr().err
    assert main(["diagnose", cases, "--data", str(data), "--jobs", "0"]) == 2
    assert "jobs: 0 is out of range" in capsys.readouterr().err


def test_uniform_weights_may_lie_on_one_side_and_constants_below_zero() -> None:
    case = case_of(CASE | {"init": {"kind": "uniform", "a": 0.2, "b": 0.3}}, arrays())
    weight = case.runner(case.seeded(1)).model.layers[0].weight.detach()
    assert float(weight.min()) >= 0.2
    assert float(weight.max()) <= 0.3
    below = case_of(CASE | {"init": {"kind": "constant", "value": -0.3}}, arrays())
    layer = below.runner(below.seeded(0)).model.layers[0]
    assert layer.weight.flatten().tolist() == pytest.approx([-0.3] * layer.weight.numel())


def test_labels_and_rows_must_fit() -> None:
    broken = arrays() | {"moons.y_train": np.zeros(3, dtype=np.int8)}
    with pytest.raises(ConfigError, match="do not hold one label for each row"):
        case_of(CASE, broken)
    infinite = arrays()
    infinite["moons.x_test"] = infinite["moons.x_test"] * np.inf
    with pytest.raises(ConfigError, match="not finite"):
        case_of(CASE, infinite)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (lambda y: 0.4 * y, "is 0.4; 2 outputs take the labels 0 to 1: only classes"),
        (lambda y: 2.0 * y - 1, "is -1; .*makes 0 and 1 of -1 and 1"),
        (lambda y: y + 1, "is 2; .*count the classes from 0"),
        (lambda y: np.where(y > 0, np.nan, 0.0), "is nan; .*no label"),
        (lambda y: y * 10**9, r"is 1e\+09; .*number the classes from 0"),
    ],
)
def test_labels_that_are_no_classes_are_refused_not_cut(labels: Any, said: str) -> None:
    """Labels of 0 and 0.4 became 0 without a word, and the run was called healthy."""
    given = arrays()
    for name in ("moons.y_train", "moons.y_test"):
        given[name] = labels(given[name].astype(float))
    with pytest.raises(ConfigError, match=said) as refused:
        case_of(CASE, given)
    check_sentence(str(refused.value))


def test_a_loss_for_two_classes_is_not_swapped() -> None:
    ten = arrays()
    ten["moons.y_train"] = np.arange(100) % 10
    with pytest.raises(ConfigError, match="'bce' separates 2 classes and these data have 10") as no:
        case_of(CASE, ten)
    check_sentence(str(no.value))
    assert case_of(CASE | {"loss": "cross_entropy"}, ten).config.loss == "cross_entropy"


def test_of_three_classes_the_format_says_bce_and_the_command_says_what_it_takes() -> None:
    three = arrays()
    three["moons.y_train"] = np.arange(100) % 3
    case = case_of(CASE, three)
    assert case.config.loss == "cross_entropy"
    check_sentence(case.note)
    assert "cross entropy" in case.note
    assert case_of(CASE | {"loss": "cross_entropy"}, three).note == ""
    assert case_of(CASE, arrays()).note == ""
