"""The report on both ways to the gradient: entries, times, and what many seeds say."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from nndl_core.base.config import DtypeName, RunConfig
from nndl_core.base.i18n import mark, tr
from nndl_core.charts.style.parts import Figure
from nndl_core.charts.times import time_strips
from nndl_core.reports import study as study_report
from nndl_core.reports.pack import report_zip
from nndl_core.reports.study import Table
from nndl_core.studies.study import Study
from nndl_core.theory.gradient_check import GradientTable, gradient_table

Times = Mapping[str, Sequence[float]]
PROCEDURE = mark(
    "The gradient of the mean training loss at the first weights was computed by the "
    "hand-derived formulas and by autograd, entry by entry, in both precisions. A "
    "difference quotient in float64, which needs no derivative, judges both."
)
ANALYSIS = mark(
    "The chapter says that autograd is better in time and in result. Say what you "
    "expected, what was measured, and what autograd saves when it is neither faster nor "
    "more accurate."
)


def autograd_report(
    config: RunConfig, times: Times, studies: Sequence[Study], *, date: str
) -> bytes:
    """Pack the gradient of a config in three ways, measured times and studies; see report_zip.

    times are seconds per 1000 epochs by the name of the way; without any there is no such part.
    Raises ValueError if the data do not fit.
    """
    measured = [study for study in studies if study.done]
    found = {dtype: gradient_table(config, dtype) for dtype in get_args(DtypeName)}
    tables = {
        tr("Entries of the gradient, {dtype}", dtype=dtype): _entries(t)
        for dtype, t in found.items()
    }
    tables[mark("Largest differences")] = [_largest(dtype, t) for dtype, t in found.items()]
    figures: dict[str, Figure] = {}
    if times:
        figures[mark("Time of 1000 epochs")] = time_strips(times, tr("seconds per 1000 epochs"))
        tables[mark("Seconds per 1000 epochs")] = [_time(name, row) for name, row in times.items()]
    figures |= study_report.figures_of(measured)
    tables |= study_report.tables_of(measured)
    configs = {
        tr("This network, {dtype}", dtype=dtype): replace(config, dtype=dtype) for dtype in found
    }
    configs |= study_report.configs_of(measured)
    text = "\n\n".join(_text(found, times, measured))
    title = tr("Autograd against your own derivative (E4)")
    return report_zip(title, figures, tables, configs, text, date=date)


def _entries(found: GradientTable) -> Table:
    return [
        {
            tr("parameter"): row.name,
            tr("by hand"): row.by_hand,
            tr("by autograd"): row.by_autograd,
            tr("difference quotient"): row.quotient,
            tr("|hand - autograd|"): row.absolute,
            tr("relative"): row.relative,
            tr("|autograd - quotient|"): row.quotient_absolute,
        }
        for row in found.rows
    ]


def _largest(dtype: str, found: GradientTable) -> dict[str, object]:
    return {
        tr("precision"): dtype,
        tr("entries"): len(found.rows),
        tr("equal in every digit"): found.equal,
        tr("|hand - autograd|"): found.largest_absolute,
        tr("relative"): found.largest_relative,
        tr("|autograd - quotient|"): found.largest_quotient,
    }


def _time(name: str, seconds: Sequence[float]) -> dict[str, object]:
    median = statistics.median(seconds)
    named = {tr("fastest"): min(seconds), tr("median"): median, tr("slowest"): max(seconds)}
    return {tr("way"): name, **named, tr("measurements"): len(seconds)}


def _text(
    found: Mapping[DtypeName, GradientTable], times: Times, studies: Sequence[Study]
) -> Iterator[str]:
    yield tr("## Procedure")
    yield tr(PROCEDURE)
    yield tr("## Result")
    yield "\n".join(_result_sentence(dtype, t) for dtype, t in found.items())
    yield tr("## Time")
    yield _time_sentence(times)
    yield from study_report.text_of(studies)
    yield tr("## Analysis")
    yield tr(ANALYSIS)


def _result_sentence(dtype: DtypeName, found: GradientTable) -> str:
    return tr(
        "- {dtype}: {equal} of {count} entries are equal in every digit; the largest "
        "difference of any entry is {largest_absolute:.2g}, relative {largest_relative:.2g}.",
        dtype=dtype,
        equal=found.equal,
        count=len(found.rows),
        largest_absolute=found.largest_absolute,
        largest_relative=found.largest_relative,
    )


def _time_sentence(times: Times) -> str:
    if not times:
        return tr("Not measured. Press Measure on the page, then make the report again.")
    words = [f"{name} {statistics.median(row):.3f} s" for name, row in times.items()]
    return tr(
        "Median of 1000 epochs in processor time, measured in turns: {medians}.",
        medians=", ".join(words),
    )
