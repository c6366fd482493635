"""The controls of the trainability map, kept in the page's address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from nndl_core.base.config import KNOBS, MAX_DEPTH, ConfigError
from nndl_core.base.i18n import mark, tr
from nndl_core.data.catalog import DATASETS
from nndl_core.studies.map.axis import AXES, MAX_VALUES, MAX_WIDTH, Axis, AxisKind, AxisName
from nndl_core.studies.map.plan import (
    MAX_CELLS,
    MAX_POINTS,
    MAX_RUN_EPOCHS,
    MAX_SEEDS,
    PRESETS,
    MapPlan,
    Place,
)
from pages.ui.link import address
from pages.ui.link.locks import changed_by, hidden, locked, refusal
from pages.ui.map.session import MapSession
from pages.ui.widgets.knob import draw_knob

STEPS = {"noise": 0.01, "slope": 0.01, "bias": 0.1}
NEEDS_SLOPE = ("leaky_relu", "elu")
LIMITS = mark(
    "At most {max_cells} cells, {max_seeds} seeds and {max_run_epochs:,} epochs in all "
    "(cells x seeds x epochs), {max_depth} layers of {max_width} units and "
    "{max_points:,} points: the server is shared."
)


def sidebar(session: MapSession) -> None:
    """Draw every control and take over the plan they stand at, or say why that is none."""
    with st.container(horizontal=True, key="map_presets"):
        for name, plan in PRESETS.items():
            st.button(
                tr(name),
                key=f"map_preset_{name}",
                on_click=session.adopt,
                args=(plan,),
                disabled=bool(_freed(session.plan, plan)),
            )
    try:
        session.apply(_drawn(session))
    except ConfigError as error:
        session.messages.append(str(error))
    st.caption(
        tr(
            LIMITS,
            max_cells=MAX_CELLS,
            max_seeds=MAX_SEEDS,
            max_run_epochs=MAX_RUN_EPOCHS,
            max_depth=MAX_DEPTH,
            max_width=MAX_WIDTH,
            max_points=MAX_POINTS,
        )
    )


def _drawn(session: MapSession) -> MapPlan:
    """Draw the controls; all of them, whatever the first ones stand at."""
    makers = [_axis(session, "x", tr("Across")), _axis(session, "y", tr("Up"))]
    network, (training, seeds) = _network(session), _training(session)
    x, y = (make() for make in makers)
    return MapPlan(x, y, replace(session.plan.base, **network, **training), seeds)


def write_url(session: MapSession) -> None:
    """Keep the page's address equal to the map, so that it can be copied at any time."""
    wanted = session.plan.to_url()
    if session.shown != "accuracy":
        wanted["color"] = session.shown
    address.write(wanted)


def _freed(before: MapPlan, after: MapPlan) -> list[str]:
    """Return the locked settings that another plan changes, or puts on or takes off an axis."""
    moved = {before.x, before.y} ^ {after.x, after.y}
    varied = [_setting(axis.name) for axis in moved]
    changed = changed_by(before.base, after.base)
    return [name for name in KNOBS if name in changed or (name in varied and locked(name))]


def _setting(axis: str) -> str:
    """Return the setting that an axis varies: depth and width are both of the layers."""
    return "hidden" if axis in ("depth", "width") else axis


def _key(session: MapSession, name: str) -> str:
    return f"map_{name}_{session.version}"


def _axis(session: MapSession, place: Place, label: str) -> Callable[[], Axis]:
    """Draw the controls of one axis; return how to make it."""
    axis: Axis = getattr(session.plan, place)
    fixed = locked(_setting(axis.name))
    key = _key(session, place)
    st.selectbox(
        label,
        list(AXES),
        list(AXES).index(axis.name),
        key=key,
        format_func=lambda name: tr(AXES[name].label),
        on_change=_choose_axis,
        args=(session, place, key),
        disabled=fixed,
    )
    left, middle, right = st.columns(3)
    low = _end(left, tr("From"), axis.low, axis.kind, _key(session, f"{place}_low"), fixed)
    high = _end(middle, tr("To"), axis.high, axis.kind, _key(session, f"{place}_high"), fixed)
    key = _key(session, f"{place}_count")
    count = right.number_input(tr("Values"), 2, MAX_VALUES, axis.count, key=key, disabled=fixed)
    return lambda: Axis(axis.name, low, high, int(count))


def _end(column: Any, label: str, value: float, kind: AxisKind, key: str, fixed: bool) -> float:
    number: Callable[[float], float] = int if kind.whole else float
    form: dict[str, Any] = {"step": 1} if kind.whole else {"step": 0.1, "format": "%g"}
    form |= {"key": key, "disabled": fixed}
    low, high = number(kind.low), number(kind.high)
    chosen: float = column.number_input(label, low, high, number(value), **form)
    return chosen


def _choose_axis(session: MapSession, place: Place, key: str) -> None:
    """Put another setting on an axis."""
    try:
        plan = session.plan.with_axis(place, st.session_state[key])
        if names := _freed(session.plan, plan):
            raise ConfigError(refusal(names))
        session.adopt(plan)
    except ConfigError as error:
        session.messages.append(str(error))
        session.version += 1  # the field shows the old axis again


def _network(session: MapSession) -> dict[str, Any]:
    """Draw the settings of data and network that no axis varies."""
    st.subheader(tr("Network"), divider="gray")
    plan = session.plan
    dataset = plan.base.dataset if hidden("dataset") else _dataset(session)
    found = {"dataset": dataset, "points": _knob(session, "points")}
    if not DATASETS[dataset].tabular:
        found |= _knobs(session, "noise")
    found |= _knobs(session, "activation")
    if found["activation"] in NEEDS_SLOPE:
        found |= _knobs(session, "slope")
    found |= _knobs(session, "init", "init_scale", "bias")
    return found | {"hidden": _hidden(session)}


def _dataset(session: MapSession) -> Any:
    return st.selectbox(
        tr(KNOBS["dataset"].label),
        list(DATASETS),
        list(DATASETS).index(session.plan.base.dataset),
        key=_key(session, "dataset"),
        disabled=locked("dataset"),
        format_func=lambda name: tr(DATASETS[name].label),
    )


def _hidden(session: MapSession) -> tuple[int, ...]:
    plan = session.plan
    width = _size(session, "width", MAX_WIDTH, plan.width)
    return (width,) * _size(session, "depth", MAX_DEPTH, plan.depth)


def _size(session: MapSession, name: AxisName, most: int, value: int) -> int:
    if _is_axis(session, name) or hidden("hidden"):
        return value
    fixed = locked("hidden")
    return int(
        st.slider(tr(AXES[name].label), 1, most, value, key=_key(session, name), disabled=fixed)
    )


def _training(session: MapSession) -> tuple[dict[str, Any], int]:
    """Draw the settings of the training, and the number of seeds."""
    st.subheader(tr("Training"), divider="gray")
    found = _knobs(session, "learning_rate", "optimizer", "epochs")
    key = _key(session, "seeds")
    seeds = st.number_input(tr("Seeds of every cell"), 1, MAX_SEEDS, session.plan.seeds, key=key)
    return found, int(seeds)


def _knobs(session: MapSession, *names: str) -> dict[str, Any]:
    return {name: _knob(session, name) for name in names if not _is_axis(session, name)}


def _knob(session: MapSession, name: str) -> Any:
    key = _key(session, name)
    st.session_state.setdefault(key, getattr(session.plan.base, name))
    return draw_knob(name, key, step=STEPS.get(name, 1.0), as_number=name == "init_scale")


def _is_axis(session: MapSession, name: str) -> bool:
    return name in (session.plan.x.name, session.plan.y.name)
