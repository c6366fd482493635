"""The engine can be installed: whole, in both languages, and with the pins of requirements.txt."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from supply_chain.closure import ROOT, requirements

ENGINE = ROOT / "nndl_core"
NOT_CARRIED = shutil.ignore_patterns("__pycache__")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which a copy of the project was installed, without its dependencies."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    shutil.copytree(ENGINE, source / "nndl_core", ignore=NOT_CARRIED)
    for name in ("pyproject.toml", "setup.py", "requirements.txt"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--quiet", "--target", site, source], check=True)
    return site


def files(folder: Path) -> set[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder) for path in found if "__pycache__" not in path.parts}


def test_every_file_of_the_engine_is_there_and_nothing_else(site: Path) -> None:
    assert files(site / "nndl_core") == files(ENGINE)
    assert {path.name for path in site.iterdir()} == {"bin", "nndl_core", "nndl_lab-1.0.dist-info"}


def test_the_command_speaks_chinese_outside_the_checkout(site: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, site / "bin" / "nndl", "--language", "zh", "config"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "要分类的数据。" in done.stdout


def test_it_asks_for_what_is_pinned_and_for_the_web_only_as_an_extra(site: Path) -> None:
    metadata = message_from_bytes((site / "nndl_lab-1.0.dist-info" / "METADATA").read_bytes())
    needs = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    pins = {need.name: str(need.specifier) for need in requirements()}
    assert {need.name: str(need.specifier) for need in needs} == pins
    web = {need.name for need in needs if need.marker}
    assert web == {"streamlit", "plotly", "segno", "psycopg"}
