"""The widget that fits a setting, made from its knob."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nndl_core.base.config import KNOBS
from nndl_core.base.i18n import tr
from pages.ui.link.locks import help_of, hidden, locked


def draw_knob(name: str, key: str, *, step: float = 1.0, as_number: bool = False) -> Any:
    """Draw the widget of a setting whose state stands at ``key`` already; return its value."""
    k, value = KNOBS[name], st.session_state[key]
    if hidden(name):
        return value
    label, help, fixed = tr(k.label), help_of(name, tr(k.help)), locked(name)
    if k.choices == ("on", "off"):
        return _switch(label, key, help, fixed=fixed)
    if k.choices:
        return st.selectbox(label, k.choices, key=key, help=help, disabled=fixed)
    low, high = k.low or 0, k.high or 0
    if k.log:
        options = _log_steps(low, high, value)
        return st.select_slider(
            label, options, key=key, help=help, format_func=_number, disabled=fixed
        )
    if isinstance(value, int):
        return st.number_input(label, int(low), int(high), key=key, help=help, disabled=fixed)
    draw = st.number_input if as_number else st.slider
    return draw(
        label,
        float(low),
        float(high),
        key=key,
        help=help,
        disabled=fixed,
        step=0.01 if as_number else step,
    )


def _switch(label: str, key: str, help: str, *, fixed: bool) -> str:
    """Draw a setting that is on or off; the switch has a state of its own, of True and False."""
    state, shown = st.session_state, f"{key}_is_on"

    def turn() -> None:
        state[key] = "on" if state[shown] else "off"

    state[shown] = state[key] == "on"
    st.toggle(label, key=shown, help=help, disabled=fixed, on_change=turn)
    return str(state[key])


def _log_steps(low: float, high: float, value: float) -> list[float]:
    """The series 1, 2, 5, 10, ... between the bounds, and the present value."""
    series = [float(f"{digit}e{power}") for power in range(-12, 7) for digit in (1, 2, 5)]
    return sorted({v for v in series if low <= v <= high} | {value})


def _number(value: float) -> str:
    return f"{value:g}"
