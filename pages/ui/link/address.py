"""The page's address: each page's own parameters, and those that the frame keeps on every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import streamlit as st

FRAME: Final = ("lang", "present", "lock", "hide", "board")
"""Parameters of the frame; a switch to another page, which clears the address, keeps them."""
VIEW: Final = "view."
"""What the names of controls begin with that are no settings of the page's runs."""

# Streamlit makes a new entry of the browser's history of each address that a script writes, and
# the way back through them leads nowhere: every one shows the page as it is now.
_ONE_ENTRY: Final = """
const push = history.pushState.bind(history);
history.pushState = (state, title, address) => {
  const same = new URL(address, location.href).pathname === location.pathname;
  (same ? history.replaceState.bind(history) : push)(state, title, address);
};
export default () => {};
"""
_one_entry = st.components.v2.component("nndl_one_entry", js=_ONE_ENTRY, isolate_styles=False)

MOST_KNOWN = 8
"""So many values of a parameter that a slow browser may still send."""


def own() -> dict[str, str]:
    """Return the parameters that are the page's own."""
    given = st.query_params.to_dict()
    return {n: value for n, value in given.items() if n not in FRAME and not n.startswith(VIEW)}


def write(wanted: Mapping[str, str]) -> None:
    """Make the address say what the page shows, so that it can be copied at any time."""
    given = st.query_params.to_dict()
    shown = {n: value for n, value in _views().items() if n in given}
    _replace({**wanted, **shown, **kept()})


def write_one(name: str, value: str) -> None:
    """Set one of the page's own parameters and leave the others."""
    write({**own(), name: value})


def viewed(key: str) -> str | None:
    """Return what the link says of a control; None where it says nothing."""
    return _views().get(VIEW + key)


def view(key: str, value: str | None) -> None:
    """Have the link say what a control stands at; None for its usual value."""
    name = VIEW + key
    others = {n: v for n, v in st.query_params.to_dict().items() if n not in (name, *FRAME)}
    asked = {} if value is None else {name: value}
    _views().pop(name, None)
    _views().update(asked)
    _know(asked)
    st.session_state.setdefault("linked_keys", set()).add(key)
    _replace({**others, **asked, **kept()})


def draw_one_entry() -> None:
    """Let a page be one entry of the browser's history, however often its address is written."""
    _one_entry(key="one_entry", data={})


def keep_frame() -> None:
    """Take over what is new in the address for the frame, and write back what it lost.

    After a click that changes one of them the browser still sends the address of before: what
    it sent lately, and what was written lately, is not new.
    """
    every, state = st.query_params.to_dict(), st.session_state
    given = {n: value for n, value in every.items() if n in FRAME or n.startswith(VIEW)}
    known = _known()
    new = {n: value for n, value in given.items() if value not in known.get(n, ())}
    kept().update({n: value for n, value in new.items() if n in FRAME})
    for name, value in new.items():
        if name.startswith(VIEW):
            _views()[name] = value
            if (key := name.removeprefix(VIEW)) in state.get("linked_keys", ()):
                state.pop(key, None)  # to be drawn as the link says
    write(own())
    _know(given)
    _know({**kept(), **_views()})


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


def _views() -> dict[str, str]:
    state = st.session_state
    if "views" not in state:
        given = st.query_params.to_dict()
        state["views"] = {n: value for n, value in given.items() if n.startswith(VIEW)}
    views: dict[str, str] = state["views"]
    return views


def _known() -> dict[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = st.session_state.setdefault("frame_known", {})
    return known


def _know(parameters: Mapping[str, str]) -> None:
    """Note what the browser sent or was told: it may send that again, and then it is not new."""
    known = _known()
    for name, value in parameters.items():
        before = [old for old in known.get(name, ()) if old != value]
        known[name] = (*before, value)[-MOST_KNOWN:]


def _replace(whole: Mapping[str, str]) -> None:
    if st.query_params.to_dict() != whole:
        st.query_params.from_dict(whole)
