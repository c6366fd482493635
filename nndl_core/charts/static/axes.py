"""Axes, line shapes, notes and legend of a figure dictionary, drawn by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nndl_core.base.i18n import breadth
from nndl_core.charts.static.text import DASHES, PIXEL, color_of, plain, title_of
from nndl_core.charts.style.scales import power, ten_to

Entry = tuple[Mapping[str, Any], Any]
MOST_DECADES: Final = 9
TEXT_ANCHORS: Final = {"middle": "center", "auto": "center"}


def start_axis(axes: Any, direction: str, layout: Mapping[str, Any]) -> None:
    """Set what the traces must know: the scale and the range."""
    log = layout.get("type") == "log"
    if log:
        getattr(axes, f"set_{direction}scale")("log")
    if ends := layout.get("range"):
        limits = [ten_to(float(end)) if log else float(end) for end in ends]
        getattr(axes, f"set_{direction}lim")(limits)


def finish_axis(axes: Any, direction: str, layout: Mapping[str, Any]) -> None:
    """Put title, ticks and grid on an axis."""
    axis = getattr(axes, f"{direction}axis")
    getattr(axes, f"set_{direction}label")(plain(title_of(layout)))
    getattr(axes, f"set_{direction}margin")(0.02)
    axis.set_tick_params(which="both", length=0)
    if layout.get("type") == "log":
        axis.minorticks_off()
    _place_ticks(axis, direction, axes, layout)
    if layout.get("showgrid") is False:
        axes.grid(visible=False, axis=direction)
    if layout.get("showticklabels") is False:
        axis.set_ticklabels([])
    axis.set_visible(layout.get("visible", True))


def _place_ticks(axis: Any, direction: str, axes: Any, layout: Mapping[str, Any]) -> None:
    values = layout.get("tickvals")
    if values is not None:
        words = layout.get("ticktext") or [f"{value:g}" for value in values]
        axis.set_ticks([float(v) for v in values], [plain(word) for word in words])
    elif layout.get("type") == "log":
        exponents = _decades(sorted(getattr(axes, f"get_{direction}lim")()))
        axis.set_ticks([ten_to(e) for e in exponents], [plain(power(e)) for e in exponents])
    elif isinstance(layout.get("dtick"), int | float):
        axis.set_major_locator(_locator(float(layout["dtick"])))
    if layout.get("tickformat"):
        axis.set_major_formatter(lambda value, _: _formatted(value, layout["tickformat"]))


def _decades(limits: Sequence[float]) -> list[int]:
    low, high = (math.log10(limit) for limit in limits)
    step = max(1, math.ceil((high - low) / MOST_DECADES))
    return [e for e in range(math.ceil(low), math.floor(high) + 1) if e % step == 0]


def _locator(step: float) -> Any:
    from matplotlib.ticker import MultipleLocator

    return MultipleLocator(step)


def _formatted(value: float, form: str) -> str:
    try:
        return format(value, form)
    except ValueError:
        return f"{value:g}"


def draw_shapes(axes: Any, shapes: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Draw line shapes; return those that the legend names."""
    return [(shape, _shape(axes, shape)) for shape in shapes if shape.get("type") == "line"]


def _shape(axes: Any, shape: Mapping[str, Any]) -> Any:
    line = shape.get("line", {})
    (drawn,) = axes.plot(
        [shape["x0"], shape["x1"]],
        [shape["y0"], shape["y1"]],
        transform=_transform(axes, shape),
        color=color_of(line.get("color"), "0.4"),
        linestyle=DASHES.get(line.get("dash", "solid"), "-"),
        linewidth=line.get("width", 2) * PIXEL,
        scalex=False,
        scaley=False,
    )
    return drawn


def _transform(axes: Any, part: Mapping[str, Any]) -> Any:
    """Return the meaning of x and y: values of the axis, or shares of the plot ("paper")."""
    across, up = (part.get(f"{direction}ref") == "paper" for direction in "xy")
    if across:
        return axes.transAxes if up else axes.get_yaxis_transform()
    return axes.get_xaxis_transform() if up else axes.transData


def draw_notes(axes: Any, notes: Sequence[Mapping[str, Any]]) -> None:
    """Write the annotations; with an arrow the words stand beside the point."""
    for note in notes:
        arrow = note.get("showarrow", True)
        shift = (note.get("ax", 0), -note.get("ay", -30)) if arrow else _shift(note)
        drawn = axes.annotate(
            plain(note.get("text", "")),
            xy=(_at(note, "x", axes), _at(note, "y", axes)),
            xycoords=_transform(axes, note),
            xytext=tuple(pixels * PIXEL for pixels in shift),
            textcoords="offset points",
            ha=_anchor(note, "x", ("left", "center", "right")),
            va=_anchor(note, "y", ("bottom", "center", "top")),
            fontsize=note.get("font", {}).get("size", 13) * PIXEL,
            color=color_of(note.get("font", {}).get("color"), None),
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
            arrowprops={"arrowstyle": "-", "color": "0.4"} if arrow else None,
        )
        drawn.set_in_layout(False)


def _shift(note: Mapping[str, Any]) -> tuple[float, float]:
    return note.get("xshift", 0), note.get("yshift", 0)


def _at(note: Mapping[str, Any], direction: str, axes: Any) -> float:
    """Return a note's coordinate; on a logarithmic axis Plotly gives its decimal logarithm."""
    value = float(note.get(direction, 0.5))
    scale = getattr(axes, f"get_{direction}scale")()
    on_paper = note.get(f"{direction}ref") == "paper"
    return ten_to(value) if scale == "log" and not on_paper else value


def _anchor(note: Mapping[str, Any], direction: str, names: tuple[str, str, str]) -> str:
    given = str(note.get(f"{direction}anchor", "auto"))
    if given == "auto" and note.get(f"{direction}ref") == "paper":
        return names[min(int(3 * float(note.get(direction, 0.5))), 2)]
    return TEXT_ANCHORS.get(given, given)


def draw_legend(axes: Any, entries: Sequence[Entry], layout: Mapping[str, Any]) -> None:
    """Write the legend above the plot, in as many rows as the names need."""
    named = [(plain(part["name"]), drawn) for part, drawn in entries if _is_named(part, drawn)]
    if not named or not layout.get("showlegend", len(named) > 1):
        return
    longest = max(breadth(name) for name, _ in named)
    room = 66 if any("colorbar" in part for part, _ in entries) else 84
    columns = max(1, min(len(named), int(room / (longest + 6))))
    axes.legend(
        [drawn for _, drawn in named],
        [name for name, _ in named],
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        fontsize=10,
        handlelength=2.6,
    )


def _is_named(part: Mapping[str, Any], drawn: Any) -> bool:
    is_shape = part.get("type") == "line"
    return bool(part.get("name")) and drawn is not None and part.get("showlegend", not is_shape)
