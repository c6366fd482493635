"""Wrong, odd and hostile input on the real pages: a sentence each, and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.course.bugs.catalog import CASES
from nndl_core.course.lessons import lessons_of
from nndl_core.store.runs import MOST_NAME, KeptCurves, KeptRun, clean_name
from nndl_core.studies.map.plan import BASE_KNOBS
from pages.ui.live.session import LabSession
from pages.ui.map.session import MapSession
from pages.ui.server.history_access import history_keeper
from pages.ui.server.owner import owner_of
from tests import bad_input
from tests.bad_input import Case, check_sentence, unescaped

OpenLab = Callable[..., AppTest]
SessionOf = Callable[[AppTest], LabSession]
ALIVE = re.compile(r"(?<!\\)<(script|img)|(?<!\\)\]\((javascript|http)")
"""Markup of somebody else that was not escaped."""


def sentences(at: AppTest) -> list[str]:
    """Return what the page warns of, as a person reads it; a traceback fails."""
    assert not at.exception, at.exception
    assert not at.error, at.error
    for warning in at.warning:
        assert not ALIVE.search(warning.value)
    return [unescaped(warning.value) for warning in at.warning]


def played(open_lab: OpenLab, **settings: str) -> AppTest:
    at = open_lab(points="60", epochs="9", hidden="3", **settings)
    at.button(key="step").click().run()
    return at


def state_of(session: LabSession) -> tuple[Any, ...]:
    """Return what must not change: settings, run, epoch and every weight."""
    weights = tuple(float(p.detach().double().sum()) for p in session.runner.model.parameters())
    return session.config, session.run_id, session.runner.epoch, session.upload, weights


def refuse_all(
    at: AppTest, session: LabSession, uploader: str, kind: str, cases: list[Case]
) -> None:
    """Upload one after another into the same tab; each gets its sentence and changes nothing."""
    before, address = state_of(session), dict(at.query_params)
    for number, case in enumerate(cases):
        at.file_uploader(key=uploader).upload(f"{number}.{kind}", case.content).run()
        said = sentences(at)
        assert len(said) == 1, (case.name, said)
        check_sentence(said[0], case.words)
        assert state_of(session) == before, case.name
        assert dict(at.query_params) == address, case.name


def test_no_wrong_table_harms_a_tab(open_lab: OpenLab, session_of: SessionOf) -> None:
    at = played(open_lab)
    at.button(key="dataset_csv").click().run()
    refuse_all(at, session_of(at), "csv", "csv", list(bad_input.bad_tables()))


def test_no_wrong_checkpoint_harms_a_tab(open_lab: OpenLab, session_of: SessionOf) -> None:
    at = played(open_lab)
    cases = list(bad_input.bad_checkpoints())
    refuse_all(at, session_of(at), "load", "safetensors", cases)


def test_no_wrong_settings_or_runs_harm_a_tab(open_lab: OpenLab, session_of: SessionOf) -> None:
    at = played(open_lab)
    refuse_all(at, session_of(at), "load", "json", list(bad_input.bad_json()))


def test_odd_tables_are_read_and_none_is_drawn_as_markup(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = played(open_lab)
    at.button(key="dataset_csv").click().run()
    for number, case in enumerate(bad_input.odd_tables()):
        at.file_uploader(key="csv").upload(f"<b>{number}.csv", case.content).run()
        assert sentences(at) == [], case.name
        data = session_of(at).dataset
        assert all(word in data.features for word in case.words), (case.name, data.features)
        texts = [*at.markdown, *at.caption, *at.info, *at.subheader]
        assert not any(ALIVE.search(text.value) for text in texts), case.name


# --- the address ----------------------------------------------------------------------------

HIDDEN = ("0", "65", "5-x", "1-" * 16 + "1", "x" * 10_000, "5\0", "½", "<script>", "[1]", "5.5",
          "99999", "\u202e5", "$x$", "1e3")  # fmt: skip


def bad_values(name: str) -> list[str]:
    """Return values that no setting of this kind has."""
    return list(HIDDEN) if name == "hidden" else bad_input.NO_NUMBER


def rounds(names: tuple[str, ...], most: int) -> Iterator[dict[str, str]]:
    """Give each parameter the next of its wrong values, all of them in one address."""
    for at in range(most):
        yield {name: bad_values(name)[at % len(bad_values(name))] for name in names}


def check_refused(at: AppTest, wrong: dict[str, str]) -> None:
    said = sentences(at)
    named = sorted(sentence.partition(":")[0] for sentence in said)
    assert named == sorted(wrong), (wrong, said)
    for sentence in said:
        check_sentence(sentence)
    assert not set(at.query_params) & set(wrong)
    again = at.run()
    assert sentences(again) == []


@pytest.mark.parametrize(
    "wrong", list(rounds(tuple(KNOBS), len(bad_input.NO_NUMBER))), ids=lambda _: ""
)
def test_the_lab_refuses_every_wrong_value_of_an_address(
    open_lab: OpenLab, session_of: SessionOf, wrong: dict[str, str]
) -> None:
    at = open_lab(**wrong)
    check_refused(at, wrong)
    assert session_of(at).config == RunConfig()


@pytest.mark.parametrize("wrong", list(rounds(tuple(KNOBS), 3)), ids=lambda _: "")
def test_autograd_refuses_wrong_values(open_lab: OpenLab, wrong: dict[str, str]) -> None:
    at = open_lab("autograd.py", **wrong)
    check_refused(at, wrong)
    assert at.session_state["autograd"] == RunConfig()


LESSONS = [
    (f"{topic}.py", lesson)
    for topic in ("networks", "initialization", "vanishing", "dying")
    for lesson in lessons_of(topic)
]


@pytest.mark.parametrize(("page", "lesson"), LESSONS, ids=lambda each: getattr(each, "name", ""))
def test_a_lesson_refuses_wrong_values(open_lab: OpenLab, page: str, lesson: Any) -> None:
    for number, wrong in enumerate(rounds(lesson.knobs, 2)):
        name = lesson.name if number == 0 else (bad_input.MARKUP[0] + "x" * 5000)
        at = open_lab(page, lesson=name, **wrong)
        asked = wrong if number == 0 else {}  # another lesson may have other settings
        said = sentences(at)
        for sentence in said:
            check_sentence(sentence)
        named = {sentence.partition(":")[0] for sentence in said}
        assert set(asked) <= named, said
        assert ("lesson" in named) is (number == 1), said


MAP = ("x", "y", "color", *BASE_KNOBS, "seeds", "x_low", "x_high", "x_count", "y_low", "y_count")


@pytest.mark.parametrize("name", MAP)
def test_the_map_refuses_wrong_values(open_lab: OpenLab, name: str) -> None:
    usual = open_lab("map.py").session_state["map"]
    assert isinstance(usual, MapSession)
    for value in ("", "<script>alert(1)</script>", "1e999", "nan", "x" * 10_000, "\0"):
        at = open_lab("map.py", **{name: value})
        said = sentences(at)
        assert len(said) == 1, (value, said)
        check_sentence(said[0], (f"{name}:", "axis:", "init_scale", "depth"))
        assert at.session_state["map"].plan == usual.plan


@pytest.mark.parametrize("value", [*bad_input.ODD[1:], *bad_input.MARKUP], ids=lambda _: "")
def test_spot_the_bug_refuses_wrong_cases(open_lab: OpenLab, value: str) -> None:
    at = open_lab("bugs.py", case=value)
    (said,) = sentences(at)
    check_sentence(said, ("case:",))
    assert at.session_state["case"] == next(iter(CASES))


@pytest.mark.parametrize("value", [*bad_input.ODD[1:], *bad_input.MARKUP], ids=lambda _: "")
def test_the_frame_refuses_wrong_languages(open_lab: OpenLab, value: str) -> None:
    at = open_lab("_router.py", lang=value)
    assert sentences(at) == []
    (toast,) = at.toast
    check_sentence(unescaped(toast.value), ("lang:",))
    assert "lang" not in at.query_params


def test_a_parameter_that_comes_twice_and_one_that_nobody_knows_do_no_harm(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = AppTest.from_file(Path(__file__).parents[2] / "pages" / "lab.py", default_timeout=60)
    at.query_params["points"] = ["many", "60"]
    at.query_params["<script>"] = "x" * 10_000
    at.query_params["\0"] = "\0"
    at.run()
    assert sentences(at) == []
    assert session_of(at).config == RunConfig(points=60)
    assert dict(at.query_params) == {"points": ["60"]} or at.query_params["points"] == "60"


# --- the run history --------------------------------------------------------------------------

ME = owner_of("somebody")
NAMES = (
    *bad_input.ODD,
    *bad_input.MARKUP,
    "a\nb\tc",
    "x" * 79 + "💥💥",
    "%",
    "_",
    "\\",
    "' OR ''='",
)


@pytest.fixture
def kept_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptRun]:
    monkeypatch.setenv("NNDL_DATA", str(tmp_path / "data"))
    history_keeper.cache_clear()
    run = KeptRun("1" * 32, "plain name", 1.0, RunConfig().to_json(), "engine", 9)
    curves = KeptCurves((0, 1), (1.0, 0.5), (1.0, 0.5), (0.5, 0.6), (0.5, 0.6))
    history_keeper().do(lambda history: history.add(ME, run, curves))
    yield run
    history_keeper.cache_clear()


def opened_history() -> AppTest:
    at = AppTest.from_file(Path(__file__).parents[2] / "pages" / "history.py", default_timeout=60)
    at.session_state["owner"] = ME
    at.session_state["history_chosen"] = ["1" * 32]
    return at.run()


def test_no_name_and_no_filter_harms_the_run_history(kept_run: KeptRun) -> None:
    at = opened_history()
    key = f"name_{kept_run.id}"
    for text in NAMES:
        before = history_keeper().do(lambda history: history.runs(ME))[0].name
        at.text_input(key=key).set_value(text).run()
        assert sentences(at) == []
        (run,) = history_keeper().do(lambda history: history.runs(ME))
        assert run.name.isprintable()
        assert 0 < len(run.name) <= MOST_NAME
        assert run.name == (clean_name(text) or before)
        at.text_input(key="history_name").set_value(text).run()
        assert sentences(at) == []
        at.text_input(key="history_name").set_value("").run()
        shown = [*at.markdown, *at.caption]
        assert not any(ALIVE.search(element.value) for element in shown), text
        assert len(at.dataframe[0].value) == 1, text


def test_there_are_more_than_two_hundred_cases() -> None:
    files = [
        bad_input.bad_tables,
        bad_input.odd_tables,
        bad_input.bad_json,
        bad_input.bad_checkpoints,
    ]
    counts = {make.__name__: len(list(make())) for make in files}
    counts["values of an address"] = len(KNOBS) * len(bad_input.NO_NUMBER) + 6 * len(MAP)
    counts["names and filters"] = 2 * len(NAMES)
    print(counts)
    assert sum(counts.values()) >= 200
    assert min(counts.values()) >= 20


@pytest.mark.parametrize("name", ["present", "lock", "hide", "board"])
def test_the_frame_survives_wrong_links(open_lab: OpenLab, name: str) -> None:
    for value in ("", "<script>alert(1)</script>", "\0", "x" * 10_000, "1e999", "a,b;c-d"):
        at = open_lab("_router.py", **{name: value})
        assert not at.exception
        for toast in at.toast:
            check_sentence(unescaped(toast.value))
