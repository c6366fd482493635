"""Fonts for the words of a figure that matplotlib draws: its own, and one with Chinese in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

LATIN: Final = "DejaVu Sans"  # untranslated: matplotlib brings this font along
PACKAGE: Final = "pylopdf_fonts_zh_cn"
FILE: Final = "NotoSansSC-Regular.otf"
_NAMES: Final = (
    "Noto Sans CJK SC,Noto Sans SC,Source Han Sans SC,Source Han Sans CN,Microsoft YaHei,"
    "PingFang SC,Hiragino Sans GB,WenQuanYi Micro Hei,SimHei,Droid Sans Fallback"  # untranslated
)
ELSEWHERE: Final = tuple(_NAMES.split(","))
"""Fonts of systems, the best first, for an installation without the package."""


@cache
def families() -> tuple[str, ...]:
    """Return the fonts that are asked for a character, one after another."""
    from matplotlib.font_manager import FontProperties, fontManager

    if path := _packaged():
        fontManager.addfont(path)
        return LATIN, FontProperties(fname=str(path)).get_name()
    installed = set(fontManager.get_font_names())
    return LATIN, *[name for name in ELSEWHERE if name in installed][:1]


def _packaged() -> Path | None:
    """Return the font of the requirements; None where its package is not installed."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).with_name(FILE)
    return path if path.is_file() else None


def without_a_glyph(figure: Mapping[str, Any]) -> str:
    """Return the characters of a figure's words that no font here has, each once, in order."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    fonts = [get_font(findfont(FontProperties(family=[name]))) for name in families()]
    letters = sorted({letter for words in _words(figure) for letter in words})
    printed = [letter for letter in letters if letter.isprintable() and not letter.isspace()]
    return "".join(
        letter for letter in printed if not any(f.get_char_index(ord(letter)) for f in fonts)
    )


def _words(part: Any) -> Iterator[str]:
    """Yield every text anywhere in a figure; names of colors and dashes do no harm."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _words(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _words(value)
