"""What only the teacher of a board sees: its code, its experiment, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

import streamlit as st

from nndl_core.base.config import KNOBS, RunConfig, url_value
from nndl_core.base.i18n import tr
from nndl_core.store.board_values import Board, shown_code
from pages.ui.board.store import content, done
from pages.ui.link.address import FRAME, forget, kept
from pages.ui.link.messages import escape
from pages.ui.link.qr import qr_picture
from pages.ui.live.session import LabSession
from pages.ui.server.owner import owner

LONGEST_LINK = 2000
"""Characters of a pasted link."""
USUALLY_FREE = ("init", "activation", "init_seed")


def choose_experiment(key: str) -> tuple[RunConfig, list[str]]:
    """Draw where the experiment comes from and what is locked in it; return both."""
    link = st.text_input(
        tr("Link to the lab with the experiment"),
        key=f"board_link_{key}",
        max_chars=LONGEST_LINK,
        placeholder=tr("empty: the settings of the lab in this tab"),
    )
    config, refused = config_of(link) if link.strip() else (_lab_config(), [])
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


def config_of(link: str) -> tuple[RunConfig, list[str]]:
    """Read a link to the lab; return its settings and a sentence for each that is refused."""
    try:
        given = parse_qsl(urlsplit(link[:LONGEST_LINK].strip()).query, max_num_fields=100)
    except ValueError:
        return RunConfig(), [tr("This is no link; copy one with Share in the lab.")]
    config, refused = RunConfig.from_url({n: v for n, v in given if n not in FRAME})
    if not any(name in KNOBS for name, _ in given):
        refused.append(tr("The link names no setting of the lab: these are the defaults."))
    return config, refused


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
    more = {"lock": ",".join(board.locked), **frame_of_link(board.code)}
    return "./?" + urlencode({**board.experiment.to_url(), **more}, safe=",")


def frame_of_link(code: str) -> dict[str, str]:
    """Return what a link to a board, which opens another tab, says to the frame."""
    return {"board": code} | {n: v for n, v in kept().items() if n in ("lang", "present")}


def teacher_panel(board: Board) -> None:
    """Draw the code for the class, the experiment and what clears or closes the board."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(tr("Code for the class:"), width="content")
        st.markdown(f"# {shown_code(board.code)}", width="content")
        st.code(_link(board), language=None, wrap_lines=True, width="content")
    with st.container(horizontal=True):
        _experiment(board)
        _ask(tr("Clear"), "clear", tr("Take all runs off this board?"), _clear, board)
        _remove(board)
        _ask(tr("Close"), "close", tr("Delete this board with all runs?"), _close, board)
        if board.is_readable:
            st.link_button(tr("Try it in the lab"), lab_address(board))


def code_picture(board: Board) -> None:
    """Draw the QR code of the board's link."""
    picture, words = qr_picture(_link(board)), tr("QR code of the link")
    st.html(f'<img class="nndl-qr" src="{picture}" alt="{words}">')


def _link(board: Board) -> str:
    base = (st.context.url or "http://localhost/board").split("?")[0]
    return f"{base}?{urlencode({'board': board.code})}"


def _experiment(board: Board) -> None:
    with st.popover(tr("Another experiment"), key="board_experiment"):
        config, locked = choose_experiment("next")
        st.caption(tr("The runs of the present experiment leave the board."))
        if st.button(tr("Set"), key="board_set", type="primary"):
            me = owner()
            done(lambda all_: all_.set_experiment(me, board.code, config, locked))
            st.rerun()


def _ask(
    label: str, name: str, question: str, action: Callable[[Board], None], board: Board
) -> None:
    with st.popover(label, key=f"board_{name}"):
        st.markdown(question)
        st.button(label, key=f"board_{name}_now", type="primary", on_click=action, args=(board,))


def _clear(board: Board) -> None:
    me = owner()
    done(lambda all_: all_.clear(me, board.code))


def _close(board: Board) -> None:
    me = owner()
    if done(lambda all_: all_.close(me, board.code)):
        forget("board")


def _remove(board: Board) -> None:
    with st.popover(tr("Remove a nickname"), key="board_remove"):
        me, names = owner(), content(board).members
        name = st.selectbox(tr("Nickname"), names, None, key="board_removed")
        st.caption(tr("It leaves with all its runs and may join again."))
        go = st.button(tr("Remove"), key="board_remove_now", disabled=name is None)
        if go and name is not None:
            done(lambda all_: all_.remove(me, board.code, name))
            st.rerun()


def varied(board: Board) -> list[str]:
    """List the settings that a board's runs may differ in."""
    return [name for name in KNOBS if name not in board.locked]


def value_words(settings: dict[str, object], name: str) -> str:
    """Write a setting of a run as the address does."""
    value = settings.get(name, "")
    return url_value(tuple(value)) if isinstance(value, list) else str(value)
