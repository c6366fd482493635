"""The one Streamlit component that draws a figure dictionary in the browser."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st

from pages.ui.server.plotly_asset import asset_folder

# Streamlit sends a component's script again with every figure, so it is only this loader;
# the files behind it, and Plotly, are those that the live charts use too.
_LOADER: Final = """
const drawn = import(new URL("{folder}/widgets/figure.js", window.location.origin).href);
export default (component) => drawn.then((module) => module.default(component));
"""

_component = st.components.v2.component(
    "nndl_figure", js=_LOADER.format(folder=asset_folder()), isolate_styles=False
)


def draw_figure(
    figure: Mapping[str, Any],
    *,
    key: str,
    alt: str,
    height: int = 320,
    on_click: Callable[[Any], None] | None = None,
) -> None:
    """Draw a figure of nndl_core.charts in place; `alt` says in words what it shows.

    The height is in pixels and without the title. A user's zoom stays while only numbers change.
    on_click gets the place of a clicked point in its trace: its number, or [row, column] in a
    heat map. It comes from the browser, so it may be anything.
    """
    text = json.dumps(plain(figure), allow_nan=False, separators=(",", ":"))
    data = {"figure": text, "alt": alt, "height": height, "key": key}
    if on_click is None:
        _component(key=key, data=data)
        return

    def clicked() -> None:
        on_click(st.session_state[key].clicked)

    _component(key=key, data=data | {"clickable": True}, on_clicked_change=clicked)


def plain(value: Any) -> Any:
    """Turn arrays, tuples and numbers of NumPy into JSON; NaN and infinity become null: a gap."""
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
