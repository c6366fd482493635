"""The class board of this tab: the way onto one, a nickname, and what is on it."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from nndl_core.base.i18n import mark, tr
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
from pages.ui.board.results import results
from pages.ui.board.store import boards, known_board
from pages.ui.board.teacher import (
    choose_experiment,
    code_picture,
    experiment_words,
    frame_of_link,
    lab_address,
    teacher_panel,
)
from pages.ui.link import address
from pages.ui.link.messages import escape
from pages.ui.server.owner import owner

MOST_TRIES = 20
"""Wrong codes of one tab, which then has to be opened anew: nobody mistypes so often."""
OTHER_VERSION = mark(
    "The experiment of this board belongs to another version of the lab; its teacher can set "
    "another one."
)
PROMISE = mark(
    "A board knows a nickname and the settings, scores and findings of the runs made for it, "
    "nothing else. Up to {members} join, {entries} runs of each are kept, and after {days} days "
    "without use the board is deleted."
)


def board_panel() -> None:
    """Draw the board of the address, or the two ways to one; a database's trouble is a sentence."""
    _draw_note()
    try:
        board = _asked_for()
        if board is None:
            _ways()
        else:
            _board(board)
    except HistoryError as error:
        st.warning(escape(tr(str(error))), icon=":material/cloud_off:")
        st.button(tr("Try again"), key="board_again", icon=":material/refresh:")


def _draw_note() -> None:
    """Say why what a button was to do is not done."""
    if note := st.session_state.pop("board_note", ""):
        st.warning(escape(tr(note)), icon=":material/info:")


def _asked_for() -> Board | None:
    """Return the board of the address; too many wrong codes, and no more are looked up."""
    code = address.kept().get("board", "")
    if not code:
        return None
    if _tries() >= MOST_TRIES:
        address.forget("board")
        return None
    board = known_board(_read(code))
    if board is None:
        _refuse(code)
    return board


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
        else:
            _code_form()
    with right, st.container(border=True, key="board_open_card"):
        st.subheader(tr("Open a board for a class"), anchor=False)
        _open_form()
    for code, title in boards(lambda all_: all_.boards_of(owner())):
        name = escape(title or tr("without a title"))
        st.markdown(f"- [{shown_code(code)}](?{urlencode(frame_of_link(code))}) {name}")
    words = tr(PROMISE, members=MOST_MEMBERS, entries=MOST_ENTRIES, days=IDLE_DAYS)
    st.caption(words)


def _code_form() -> None:
    with st.form("board_join", border=False):
        example = shown_code("7KQ2MXR4TB")
        st.text_input(tr("Code"), key="board_code", max_chars=40, placeholder=example)
        st.form_submit_button(tr("Open"), key="board_find", on_click=_find)


def _find() -> None:
    address.kept()["board"] = st.session_state["board_code"][:40]


def _open_form() -> None:
    st.text_input(tr("Title"), key="board_title", max_chars=MOST_TITLE)
    config, locked = choose_experiment("new")
    if st.button(tr("Open the board"), key="board_open", type="primary"):
        title, me = st.session_state["board_title"], owner()
        try:
            code = boards(lambda all_: all_.open(me, title, config, locked))
        except RefusedError as error:
            st.warning(escape(str(error)), icon=":material/info:")
            return
        address.kept()["board"] = code
        st.rerun()


def _board(board: Board) -> None:
    address.kept()["board"] = board.code
    if board.is_mine:
        words, picture = st.columns([4, 1])
        with words:
            _heading(board)
            teacher_panel(board)
        with picture:
            code_picture(board)
    else:
        _heading(board)
        _student(board)
    results(board)
    _way_out(board)


def _heading(board: Board) -> None:
    title = board.title or tr("Board {code}", code=shown_code(board.code))
    st.subheader(escape(title), anchor=False)
    if board.is_readable:
        st.markdown(experiment_words(board))
    else:
        st.warning(tr(OTHER_VERSION), icon=":material/info:")


def _way_out(board: Board) -> None:
    """Draw the button that goes back to the two ways; who never joined cannot leave."""
    belongs = board.is_mine or bool(board.nickname)
    st.button(
        tr("Leave this board") if belongs else tr("Go to another board"),
        key="board_leave",
        on_click=_leave,
        icon=":material/logout:" if belongs else ":material/arrow_back:",
    )


def _leave() -> None:
    address.forget("board")


def _student(board: Board) -> None:
    if board.nickname:
        st.markdown(tr("You are **{name}** here.", name=escape(board.nickname)))
        if board.is_readable:
            label = tr("Open the experiment in the lab")
            st.link_button(label, lab_address(board), type="primary", icon=":material/science:")
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
