"""The command line: train a config without a screen, list every setting, copy the run history."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from nndl_core.base.config import ConfigError, RunConfig, describe
from nndl_core.base.i18n import LANGUAGES, language_of_environment, mark, speaking, tr
from nndl_core.cli import backup as backup_command
from nndl_core.cli import diagnose as diagnose_command
from nndl_core.cli import sweep as sweep_command
from nndl_core.cli.backup import run_backup
from nndl_core.cli.diagnose import run_diagnose
from nndl_core.cli.lesson import list_claims, readable, run_claim
from nndl_core.cli.sweep import run_sweep
from nndl_core.engine.machine.compiler import FOLDER
from nndl_core.engine.machine.warm_up import PRECISIONS, compile_training
from nndl_core.engine.records import as_dict
from nndl_core.engine.runner import Divergence, Runner

PROGRAM = "python -m nndl_core"  # untranslated: a command
WHAT = mark("Train a config without a screen, list every setting, or test a claim of the chapter.")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, or 2 after one sentence on standard error."""
    asked, others = _language_option().parse_known_args(arguments)
    with speaking(asked.language or language_of_environment()):
        return _run(_parser().parse_args(others))


def _run(options: argparse.Namespace) -> int:
    try:
        if options.command == "config":
            print(readable(describe()))
        elif options.command == "compile":
            _compile()
        elif options.command == "lesson":
            _lesson(options.claim, options.seeds)
        elif options.command == "sweep":
            return run_sweep(options)
        elif options.command == "diagnose":
            return run_diagnose(options)
        elif options.command in backup_command.NAMES:
            return run_backup(options)
        else:
            _train(options.config, options.records, options.save)
    except (ValueError, OSError) as error:
        print(_sentence(error), file=sys.stderr)
        return 2
    return 0


def _language_option() -> argparse.ArgumentParser:
    """Read the language by itself: the help of all other options is written in it."""
    parser = argparse.ArgumentParser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--language", choices=list(LANGUAGES), help=tr("default: the terminal's language")
    )
    return parser


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=tr(WHAT), parents=[_language_option()]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_train(commands)
    commands.add_parser("config", help=tr("print every setting with default, bounds and unit"))
    commands.add_parser(
        "compile", help=tr("make the machine code of the training loop ahead of time")
    )
    _add_lesson(commands)
    sweep_command.add_parser(commands)
    diagnose_command.add_parser(commands)
    backup_command.add_parsers(commands)
    return parser


def _add_train(commands: Any) -> None:
    train = commands.add_parser("train", help=tr("train the network of a JSON config"))
    train.add_argument("config", type=Path, metavar="CONFIG.json")
    train.add_argument(
        "--records", type=Path, metavar="OUT.jsonl", help=tr("default: standard output")
    )
    train.add_argument("--save", type=Path, metavar="DIR", help=tr("write both checkpoints here"))


def _add_lesson(commands: Any) -> None:
    lesson = commands.add_parser(
        "lesson", help=tr("list the chapter's claims, or test one over seeds")
    )
    lesson.add_argument("claim", nargs="?", metavar="CLAIM", help=tr("default: list them"))
    lesson.add_argument(
        "--seeds", type=int, metavar="N", help=tr("default: the claim's own number")
    )


def _compile() -> None:
    for precision in PRECISIONS:
        start = time.perf_counter()
        compile_training(precision)
        seconds = time.perf_counter() - start
        print(tr("{precision}: ready after {seconds:.1f} s", precision=precision, seconds=seconds))
    print(tr("kept in {folder}", folder=FOLDER))


def _lesson(claim: str | None, seeds: int | None) -> None:
    if claim is None:
        list_claims(sys.stdout)
    else:
        run_claim(claim, seeds, sys.stdout)


def _train(config_path: Path, records_path: Path | None, save: Path | None) -> None:
    runner = Runner.from_config(_read(config_path))
    with ExitStack() as stack:
        out: TextIO = sys.stdout
        if records_path is not None:
            out = stack.enter_context(records_path.open("w", encoding="utf-8"))
        for line in _lines(runner):
            out.write(json.dumps(line) + "\n")
    if save is not None:
        _save(runner, save)


def _read(path: Path) -> RunConfig:
    try:
        return RunConfig.from_json(path.read_bytes())
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _lines(runner: Runner) -> Iterator[dict[str, object]]:
    """Train and yield one line per epoch, then the evaluation."""
    with tqdm(total=runner.num_epochs, unit="epoch", disable=None, file=sys.stderr) as bar:
        written = 0
        while not runner.finished:
            bar.update(runner.advance(256))
            for record in runner.records[written:]:
                yield as_dict(record)
            written = len(runner.records)
    yield _evaluation(runner)


def _evaluation(runner: Runner) -> dict[str, object]:
    assert runner.dataset is not None
    rows: dict[str, object] = {"epochs": runner.epoch, "seconds": round(runner.seconds, 3)}
    for name, best in (("last", False), ("best", True)):
        score, loss = runner.evaluate(runner.dataset.test, best)
        at = runner.best.epoch if best and runner.best is not None else runner.epoch
        rows[name] = {"epoch": at, "test_accuracy": score, "test_loss": loss}
    if isinstance(runner.diverged, Divergence):
        rows["diverged"] = {"epoch": runner.diverged.epoch, "layer": runner.diverged.layer}
    return {"test": rows}


def _save(runner: Runner, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    runner.save_model(folder / "last.safetensors")
    runner.save_model(folder / "best.safetensors", best=True)
    assert runner.config is not None
    (folder / "config.json").write_text(runner.config.to_json() + "\n", encoding="utf-8")


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}."
    return str(error)
