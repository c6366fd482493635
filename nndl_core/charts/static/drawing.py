"""A figure dictionary drawn as a file by matplotlib: offline, the same bytes each time."""

from __future__ import annotations

import io
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import Any, Final, Literal

from nndl_core.base.i18n import breadth, tr
from nndl_core.charts.static.axes import (
    draw_legend,
    draw_notes,
    draw_shapes,
    finish_axis,
    start_axis,
)
from nndl_core.charts.static.fonts import families, without_a_glyph
from nndl_core.charts.static.text import plain, title_of
from nndl_core.charts.static.traces import draw_trace

Format = Literal["svg", "png"]
DPI: Final = 150
TEXT: Final = "#1f2430"
GRID: Final = "#dfe3e9"
STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nndl",
    "font.size": 11,
    "text.color": TEXT,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "axes.edgecolor": GRID,
    "axes.labelcolor": TEXT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "legend.frameon": False,
}
_one_at_a_time = RLock()  # the settings and the fonts of matplotlib belong to the whole process


def draw_static(
    figure: Mapping[str, Any], format: Format, width: float = 8.0, height: float = 4.5
) -> bytes:
    """Draw a figure of nndl_core.charts as SVG or PNG; width and height are in inches.

    Knows scatter traces (lines, markers, text, filled bands, error bars), bars, heat maps, linear
    and logarithmic axes, line shapes, notes, title and legend; nothing else of Plotly.
    Raises ValueError for another kind of trace and another format.
    """
    if format not in ("svg", "png"):
        raise ValueError(tr("A figure is drawn as svg or png, not as {format}.", format=format))
    metadata = {"Date": None, "Creator": None} if format == "svg" else {"Software": None}
    out = io.BytesIO()
    with _one_at_a_time, _style():
        drawing = _draw(figure, width, height)
        drawing.savefig(out, format=format, dpi=DPI, metadata=metadata)
    return out.getvalue()


def undrawable(figure: Mapping[str, Any]) -> str:
    """Return the characters of a figure that become boxes in a PNG: no font here has them."""
    with _one_at_a_time:
        _matplotlib()
        return without_a_glyph(figure)


@contextmanager
def _style() -> Iterator[None]:
    matplotlib = _matplotlib()
    with warnings.catch_warnings(), matplotlib.rc_context():
        # A name in a script that no font has: boxes in a PNG, the reader's own font in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        matplotlib.rcdefaults()
        # Two families, not two fonts of "sans-serif", of which matplotlib would use the first only.
        fonts = {"font.family": [*families(), "sans-serif"], "font.sans-serif": families()[:1]}
        matplotlib.rcParams.update(STYLE | fonts)
        yield


@cache
def _matplotlib() -> Any:
    """Import matplotlib, which takes half a second, when it is first needed.

    It keeps a list of fonts in the user's home, which may not be writable, and warns of it; a
    folder of a moment does as well.
    """
    with tempfile.TemporaryDirectory() as folder:
        mine = "MPLCONFIGDIR" not in os.environ
        os.environ.setdefault("MPLCONFIGDIR", folder)
        try:
            import matplotlib
            import matplotlib.figure
        finally:
            if mine:
                del os.environ["MPLCONFIGDIR"]
    return matplotlib


def _draw(figure: Mapping[str, Any], width: float, height: float) -> Any:
    drawing = _matplotlib().figure.Figure(figsize=(width, height), layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
    axes = drawing.subplots()
    layout = figure.get("layout", {})
    for direction in ("x", "y"):
        start_axis(axes, direction, layout.get(f"{direction}axis", {}))
    entries = []
    data = list(figure.get("data", []))
    for index, trace in enumerate(data):
        entries.append((trace, draw_trace(axes, data, index, layout)))
    entries += draw_shapes(axes, layout.get("shapes", []))
    for direction in ("x", "y"):
        finish_axis(axes, direction, layout.get(f"{direction}axis", {}))
    draw_notes(axes, layout.get("annotations", []))
    draw_legend(axes, entries, layout)
    if words := plain(title_of(layout)):
        weight = "normal" if breadth(words) > len(words) else "bold"  # no Chinese font is bold
        drawing.suptitle(words, x=0.01, ha="left", fontsize=13, fontweight=weight)
    return drawing
