"""The report of a lesson: what was run, what was measured, what many seeds say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nndl_core.base.config import KNOBS, RunConfig, url_value
from nndl_core.base.i18n import mark, tr
from nndl_core.charts.runs import accuracy_curves, gradient_bars, loss_curves
from nndl_core.charts.style.parts import Figure
from nndl_core.course.lessons.lesson import Lesson
from nndl_core.course.lessons.measured import Measurement, readings
from nndl_core.diagnosis.facts import Facts
from nndl_core.diagnosis.rules import diagnose
from nndl_core.diagnosis.words import NAMES, verdict
from nndl_core.engine.runner import Runner
from nndl_core.reports import study as study_report
from nndl_core.reports.pack import report_zip
from nndl_core.studies.study import Study

Runs = Mapping[str, Runner]


def lesson_report(
    lesson: Lesson, runs: Runs, studies: Sequence[Study], *, date: str, answer: int | None = None
) -> bytes:
    """Pack a lesson's live runs and its studies as a zip; see report_zip.

    answer is the option of the question that the learner chose, None if none was.
    """
    measured = [study for study in studies if study.done]
    figures: dict[str, Figure] = {
        mark("Loss of the runs"): loss_curves(runs),
        mark("Accuracy of the runs"): accuracy_curves(runs),
        mark("Gradient norms of the runs"): gradient_bars(runs),
    }
    tables: dict[str, list[dict[str, Any]]] = {
        mark("Measured in these runs"): _readings_table(runs),
        mark("Settings of these runs"): _settings_table(runs),
    }
    figures |= study_report.figures_of(measured)
    tables |= study_report.tables_of(measured)
    configs = {name: _config(run) for name, run in runs.items()}
    configs |= study_report.configs_of(measured)
    title = f"{tr(lesson.title)} ({lesson.experiment})"
    text = "\n\n".join(_text(lesson, runs, measured, answer))
    return report_zip(title, figures, tables, configs, text, date=date)


def _config(run: Runner) -> RunConfig:
    assert run.config is not None
    return run.config


def _text(
    lesson: Lesson, runs: Runs, studies: Sequence[Study], answer: int | None
) -> Iterator[str]:
    yield tr("## Prediction")
    yield _prediction(lesson, answer)
    yield tr("## Procedure")
    yield tr(lesson.story)
    yield "\n".join(
        f"- **{tr(name)}**: {_settings_sentence(_config(run))}" for name, run in runs.items()
    )
    yield tr("## One run")
    yield "\n".join(f"- **{tr(name)}**: {_run_sentence(run)}" for name, run in runs.items())
    yield tr("One run proves nothing about another seed.")
    yield from study_report.text_of(studies)
    yield tr("## Analysis")
    yield (
        tr(
            "The question was: {text} Say what you expected, what one run showed, what many "
            "seeds showed, and which mechanism explains the difference.",
            text=tr(lesson.question.text),
        )
    )


def _prediction(lesson: Lesson, answer: int | None) -> str:
    question = lesson.question
    if answer is None:
        return tr("{text} No answer was chosen.", text=tr(question.text))
    chosen = tr(question.options[answer])
    if answer == question.answer:
        verdict = tr("Chosen: {answer}, which is right.", answer=chosen)
    else:
        verdict = tr("Chosen: {answer}, which is not right.", answer=chosen)
    return f"{tr(question.text)} {verdict} {tr(question.because)}"


def _settings_sentence(config: RunConfig) -> str:
    changed = config.to_url()
    return tr(", ").join(f"{tr(KNOBS[n].label).lower()} {v}" for n, v in changed.items()) or tr(
        "the defaults"
    )


def _run_sentence(run: Runner) -> str:
    words = tr("; ").join(
        f"{tr(r.name)} {_written(r)}" for r in readings(run) if math.isfinite(r.value)
    )
    found = diagnose(_config(run), run.records)
    if not found:
        return tr("{words}.", words=words)
    facts = Facts.of(_config(run), run.records)
    return tr(
        "{words}. Diagnosis: {name}. {sentence}",
        words=words,
        name=tr(NAMES[found[0].disease]),
        sentence=verdict(facts, found),
    )


def _written(reading: Measurement) -> str:
    return f"{reading.value:{reading.form}} {reading.note}".strip()


def _readings_table(runs: Runs) -> list[dict[str, Any]]:
    columns = {name: readings(run) for name, run in runs.items()}
    names = [reading.name for reading in next(iter(columns.values()))]
    return [
        {
            tr("measured"): tr(name),
            **{tr(run): _number(found[at]) for run, found in columns.items()},
        }
        for at, name in enumerate(names)
    ]


def _number(reading: Measurement) -> float | None:
    return reading.value if math.isfinite(reading.value) else None


def _settings_table(runs: Runs) -> list[dict[str, Any]]:
    return [
        {
            tr("setting"): name,
            **{tr(run): url_value(getattr(_config(r), name)) for run, r in runs.items()},
        }
        for name in KNOBS
    ]
