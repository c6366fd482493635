"""What only the teacher of a board sees: its code, its experiment, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

import streamlit as st

from nndl_core.config import KNOBS, RunConfig, url_value
from nndl_core.i18n import tr
from nndl_core.store.board_values import Board, shown_code
from nndl_core.store.errors import RefusedError
from pages.ui.address import FRAME
from pages.ui.board_store import boards, content
from pages.ui.messages import escape
from pages.ui.owner import owner
from pages.ui.qr import qr_picture
from pages.ui.session import LabSession

USUALLY_FREE = ("init", "activation", "init_seed")


def choose_experiment(key: str) -> tuple[RunConfig, list[str]]:
    """Draw where the experiment comes from and what is locked in it; return both."""
    link = st.text_input(
        tr("Link to the lab with the experiment"),
        key=f"board_link_{key}",
        placeholder=tr("empty: the settings of the lab in this tab"),
    )
    config = _lab_config()
    if link.strip():
        given = {n: v for n, v in parse_qsl(urlsplit(link).query) if n not in FRAME}
        config, refused = RunConfig.from_url(given)
        for sentence in refused:
            st.warning(escape(sentence), icon=":material/info:")
    st.caption(escape(_changed_words(config)))
    free = st.multiselect(
        tr("What students vary"),
        list(KNOBS),
        list(USUALLY_FREE),
        key=f"board_free_{key}",
        format_func=lambda name: tr(KNOBS[name].label),
        help=tr("All other settings are locked: a run in which one differs is not put here."),
    )
    return config, [name for name in KNOBS if name not in free]


def _lab_config() -> RunConfig:
    session = st.session_state.get("lab")
    config = session.config if isinstance(session, LabSession) else RunConfig()
    return RunConfig() if config.dataset == "csv" else config


def _changed_words(config: RunConfig) -> str:
    changed = config.to_url()
    words = ", ".join(f"{tr(KNOBS[n].label).lower()} {v}" for n, v in changed.items())
    return words or tr("the defaults")


def experiment_words(board: Board) -> str:
    """Describe a board's experiment in Markdown: its settings, and what may be varied."""
    free = [tr(KNOBS[name].label).lower() for name in KNOBS if name not in board.locked]
    return tr(
        "**Experiment:** {settings}. **Vary:** {free}.",
        settings=escape(_changed_words(board.experiment)),
        free=escape(tr(", ").join(free) or tr("nothing")),
    )


def lab_address(board: Board) -> str:
    """Return the lab's address with a board's experiment, locks and code, relative to a page."""
    more = {"lock": ",".join(board.locked), "board": board.code}
    return "./?" + urlencode({**board.experiment.to_url(), **more}, safe=",")


def teacher_panel(board: Board) -> None:
    """Draw the code for the class, the experiment and what clears or closes the board."""
    words, picture = st.columns([3, 1])
    with words:
        st.markdown(tr("Code for the class:"))
        st.markdown(f"# {shown_code(board.code)}")
        base = (st.context.url or "http://localhost/board").split("?")[0]
        link = f"{base}?{urlencode({'board': board.code})}"
        st.code(link, language=None, wrap_lines=True)
        with st.container(horizontal=True):
            _experiment(board)
            _ask(tr("Clear"), "clear", tr("Take all runs off this board?"), _clear, board)
            _remove(board)
            _ask(tr("Close"), "close", tr("Delete this board with all runs?"), _close, board)
            st.link_button(tr("Try it in the lab"), lab_address(board))
    with picture:
        st.html(f'<img class="nndl-qr" src="{qr_picture(link)}" alt="{tr("QR code of the link")}">')


def _experiment(board: Board) -> None:
    with st.popover(tr("Another experiment"), key="board_experiment"):
        config, locked = choose_experiment("next")
        st.caption(tr("The runs of the present experiment leave the board."))
        if st.button(tr("Set"), key="board_set", type="primary"):
            try:
                boards(lambda all_: all_.set_experiment(owner(), board.code, config, locked))
            except RefusedError as error:
                st.warning(escape(str(error)), icon=":material/info:")
                return
            st.rerun()


def _ask(
    label: str, name: str, question: str, action: Callable[[Board], None], board: Board
) -> None:
    with st.popover(label, key=f"board_{name}"):
        st.markdown(question)
        st.button(label, key=f"board_{name}_now", type="primary", on_click=action, args=(board,))


def _clear(board: Board) -> None:
    boards(lambda all_: all_.clear(owner(), board.code))


def _close(board: Board) -> None:
    boards(lambda all_: all_.close(owner(), board.code))
    st.session_state["frame"].pop("board", None)
    if "board" in st.query_params:
        del st.query_params["board"]


def _remove(board: Board) -> None:
    with st.popover(tr("Remove a nickname"), key="board_remove"):
        names = content(board).members
        name = st.selectbox(tr("Nickname"), names, None, key="board_removed")
        st.caption(tr("It leaves with all its runs and may join again."))
        go = st.button(tr("Remove"), key="board_remove_now", disabled=name is None)
        if go and name is not None:
            boards(lambda all_: all_.remove(owner(), board.code, name))
            st.rerun()


def varied(board: Board) -> list[str]:
    """List the settings that a board's runs may differ in."""
    return [name for name in KNOBS if name not in board.locked]


def value_words(settings: dict[str, object], name: str) -> str:
    """Write a setting of a run as the address does."""
    value = settings.get(name, "")
    return url_value(tuple(value)) if isinstance(value, list) else str(value)
