"""Controls beside the settings of a run whose state is in the link too, as `view.KEY`."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

import streamlit as st

from nndl_core.base.i18n import tr
from pages.ui.link import address
from pages.ui.link.messages import escape

MOST_CHARACTERS, MOST_NUMBER = 80, 2**53 - 1
"""Of a text or a number; larger whole numbers are none in a browser."""
_YES, _NO = "yes", "no"


def linked(
    key: str,
    usual: Any,
    options: Collection[Any] | None = None,
    *,
    names: Mapping[Any, str] | None = None,
    low: float = -math.inf,
    high: float = math.inf,
) -> str:
    """Let the link hold what a control stands at; call it where its key is given, return the key.

    The link names what differs from the usual value, of whose type all values are: a switch, a
    number, a text, or a list of texts. ``names`` says how a link names each of the options where
    their own words are not fit for it. What a link says otherwise is refused with a sentence.
    """
    state = st.session_state
    if key not in state and (text := address.viewed(key)) is not None:
        if names is not None:
            value = next((option for option, name in names.items() if name == text), None)
        else:
            value = _read(text, usual)
        if value is None or not _is_allowed(value, options, low, high):
            address.view(key, None)
            refuse(key, text)
        else:
            state[key] = value
    if key in state:
        value = state[key]
        name = names.get(value) if names is not None else _written(value)
        address.view(key, None if value == usual else name)
    return key


def refuse(key: str, text: str) -> None:
    """Say that a link asks for what a control cannot stand at."""
    st.toast(
        escape(
            tr(
                "{name}: the link says {text!r:.40}, which is not possible here. The usual "
                "value is used.",
                name=address.VIEW + key,
                text=text,
            )
        ),
        icon=":material/info:",
    )


def _read(text: str, usual: Any) -> Any:
    """Read a text as a value of the usual one's type; None if it is none."""
    if isinstance(usual, bool):
        return {_YES: True, _NO: False}.get(text)
    if isinstance(usual, list):
        return text.split(",") if text else []
    if isinstance(usual, int | float):
        with suppress(ValueError):
            return type(usual)(text[:MOST_CHARACTERS])
        return None
    return text


def _is_allowed(value: Any, options: Collection[Any] | None, low: float, high: float) -> bool:
    values = value if isinstance(value, list) else [value]
    if options is not None:
        return all(each in options for each in values)
    if isinstance(value, int | float):
        return max(low, -MOST_NUMBER) <= value <= min(high, MOST_NUMBER)
    return len(value) <= MOST_CHARACTERS


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return _YES if value else _NO
    return ",".join(value) if isinstance(value, list) else str(value)
