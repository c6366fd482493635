"""The gallery and the lessons show the diseases that they declare, and their cures cure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nndl_core.course.gallery import EXHIBITS, Exhibit, Visit
from nndl_core.course.lessons import LESSONS
from nndl_core.course.lessons.diagnoses import DIAGNOSES
from nndl_core.diagnosis.rules import diagnose
from nndl_core.engine.runner import Runner

ILL = [exhibit for exhibit in EXHIBITS if exhibit.shows not in ("healthy", "none_of_these")]
FINE = [exhibit for exhibit in EXHIBITS if exhibit.shows == "healthy"]
ARMS = [(lesson, arm) for lesson, arms in DIAGNOSES.items() for arm in arms]


def visited(exhibit: Exhibit) -> Visit:
    visit = Visit(exhibit)
    visit.advance(float("inf"))
    assert visit.finished
    return visit


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.name)
@pytest.mark.parametrize("seed", [0, 1])
def test_an_exhibit_is_diagnosed_with_what_it_shows(exhibit: Exhibit, seed: int) -> None:
    config = replace(exhibit.config, data_seed=seed, init_seed=seed)
    runner = Runner.from_config(config)
    runner.advance(config.epochs)
    while not runner.finished:
        runner.advance(config.epochs)
    assert diagnose(config, runner.records)[0].disease == exhibit.shows


@pytest.mark.parametrize("exhibit", ILL, ids=lambda exhibit: exhibit.name)
def test_the_cure_beats_the_sick_run_and_the_tempting_fix(exhibit: Exhibit) -> None:
    visit = visited(exhibit)
    assert visit.cure is not None
    assert visit.tempting is not None
    assert visit.cure.accuracy > visit.sick.accuracy + 0.05
    assert visit.cure.accuracy > visit.tempting.accuracy + 0.03
    assert "" not in (visit.cure.change.why, visit.tempting.change.why)  # type: ignore[union-attr]


def test_the_gallery_holds_what_it_promises() -> None:
    assert len({exhibit.shows for exhibit in ILL}) == 8
    assert len(FINE) >= 6
    assert [exhibit.shows for exhibit in EXHIBITS].count("none_of_these") == 1
    assert len({exhibit.name for exhibit in EXHIBITS}) == len(EXHIBITS)


def test_what_is_fine_gets_no_cure() -> None:
    for exhibit in FINE[:2]:
        visit = visited(exhibit)
        assert visit.cure is None
        assert visit.tempting is None


def test_a_visit_in_slices_ends_like_one_at_once() -> None:
    exhibit = replace(FINE[0], config=replace(FINE[0].config, epochs=40))
    sliced = Visit(exhibit)
    while not sliced.finished:
        sliced.advance(0.002)
    assert sliced.sick.accuracy == visited(exhibit).sick.accuracy


def test_deep_sigmoid_starts_with_a_first_gradient_of_a_hundredth() -> None:
    config = next(e.config for e in EXHIBITS if e.name == "deep-sigmoid")
    layers = next(Runner.from_config(config)).layers
    assert layers[0].weight_grad_norm < layers[-1].weight_grad_norm / 100


@pytest.mark.parametrize(("lesson", "arm"), ARMS)
def test_a_lesson_is_diagnosed_with_what_it_declares(lesson: str, arm: str) -> None:
    config = LESSONS[lesson].arms[arm]
    runner = Runner.from_config(config)
    while not runner.finished:
        runner.advance(config.epochs)
    assert diagnose(config, runner.records)[0].disease == DIAGNOSES[lesson][arm]


def test_every_run_of_every_lesson_has_a_declared_diagnosis() -> None:
    assert {name: set(lesson.arms) for name, lesson in LESSONS.items()} == {
        name: set(arms) for name, arms in DIAGNOSES.items()
    }
