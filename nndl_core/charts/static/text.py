"""Values, words and colors of Plotly's vocabulary in matplotlib's."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PIXEL: Final = 0.75  # points in one of Plotly's pixels
DASHES: Final[dict[str, Any]] = {
    "solid": "-",
    "dash": "--",
    "dot": ":",
    "dashdot": "-.",
    "longdash": (0, (8, 3)),
    "longdashdot": (0, (8, 3, 1, 3)),
}
SYMBOLS: Final = {
    "circle": "o",
    "square": "s",
    "triangle-up": "^",
    "triangle-down": "v",
    "diamond": "D",
    "cross": "P",
    "x": "X",
}
MAPS: Final = {"rdbu": "RdBu", "greys": "Greys", "blues": "Blues", "reds": "Reds"}
_RAISED: Final = str.maketrans("0123456789-\N{MINUS SIGN}+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺")
_LOWERED: Final = str.maketrans("0123456789-\N{MINUS SIGN}+", "₀₁₂₃₄₅₆₇₈₉₋₋₊")
_RGBA: Final = re.compile(r"rgba?\(([^)]*)\)")


def plain(text: Any) -> str:
    """Write a label without tags: line breaks, raised and lowered digits become characters."""
    words = re.sub(r"<br\s*/?>", "\n", str(text))
    words = re.sub(r"<sup>(.*?)</sup>", lambda m: m[1].translate(_RAISED), words)
    words = re.sub(r"<sub>(.*?)</sub>", lambda m: m[1].translate(_LOWERED), words)
    return html.unescape(re.sub(r"</?[a-zA-Z][^>]*>", "", words))


def title_of(part: Mapping[str, Any]) -> str:
    """Return the title of a layout, an axis or a color bar; it may be given as text alone."""
    title = part.get("title", "")
    return str(title.get("text") or "") if isinstance(title, Mapping) else str(title or "")


def color_of(color: Any, otherwise: Any) -> Any:
    """Turn "rgba(1,2,3,0.5)" into a tuple; other names of colors are the same in matplotlib."""
    if color is None:
        return otherwise
    if found := _RGBA.fullmatch(str(color)):
        red, green, blue, *opacity = (float(part) for part in found[1].split(","))
        return (red / 255, green / 255, blue / 255, *opacity)
    return color


def numbers(values: Any) -> Array:
    """Read values as floats, gaps and infinity as NaN; words are counted from 0."""
    read = [] if values is None else list(values)
    if any(isinstance(value, str) for value in read):
        read = list(range(len(read)))
    array = np.array([math.nan if v is None else float(v) for v in read], dtype=np.float64)
    return np.where(np.isfinite(array), array, math.nan)


def name_words(axes: Any, direction: str, values: Any) -> None:
    """Put words that were given as coordinates at the ticks."""
    words = [] if values is None else [value for value in values if isinstance(value, str)]
    if words:
        getattr(axes, f"set_{direction}ticks")(range(len(words)), [plain(word) for word in words])


def spread(value: Any, count: int) -> list[Any]:
    """Give every point its own: one value for all, or a list of values."""
    return [value] * count if isinstance(value, str | int | float) else list(value)


def color_map(scale: Any) -> Any:
    """Return matplotlib's form of a Plotly color scale, a name or a list of stops."""
    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap

    if isinstance(scale, list | tuple) and scale and not isinstance(scale[0], str):
        stops = [(float(at), color_of(color, "black")) for at, color in scale]
        return LinearSegmentedColormap.from_list("stops", stops)
    name = str(scale or "viridis").lower()
    maps = matplotlib.colormaps
    return maps[MAPS.get(name, name if name in maps else "viridis")]
