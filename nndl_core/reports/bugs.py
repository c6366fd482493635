"""The report on the bug cases: what the buggy and the fixed code returned, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nndl_core.base.i18n import mark, tr
from nndl_core.course.bugs.case import BugCase, CaseOutcome, difference, source
from nndl_core.course.bugs.catalog import CASES
from nndl_core.reports.pack import report_zip
from nndl_core.reports.study import Table

Outcomes = Mapping[tuple[str, str], CaseOutcome]
"""What has been run, by the id of the case and "buggy" or "fixed"."""


def bug_report(outcomes: Outcomes, *, date: str) -> bytes:
    """Pack the cases of which both versions have been run, with their numbers; see report_zip."""
    done = [case for case in CASES.values() if _is_done(case, outcomes)]
    tables: dict[str, Table] = {mark("Buggy and fixed"): [_row(case, outcomes) for case in done]}
    text = "\n\n".join(_text(done, outcomes))
    return report_zip(tr("Spot the bug"), {}, tables, {}, text, date=date)


def _is_done(case: BugCase, outcomes: Outcomes) -> bool:
    return all((case.id, version) in outcomes for version in ("buggy", "fixed"))


def _row(case: BugCase, outcomes: Outcomes) -> dict[str, object]:
    buggy, fixed = (outcomes[case.id, version] for version in ("buggy", "fixed"))
    return {
        tr("case"): tr(case.title),
        tr("measured"): tr(case.label),
        tr("unit"): tr(case.unit),
        tr("buggy"): buggy.error or buggy.value,
        tr("fixed"): fixed.error or fixed.value,
    }


def _text(done: list[BugCase], outcomes: Outcomes) -> Iterator[str]:
    yield tr("## Procedure")
    yield tr(
        "Each case is a short program with one bug. The program and its corrected form were "
        "run from the same seeds; one number tells them apart."
    )
    if not done:
        yield tr(
            "No case has been run in both versions yet. Find the bug or show the answer, press "
            "Run both, then make the report again."
        )
    for case in done:
        yield from _told(case, _row(case, outcomes))
    yield tr("## Analysis")
    yield tr("Say for each case which number you expected, and how you would have noticed the bug.")


def _told(case: BugCase, row: dict[str, object]) -> Iterator[str]:
    yield f"## {tr(case.title)}"
    yield tr(case.story)
    yield tr(
        "{label}: {buggy} buggy, {fixed} fixed.",
        label=tr(case.label),
        buggy=_written(row[tr("buggy")]),
        fixed=_written(row[tr("fixed")]),
    )
    yield tr("The line:\n\n```python\n{lines}\n```", lines=_lines(case))
    yield tr(case.explanation)


def _written(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _lines(case: BugCase) -> str:
    """Return what the fixed version has and the buggy one has not, or the reverse."""
    found, fixed, buggy = (
        difference(case),
        source(case.fixed).splitlines(),
        source(case.buggy).splitlines(),
    )
    before = [f"- {buggy[n - 1].strip()}" for n in sorted(found.wrong)]
    return "\n".join([*before, *(f"+ {fixed[n - 1].strip()}" for n in sorted(found.new))])
