"""The class board of this tab: the way onto one, a nickname, and what is on it."""

from __future__ import annotations

import streamlit as st

from nndl_core.i18n import mark, tr
from nndl_core.store.board_values import (
    IDLE_DAYS,
    MOST_ENTRIES,
    MOST_MEMBERS,
    MOST_NICKNAME,
    MOST_TITLE,
    Board,
    read_code,
    shown_code,
)
from nndl_core.store.errors import HistoryError, RefusedError
from pages.ui import address
from pages.ui.board_results import results
from pages.ui.board_store import boards, known_board
from pages.ui.board_teacher import choose_experiment, experiment_words, lab_address, teacher_panel
from pages.ui.messages import escape
from pages.ui.owner import owner

MOST_TRIES = 20
"""Wrong codes of one tab, which then has to be opened anew: nobody mistypes so often."""
PROMISE = mark(
    "A board knows a nickname and the settings, scores and findings of the "
    "runs made for it, nothing "
    "else. Up to {members} join, {entries} runs of each are kept, and after "
    "{days} days without use "
    "the board is deleted."
)


def board_panel() -> None:
    """Draw the board of the address, or the two ways to one; a database's trouble is a sentence."""
    try:
        code = address.kept().get("board", "")
        board = known_board(_read(code)) if code else None
        if code and board is None:
            _refuse(code)
        if board is None:
            _ways()
        else:
            _board(board)
    except HistoryError as error:
        st.warning(escape(tr(str(error))), icon=":material/cloud_off:")
        st.button(tr("Try again"), key="board_again", icon=":material/refresh:")


def _read(code: str) -> str:
    try:
        return read_code(code)
    except RefusedError:
        return ""


def _refuse(code: str) -> None:
    st.session_state["board_tries"] = _tries() + 1
    address.forget("board")
    st.warning(
        escape(tr("board: {code!r:.40} is no board; ask for the code again.", code=code)),
        icon=":material/info:",
    )


def _tries() -> int:
    tries: int = st.session_state.get("board_tries", 0)
    return tries


def _ways() -> None:
    left, right = st.columns(2)
    with left, st.container(border=True, key="board_join_card"):
        st.subheader(tr("Join a board"), anchor=False)
        if _tries() >= MOST_TRIES:
            st.warning(tr("Too many wrong codes; open the page anew."), icon=":material/info:")
            return
        with st.form("board_join", border=False):
            st.text_input(
                tr("Code"), key="board_code", max_chars=40, placeholder=shown_code("7KQ2MXR4TB")
            )
            st.form_submit_button(tr("Open"), key="board_find", on_click=_find)
    with right, st.container(border=True, key="board_open_card"):
        st.subheader(tr("Open a board for a class"), anchor=False)
        _open_form()
    for code, title in boards(lambda all_: all_.boards_of(owner())):
        name = escape(title or tr("without a title"))
        st.markdown(f"- [{shown_code(code)}](?board={code}) {name}")
    words = tr(PROMISE, members=MOST_MEMBERS, entries=MOST_ENTRIES, days=IDLE_DAYS)
    st.caption(words)


def _find() -> None:
    address.kept()["board"] = st.session_state["board_code"][:40]


def _open_form() -> None:
    st.text_input(tr("Title"), key="board_title", max_chars=MOST_TITLE)
    config, locked = choose_experiment("new")
    if st.button(tr("Open the board"), key="board_open", type="primary"):
        title = st.session_state["board_title"]
        code = boards(lambda all_: all_.open(owner(), title, config, locked))
        address.kept()["board"] = code
        st.rerun()


def _board(board: Board) -> None:
    address.kept()["board"] = board.code
    st.subheader(board.title or tr("Board {code}", code=shown_code(board.code)), anchor=False)
    st.markdown(experiment_words(board))
    if board.is_mine:
        teacher_panel(board)
    else:
        _student(board)
    results(board)
    st.button(tr("Leave this board"), key="board_leave", on_click=_leave, icon=":material/logout:")


def _leave() -> None:
    address.forget("board")


def _student(board: Board) -> None:
    if board.nickname:
        st.markdown(
            tr("You are **{name}** here.", name=escape(board.nickname))
            + f" [{tr('Open the experiment in the lab')}]({lab_address(board)})"
        )
        return
    with st.form("board_name", border=True):
        st.text_input(
            tr("Your nickname on this board"),
            key="board_nickname",
            max_chars=MOST_NICKNAME,
            help=tr("Everybody who has the code can read it. It need not be your name."),
        )
        go = st.form_submit_button(tr("Join"), key="board_enter", type="primary")
    if not go:
        return
    try:
        nickname = st.session_state["board_nickname"]
        boards(lambda all_: all_.join(board.code, owner(), nickname))
    except RefusedError as error:
        st.warning(escape(str(error)), icon=":material/info:")
        return
    st.rerun()
