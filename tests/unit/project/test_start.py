"""What start.py decides: which Python will do, which PyTorch pip must bring, what went wrong."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import start
from supply_chain.closure import pinned

PIN = "2.13.0"
MIRROR = "https://mirror.example/cpu"


@pytest.mark.parametrize(
    ("version", "bits", "word"),
    [
        ((3, 10), 64, "3.10; the lab needs 3.11 to 3.14"),
        ((3, 15), 64, "3.15; the lab's libraries are for 3.11 to 3.14"),
        ((3, 12), 32, "32-bit"),
        ((3, 11), 64, None),
        ((3, 14), 64, None),
    ],
)
def test_which_python_will_do(version: tuple[int, int], bits: int, word: str | None) -> None:
    fault = start.python_fault(version, bits)
    assert fault is None if word is None else word in str(fault)


def test_an_old_python_reads_the_file_and_gets_the_sentence() -> None:
    """Python 3.7 is the oldest that knows its `from __future__ import annotations`."""
    ast.parse((start.ROOT / "start.py").read_text(), feature_version=(3, 7))


def test_the_pin_is_that_of_the_list() -> None:
    text = (start.ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert start.pinned_torch(text) == pinned()["torch"]


@pytest.mark.parametrize(
    ("system", "installed", "missing"),
    [
        ("Linux", "", True),
        ("Linux", "2.12.0+cpu", True),
        ("Linux", "2.13.0+cpu", False),
        ("Linux", "2.13.0", False),
        ("Darwin", "", False),
        ("Windows", "", False),
    ],
)
def test_where_torch_must_come_first(system: str, installed: str, missing: bool) -> None:
    assert start.torch_is_missing(PIN, system, installed) is missing


def test_torch_comes_from_the_index_of_cpu_builds_or_a_mirror_where_one_answers() -> None:
    for index in (start.CPU_INDEX, MIRROR):
        step = start.torch_step(PIN, index, "")
        assert step == ["install", "--no-deps", "--index-url", index, "torch==2.13.0"]


def test_elsewhere_only_a_build_that_says_cpu() -> None:
    offered = "torch (2.15.0)\nAvailable versions: 2.15.0, 2.13.0+cpu, 2.13.0, 2.12.1"
    assert start.torch_step(PIN, None, offered) == ["install", "--no-deps", "torch==2.13.0+cpu"]


@pytest.mark.parametrize("offered", ["2.13.0, 2.12.0+cpu", "12.13.0+cpu", "2.13.0+cu130"])
def test_cuda_never_comes_instead(offered: str) -> None:
    with pytest.raises(start.SetupError, match=r"no CPU build of torch 2\.13\.0.*TORCH_INDEX"):
        start.torch_step(PIN, None, offered)


def test_without_a_network_it_says_so() -> None:
    with pytest.raises(start.SetupError, match="pip's own index neither"):
        start.torch_step(PIN, None, "")


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("ERROR: [Errno 28] No space left on device", "disk is full: make room, 2.5 GB"),
        ("OSError: [WinError 112] There is not enough space on the disk", "disk is full"),
        ("NewConnectionError('... [Errno -2] Name or service not known')", "network"),
        ("[Errno 13] Permission denied: '/opt/lab/.venv'", "may not be written"),
        ("ERROR: No matching distribution found for numba==0.68.1", "Its own words"),
    ],
)
def test_what_stopped_pip(output: str, word: str) -> None:
    said = start.pip_fault(output, 2.5)
    assert word in said
    assert said.endswith(start.AGAIN)


def test_where_an_environment_has_its_python() -> None:
    assert start.interpreter(Path("v"), "Windows") == Path("v/Scripts/python.exe")
    assert start.interpreter(Path("v"), "Linux") == Path("v/bin/python")


def test_an_index_that_is_none_does_not_answer() -> None:
    assert not start.answers("no address")
    assert not start.answers("http://127.0.0.1:9")


def test_it_stops_at_a_full_disk_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "GIGABYTES", {"requirements.txt": 1e9})
    environment = start.Environment(tmp_path / "venv", "requirements.txt")
    with pytest.raises(start.SetupError, match="GB of disk"):
        environment.make()
    assert not environment.folder.exists()


def test_the_status_of_the_first_step_that_fails(tmp_path: Path) -> None:
    environment = start.Environment(tmp_path, "requirements.txt")
    environment.python = Path(sys.executable)
    assert environment.carry_out([["-c", ""], ["-c", "exit(3)"], ["-c", "exit(4)"]]) == 3
    assert environment.carry_out([["-c", ""]]) == 0


def test_a_word_that_is_no_task_gets_the_list_of_tasks() -> None:
    command = [sys.executable, "start.py", "walk"]
    done = subprocess.run(command, cwd=start.ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "'run', 'setup', 'test'" in done.stderr
