"""The page's address: each page's own parameters, and those that the frame keeps on every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import streamlit as st

FRAME: Final = ("lang", "present", "lock", "hide", "board")
"""Parameters of the frame; a switch to another page, which clears the address, keeps them."""


def own() -> dict[str, str]:
    """Return the parameters that are the page's own."""
    return {n: value for n, value in st.query_params.to_dict().items() if n not in FRAME}


def write(wanted: Mapping[str, str]) -> None:
    """Make the address say what the page shows, so that it can be copied at any time."""
    whole = {**wanted, **kept()}
    if st.query_params.to_dict() != whole:
        st.query_params.from_dict(whole)


def write_one(name: str, value: str) -> None:
    """Set one of the page's own parameters and leave the others."""
    write({**own(), name: value})


def keep_frame() -> None:
    """Take over what is new in the address for the frame, and write back what it lost.

    After a click that changes one of them the browser still sends the address of before: what
    it sent last, and what was written last, is not new.
    """
    given = {n: value for n, value in st.query_params.to_dict().items() if n in FRAME}
    known = st.session_state.get("frame_known", ())
    is_new = {n: all(old.get(n) != value for old in known) for n, value in given.items()}
    kept().update({n: value for n, value in given.items() if is_new[n]})
    write(own())
    st.session_state["frame_known"] = (given, dict(kept()))


def with_frame(parameters: Mapping[str, str]) -> str:
    """Return the query of a link to another page, which keeps what the frame keeps."""
    return urlencode({**parameters, **kept()}, safe=",")


def forget(name: str) -> None:
    """Take a parameter of the frame out of the tab and its address."""
    kept().pop(name, None)
    if name in st.query_params:
        del st.query_params[name]


def kept() -> dict[str, str]:
    """Return the frame's parameters of this tab, to be read and changed."""
    frame: dict[str, str] = st.session_state.setdefault("frame", {})
    return frame
