"""The report of a lesson: what was run, what was measured, what many seeds say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nndl_core.charts.parts import Figure
from nndl_core.charts.runs import accuracy_curves, gradient_bars, loss_curves
from nndl_core.charts.study import study_figures
from nndl_core.config import KNOBS, RunConfig, url_value
from nndl_core.lessons.lesson import Lesson
from nndl_core.lessons.measured import Reading, found_signs, readings, signs_sentence
from nndl_core.report import report_zip
from nndl_core.runner import Runner
from nndl_core.study import Condition, Estimate, Measure, State, Study

VERDICTS = {
    "holds": "The claim holds.",
    "conditional": "The claim holds only in part.",
    "false": "The claim does not hold.",
    "undecided": "These seeds do not decide the claim.",
}
STATES: dict[State, str] = {"met": "true", "refuted": "not true", "open": "not decided"}
Runs = Mapping[str, Runner]


def lesson_report(lesson: Lesson, runs: Runs, studies: Sequence[Study], *, date: str) -> bytes:
    """Pack a lesson's live runs and its studies as a zip; see report_zip."""
    measured = [study for study in studies if study.done]
    figures: dict[str, Figure] = {
        "Loss of the runs": loss_curves(runs),
        "Accuracy of the runs": accuracy_curves(runs),
        "Gradient norms of the runs": gradient_bars(runs),
    }
    tables: dict[str, list[dict[str, Any]]] = {
        "Measured in these runs": _readings_table(runs),
        "Settings of these runs": _settings_table(runs),
    }
    for study in measured:
        for at, drawn in enumerate(study_figures(study), start=1):
            figures[f"{study.claim.name} {at}: {drawn.alt}"] = drawn.figure
        tables[f"Seeds of {study.claim.name}"] = study.rows()
        tables[f"Figures of {study.claim.name}"] = _estimates_table(study)
    configs = {name: _config(run) for name, run in runs.items()}
    for study in measured:
        configs |= {f"{study.claim.name} {n}": c for n, c in study.claim.arms.items()}
    title = f"{lesson.title} ({lesson.experiment})"
    text = "\n\n".join(_text(lesson, runs, measured))
    return report_zip(title, figures, tables, configs, text, date=date)


def _config(run: Runner) -> RunConfig:
    assert run.config is not None
    return run.config


def _text(lesson: Lesson, runs: Runs, studies: Sequence[Study]) -> Iterator[str]:
    yield "## Procedure"
    yield lesson.story
    yield "\n".join(
        f"- **{name}**: {_settings_sentence(_config(run))}" for name, run in runs.items()
    )
    yield "## One run"
    yield "\n".join(f"- **{name}**: {_run_sentence(run)}" for name, run in runs.items())
    yield "One run proves nothing about another seed."
    yield "## Many seeds"
    if not studies:
        yield "Not measured. Press Measure on the page, then make the report again."
    for study in studies:
        yield f"### {study.claim.text}"
        yield f"{VERDICTS[study.verdict()]} Measured with {study.done} seeds:"
        yield "\n".join(_condition_line(study, c, state) for c, state in study.states())
    yield "## Analysis"
    yield (
        f"The question was: {lesson.question.text} Say what you expected, what one run showed, "
        "what many seeds showed, and which mechanism explains the difference."
    )


def _settings_sentence(config: RunConfig) -> str:
    changed = config.to_url()
    return ", ".join(f"{KNOBS[n].label.lower()} {v}" for n, v in changed.items()) or "the defaults"


def _run_sentence(run: Runner) -> str:
    words = "; ".join(f"{r.name} {_written(r)}" for r in readings(run) if math.isfinite(r.value))
    return f"{words}. Signs: {signs_sentence(found_signs(run))}."


def _written(reading: Reading) -> str:
    return f"{reading.value:{reading.form}} {reading.note}".strip()


def _condition_line(study: Study, condition: Condition, state: State) -> str:
    found = study.estimates()[condition.measure]
    measure = next(m for m in study.claim.measures if m.name == condition.measure)
    words = _written_estimate(measure, found)
    return f"- *{condition.text}*: {STATES[state]}. {measure.text}: {words}"


def _written_estimate(measure: Measure, found: Estimate) -> str:
    unit = f" {measure.unit}" if measure.unit else ""
    if found.low == found.high:
        return f"exactly {found.mean:.4g}{unit} in each of {found.n} seeds."
    error = "" if measure.geometric else f" ± {found.standard_error:.2g}"
    kind = "geometric mean" if measure.geometric else "mean ± standard error"
    interval = f"95 % interval {found.low:.4g} to {found.high:.4g}"
    return f"{found.mean:.4g}{error}{unit} ({kind}, n = {found.n}, {interval})."


def _readings_table(runs: Runs) -> list[dict[str, Any]]:
    columns = {name: readings(run) for name, run in runs.items()}
    names = [reading.name for reading in next(iter(columns.values()))]
    return [
        {"measured": name, **{run: _number(found[at]) for run, found in columns.items()}}
        for at, name in enumerate(names)
    ]


def _number(reading: Reading) -> float | None:
    return reading.value if math.isfinite(reading.value) else None


def _settings_table(runs: Runs) -> list[dict[str, Any]]:
    return [
        {"setting": name, **{run: url_value(getattr(_config(r), name)) for run, r in runs.items()}}
        for name in KNOBS
    ]


def _estimates_table(study: Study) -> list[dict[str, Any]]:
    found = study.estimates()
    return [
        {
            "measured": m.text,
            "n": found[m.name].n,
            "mean": found[m.name].mean,
            "standard error": found[m.name].standard_error,
            "low": found[m.name].low,
            "high": found[m.name].high,
            "unit": m.unit,
        }
        for m in study.claim.measures
    ]
