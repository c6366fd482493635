"""Reports asked for in Chinese are Chinese, but for code, names and formulas."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace

import pytest

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import speaking
from nndl_core.course.bugs.case import run
from nndl_core.course.bugs.catalog import CASES
from nndl_core.course.claims import CLAIMS
from nndl_core.course.lessons import lessons_of
from nndl_core.engine.runner import Runner
from nndl_core.reports.autograd import autograd_report
from nndl_core.reports.bugs import bug_report
from nndl_core.reports.lesson import lesson_report
from nndl_core.studies.study import Study

DATE = "2026-01-31"
ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,]+[A-Za-z]{2,}){3}")
NOT_PROSE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)|\$\$.*?\$\$|\$[^$]*\$", re.DOTALL)


def english_in(report: bytes) -> list[str]:
    """Return four Latin words in a row, outside of code, links and formulas."""
    with zipfile.ZipFile(io.BytesIO(report)) as archive:
        text = archive.read("report.md").decode()
        texts = [NOT_PROSE.sub("", text).partition("## 版本")[0]]
        texts += [archive.read(name).decode() for name in archive.namelist() if ".csv" in name]
        for name in archive.namelist():
            if name.endswith(".svg"):
                drawn = re.findall(r"<text.*?</text>", archive.read(name).decode(), re.DOTALL)
                texts += [re.sub(r"<[^>]*>", "", one) for one in drawn]
    assert re.search("[\u4e00-\u9fff]", texts[0])
    return [found for text in texts for found in ENGLISH.findall(text)]


@pytest.mark.parametrize("topic", ["networks", "initialization", "vanishing", "dying"])
def test_the_report_of_a_lesson(topic: str) -> None:
    lesson = lessons_of(topic)[0]
    runs = {name: Runner.from_config(config) for name, config in lesson.arms.items()}
    for runner in runs.values():
        runner.advance(30)
    study = Study(CLAIMS["slope-to-the-fourth"], 3)
    study.advance()
    with speaking("zh"):
        assert english_in(lesson_report(lesson, runs, [study], date=DATE, answer=0)) == []
    assert english_in_english(lesson_report(lesson, runs, [], date=DATE))


def english_in_english(report: bytes) -> bool:
    """Tell whether the search finds what it looks for."""
    with zipfile.ZipFile(io.BytesIO(report)) as archive:
        return bool(ENGLISH.search(NOT_PROSE.sub("", archive.read("report.md").decode())))


def test_the_report_on_autograd() -> None:
    measures: dict[str, float] = {
        "time_ratio": 2,
        "by_hand_seconds": 1,
        "difference64": 0,
        "difference32": 0,
    }
    study = Study(replace(CLAIMS["autograd-is-better"], trial=lambda _: measures), 3)
    study.advance()
    with speaking("zh"):
        report = autograd_report(RunConfig(points=60), {"手动": [0.1, 0.3]}, [study], date=DATE)
    assert english_in(report) == []


def test_the_report_on_bugs() -> None:
    case = next(iter(CASES.values()))
    outcomes = {(case.id, "buggy"): run(case.buggy), (case.id, "fixed"): run(case.fixed)}
    with speaking("zh"):
        assert english_in(bug_report(outcomes, date=DATE)) == []
        assert english_in(bug_report({}, date=DATE)) == []
