"""The command line: records as JSON lines, checkpoints, and one sentence for every mistake."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nndl_core.base.config import RunConfig, describe
from nndl_core.base.i18n import language, speaking, tr
from nndl_core.cli.main import main
from nndl_core.course.claims import CLAIMS
from nndl_core.engine.records import LAYER_FIELDS, as_dict
from nndl_core.engine.runner import Runner

ROOT = Path(__file__).parents[3]
VALUES: dict[str, Any] = {"points": 60, "epochs": 300, "hidden": [4, 2], "optimizer": "adam"}


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "nndl_core", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def config_file(folder: Path, values: Any) -> Path:
    path = folder / "config.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return path


def strict(line: str) -> Any:
    """Read JSON as other programs do: NaN and Infinity are no numbers there."""

    def refuse(word: str) -> None:
        pytest.fail(f"{word} is not JSON")

    return json.loads(line, parse_constant=refuse)


def test_train_in_a_process_of_its_own(tmp_path: Path) -> None:
    records, folder = tmp_path / "out.jsonl", tmp_path / "saved" / "run"
    done = command("train", config_file(tmp_path, VALUES), "--records", records, "--save", folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    *epochs, last = [strict(line) for line in records.read_text().splitlines()]
    runner = Runner.from_config(RunConfig.from_dict(VALUES))
    runner.advance(300)
    assert epochs == [as_dict(record) for record in runner.records]
    check_lines(epochs)
    check_evaluation(last, runner)
    check_saved(folder, runner)


def check_lines(epochs: list[dict[str, Any]]) -> None:
    assert [row["epoch"] for row in epochs] == list(range(300))
    for row in epochs:
        assert list(row) == [
            "epoch",
            "train_loss",
            "train_accuracy",
            "dev_loss",
            "dev_accuracy",
            "layers",
        ]
        assert [list(layer) for layer in row["layers"]] == [list(LAYER_FIELDS)] * 3


def check_evaluation(line: dict[str, Any], runner: Runner) -> None:
    assert list(line) == ["test"]
    assert runner.dataset is not None
    assert runner.best is not None
    test = runner.dataset.test
    for name, best, epoch in (("last", False, 300), ("best", True, runner.best.epoch)):
        score, loss = runner.evaluate(test, best)
        expected = {"epoch": epoch, "test_accuracy": score, "test_loss": loss}
        assert line["test"][name] == expected
    assert line["test"]["epochs"] == 300
    assert "diverged" not in line["test"]


def check_saved(folder: Path, runner: Runner) -> None:
    names = {"last.safetensors", "best.safetensors", "config.json"}
    assert {path.name for path in folder.iterdir()} == names
    assert RunConfig.from_json((folder / "config.json").read_bytes()) == runner.config
    assert runner.dataset is not None
    for name, best in (("last", False), ("best", True)):
        fresh = Runner.from_config(RunConfig.from_dict(VALUES))
        fresh.load_model(folder / f"{name}.safetensors")
        test = runner.dataset.test
        assert fresh.evaluate(test) == runner.evaluate(test, best=best)


def test_config_lists_every_setting() -> None:
    done = command("config")
    assert (done.returncode, done.stderr) == (0, "")
    assert strict(done.stdout) == json.loads(json.dumps(describe()))


def test_without_records_the_lines_go_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(config_file(tmp_path, {"points": 20, "epochs": 3}))]) == 0
    lines = [strict(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("epoch") for line in lines] == [0, 1, 2, None]


def test_a_diverged_run_is_written_as_valid_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"points": 60, "learning_rate": 1000, "weight_decay": 1, "activation": "identity"}
    assert main(["train", str(config_file(tmp_path, values))]) == 0
    *epochs, last = [strict(line) for line in capsys.readouterr().out.splitlines()]
    diverged = last["test"]["diverged"]
    assert diverged["epoch"] == len(epochs) < 1000
    assert diverged["layer"] in ("fc1", "fc2")


def test_zero_weights_are_written_as_valid_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(config_file(tmp_path, {"init": "zeros", "epochs": 2}))]) == 0
    first = strict(capsys.readouterr().out.splitlines()[0])
    assert [layer["update_ratio"] for layer in first["layers"]] == [None, None]


MISTAKES: list[tuple[Any, str]] = [
    ({"points": 5}, "points: 5 is out of range; allowed is from 20 to 5000."),
    ({"point": 50}, "'point' is not a setting"),
    ({"dataset": "csv"}, "dataset: 'csv' needs an uploaded file; none was given."),
    ({"dataset": "blobs3"}, "loss: 'bce' separates 2 classes and these data have 3"),
    ("{", "is not valid JSON"),
    ("", "is not valid JSON"),
    ("[]", "is a JSON object"),
    ("[" * 100_000, "is not valid JSON"),
]


@pytest.mark.parametrize(("values", "sentence"), MISTAKES)
def test_a_mistake_gives_one_sentence_and_exit_code_2(
    values: Any, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(config_file(tmp_path, values))]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert sentence in output.err
    assert_one_sentence(output.err)


def assert_one_sentence(text: str) -> None:
    assert text.count("\n") == 1
    assert text.endswith(".\n")
    assert "Traceback" not in text
    assert "None" not in text


def test_mistakes_in_a_process_of_its_own(tmp_path: Path) -> None:
    for path in (config_file(tmp_path, {"points": 5}), tmp_path / "missing.json", tmp_path):
        done = command("train", path)
        assert (done.returncode, done.stdout) == (2, "")
        assert str(path) in done.stderr
        assert_one_sentence(done.stderr)


def test_places_that_cannot_be_written_give_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(config_file(tmp_path, {"points": 20, "epochs": 2}))
    for option, path in (
        ("--records", tmp_path),
        ("--records", tmp_path / "missing" / "out.jsonl"),
        ("--save", Path(config)),
        ("--save", Path(config) / "below"),
    ):
        records = [] if option == "--records" else ["--records", str(tmp_path / "out.jsonl")]
        assert main(["train", config, option, str(path), *records]) == 2
        output = capsys.readouterr()
        assert str(path) in output.err
        assert_one_sentence(output.err)


def test_no_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2
    assert "train" in capsys.readouterr().err


def test_lesson_lists_every_claim() -> None:
    done = command("lesson")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(CLAIMS)


def test_lesson_prints_verdict_figures_and_configs() -> None:
    done = command("lesson", "slope-to-the-fourth", "--seeds", "4")
    assert done.returncode == 0
    found = strict(done.stdout)
    assert (found["claim"], found["verdict"], found["seeds"]) == ("slope-to-the-fourth", "holds", 4)
    exponent = found["figures"]["exponent"]
    assert exponent["n"] == 4
    assert abs(exponent["mean"] - 4) < 0.2
    assert exponent["standard_error"] >= 0
    configs = {name: RunConfig.from_dict(values) for name, values in found["configs"].items()}
    assert configs == CLAIMS["slope-to-the-fourth"].arms


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "'nothing' is not a claim; known are deeper-is-better"),
        (["slope-to-the-fourth", "--seeds", "0"], "seeds: 0 is out of range; allowed is from 1"),
        (["slope-to-the-fourth", "--seeds", "10000"], "seeds: 10000 is out of range"),
    ],
)
def test_lesson_answers_a_mistake_with_a_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lesson", *arguments]) == 2
    assert capsys.readouterr().err.startswith(words)


@pytest.mark.parametrize("line", [["--language", "zh", "lesson"], ["lesson", "--language", "zh"]])
def test_the_language_is_named_before_or_after_the_command(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line) == 0
    shown = capsys.readouterr().out
    for claim in CLAIMS.values():
        with speaking("zh"):
            assert f"{claim.experiment:<4} {tr(claim.text)}\n" in shown
    assert language() == "en"


def test_the_terminals_locale_decides_without_an_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert main(["train", str(config_file(tmp_path, {"epochs": -1}))]) == 2
    assert re.search("[\u4e00-\u9fff]{4}", capsys.readouterr().err)
    assert main(["config", "--language", "en"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(describe()))


def test_the_figures_of_a_claim_have_the_names_of_their_arms(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["lesson", "sane-start-is-the-remedy", "--seeds", "1", "--language", "zh"]) == 0
    out = capsys.readouterr().out
    assert "才是对策。" in out
    found = strict(out)
    texts = [figure["text"] for figure in found["figures"].values()]
    assert texts
    assert not [text for text in texts if "{" in text]


def test_an_unknown_language_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--language", "fr", "lesson"])
    assert refused.value.code == 2
    assert "'en', 'zh'" in capsys.readouterr().err
