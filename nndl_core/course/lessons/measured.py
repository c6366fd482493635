"""What a lesson reads off a run: numbers with their names, and the signs in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark, tr
from nndl_core.diagnosis.signal_rules import Sign
from nndl_core.engine.records import EpochRecord
from nndl_core.engine.runner import Runner
from nndl_core.engine.snapshot import evaluate_test
from nndl_core.theory.baselines import bayes_accuracy, logistic_accuracy

SIGN_WORDS: dict[Sign, str] = {
    "symmetric_units": mark("a hidden layer whose units are all the same"),
    "dead_layer": mark("a hidden layer of dead units"),
    "zero_gradient": mark("no gradient at all in the first layer"),
    "vanishing_gradient": mark("a first-layer gradient under a thousandth of the last layer's"),
    "at_chance": mark("a training set that has not been learned"),
}


@dataclass(frozen=True)
class Measurement:
    """One number of a run; ``form`` is a format specification, ``note`` what it is out of."""

    name: str
    value: float
    form: str = ".4f"
    note: str = ""


def readings(runner: Runner) -> list[Measurement]:
    """Read off a run what a lesson talks about, at its current parameters."""
    record, _ = runner.measure()
    return [*_scores(runner, record), *_layers(runner, record)]


def _scores(runner: Runner, record: EpochRecord) -> Iterator[Measurement]:
    yield Measurement(mark("epoch"), runner.epoch, ",.0f")
    yield Measurement(mark("train loss"), record.train_loss)
    yield Measurement(mark("train accuracy"), record.train_accuracy)
    yield Measurement(mark("dev accuracy"), record.dev_accuracy)
    test = evaluate_test(runner)
    yield Measurement(mark("test accuracy, last epoch"), test.last_score if test else math.nan)
    at = tr("epoch {n:,}", n=test.best_epoch) if test else ""
    yield Measurement(
        mark("test accuracy, best on dev"), test.best_score if test else math.nan, note=at
    )


def _layers(runner: Runner, record: EpochRecord) -> Iterator[Measurement]:
    hidden, first, last = record.layers[:-1], record.layers[0], record.layers[-1]
    yield Measurement(mark("gradient norm of fc1's weights"), first.weight_grad_norm, ".3g")
    yield Measurement(
        mark("gradient norm of the last layer's weights"), last.weight_grad_norm, ".3g"
    )
    yield Measurement(mark("gradient norm of the last layer's bias"), last.bias_grad_norm, ".3g")
    units = tr("of {all:.0f}", all=sum(layer.units for layer in hidden))
    yield Measurement(mark("dead units"), sum(layer.dead_units for layer in hidden), ".0f", units)
    yield Measurement(
        mark("distinct units"), sum(layer.distinct_units for layer in hidden), ".0f", units
    )
    moved = runner.records[-1].layers[0] if len(runner.records) else None
    share = moved.changed_share if moved else math.nan
    yield Measurement(mark("fc1: share changed by the last update"), share, ".3f")


def signs_sentence(found: frozenset[Sign]) -> str:
    """Name the signs in one sentence."""
    if not found:
        return tr("none")
    return tr("; ").join(tr(SIGN_WORDS[name]) for name in SIGN_WORDS if name in found)


def reference_lines(configs: list[RunConfig]) -> dict[str, float]:
    """Return logistic regression's mean test accuracy on these data, and the moons' Bayes limit.

    Empty unless all configs are two moons of one noise with true labels.
    """
    kinds = {(c.dataset, c.noise, c.label_noise) for c in configs}
    if len(kinds) != 1 or configs[0].dataset != "moons" or configs[0].label_noise:
        return {}
    scores = [logistic_accuracy(_data_only(config)) for config in configs]
    return {
        tr("logistic regression"): math.fsum(scores) / len(scores),
        tr("Bayes limit"): bayes_accuracy(configs[0].noise),
    }


def _data_only(config: RunConfig) -> RunConfig:
    """Two configs of the same data are the same key of a cache."""
    return RunConfig(points=config.points, noise=config.noise, data_seed=config.data_seed)
