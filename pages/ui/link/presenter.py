"""Presenter mode: larger type, more contrast, no sidebar, and a keyboard that drives the player."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from nndl_core.base.i18n import tr
from pages.ui.link.address import forget, kept

UI = Path(__file__).parent
ON: Final = "1"
TYPE_SCALE: Final = 1.25
"""By which type is larger; presenter.css says it in pixels."""
_keys = st.components.v2.component(
    "nndl_keys", js=(UI / "presenter_keys.js").read_text(), isolate_styles=False
)


def is_presenting() -> bool:
    """Tell whether this tab presents."""
    return kept().get("present") == ON


def check_link() -> None:
    """Forget any value of the parameter but the one that turns the mode on."""
    if "present" in kept() and not is_presenting():
        forget("present")


def set_presenting(on: bool) -> None:
    """Turn the mode on or off."""
    if on:
        kept()["present"] = ON
    else:
        forget("present")


def draw_presenter() -> None:
    """Draw what the mode needs on every page: its looks, its keys, and the way out."""
    if not is_presenting():
        return
    st.html(UI / "presenter.css")
    st.button(
        tr("End presentation"),
        key="present_end",
        icon=":material/close_fullscreen:",
        on_click=set_presenting,
        args=(False,),
        help=tr("Keys: space plays and pauses, right arrow makes one step, R resets, Esc ends."),
    )
    _keys(key="presenter_keys", data={})
