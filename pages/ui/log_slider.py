"""Widgets that several sections share: a slider over decades, and the number of seeds."""

from __future__ import annotations

import math

import streamlit as st


def log_slider(
    label: str, low: float, high: float, value: float, *, key: str, help: str = ""
) -> float:
    """Draw a slider over 1, 2, 3, 5, 10, ... between the bounds, and the value it starts at."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    series = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 3, 5)]
    options = sorted({v for v in series if low <= v <= high} | {value})
    return float(
        st.select_slider(
            label, options, value, key=key, help=help or None, format_func=lambda v: f"{v:g}"
        )
    )


def seeds_input(key: str, most: int, value: int = 20) -> int:
    """Draw the number of weight seeds."""
    return int(st.number_input("Weight seeds", 1, most, value, key=key))
