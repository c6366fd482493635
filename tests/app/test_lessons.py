"""The lesson pages as AppTest runs them: links, knobs, questions, seeds and the report."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.course.claims import CLAIMS
from nndl_core.course.lessons import LESSONS, lessons_of
from nndl_core.course.lessons.lesson import Lesson
from nndl_core.engine.runner import Runner
from nndl_core.reports.lesson import lesson_report
from nndl_core.studies.study import Study
from pages.ui.live.pair import PairSession

Open = Callable[..., AppTest]
QUICK = {"epochs": "20"}


def session_of(at: AppTest, lesson: Lesson) -> PairSession:
    held = at.session_state[f"{lesson.name}_pair"]
    assert isinstance(held, PairSession)
    return held


def words(at: AppTest) -> str:
    return " ".join(m.value.replace("\\", "") for m in [*at.markdown, *at.warning, *at.info])


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
def test_a_cold_link_opens_the_lesson_with_its_own_settings(open_lab: Open, lesson: Lesson) -> None:
    at = open_lab(f"{lesson.topic}.py", lesson=lesson.name)
    assert not at.exception
    assert not at.warning
    runs = session_of(at, lesson).runs
    assert {name: run.config for name, run in runs.items()} == lesson.arms
    assert lesson.question.text in at.radio(key=f"{lesson.name}_answer").label.replace("\\", "")
    assert at.query_params["lesson"] == lesson.name


def test_a_setting_in_the_address_holds_for_all_runs(open_lab: Open) -> None:
    at = open_lab("networks.py", noise="0.2", data_seed="4")
    arms = {n: replace(c, noise=0.2, data_seed=4) for n, c in LESSONS["depth"].arms.items()}
    runs = session_of(at, LESSONS["depth"]).runs
    assert {name: run.config for name, run in runs.items()} == arms
    assert at.query_params["noise"] == "0.2"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"lesson": "nowhere"}, "lesson: 'nowhere' is not known here; choose one of depth."),
        ({"noise": "9"}, "noise: 9.0 is out of range; allowed is from 0 to 2."),
        ({"epochs": "many"}, "epochs: 'many' is not a number from 1 to 100000."),
    ],
)
def test_a_wrong_address_gets_a_sentence(
    open_lab: Open, parameters: dict[str, str], sentence: str
) -> None:
    at = open_lab("networks.py", **parameters)
    assert not at.exception
    assert sentence in words(at)
    runs = session_of(at, LESSONS["depth"]).runs
    assert {name: run.config for name, run in runs.items()} == LESSONS["depth"].arms


def test_a_knob_changes_all_runs_and_the_address(open_lab: Open) -> None:
    at = open_lab("networks.py", **QUICK)
    at.number_input(key="depth_data_seed").set_value(7).run()
    runs = session_of(at, LESSONS["depth"]).runs
    assert {run.config.data_seed for run in runs.values()} == {7}
    assert at.query_params["data_seed"] == "7"
    at.button(key="restore").click().run()
    assert {r.config for r in runs.values()} != set(LESSONS["depth"].arms.values())
    runs = session_of(at, LESSONS["depth"]).runs
    assert {name: run.config for name, run in runs.items()} == LESSONS["depth"].arms


def test_a_lesson_keeps_its_run_while_another_is_looked_at(open_lab: Open) -> None:
    at = open_lab("vanishing.py", lesson="vanishing")
    at.button(key="step").click().run()
    assert session_of(at, LESSONS["vanishing"]).runs["ReLU"].runner.epoch == 1
    at.segmented_control(key="vanishing_lesson").set_value("scale").run()
    assert not at.exception
    assert at.query_params["lesson"] == "scale"
    at.segmented_control(key="vanishing_lesson").set_value("vanishing").run()
    assert session_of(at, LESSONS["vanishing"]).runs["ReLU"].runner.epoch == 1


def test_the_answer_is_told_only_after_a_guess(open_lab: Open) -> None:
    at = open_lab("networks.py", **QUICK)
    question = LESSONS["depth"].question
    assert question.because not in words(at)
    at.radio(key="depth_answer").set_value(0).run()
    assert "Not right. The answer is: Over many seeds neither." in words(at)
    at.radio(key="depth_answer").set_value(question.answer).run()
    assert f"Yes. {question.because}" in words(at)


def test_seeds_are_measured_and_judged(open_lab: Open) -> None:
    at = open_lab("dying.py", lesson="leaky", **QUICK)
    at.number_input(key="slope-to-the-fourth_seeds").set_value(3)
    at.button(key="slope-to-the-fourth_go").click().run()
    for _ in range(50):
        panel = at.session_state["slope-to-the-fourth_panel"]
        if not panel.running:
            break
        at.run()
    assert not at.exception
    at.run()
    assert "Holds" in words(at)
    assert CLAIMS["slope-to-the-fourth"].truth in words(at)


@pytest.mark.parametrize("seeds", [0, 10_000])
def test_an_impossible_number_of_seeds_gets_a_sentence(open_lab: Open, seeds: int) -> None:
    at = open_lab("networks.py", **QUICK)
    at.number_input(key="deeper-is-better_seeds").set_value(seeds)
    at.button(key="deeper-is-better_go").click().run()
    assert not at.exception
    assert f"seeds: {seeds} is out of range; allowed is from 1 to 200." in words(at)


@pytest.mark.parametrize("topic", ["networks", "initialization", "vanishing", "dying"])
def test_the_report_holds_the_numbers_of_the_page(topic: str) -> None:
    lesson = lessons_of(topic)[0]
    runs = {name: Runner.from_config(config) for name, config in lesson.arms.items()}
    for runner in runs.values():
        runner.advance(30)
    study = Study(CLAIMS["slope-to-the-fourth"], 3)
    study.advance()
    packed = zipfile.ZipFile(io.BytesIO(lesson_report(lesson, runs, [study], date="2026-11-23")))
    text = packed.read("report.md").decode()
    assert "No answer was chosen." in text
    for at, option in enumerate(lesson.question.options):
        told = lesson_report(lesson, runs, [], date="2026-11-23", answer=at)
        words = zipfile.ZipFile(io.BytesIO(told)).read("report.md").decode()
        right = "which is right" if at == lesson.question.answer else "which is not right"
        assert f"Chosen: {option}, {right}." in words
    for runner in runs.values():
        assert f"train loss {runner.measure()[0].train_loss:.4f}" in text
    assert "The claim holds. Measured with 3 seeds:" in text
    assert f"{study.estimates()['exponent'].mean:.4g}" in text
    assert {n.partition("/")[0] for n in packed.namelist()} == {
        "report.md",
        "figures",
        "tables",
        "config",
    }


def test_a_long_run_is_played_faster_until_a_speed_is_chosen(open_lab: Open) -> None:
    at = open_lab("dying.py", lesson="dying")
    assert at.selectbox(key="speed").value == "50 epochs / frame"
    at.number_input(key="dying_epochs").set_value(1000).run()
    assert at.selectbox(key="speed").value == "20 epochs / frame"
    at.selectbox(key="speed").set_value("5 epochs / frame").run()
    at.number_input(key="dying_epochs").set_value(5000).run()
    assert at.selectbox(key="speed").value == "5 epochs / frame"
    at.button(key="play").click().run()
    assert session_of(at, LESSONS["dying"]).runs["b = -8"].runner.epoch == 5
