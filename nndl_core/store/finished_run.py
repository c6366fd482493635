"""A run that has ended, as the run history keeps it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial

import numpy as np

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import in_all_languages, tr
from nndl_core.diagnosis.facts import Facts, Finding
from nndl_core.diagnosis.words import sentence
from nndl_core.engine.runner import Runner
from nndl_core.engine.snapshot import Snapshot
from nndl_core.engine.version import ENGINE_VERSION
from nndl_core.store.runs import (
    CURVES,
    MOST_POINTS,
    KeptCurves,
    KeptFinding,
    KeptRun,
    Scores,
    clean_name,
    thinned,
)


def finished_run(
    runner: Runner,
    now: Snapshot,
    diagnosis: tuple[Sequence[Finding], Facts],
    *,
    time: float,
    repeatable: bool = True,
) -> KeptRun:
    """Describe a run that has ended, with a new id; now is its state at the end.

    Raises ValueError for a runner without a config.
    """
    if runner.config is None:
        raise ValueError(tr("Only a runner made from a config can be kept in the run history."))
    return KeptRun(
        id=uuid.uuid4().hex,
        name=described(runner.config),
        finished_at=time,
        config=runner.config.to_json(),
        engine=ENGINE_VERSION,
        epochs=runner.epoch,
        diverged_at=runner.diverged.epoch if runner.diverged else None,
        repeatable=repeatable,
        scores=_scores(runner, now),
        findings=_said(*diagnosis),
    )


def _said(findings: Sequence[Finding], facts: Facts) -> tuple[KeptFinding, ...]:
    return tuple(
        KeptFinding(found.disease, in_all_languages(partial(sentence, facts, found)))
        for found in findings
    )


def described(config: RunConfig) -> str:
    """Name a run by what it is: data, layers, activation, initialization, optimizer and rate."""
    layers = "-".join(map(str, config.hidden)) or tr("no hidden layer")
    rate = f"{config.optimizer} {config.learning_rate:g}"
    return clean_name(f"{config.dataset}, {layers} {config.activation}, {config.init}, {rate}")


def _scores(runner: Runner, now: Snapshot) -> Scores:
    record, test = now.record, now.test
    best = runner.best
    return Scores(
        train_loss=record.train_loss,
        train_accuracy=record.train_accuracy,
        dev_loss=record.dev_loss,
        dev_accuracy=record.dev_accuracy,
        test_loss=test.last_loss if test else None,
        test_accuracy=test.last_score if test else None,
        best_epoch=best.epoch if best else None,
        best_dev_accuracy=best.score if best else None,
        best_test_accuracy=test.best_score if test else None,
    )


def kept_curves(runner: Runner, now: Snapshot) -> KeptCurves:
    """Thin the curves to what the history keeps; the state at the end is always the last point."""
    records = runner.records
    rows = thinned(len(records), MOST_POINTS - 1)
    epochs = records.column("epoch")[rows].astype(int).tolist()
    columns = [
        np.append(records.column(name)[rows], getattr(now.record, name)).astype(np.float32)
        for name in CURVES
    ]
    return KeptCurves((*epochs, now.epoch), *(tuple(column.tolist()) for column in columns))
