"""The one Streamlit component that draws a figure dictionary in the browser."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from pages.ui.plotly_asset import asset_folder

# Streamlit sends a component's script again with every figure, so it is only this loader;
# the files behind it, and Plotly, are those that the live charts use too.
_LOADER: Final = """
const drawn = import(new URL("{folder}/figure_component.js", window.location.origin).href);
export default (component) => drawn.then((module) => module.default(component));
"""

_component = st.components.v2.component(
    "nndl_figure", js=_LOADER.format(folder=asset_folder()), isolate_styles=False
)


def draw_figure(figure: Mapping[str, Any], *, key: str, alt: str, height: int = 320) -> None:
    """Draw a figure of nndl_core.charts in place; `alt` says in words what it shows.

    The height is in pixels and without the title. A user's zoom stays while only numbers change.
    """
    text = json.dumps(plain(figure), allow_nan=False, separators=(",", ":"))
    _component(key=key, data={"figure": text, "alt": alt, "height": height, "key": key})


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
