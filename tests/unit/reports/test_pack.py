"""A report: the zip opens, its parts are what was given, its text finds them."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from importlib.metadata import version
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from PIL import Image

from nndl_core.base.config import RunConfig
from nndl_core.charts.figures import layer_bars, lines
from nndl_core.reports.pack import csv_text, markdown_table, report_zip, safe_names, source_digest

ROWS = [{"seed": n, "difference": (n - 17) / 7, "note": "a|b" if n else None} for n in range(40)]
CONFIGS = {"sick: b = -8": RunConfig(hidden=(3, 3), bias=-8.0), "cured": RunConfig()}


def packed(**change: Any) -> bytes:
    given: dict[str, Any] = {
        "title": "Dying *ReLU*",
        "figures": {
            "Gradient norms": layer_bars({"sick": [0, 0], "cured": [1e-9, 0.5]}, "norm"),
            "loss / epoch": lines({"a": ([1, 2], [0.7, 0.6])}, "epoch", "loss"),
        },
        "tables": {"runs": ROWS, "nothing": []},
        "configs": CONFIGS,
        "text": "## What was done\n\nBoth were trained.",
    }
    return report_zip(**(given | change), date="2026-01-31")


@pytest.fixture(scope="module")
def report() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_zip_holds_every_part_under_a_safe_name(report: dict[str, bytes]) -> None:
    assert sorted(report) == [
        "config/cured.json",
        "config/sick-b-8.json",
        "figures/Gradient-norms.png",
        "figures/Gradient-norms.svg",
        "figures/loss-epoch.png",
        "figures/loss-epoch.svg",
        "report.md",
        "tables/nothing.csv",
        "tables/runs.csv",
    ]


def test_figures_open(report: dict[str, bytes]) -> None:
    root = ElementTree.fromstring(report["figures/Gradient-norms.svg"])
    assert root.tag.endswith("svg")
    assert "exactly 0" in "".join(root.itertext()).replace("\N{NO-BREAK SPACE}", "")
    assert Image.open(io.BytesIO(report["figures/loss-epoch.png"])).size == (1200, 675)


def test_numbers_of_a_table_come_back_in_full_precision(report: dict[str, bytes]) -> None:
    read = pd.read_csv(io.BytesIO(report["tables/runs.csv"]))
    assert read["seed"].tolist() == [row["seed"] for row in ROWS]
    assert read["difference"].tolist() == [row["difference"] for row in ROWS]
    assert read["note"].isna().tolist() == [True] + [False] * 39


def test_configs_come_back_equal(report: dict[str, bytes]) -> None:
    assert RunConfig.from_json(report["config/sick-b-8.json"]) == CONFIGS["sick: b = -8"]


def test_every_link_of_the_text_leads_into_the_zip(report: dict[str, bytes]) -> None:
    links = re.findall(r"\]\(([^)]*)\)", report["report.md"].decode())
    assert set(links) == set(report) - {"report.md"}


def test_the_text_holds_title_date_words_rows_and_versions(report: dict[str, bytes]) -> None:
    text = report["report.md"].decode()
    assert text.startswith(
        "# Dying \\*ReLU\\*\n\nMade by NNDL Lab, 2026-01-31.\n\n## What was done"
    )
    assert "![Gradient norms](figures/Gradient-norms.png)" in text
    assert "The first 30 of 40 rows; all are in [runs.csv](tables/runs.csv)." in text
    assert f"torch {version('torch')}" in text
    assert f"nndl_core {source_digest()}" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 32
    assert rows[2] == "| 0 | \N{MINUS SIGN}2.42857 |  |"
    assert rows[3] == "| 1 | \N{MINUS SIGN}2.28571 | a\\|b |"


def test_equal_reports_are_equal_bytes() -> None:
    assert packed(figures={}) == packed(figures={})
    assert packed(figures={}) != packed(figures={}, title="Another")
    with zipfile.ZipFile(io.BytesIO(packed(figures={}))) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}  # no clock in it


def test_a_report_of_nothing_is_a_title_and_versions() -> None:
    empty: dict[str, Any] = {"figures": {}, "tables": {}, "configs": {}, "text": ""}
    with zipfile.ZipFile(io.BytesIO(packed(**empty))) as archive:
        assert archive.namelist() == ["report.md"]
        assert "##" in archive.read("report.md").decode()


def test_file_names_are_safe_and_none_comes_twice() -> None:
    names = ["../../etc/passwd", "A b", "a/b", "con", "", "é", "梯度", "x" * 300, "a.b"]
    safe = safe_names(names)
    assert list(safe) == names
    lowered = [name.lower() for name in safe.values()]
    assert len(set(lowered)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in safe.values())
    assert safe["../../etc/passwd"] == "etc-passwd"
    assert safe["con"] == "con-"


def test_rows_may_have_different_columns_and_odd_numbers() -> None:
    rows: list[dict[str, Any]] = [{"a": 1}, {"b": math.nan, "a": math.inf}]
    rows.append({"c": 'with "quotes", commas\nand lines'})
    read = list(csv.DictReader(io.StringIO(csv_text(rows))))
    assert list(read[0]) == ["a", "b", "c"]
    assert (read[1]["a"], read[1]["b"], read[2]["a"]) == ("inf", "nan", "")
    assert read[2]["c"] == rows[2]["c"]
    assert markdown_table(rows).count("\n") == 4
    assert markdown_table([]) == "This table is empty."
