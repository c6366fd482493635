"""Class boards in a database: codes, nicknames, who may do what, what is taken and what is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL, text

from nndl_core.base.config import RunConfig
from nndl_core.store import board_values as values
from nndl_core.store.board_values import (
    ALPHABET,
    CODE_LENGTH,
    MOST_BOARDS,
    MOST_NICKNAME,
    folded_nickname,
    new_code,
    read_code,
    read_nickname,
    shown_code,
)
from nndl_core.store.boards import Boards
from nndl_core.store.database import VERSION_TABLE, open_database
from nndl_core.store.errors import RefusedError
from nndl_core.store.history import History
from nndl_core.store.keeper import Keeper
from nndl_core.store.runs import KeptCurves, KeptFinding, KeptRun, Scores

TEACHER, ANNE, BO = "t" * 64, "a" * 64, "b" * 64
EXPERIMENT = RunConfig(hidden=(3, 3), epochs=50)
LOCKED = list(json.loads(EXPERIMENT.to_json()))


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[Boards]:
    engine = open_database(URL.create("sqlite", database=str(tmp_path / "runs.sqlite")))
    yield Boards(engine)
    engine.dispose()


@pytest.fixture
def code(boards: Boards) -> str:
    locked = [name for name in LOCKED if name not in ("init", "activation")]
    return boards.open(TEACHER, "Monday", EXPERIMENT, locked)


def said(read: Callable[[str], str], text: str) -> str:
    """Return what was read, or the sentence that says why nothing was."""
    try:
        return read(text)
    except RefusedError as error:
        return str(error)


def run_of(config: RunConfig, number: int = 0, accuracy: float = 0.5) -> KeptRun:
    said = (KeptFinding("dying_relu", "It died."),)
    scores = Scores(train_accuracy=accuracy, dev_accuracy=accuracy, test_accuracy=accuracy)
    parts = (config.to_json(), "e", 50, None, True, False, scores, said)
    return KeptRun(f"{number:032x}", "run", float(number), *parts)


@given(st.text(max_size=60))
def test_any_text_is_a_code_or_gets_a_sentence(text: str) -> None:
    code = said(read_code, text)
    assert code.endswith("7KQ2M-XR4TB.") or re.fullmatch(f"[{ALPHABET}]{{{CODE_LENGTH}}}", code)


@given(
    st.text(ALPHABET, min_size=CODE_LENGTH, max_size=CODE_LENGTH),
    st.sampled_from(("", " ", "-", "--")),
    st.booleans(),
)
def test_a_code_is_read_as_people_write_it(code: str, between: str, small: bool) -> None:
    written = between.join(shown_code(code))
    assert read_code(written.lower() if small else written) == code


@given(st.text(max_size=300))
def test_any_text_is_a_nickname_or_gets_a_sentence(text: str) -> None:
    name = said(read_nickname, text)
    if not name.startswith("A nickname "):
        assert 1 <= len(name) <= MOST_NICKNAME
        assert name.isprintable()
        assert read_nickname(name) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\n", "\u202e", "\u200b\u200b", "!!!", "x" * 25, "\u2014", "\x00", "\u3164"),
        *(
            "\u115f\u1160",
            "\uffa0",
            "\u2800",
            "\ufe0f",
            "\u034f",
            "\ud800",
            "x" * 100_000,
            "\u3000",
        ),
        *("\u2066a"[:1], "\U000e0041", "\u180e", "\ufff9\ufffb", "*_*", "<>", "()[]", "\U000e0100"),
    ],
)
def test_what_is_no_nickname(text: str) -> None:
    with pytest.raises(RefusedError):
        read_nickname(text)


def test_names_that_look_alike_are_one(boards: Boards, code: str) -> None:
    assert boards.join(code, ANNE, " \u202eAnne  B\u200b ") == "Anne B"
    for other in ("anne b", "Anne\ufe0f B\u3164", "\uff21\uff2e\uff2e\uff25 B", "ANNE\u00a0B"):
        assert folded_nickname(read_nickname(other)) == "anne b"
        with pytest.raises(RefusedError, match="taken"):
            boards.join(code, BO, other)
    assert boards.join(code, ANNE, "Anna") == "Anna"
    assert boards.members(code) == ["Anna"]
    assert boards.join(code, BO, "Anne B") == "Anne B"


def test_a_run_that_fits_is_put_there_once(boards: Boards, code: str) -> None:
    boards.join(code, ANNE, "Anne")
    free = replace(EXPERIMENT, activation="relu", init="he_normal")
    assert boards.enter(code, ANNE, run_of(free, 1, 0.9)) == "On the board."
    assert boards.enter(code, ANNE, run_of(free, 1, 0.9)) == "On the board."
    assert "join it" in boards.enter(code, BO, run_of(free, 2))
    [entry] = boards.entries(code)
    assert (entry.nickname, entry.disease, entry.test_accuracy) == ("Anne", "dying_relu", 0.9)
    assert entry.settings["activation"] == "relu"


def test_a_run_that_does_not_fit_gets_a_sentence(boards: Boards, code: str) -> None:
    boards.join(code, ANNE, "Anne")
    other = run_of(replace(EXPERIMENT, learning_rate=0.5))
    assert boards.enter(code, ANNE, other) == (
        "Not on the board: its experiment has Learning rate 0.2, this run 0.5."
    )
    loaded = replace(run_of(EXPERIMENT), repeatable=False)
    assert boards.enter(code, ANNE, loaded).startswith("Not on the board")
    assert boards.entries(code) == []


def test_a_code_of_an_address_is_read_as_people_write_it(boards: Boards, code: str) -> None:
    boards.join(code, ANNE, "Anne")
    assert boards.enter(f" {shown_code(code).lower()}", ANNE, run_of(EXPERIMENT)) == "On the board."
    assert len(boards.entries(code)) == 1
    for wrong in ("", "\x00", "x" * 5000, "\ud800"):
        with pytest.raises(RefusedError, match="letters and digits"):
            boards.enter(wrong, ANNE, run_of(EXPERIMENT))


def test_the_experiment_of_another_version_gets_a_sentence(boards: Boards, code: str) -> None:
    boards.join(code, ANNE, "Anne")
    with boards.engine.begin() as connection:
        connection.execute(text("UPDATE boards SET config = '{\"heads\": 8}'"))
    board = boards.board(code, ANNE)
    assert board is not None
    assert not board.is_readable
    assert "another version" in boards.enter(code, ANNE, run_of(EXPERIMENT))


def test_a_run_stays_in_the_history_whatever_its_board_says(tmp_path: Path) -> None:
    keeper = Keeper({"NNDL_DATA": str(tmp_path)})
    curves = KeptCurves((0,), (0.5,), (0.5,), (0.5,), (0.5,))
    for number, asked in enumerate(("x", "\x00", new_code())):
        kept = keeper.keep(ANNE, run_of(EXPERIMENT, number), curves, asked)
        assert kept.settled.wait(30)
        assert kept.refused == ""
        assert kept.note
    assert len(keeper.do(lambda history: history.runs(ANNE))) == 3


def test_a_history_of_the_first_schema_keeps_its_runs(tmp_path: Path) -> None:
    url = URL.create("sqlite", database=str(tmp_path / "old.sqlite"))
    curves = KeptCurves((0,), (0.5,), (0.5,), (0.5,), (0.5,))
    first = History.open(url)
    first.add(ANNE, run_of(EXPERIMENT, 7), curves)
    with first.engine.begin() as connection:
        for table in ("entries", "members", "boards"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0001'"))
    first.close()
    second = History.open(url)
    assert [run.id for run in second.runs(ANNE)] == [f"{7:032x}"]
    again = Boards(second.engine)
    assert again.boards_of(TEACHER) == []
    code = again.open(TEACHER, "", EXPERIMENT, [])
    assert again.join(code, ANNE, "Anne") == "Anne"
    second.close()


def test_only_its_teacher_changes_a_board(boards: Boards, code: str) -> None:
    boards.join(code, ANNE, "Anne")
    boards.enter(code, ANNE, run_of(EXPERIMENT, 1))
    before = (boards.version(code), boards.board(code, ANNE), boards.entries(code))
    for stranger in (ANNE, BO, "", code):
        assert not boards.set_experiment(stranger, code, RunConfig(), [])
        assert not boards.clear(stranger, code)
        assert not boards.remove(stranger, code, "Anne")
        assert not boards.close(stranger, code)
        assert boards.boards_of(stranger) == []
    assert (boards.version(code), boards.board(code, ANNE), boards.entries(code)) == before
    assert boards.boards_of(TEACHER) == [(code, "Monday")]
    board = boards.board(code, TEACHER)
    assert board is not None
    assert board.is_mine
    assert "owner" not in vars(board)


def test_the_teacher_changes_clears_removes_and_closes(boards: Boards, code: str) -> None:
    for owner, name in ((ANNE, "Anne"), (BO, "Bo")):
        boards.join(code, owner, name)
        boards.enter(code, owner, run_of(EXPERIMENT, ord(name[0])))
    assert boards.remove(TEACHER, code, "anne")
    assert [entry.nickname for entry in boards.entries(code)] == ["Bo"]
    assert boards.clear(TEACHER, code)
    assert (boards.entries(code), boards.members(code)) == ([], ["Bo"])
    boards.enter(code, BO, run_of(EXPERIMENT, 5))
    assert boards.set_experiment(TEACHER, code, RunConfig(epochs=7), ["epochs"])
    assert boards.entries(code) == []
    assert boards.enter(code, BO, run_of(EXPERIMENT, 6)).startswith("Not on the board")
    assert boards.close(TEACHER, code)
    assert boards.board(code, BO) is None
    assert boards.version(code) == 0
    with pytest.raises(RefusedError, match="no board"):
        boards.join(code, BO, "Bo")


def test_every_change_counts(boards: Boards, code: str) -> None:
    seen = [boards.version(code)]
    for change in (
        lambda: boards.join(code, ANNE, "Anne"),
        lambda: boards.enter(code, ANNE, run_of(EXPERIMENT, 1)),
        lambda: boards.clear(TEACHER, code),
        lambda: boards.remove(TEACHER, code, "Anne"),
    ):
        change()
        seen.append(boards.version(code))
    assert seen == sorted(set(seen))


def test_limits(boards: Boards, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(MOST_BOARDS - 1):
        boards.open(TEACHER, "", EXPERIMENT, [])
    with pytest.raises(RefusedError, match="20 boards"):
        boards.open(TEACHER, "", EXPERIMENT, [])
    monkeypatch.setattr("nndl_core.store.boards.MOST_MEMBERS", 1)
    boards.join(code, ANNE, "Anne")
    with pytest.raises(RefusedError, match="full"):
        boards.join(code, BO, "Bo")
    monkeypatch.setattr("nndl_core.store.boards.MOST_ENTRIES", 3)
    for number in range(5):
        boards.enter(code, ANNE, run_of(EXPERIMENT, number))
    assert [entry.finished_at for entry in boards.entries(code)] == [4, 3, 2]
    with pytest.raises(RefusedError, match="uploaded"):
        boards.set_experiment(TEACHER, code, RunConfig(dataset="csv"), [])


def test_an_idle_board_goes_when_another_opens(boards: Boards, code: str) -> None:
    with boards.engine.begin() as connection:
        connection.execute(text("UPDATE boards SET used_at = used_at - 61 * 86400"))
    boards.open(BO, "", EXPERIMENT, [])
    assert boards.board(code, TEACHER) is None


def test_codes_are_drawn_from_the_whole_alphabet() -> None:
    codes = [new_code() for _ in range(400)]
    assert len(set(codes)) == 400
    assert set("".join(codes)) == set(ALPHABET)
    assert len(ALPHABET) ** CODE_LENGTH > 2**49
    assert not set("01ILO") & set(ALPHABET)
    assert values.read_title("  a\nb\x00c " * 40) == ("a b c " * 40)[:80].rstrip()
