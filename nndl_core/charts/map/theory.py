"""The lines that theory draws over a trainability map, before anything is trained."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from nndl_core.base.i18n import Language, language, tr
from nndl_core.charts.map.plane import edges
from nndl_core.charts.style.parts import Trace
from nndl_core.charts.style.theme import SERIES
from nndl_core.studies.map.plan import MapPlan
from nndl_core.theory.mean_field import DEPTH_SCALES, WideNet, critical_sigma_w

STEPS = 100
"""Points of a line across the map."""
BORN_DEAD = {0.01: "dot", 0.1: "dashdot", 0.5: "dash", 0.9: "solid"}
"""Probabilities whose lines are drawn, with their dashes."""
HALO, LINE = 5.5, 2.5
FEWEST = 0.5
"""Hidden layers where a line over the depth begins: of none, nothing can be dead."""
Place = tuple[float, float]


def theory_lines(plan: MapPlan) -> tuple[Trace, ...]:
    """Return what theory says of a map, as lines; nothing where it says nothing."""
    return _theory_lines(plan, language())


@lru_cache(maxsize=64)  # a map is drawn again for every few cells
def _theory_lines(plan: MapPlan, _spoken: Language) -> tuple[Trace, ...]:
    if plan.has("depth", "init_scale"):
        return (*_critical(plan), *_depth_limit(plan))
    if plan.has("depth", "width") and has_born_dead(plan):
        return tuple(trace for p in BORN_DEAD for trace in _born_dead(plan, p))
    return ()


def has_born_dead(plan: MapPlan) -> bool:
    """Tell whether the bound on networks that are born dead holds: ReLU and zero biases."""
    return plan.base.activation == "relu" and plan.base.bias == 0 and net_of(plan) is not None


def net_of(plan: MapPlan, scale: float | None = None) -> WideNet | None:
    """Return the wide network that the plan's base stands for, at another weight scale if given."""
    base = plan.base if scale is None else replace(plan.base, init_scale=scale)
    return WideNet.of(base)


def critical_scale(plan: MapPlan) -> float | None:
    """Return the weight scale at which the networks of a plan are critical."""
    unit = net_of(plan, 1.0)
    sigma_w = critical_sigma_w(replace(unit, sigma_w=1.0)) if unit else None
    return sigma_w / unit.sigma_w if unit and sigma_w else None


def _critical(plan: MapPlan) -> list[Trace]:
    """The line on which gradients neither vanish nor explode."""
    scale, ends = critical_scale(plan), edges(plan.axis("init_scale"))
    if scale is None or not ends[0] < scale < ends[-1]:
        return []
    depths = edges(plan.axis("depth"))
    points = [(depth, scale) for depth in (depths[0], depths[-1])]
    return _line(plan, points, tr("critical line, scale {scale:.3g}", scale=scale), "dash")


def _depth_limit(plan: MapPlan) -> list[Trace]:
    """The depth of 6 xi against the scale."""

    def limit(scale: float) -> float:
        net = net_of(plan, scale)
        return net.trainable_depth if net else math.inf

    ends = edges(plan.axis("init_scale"))
    scales = np.geomspace(ends[0], ends[-1], STEPS).tolist()
    points = _inside(limit, scales, edges(plan.axis("depth")))
    flipped = [None if p is None else (p[1], p[0]) for p in points]
    return _line(plan, flipped, tr("depth {n} ξ", n=DEPTH_SCALES), "solid")


def _born_dead(plan: MapPlan, p: float) -> list[Trace]:
    """The width at which so many networks of a depth are born dead, at most."""
    ends = edges(plan.axis("depth"))
    depths = np.linspace(max(ends[0], FEWEST), ends[-1], STEPS).tolist()
    points = _inside(lambda depth: deadly_width(depth, p), depths, edges(plan.axis("width")))
    return _line(plan, points, tr("born dead: at most {p:.0%}", p=p), BORN_DEAD[p])


def _inside(f: Callable[[float], float], xs: list[float], ends: list[float]) -> list[Place | None]:
    """Follow f over xs where it lies between the ends, up to the very edge; None is a gap."""

    def is_inside(x: float) -> bool:
        return ends[0] <= f(x) <= ends[-1]

    points: list[Place | None] = []
    for a, b in itertools.pairwise(xs):
        points += [(a, f(a))] if is_inside(a) else []
        if is_inside(a) != is_inside(b):
            edge = _edge(is_inside, *((a, b) if is_inside(a) else (b, a)))
            points += [(edge, f(edge)), None] if is_inside(a) else [None, (edge, f(edge))]
    last = xs[-1]
    return [*points, (last, f(last))] if is_inside(last) else points


def _edge(is_inside: Callable[[float], bool], inside: float, outside: float) -> float:
    """Halve a step until its end that is inside lies at the edge, to a millionth of the step."""
    for _ in range(20):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_inside(middle) else (inside, middle)
    return inside


def deadly_width(hidden_layers: float, p: float) -> float:
    """Solve p = 1 - (1 - 2^-N)^H for the width N; see mean_field.born_dead."""
    return -math.log2(-math.expm1(math.log1p(-p) / hidden_layers))


def _line(plan: MapPlan, points: Sequence[Place | None], name: str, dash: str) -> list[Trace]:
    """Draw points (depth, other) with a light edge, so that they stand out from every color."""
    if not any(points):
        return []
    ways = [[None if p is None else p[at] for p in points] for at in (0, 1)]
    x, y = ways if plan.x.name == "depth" else reversed(ways)
    common = {"type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip"}
    return [
        common | {"showlegend": False, "line": {"color": "#ffffff", "width": HALO}},
        common | {"name": name, "line": {"color": SERIES[0], "width": LINE, "dash": dash}},
    ]
