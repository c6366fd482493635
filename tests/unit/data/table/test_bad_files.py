"""Files of others outside the pages: hypothesis on every reader, memory, and the command line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.base.config import RunConfig
from nndl_core.cli.main import main
from nndl_core.data.table import reading as table_data
from nndl_core.engine.checkpoint import Checkpoint
from nndl_core.engine.runner import Runner
from nndl_core.reports.export.run_json import config_in, warning_in
from nndl_core.store.runs import MOST_NAME, clean_name, folded
from tests import bad_input
from tests.bad_input import ROOT, TABLE, check_sentence, good_checkpoint

Reader = Callable[[bytes], object]
MOST_MEGABYTES = 200


def read_table(content: bytes) -> object:
    return table_data.read_table(content, "table.csv")


def read_settings(content: bytes) -> object:
    warning_in(content)
    return config_in(content)


def load(content: bytes) -> object:
    checkpoint = Checkpoint.from_bytes(content)
    runner = Runner.from_config(checkpoint.config or RunConfig(points=60, hidden=(3,)))
    runner.restore(checkpoint)
    return runner


READERS: dict[str, Reader] = {"csv": read_table, "json": read_settings, "safetensors": load}


def refusal(read: Reader, content: bytes) -> str:
    """Return the sentence about content that cannot be read; empty where it can."""
    try:
        read(content)
    except ValueError as error:
        check_sentence(str(error))
        return str(error)
    return ""


GOOD = {
    "csv": TABLE.encode(),
    "json": RunConfig(hidden=(4, 3)).to_json().encode(),
    "safetensors": good_checkpoint(),
}
BITS = st.binary(max_size=12) | st.sampled_from(
    [b"\0", b"\xff\xfe", b"\n", b"\r", b'"', b",", b"NaN", b"1e999", b"{", b"]", b"\xe2\x80\xae"]
)


@st.composite
def damaged(draw: st.DrawFn, kind: str) -> bytes:
    """Return a good file in which some places were overwritten, taken out or filled in."""
    content = GOOD[kind]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from([0, 1, 2, 8, 64, 10_000])))
        content = content[:start] + draw(BITS) + content[end:]
    return content


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_gets_one_sentence(kind: str, data: st.DataObject) -> None:
    refusal(READERS[kind], data.draw(damaged(kind)))


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=100, deadline=None)
@given(content=st.binary() | st.text().map(str.encode))
def test_any_bytes_get_one_sentence(kind: str, content: bytes) -> None:
    said = refusal(READERS[kind], content)
    assert said or kind == "json"


@given(st.text())
def test_any_text_becomes_a_name_on_one_line(text: str) -> None:
    name = clean_name(text)
    assert name == clean_name(name)
    assert len(name) <= MOST_NAME
    assert name.isprintable() or not name
    assert folded(text) == folded(name)


# --- memory -----------------------------------------------------------------------------------

PEAK = """
import sys
from pathlib import Path
from tests.unit.data.table.test_bad_files import READERS

def field(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024

read, files = READERS[sys.argv[1]], sys.argv[2:]
for small in (b"", b"x,y\\n1,2\\n", b"{}"):  # whatever is made once is made now
    try:
        read(small)
    except ValueError:
        pass
for file in files:
    content = Path(file).read_bytes()
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark counts from here
    before = field("VmRSS")
    try:
        read(content)
    except ValueError:
        pass
    print(field("VmHWM") - before)
"""


def costly(kind: str) -> dict[str, bytes]:
    """Return the large cases of the corpus, and files that are read and as costly as may be."""
    made = {case.name: case.content for case in bad_input.heavy(kind)}
    if kind == "csv":
        wide = ",".join(f"c{at}" for at in range(64)) + ",label\n"
        rows = "".join(",".join(["0.125"] * 64) + f",{'ab'[at % 2]}\n" for at in range(5000))
        made["as many cells as may be"] = (wide + rows).encode()
    if kind == "json":
        made["many small objects"] = b"[" + b'{"a":0},' * 600_000 + b"{}]"
        made["many names"] = b"{" + b",".join(b'"%x":0' % at for at in range(500_000)) + b"}"
        made["many numbers"] = b'{"format":"nndl-run-1","curves":[' + b"1e9," * 1_200_000 + b"1]}"
        made["wide letters"] = ('["' + "💥" * 1_240_000 + '"]').encode()
    return {name: content for name, content in made.items() if len(content) <= 5 * 1024**2}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="asks Linux for its peaks")
@pytest.mark.parametrize("kind", READERS)
def test_no_file_costs_more_than_200_mb(kind: str, tmp_path: Path) -> None:
    cases = costly(kind)
    files = [tmp_path / str(number) for number in range(len(cases))]
    for file, content in zip(files, cases.values(), strict=True):
        file.write_bytes(content)
    command = [sys.executable, "-c", PEAK, kind, *map(str, files)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    peaks = dict(zip(cases, map(float, told.split()), strict=True))
    print({name: round(peak) for name, peak in peaks.items()})
    assert max(peaks.values()) <= MOST_MEGABYTES, peaks


# --- the command line ---------------------------------------------------------------------------


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


OBJECTS = npz(x=np.array([{}], dtype=object))
HALF = npz(x=np.zeros(1000))[:-400]
ARCHIVES = {
    "empty": b"",
    "text": b"hello",
    "pickle": b"\x80\x04\x95" + bytes(50),
    "objects": OBJECTS,
    "cut": HALF,
    "member no array": zipped(x=b"hello"),
    "member empty": zipped(x=b""),
    "member with a hostile header": zipped(x=b"\x93NUMPY\x01\x00\x10\x00{'descr': 1 + 1}\n"),
    "member of a huge shape": zipped(
        x=b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999), }".ljust(117)
        + b"\n"
    ),
    "single array": b"\x93NUMPY\x01\x00\x76\x00"
    + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }".ljust(117)
    + b"\n"
    + bytes(8),
    "nothing in it": npz(),
}


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that has to fail; return its one line on standard error."""
    assert main([str(argument) for argument in arguments]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1, told
    return told.strip()


def check_without_path(said: str, *files: Path) -> None:
    """Check a sentence that may name the file, because the user has typed it."""
    for file in files:
        said = said.replace(str(file), "FILE")
    check_sentence(said)


@pytest.mark.parametrize("case", list(bad_input.bad_json()), ids=str)
def test_train_refuses_wrong_settings(
    case: bad_input.Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(case.content)
    check_without_path(run(capsys, "train", file), file)
    if "not a setting" not in case.words and not case.name.startswith(("hidden", "run")):
        sweep = run(capsys, "sweep", file, "--out", tmp_path / "x.parquet")
        check_without_path(sweep, file)
    assert [each.name for each in tmp_path.iterdir()] == ["config.json"]


SWEEPS: tuple[Any, ...] = (
    {"axes": {"depth": []}},
    {"axes": {"depth": 3}},
    {"axes": {"depth": ["x"]}},
    {"axes": {"depth": [1e400]}},
    {"axes": {"depth": [None]}},
    {"axes": {"depth": [[1]]}},
    {"axes": {"<script>": [1]}},
    {"axes": {"depth": [1]}, "seeds": "x"},
    {"axes": {"depth": [1]}, "seeds": -1},
    {"axes": {"depth": [1]}, "seeds": 10**30},
    {"axes": {"depth": [1]}, "base": 3},
    {"axes": {"depth": [1]}, "base": {"points": "x"}},
    {"axes": {"depth": [1], "hidden": [[3]]}},
    {"axes": {"depth": list(range(100_000))}},
    {"axes": {"depth": [1]}, "more": 1},
)


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda each: str(each)[:50])
def test_sweep_refuses_wrong_plans(
    sweep: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sweep.json"
    file.write_text(json.dumps(sweep))
    check_without_path(run(capsys, "sweep", file, "--out", tmp_path / "x.parquet"), file)


@pytest.mark.parametrize("name", ARCHIVES)
def test_diagnose_refuses_wrong_archives(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, data = tmp_path / "cases.json", tmp_path / "data.npz"
    wanted = {"id": "a", "data": "d", "hidden": [3], "activation": "relu", "lr": 0.1, "epochs": 3}
    whole = wanted | {"init": {"kind": "normal"}, "optimizer": "sgd", "loss": "bce"}
    cases.write_text(json.dumps([whole]))
    data.write_bytes(ARCHIVES[name])
    check_without_path(run(capsys, "diagnose", cases, "--data", data), data, cases)


@pytest.mark.parametrize(
    "change",
    [
        {"id": None}, {"id": ["x"]}, {"data": 3}, {"data": "../x"}, {"hidden": 3},
        {"hidden": ["x"]}, {"hidden": [0]}, {"hidden": None}, {"activation": 3},
        {"activation": "<b>"}, {"lr": "x"}, {"lr": None}, {"epochs": 1e400}, {"epochs": -1},
        {"init": 3}, {"init": {}}, {"init": {"kind": "uniform"}}, {"init": {"kind": []}},
        {"init": {"kind": "uniform", "a": "x", "b": 1}}, {"optimizer": None}, {"loss": {}},
        {"init": {"kind": "constant", "value": "x"}}, {"init": None}, {"batch": "x"},
        {"momentum": "x"}, {"bias": []},
    ],
    ids=str,
)  # fmt: skip
def test_diagnose_refuses_wrong_cases(
    change: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, data = tmp_path / "cases.json", tmp_path / "data.npz"
    x, y = np.zeros((20, 2)), np.arange(20) % 2
    data.write_bytes(npz(**{"d.x_train": x, "d.y_train": y, "d.x_test": x, "d.y_test": y}))
    wanted: dict[str, Any] = {
        "id": "a", "data": "d", "hidden": [3], "activation": "relu", "lr": 0.1, "epochs": 3,
        "init": {"kind": "normal"}, "optimizer": "sgd", "loss": "bce",
    }  # fmt: skip
    if "id" in change:
        change = change | {"lr": "x"}  # an odd name alone is no fault
    cases.write_text(json.dumps([wanted | change]))
    check_without_path(run(capsys, "diagnose", cases, "--data", data), data, cases)
