"""What many seeds say, as the parts of a report: figures, tables, settings and text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark, tr, trn
from nndl_core.charts.study import study_figures
from nndl_core.charts.style.parts import Figure
from nndl_core.studies.study import Condition, Estimate, Measure, State, Study

VERDICTS = {
    "holds": mark("The claim holds."),
    "conditional": mark("The claim holds only in part."),
    "false": mark("The claim does not hold."),
    "undecided": mark("These seeds do not decide the claim."),
}
STATES: dict[State, str] = {
    "met": mark("true"),
    "refuted": mark("not true"),
    "open": mark("not decided"),
}
Table = list[dict[str, Any]]


def figures_of(studies: Sequence[Study]) -> dict[str, Figure]:
    """Return every figure of the studies by its name."""
    return {
        f"{study.claim.name} {at}: {drawn.alt}": drawn.figure
        for study in studies
        for at, drawn in enumerate(study_figures(study), start=1)
    }


def tables_of(studies: Sequence[Study]) -> dict[str, Table]:
    """Return for each study the measures of every seed, and their estimates."""
    tables: dict[str, Table] = {}
    for study in studies:
        tables[tr("Seeds of {name}", name=study.claim.name)] = study.rows()
        tables[tr("Figures of {name}", name=study.claim.name)] = _estimates_table(study)
    return tables


def configs_of(studies: Sequence[Study]) -> dict[str, RunConfig]:
    """Return the settings of every arm of the studies."""
    return {
        f"{study.claim.name} {name}": config
        for study in studies
        for name, config in study.claim.arms.items()
    }


def text_of(studies: Sequence[Study]) -> Iterator[str]:
    """Yield the paragraphs of the section on many seeds."""
    yield tr("## Many seeds")
    if not studies:
        yield tr("Not measured. Press Measure on the page, then make the report again.")
    for study in studies:
        yield f"### {tr(study.claim.text)}"
        yield trn(
            "{verdicts} Measured with {n} seed:",
            "{verdicts} Measured with {n} seeds:",
            study.done,
            verdicts=tr(VERDICTS[study.verdict()]),
        )
        yield "\n".join(_condition_line(study, c, state) for c, state in study.states())


def _condition_line(study: Study, condition: Condition, state: State) -> str:
    found = study.estimates()[condition.measure]
    measure = next(m for m in study.claim.measures if m.name == condition.measure)
    words = _written_estimate(measure, found)
    return tr(
        "- *{condition}*: {state}. {measure}: {estimate}",
        condition=condition.words,
        state=tr(STATES[state]),
        measure=measure.words,
        estimate=words,
    )


def _written_estimate(measure: Measure, found: Estimate) -> str:
    unit = f" {tr(measure.unit)}" if measure.unit else ""
    if found.n == 1:
        return tr("{mean:.4g}{unit} in the one seed.", mean=found.mean, unit=unit)
    if found.low == found.high:
        return tr(
            "exactly {mean:.4g}{unit} in each of {n} seeds.", mean=found.mean, unit=unit, n=found.n
        )
    error = "" if measure.geometric else f" ± {found.standard_error:.2g}"
    kind = tr("geometric mean") if measure.geometric else tr("mean ± standard error")
    interval = tr("95 % interval {low:.4g} to {high:.4g}", low=found.low, high=found.high)
    return tr(
        "{mean} ({kind}, n = {n}, {interval}).",
        mean=f"{found.mean:.4g}{error}{unit}",
        kind=kind,
        n=found.n,
        interval=interval,
    )


def _estimates_table(study: Study) -> Table:
    found = study.estimates()
    return [
        {
            tr("measured"): m.words,
            "n": found[m.name].n,
            tr("mean"): found[m.name].mean,
            tr("standard error"): found[m.name].standard_error,
            tr("low"): found[m.name].low,
            tr("high"): found[m.name].high,
            tr("unit"): tr(m.unit),
        }
        for m in study.claim.measures
    ]
