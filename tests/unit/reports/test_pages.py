"""The reports of the autograd page and of the bug cases hold what was measured."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace

from nndl_core.base.config import RunConfig
from nndl_core.course.bugs.case import CaseOutcome, run
from nndl_core.course.bugs.catalog import CASES
from nndl_core.course.claims import CLAIMS
from nndl_core.reports.autograd import autograd_report
from nndl_core.reports.bugs import bug_report
from nndl_core.studies.study import Study
from nndl_core.theory.gradient_check import gradient_table

DATE = "2026-01-31"
QUICK = RunConfig(points=60)


def unpacked(report: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(report)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_autograd_report_holds_every_entry_in_both_precisions() -> None:
    files = unpacked(autograd_report(QUICK, {}, [], date=DATE))
    for dtype in ("float32", "float64"):
        expected = gradient_table(QUICK, dtype).rows
        table = rows(files[f"tables/Entries-of-the-gradient-{dtype}.csv"])
        assert [row["parameter"] for row in table] == [row.name for row in expected]
        assert [float(row["by hand"]) for row in table] == [row.by_hand for row in expected]
        assert [float(row["by autograd"]) for row in table] == [r.by_autograd for r in expected]
    text = files["report.md"].decode()
    assert text.count("Not measured") == 2


def test_the_autograd_report_holds_the_times_and_the_seeds() -> None:
    claim = CLAIMS["autograd-is-better"]
    times = [0.1, 0.3, 0.2]
    quick = replace(
        claim,
        trial=lambda _: {
            "time_ratio": 2,
            "by_hand_seconds": 1,
            "difference64": 0,
            "difference32": 0,
        },
    )
    study = Study(quick, 3)
    study.advance()
    files = unpacked(autograd_report(QUICK, {"by hand": times}, [study], date=DATE))
    (time,) = rows(files["tables/Seconds-per-1000-epochs.csv"])
    assert (time["fastest"], time["median"], time["slowest"]) == ("0.1", "0.2", "0.3")
    assert len(rows(files["tables/Seeds-of-autograd-is-better.csv"])) == 3
    assert {"figures/Time-of-1000-epochs.svg", "config/This-network-float64.json"} <= set(files)
    text = files["report.md"].decode()
    assert "by hand 0.200 s" in text
    assert "The claim does not hold. Measured with 3 seeds" in text
    assert "Not measured" not in text


def test_the_bug_report_holds_the_cases_that_were_run_twice_and_no_other() -> None:
    first, second, *_ = CASES.values()
    outcomes = {
        (first.id, "buggy"): run(first.buggy),
        (first.id, "fixed"): run(first.fixed),
        (second.id, "buggy"): CaseOutcome(None, "ValueError: no"),
    }
    files = unpacked(bug_report(outcomes, date=DATE))
    (row,) = rows(files["tables/Buggy-and-fixed.csv"])
    assert row["case"] == first.title
    assert float(row["buggy"]) == outcomes[first.id, "buggy"].value
    assert float(row["fixed"]) == outcomes[first.id, "fixed"].value
    text = files["report.md"].decode()
    assert f"## {first.title}" in text
    assert second.title not in text
    assert "- for _, item in model.named_parameters():" in text
    assert "+ for _, item in model.named_modules():" in text


def test_a_bug_report_before_any_run_says_so() -> None:
    text = unpacked(bug_report({}, date=DATE))["report.md"].decode()
    assert "No case has been run in both" in text
