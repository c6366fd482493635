"""Widgets that several sections share: a slider over decades, and the number of seeds."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import streamlit as st

from nndl_core.base.i18n import tr
from pages.ui.link.linked import linked


def log_slider(
    label: str, low: float, high: float, value: float, *, key: str, help: str = ""
) -> float:
    """Draw a slider over 1, 2, 3, 5, 10, ... between the bounds, and the value it starts at.

    It goes back to that value when the value changes.
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    series = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 3, 5)]
    options = sorted({v for v in series if low <= v <= high} | {value})
    start_at(key, value, options)
    return float(
        st.select_slider(label, options, key=key, help=help or None, format_func=lambda v: f"{v:g}")
    )


def start_at(
    key: str,
    value: Any,
    options: Collection[Any] | None = None,
    low: float = -math.inf,
    high: float = math.inf,
) -> None:
    """Set a widget that is about to be drawn to a value, at first and whenever that changes.

    At first the link may say another one, within these bounds.
    """
    state, started = st.session_state, f"{key}_started_at"
    if state.get(started, value) != value:
        state[key] = value
    state[started] = value
    linked(key, value, options, low=low, high=high)
    state.setdefault(key, value)


def seeds_input(key: str, most: int, value: int = 20) -> int:
    """Draw the number of weight seeds, from 1 to the most."""
    usual = min(value, most)
    linked(key, usual, low=1, high=most)
    # the widget refuses a value beyond its end
    st.session_state[key] = min(st.session_state.get(key, usual), most)
    return int(st.number_input(tr("Weight seeds"), 1, most, key=key))
