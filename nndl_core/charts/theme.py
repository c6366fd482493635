"""The colors of the classes, the same on every page."""

from __future__ import annotations

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
