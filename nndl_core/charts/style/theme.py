"""The colors, dashes and symbols of the classes and of the series, the same on every page."""

from __future__ import annotations

from typing import Final

# Orange for class 0 and blue for class 1 stay apart for every kind of color blindness;
# the rest serves data with more classes.
CLASS_COLORS = (
    "#e8650a",
    "#1f77d0",
    "#2ca02c",
    "#c2185b",
    "#7b4fc4",
    "#8c6d31",
    "#00a0a0",
    "#d4a000",
    "#6b7280",
    "#3b3b98",
)

# Of runs and settings, never of classes. The first four stay apart from each other for every kind
# of color blindness and stand out from a white and from a dark page; dash and symbol repeat what
# the color says.
SERIES: Final = ("#cc1f97", "#16a05a", "#7d3cf0", "#8a6d00", "#0b7f9e")
DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS: Final = ("circle", "square", "triangle-up", "diamond", "cross")
REFERENCE: Final = "#808a96"  # known limits and helper lines, always dashed
REFERENCE_DASHES: Final = ("dash", "dot", "dashdot", "longdash")


def series_color(index: int) -> str:
    """Return the color of a series by its place: 0 is sick, 1 is cured."""
    return SERIES[index % len(SERIES)]


def series_dash(index: int) -> str:
    """Return the dash of a line by its place; it differs where the color comes again."""
    return DASHES[(index + index // len(SERIES)) % len(DASHES)]


def series_symbol(index: int) -> str:
    """Return the marker of a series by its place; it differs where the color comes again."""
    return SYMBOLS[(index + index // len(SERIES)) % len(SYMBOLS)]


def faded(color: str, opacity: float) -> str:
    """Return a #rrggbb color as rgba() with an opacity between 0 and 1."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
