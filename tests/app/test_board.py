"""The class board's page through AppTest: ways onto a board, bad codes and nicknames, a teacher."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.store.board_values import Board, new_code, shown_code
from nndl_core.store.boards import Boards
from nndl_core.store.errors import NOT_THERE, UnavailableError
from nndl_core.store.keeper import Keeper
from nndl_core.store.runs import KeptFinding, KeptRun, Scores
from pages.ui.board.panel import MOST_TRIES
from pages.ui.board.results import board_csv, diseases, groups, named, own_best
from pages.ui.board.store import BoardView
from pages.ui.server.history_access import history_keeper
from tests.app.conftest import PAGES

BAD_CODES = [
    *("", " ", "x", "0000000000", "ABCDE-FGHJ", "ABCDEFGHJKM", "NaN", "%00%00", "../../etc"),
    *("'; DROP TABLE boards; --", "\u202e" * 10, "<script>", "7KQ2M-XR4TI", "\uff17KQ2MXR4TB"),
    *("a" * 5000, "\x00" * 10),
]
BAD_NAMES = ["", " ", "\t", "---", "\u202e", "\u200b", "😀😀", "\x00", "x" * 25, "\n\n"]
TEACHER = "t" * 64


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    monkeypatch.setenv("NNDL_DATA", str(tmp_path))
    history_keeper.cache_clear()
    yield history_keeper()
    history_keeper.cache_clear()


@pytest.fixture
def code(keeper: Keeper) -> str:
    locked = [name for name in KNOBS if name != "activation"]
    config = RunConfig(epochs=20)
    return keeper.do(lambda h: Boards(h.engine).open(TEACHER, "Monday", config, locked))


def page(code: str = "", owner: str = "o" * 64) -> AppTest:
    at = AppTest.from_file(PAGES / "board.py", default_timeout=60)
    at.session_state["owner"] = owner
    at.session_state["frame"] = {"board": code} if code else {}
    at.run()
    assert not at.exception
    return at


def said(at: AppTest) -> list[str]:
    assert not at.exception
    return [str(warning.value) for warning in at.warning]


@pytest.mark.parametrize("text", BAD_CODES)
def test_a_bad_code_gets_one_sentence_and_the_ways_onto_a_board(keeper: Keeper, text: str) -> None:
    at = page()
    at.text_input(key="board_code").input(text[:40])
    at.button(key="board_find").click().run()
    if text:
        [sentence] = said(at)
        assert sentence.endswith("ask for the code again\\.")
        assert len(sentence) < 200
    assert at.text_input(key="board_code")


def test_a_code_that_nobody_has_is_no_board(keeper: Keeper) -> None:
    assert "is no board" in said(page(new_code()))[0]


def test_after_twenty_wrong_codes_a_tab_gets_no_more(keeper: Keeper) -> None:
    at = page()
    for _ in range(21):
        at.session_state["frame"] = {"board": new_code()}
        at.run()
    assert "Too many wrong codes; open the page anew." in said(at)
    assert "board_code" not in {field.key for field in at.text_input}
    assert "board_open" in {button.key for button in at.button}


def test_after_twenty_wrong_codes_a_right_one_is_not_looked_up(code: str) -> None:
    at = page()
    at.session_state["board_tries"] = MOST_TRIES
    at.session_state["frame"] = {"board": code}
    at.run()
    assert said(at) == ["Too many wrong codes; open the page anew."]
    assert at.session_state["frame"] == {}


@pytest.mark.parametrize("link", ["http://[", "//[x]/?a=b", "nothing", "?", "&" * 2000, "?zzz=1"])
def test_a_bad_link_gets_one_sentence(keeper: Keeper, link: str) -> None:
    at = page()
    at.text_input(key="board_link_new").input(link).run()
    [sentence] = said(at)
    assert "link" in sentence


def test_a_title_is_plain_text(keeper: Keeper) -> None:
    code = keeper.do(
        lambda h: Boards(h.engine).open(TEACHER, "![x](http://x/) **b**", RunConfig(), [])
    )
    assert page(code).subheader[0].value == r"\!\[x\]\(http\:\/\/x\/\) \*\*b\*\*".replace(
        "\\/", "/"
    )


def test_the_twenty_first_board_gets_a_sentence_and_the_form_stays(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nndl_core.store.boards.MOST_BOARDS", 0)
    at = page()
    at.button(key="board_open").click().run()
    assert said(at) == ["You have 0 boards; close one first\\."]
    assert at.button(key="board_open")


def test_an_open_page_follows_another_experiment_and_a_closed_board(code: str) -> None:
    store = history_keeper().do
    at = page(code)
    store(lambda h: Boards(h.engine).set_experiment(TEACHER, code, RunConfig(epochs=33), []))
    at.run()
    assert any("epochs 33" in str(each.value) for each in at.markdown)
    store(lambda h: Boards(h.engine).close(TEACHER, code))
    at.run()
    assert "is no board" in said(at)[0]
    seen = BoardView(3, 0.0, [], [], None)
    drawn = Board(code, "", "{}", (), 2, is_mine=False)
    assert seen.is_other(drawn)
    assert not replace(seen, board=drawn).is_other(drawn)
    assert replace(seen, board=replace(drawn, config="x")).is_other(drawn)
    assert not replace(seen, version=1, board=replace(drawn, config="x")).is_other(drawn)


def test_an_experiment_of_another_version_is_a_sentence_for_both(code: str) -> None:
    with history_keeper().do(lambda h: h.engine).begin() as connection:
        connection.execute(text("UPDATE boards SET config = '{}' || config"))
    for owner in (TEACHER, "o" * 64):
        assert "another version" in said(page(code, owner))[0]


@pytest.mark.parametrize("name", ["clear", "close"])
def test_a_database_that_fails_under_a_button_is_a_sentence(
    code: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_: object) -> bool:
        raise UnavailableError(NOT_THERE)

    at = page(code, TEACHER)
    monkeypatch.setattr(Boards, name, fail)
    at.button(key=f"board_{name}_now").click().run()
    assert "does not answer" in said(at)[0]
    assert at.session_state["frame"] == {"board": code}  # nothing is lost


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_nickname_gets_one_sentence(code: str, name: str) -> None:
    at = page(shown_code(code).lower())
    at.text_input(key="board_nickname").input(name)
    at.button(key="board_enter").click().run()
    [sentence] = said(at)
    assert sentence.startswith("A nickname ")
    assert history_keeper().do(lambda h: Boards(h.engine).members(code)) == []


def test_only_who_belongs_to_a_board_can_leave_it(code: str) -> None:
    at = page(code)
    assert at.button(key="board_leave").label == "Go to another board"
    at.text_input(key="board_nickname").input("Anne")
    at.button(key="board_enter").click().run()
    assert at.button(key="board_leave").label == "Leave this board"
    assert page(code, TEACHER).button(key="board_leave").label == "Leave this board"


def test_one_run_is_one_run(code: str) -> None:
    store = history_keeper().do
    store(lambda h: Boards(h.engine).join(code, "a" * 64, "Anne"))
    store(lambda h: Boards(h.engine).enter(code, "a" * 64, a_run()))
    counted = [str(each.value) for each in page(code).caption if "here" in str(each.value)]
    assert counted == ["1 has joined. 1 run is here."]


def test_a_student_joins_and_sees_no_buttons_of_the_teacher(code: str) -> None:
    at = page(code)
    at.text_input(key="board_nickname").input("Ann *e*")
    at.button(key="board_enter").click().run()
    assert not at.exception
    words = " ".join(str(each.value) for each in at.markdown)
    assert "You are **Ann \\*e\\*** here." in words
    [link] = at.get("link_button")
    assert f"board={code}" in link.proto.url
    assert not {"board_clear_now", "board_close_now", "board_set"} & {b.key for b in at.button}


def test_the_teacher_clears_and_closes(code: str) -> None:
    store = history_keeper().do
    store(lambda h: Boards(h.engine).join(code, "a" * 64, "Anne"))
    store(lambda h: Boards(h.engine).enter(code, "a" * 64, a_run()))
    at = page(code, TEACHER)
    at.button(key="board_clear_now").click().run()
    assert not at.exception
    assert store(lambda h: Boards(h.engine).entries(code)) == []
    at.button(key="board_close_now").click().run()
    assert not at.exception
    assert store(lambda h: Boards(h.engine).boards_of(TEACHER)) == []


def test_a_board_is_opened_with_the_experiment_of_a_link(keeper: Keeper) -> None:
    at = page()
    at.text_input(key="board_link_new").input("http://x/?epochs=77&bias=999&lock=bias").run()
    assert len(said(at)) == 1  # a bias of 999 is out of range
    at.button(key="board_open").click().run()
    assert not at.exception
    [(code, _)] = keeper.do(lambda h: Boards(h.engine).boards_of("o" * 64))
    board = keeper.do(lambda h: Boards(h.engine).board(code, ""))
    assert board is not None
    assert board.experiment == RunConfig(epochs=77)
    assert "init" not in board.locked
    assert "epochs" in board.locked


def a_run(nickname: str = "") -> KeptRun:
    said = (KeptFinding("dying_relu", "It died."),)
    config = RunConfig(epochs=20, activation="relu").to_json()
    return KeptRun(
        "1" * 32, "run", 1.0, config, "e", 20, None, True, False, Scores(1, 0.5, 1, 0.5), said
    )


def test_groups_and_the_file(code: str) -> None:
    store = history_keeper().do
    store(lambda h: Boards(h.engine).join(code, "a" * 64, "=1+1"))
    store(lambda h: Boards(h.engine).enter(code, "a" * 64, a_run()))
    entries = store(lambda h: Boards(h.engine).entries(code))
    assert groups(entries, "dev_accuracy", "activation") == {"relu": [0.5]}
    assert groups(entries, "test_accuracy", "activation") == {}
    config = RunConfig(epochs=20)
    many = [
        replace(entries[0], config=replace(config, learning_rate=rate).to_json())
        for rate in (10.0, 2.0, 0.5)
    ]
    assert list(groups(many, "dev_accuracy", "learning_rate")) == ["0.5", "2.0", "10.0"]
    assert own_best(entries, "dev_accuracy", "=1+1") == {"your best run": 0.5}
    assert own_best(entries, "dev_accuracy", "") == {}
    seen = BoardView(1, 0.0, entries, ["<i>", "=1+1"], None)
    drawn = diseases(seen, "=1+1")
    assert "=1+1 (you)" in drawn
    assert "<i>" not in drawn
    assert named("Bo", "") == "Bo"
    lines = board_csv(entries, ["activation", "hidden"]).splitlines()
    assert lines[0].startswith("nickname,finished_at,activation,hidden,")
    assert not lines[1].startswith("=")
    assert "relu,5," in lines[1]
