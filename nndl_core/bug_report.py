"""The report on the bug cases: what the buggy and the fixed code returned, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nndl_core.bugs.case import BugCase, Outcome, difference, source
from nndl_core.bugs.catalog import CASES
from nndl_core.report import report_zip
from nndl_core.study_report import Table

Outcomes = Mapping[tuple[str, str], Outcome]
"""What has been run, by the id of the case and "buggy" or "fixed"."""


def bug_report(outcomes: Outcomes, *, date: str) -> bytes:
    """Pack the cases of which both versions have been run, with their numbers; see report_zip."""
    done = [case for case in CASES.values() if _is_done(case, outcomes)]
    tables: dict[str, Table] = {"Buggy and fixed": [_row(case, outcomes) for case in done]}
    text = "\n\n".join(_text(done, outcomes))
    return report_zip("Spot the bug", {}, tables, {}, text, date=date)


def _is_done(case: BugCase, outcomes: Outcomes) -> bool:
    return all((case.id, version) in outcomes for version in ("buggy", "fixed"))


def _row(case: BugCase, outcomes: Outcomes) -> dict[str, object]:
    buggy, fixed = (outcomes[case.id, version] for version in ("buggy", "fixed"))
    return {
        "case": case.title,
        "measured": case.label,
        "unit": case.unit,
        "buggy": buggy.error or buggy.value,
        "fixed": fixed.error or fixed.value,
    }


def _text(done: list[BugCase], outcomes: Outcomes) -> Iterator[str]:
    yield "## Procedure"
    yield (
        "Each case is a short program with one bug. The program and its corrected form were run "
        "from the same seeds; one number tells them apart."
    )
    if not done:
        yield (
            "No case has been run in both versions yet. Find the bug or show the answer, press "
            "Run both, then make the report again."
        )
    for case in done:
        row = _row(case, outcomes)
        yield f"## {case.title}"
        yield case.story
        yield f"{case.label}: {_written(row['buggy'])} buggy, {_written(row['fixed'])} fixed."
        yield f"The line:\n\n```python\n{_lines(case)}\n```"
        yield case.explanation
    yield "## Analysis"
    yield "Say for each case which number you expected, and how you would have noticed the bug."


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
