"""Every lesson and every claim, run through the public API over many seeds."""

import inspect
import math
from dataclasses import replace

import pytest

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.course.claims import CLAIMS
from nndl_core.course.claims.measures import DYING_NET, FIVE_LAYERS
from nndl_core.course.lessons import (
    LESSONS,
    TOPICS,
    claims_of,
    common_settings,
    lessons_of,
    with_knobs,
)
from nndl_core.course.lessons.lesson import Lesson
from nndl_core.course.lessons.measured import readings, reference_lines, signs_sentence
from nndl_core.course.lessons.runner_log import evaluate_kept, training_log
from nndl_core.diagnosis.signal_rules import signs
from nndl_core.engine.ensemble import Ensemble, Outcome
from nndl_core.engine.runner import Runner
from nndl_core.studies.study import Study

SEEDS = 10
FEWEST = 10
PRINTED = {  # the official notebooks' norms of fc1..fc5, course.md section 3
    "sigmoid": (6.9099e-11, 1.6490e-8, 4.8029e-6, 1.50310e-3, 0.291276),
    "relu": (4.6598e-8, 3.0366e-6, 1.7315e-4, 1.06527e-2, 0.402623),
    "leaky_relu": (2.3115e-16, 1.8818e-13, 1.6921e-9, 1.18895e-5, 0.0701083),
}


def outcomes(config: RunConfig, seeds: int) -> list[Outcome]:
    ensemble = Ensemble([replace(config, data_seed=s, init_seed=s) for s in range(seeds)])
    ensemble.advance()
    return [outcome for outcome in ensemble.outcomes if outcome is not None]


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=list(CLAIMS))
def test_every_claim_gets_its_declared_verdict(claim: object) -> None:
    claim = CLAIMS[claim.name]  # type: ignore[attr-defined]
    study = Study(claim, claim.seeds)
    study.advance()
    assert claim.trial or study.done >= FEWEST
    assert [state for _, state in study.states()].count("open") == 0
    assert study.verdict() == claim.verdict


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
def test_the_live_pair_shows_exactly_what_the_lesson_declares(lesson: Lesson) -> None:
    assert set(lesson.shows) == set(lesson.arms)
    for name, config in lesson.arms.items():
        runner = Runner.from_config(config)
        runner.advance(config.epochs)
        found = signs(runner.records[0], runner.measure()[0])
        assert found == lesson.shows[name], name


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
def test_over_ten_seeds_the_sick_are_sick_and_the_cured_are_well(lesson: Lesson) -> None:
    for name, config in lesson.arms.items():
        found = [signs(o.first, o.last) for o in outcomes(config, SEEDS)]
        as_declared = sum(signs_found == lesson.shows[name] for signs_found in found)
        assert as_declared >= 0.8 * SEEDS, (name, found)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_printed_norms_lie_within_three_deviations_of_ours(activation: str) -> None:
    check_printed(replace(FIVE_LAYERS, epochs=1), activation)


def test_printed_norms_of_leaky_relu_lie_within_three_deviations() -> None:
    check_printed(replace(DYING_NET, epochs=1), "leaky_relu")


def check_printed(config: RunConfig, activation: str) -> None:
    runs = outcomes(replace(config, activation=activation, dtype="float64"), 200)  # type: ignore[arg-type]
    for layer, printed in enumerate(PRINTED[activation]):
        logs = [math.log10(run.first.layers[layer].weight_grad_norm) for run in runs]
        mean = math.fsum(logs) / len(logs)
        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in logs) / (len(logs) - 1))
        assert abs(math.log10(printed) - mean) <= 3 * deviation, f"fc{layer + 1}"


def test_b_minus_8_gives_exact_zeros_and_the_closed_forms() -> None:
    runner = Runner.from_config(replace(DYING_NET, dtype="float64"))
    assert runner.dataset is not None
    share = float(runner.dataset.train.y.double().mean())
    record, _ = runner.measure()
    assert [layer.weight_grad_norm for layer in record.layers] == [0] * 5
    assert [layer.bias_grad_norm for layer in record.layers[:4]] == [0] * 4
    bias = abs(1 / (1 + math.exp(8)) - share)
    assert record.layers[4].bias_grad_norm == pytest.approx(bias, abs=1e-6)
    assert record.train_loss == pytest.approx(8 * share + math.log1p(math.exp(-8)), abs=1e-6)


def test_topics_claims_and_code_belong_together() -> None:
    for lesson in LESSONS.values():
        assert lesson.topic in TOPICS
        assert 0 <= lesson.question.answer < len(lesson.question.options)
        assert {claim.topic for claim in claims_of(lesson)} == {lesson.topic}
        for name in lesson.code:
            module, _, path = name.partition(":")
            found = __import__(module, fromlist=["x"])
            for part in filter(None, path.split(".")):
                found = getattr(found, part)
            assert inspect.getsource(found)
    shown = {name for lesson in LESSONS.values() for name in lesson.claims}
    assert shown | {"autograd-is-better"} == set(CLAIMS)
    assert sum(len(lessons_of(topic)) for topic in TOPICS) == len(LESSONS)


def test_knobs_change_all_arms_but_not_what_makes_them_differ() -> None:
    lesson = LESSONS["zeros"]
    arms = with_knobs(lesson, {"noise": 0.2, "init": "normal", "bias": 3.0})
    assert {config.noise for config in arms.values()} == {0.2}
    assert arms["all zeros"].init == "zeros"
    assert {config.bias for config in arms.values()} == {0.0}  # no knob of this lesson
    assert "init" not in common_settings(lesson)


def test_an_impossible_knob_gets_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"noise: 7 is out of range; allowed is from 0 to 2\."):
        with_knobs(LESSONS["zeros"], {"noise": 7})


def test_readings_are_those_of_the_run() -> None:
    runner = Runner.from_config(RunConfig(epochs=30))
    before = {reading.name: reading for reading in readings(runner)}
    assert math.isnan(before["test accuracy, last epoch"].value)
    runner.advance(30)
    assert runner.dataset is not None
    found = {reading.name: reading for reading in readings(runner)}
    score, _ = runner.evaluate(runner.dataset.test)
    assert found["test accuracy, last epoch"].value == score
    assert found["epoch"].value == 30
    assert found["distinct units"].note == "of 5"


def test_signs_are_named_in_one_sentence() -> None:
    assert signs_sentence(frozenset()) == "none"
    assert "; " in signs_sentence(frozenset({"dead_layer", "at_chance"}))


def test_reference_lines_are_those_of_the_course() -> None:
    found = reference_lines([RunConfig(data_seed=seed) for seed in range(200)])
    assert found["logistic regression"] == pytest.approx(0.8086, abs=5e-4)
    assert found["Bayes limit"] == pytest.approx(0.8233, abs=1e-3)
    assert reference_lines([RunConfig(), RunConfig(noise=0.1)]) == {}
    assert reference_lines([RunConfig(dataset="xor")]) == {}


def test_the_runner_prints_what_its_records_say() -> None:
    config = RunConfig(epochs=100)
    lines = training_log(config, 50).splitlines()
    runner = Runner.from_config(config)
    runner.advance(100)
    assert len(lines) == 3
    for line, epoch in zip(lines, (0, 50), strict=False):
        assert f"epoch: {epoch}/100, loss: {runner.train_loss[epoch]:.5f}" in line
    assert runner.dataset is not None
    score, loss = runner.evaluate(runner.dataset.test)
    assert lines[-1] == f"[Test] score/loss: {score:.4f}/{loss:.4f}"


def test_loaded_checkpoints_are_the_trained_networks() -> None:
    best, last = evaluate_kept(RunConfig(epochs=200))
    assert best.is_equal
    assert last.is_equal
    assert last.epoch == 200
    assert best.epoch < 200
