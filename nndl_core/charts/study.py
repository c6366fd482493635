"""The figures of a study: paired differences, every run's score, and the curves as bands."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nndl_core.base.i18n import tr, trn
from nndl_core.charts.distributions import differences, strips
from nndl_core.charts.figures import bands
from nndl_core.charts.style.parts import Figure
from nndl_core.course.lessons.measured import reference_lines
from nndl_core.studies.study import Measure, Study

ROW_PIXELS = 78
FEWEST_EPOCHS = 5


class CaptionedFigure(NamedTuple):
    """A figure with what it shows in words and its height in pixels."""

    alt: str
    height: int
    figure: Figure


def study_figures(study: Study) -> list[CaptionedFigure]:
    """Draw the seeds that a study has measured so far, its most telling figure first."""
    return [*_first_measure(study), *_scores(study), *_curves(study)] if study.done else []


def _first_measure(study: Study) -> Iterator[CaptionedFigure]:
    measure = study.claim.measures[0]
    values = study.values[measure.name]
    if measure.paired:
        alt = trn(
            "Paired difference of {n} seed: {text}",
            "Paired differences over {n} seeds: {text}",
            len(values),
            text=measure.words,
        )
        yield CaptionedFigure(alt, 230, differences(values, measure.words))
        return
    like = [m for m in study.claim.measures if _scale(m) == _scale(measure)][:5]
    if measure.text.startswith("test accuracy"):
        return  # drawn below, with the lines to compare with
    series = {m.words: _scaled(study.values[m.name], m) for m in like}
    title = tr("log10 of the value") if measure.geometric else tr("value in every seed")
    yield CaptionedFigure(
        tr("Every seed as a dot: {text}", text=measure.words),
        90 + ROW_PIXELS * len(like),
        strips(series, title, share=all(m.share for m in like)),
    )


def _scale(measure: Measure) -> tuple[str, bool, str]:
    """Measures of one kind share an axis."""
    return measure.unit, measure.geometric, measure.text.split(" ")[0]


def _scaled(values: list[float], measure: Measure) -> list[float]:
    if not measure.geometric:
        return values
    return [math.log10(v) if v > 0 else -math.inf for v in values]


def _scores(study: Study) -> Iterator[CaptionedFigure]:
    arms = _trained(study)
    if not arms:
        return
    series = {tr(n): [seed[n].test_last[0] for seed in study.outcomes] for n in arms}
    configs = [seed[arms[0]].config for seed in study.outcomes]
    limits = reference_lines(configs)
    figure = strips(series, tr("test accuracy, last epoch"), reference=limits, share=True)
    yield CaptionedFigure(
        tr("Test accuracy of every run, a dot each"), 110 + ROW_PIXELS * len(arms), figure
    )


def _trained(study: Study) -> list[str]:
    return [name for name, c in study.claim.arms.items() if c.epochs >= FEWEST_EPOCHS][
        : 0 if study.claim.trial else None
    ]


def _curves(study: Study) -> Iterator[CaptionedFigure]:
    """Median and quartiles of the train loss, arm by arm."""
    arms = [n for n in _trained(study) if study.claim.arms[n].epochs > FEWEST_EPOCHS]
    if not arms:
        return
    series = {}
    for name in arms:
        rows = [seed[name].curves for seed in study.outcomes]
        same = [row for row in rows if len(row["epoch"]) == len(rows[0]["epoch"])]
        losses = np.array([row["train_loss"] for row in same])
        low, middle, high = np.quantile(losses, (0.25, 0.5, 0.75), axis=0)
        series[tr(name)] = (rows[0]["epoch"], middle, low, high)
    figure = bands(series, tr("epoch"), tr("train loss: median and quartiles"))
    yield CaptionedFigure(tr("Train loss against the epoch, median and quartile band"), 300, figure)
