"""The controls of the initialization page: widgets in, plain settings out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, get_args

import streamlit as st

from nndl_core.base.config import (
    KNOBS,
    MAX_DEPTH,
    ActivationName,
    DatasetName,
    InitializerName,
    LossName,
    RunConfig,
    widths_from_text,
)
from nndl_core.base.i18n import mark, tr
from nndl_core.charts.initial_state import Quantity
from nndl_core.data.catalog import DATASETS
from nndl_core.theory.initial_signal import MAX_SEEDS, Start
from nndl_core.theory.initial_state import MAX_TRACE
from pages.ui.link.linked import linked
from pages.ui.link.locks import help_of, hidden, locked

MOST_WIDTH = 32
"""Wider networks could not follow the slider."""
MOST_FAN = 512
MOST_EPOCHS = 5000
INITIALIZER_NAMES: tuple[InitializerName, ...] = get_args(InitializerName)
DATASET_NAMES = [name for name in get_args(DatasetName) if name in DATASETS]
STARTS = {"normal 0.01": Start("normal", 0.01)} | {name: Start(name) for name in INITIALIZER_NAMES}
SHOWN_STARTS = ["normal 0.01", "normal", "xavier_normal", "he_normal", "torch_default"]
FORWARD: dict[str, Quantity] = {
    mark("units and examples"): "activation_std",
    mark("examples only"): "example_std",
}
BACKWARD: dict[str, Quantity] = {
    mark("weight gradient"): "gradient_norm",
    mark("error δ"): "delta_size",
}


class ScaledInitializer(NamedTuple):
    """An initializer with its scale."""

    init: InitializerName
    scale: float


def trace() -> tuple[RunConfig, int]:
    """Return the run to follow and for how many updates; raise ConfigError for bad widths."""
    top = st.columns(4)
    bottom = st.expander(tr("More settings")).columns(4)
    init = _select(top[0], "init", "zeros", "trace_init")
    activation = _select(top[1], "activation", "sigmoid", "trace_activation")
    hidden = top[2].text_input(
        tr("Layer widths"), "5", key=linked("trace_hidden", "5"), help=tr("Such as 5-3, or 8.")
    )
    epochs = _whole(top[3], tr("Updates to follow"), (1, MAX_TRACE), 5, "trace_epochs")
    config = RunConfig(
        init=init,
        activation=activation,
        data_seed=_knob(bottom[0], "data_seed", 9, "trace_data_seed"),
        learning_rate=_knob(bottom[1], "learning_rate", 0.2, "trace_learning_rate"),
        init_scale=_knob(bottom[2], "init_scale", 1.0, "trace_scale"),
        dtype=_select(bottom[3], "dtype", "float32", "trace_dtype"),
    )
    # last, because a control that is not drawn forgets what it stood at
    return replace(config, hidden=widths_from_text(hidden)), epochs


def endings() -> tuple[RunConfig, int]:
    """Return what the runs from zero have in common, and their epochs."""
    columns = st.columns(5)
    epochs = _whole(columns[0], tr("Epochs"), (1, MOST_EPOCHS), 2000, "endings_epochs", step=500)
    config = RunConfig(
        learning_rate=_knob(columns[1], "learning_rate", 0.2, "endings_learning_rate"),
        noise=_knob(columns[2], "noise", 0.5, "endings_noise"),
        data_seed=_knob(columns[3], "data_seed", 9, "endings_data_seed"),
        dtype=_select(columns[4], "dtype", "float32", "endings_dtype"),
    )
    return config, epochs


def draws() -> tuple[ScaledInitializer, ScaledInitializer, tuple[int, int], int]:
    """Return the two initializers to compare, (fan_in, fan_out), and the seed."""
    columns = st.columns(5)
    first = _choice(columns[0], "first", "normal")
    second = _choice(columns[1], "second", "uniform")
    fan_in = _whole(columns[2], tr("Inputs (fan_in)"), (1, MOST_FAN), 2, "draws_fan_in")
    fan_out = _whole(columns[3], tr("Units (fan_out)"), (1, MOST_FAN), 5, "draws_fan_out")
    return first, second, (fan_in, fan_out), _knob(columns[4], "init_seed", 0, "draws_seed")


def _choice(column: Any, place: str, default: InitializerName) -> ScaledInitializer:
    name: InitializerName = column.selectbox(
        tr("First initializer") if place == "first" else tr("Second initializer"),
        INITIALIZER_NAMES,
        INITIALIZER_NAMES.index(default),
        key=linked(f"draws_{place}", default, INITIALIZER_NAMES),
    )
    return ScaledInitializer(name, _knob(column, "init_scale", 1.0, f"draws_{place}_scale"))


def signal() -> tuple[RunConfig, Sequence[str], int]:
    """Return the network, the names of STARTS to compare, and the number of weight seeds."""
    top, bottom = st.columns(4), st.columns([2, 1, 1])
    depth = top[0].slider(
        tr("Hidden layers"), 1, MAX_DEPTH, 6, key=linked("signal_depth", 6, low=1, high=MAX_DEPTH)
    )
    width = top[1].slider(
        tr("Units per layer"),
        1,
        MOST_WIDTH,
        16,
        key=linked("signal_width", 16, low=1, high=MOST_WIDTH),
    )
    activation: ActivationName = _select(top[2], "activation", "relu", "signal_activation")
    data = top[3].selectbox(
        tr(KNOBS["dataset"].label),
        DATASET_NAMES,
        format_func=lambda name: tr(DATASETS[name].label),
        key=linked("signal_dataset", DATASET_NAMES[0], DATASET_NAMES),
    )
    chosen = bottom[0].multiselect(
        tr("Initializers"),
        list(STARTS),
        SHOWN_STARTS,
        key=linked("signal_starts", list(SHOWN_STARTS), STARTS),
    )
    bias = _knob(bottom[1], "bias", 0.0, "signal_bias")
    seeds = _whole(bottom[2], tr("Weight seeds"), (1, MAX_SEEDS), 10, "signal_seeds")
    loss: LossName = "bce" if DATASETS[data].classes == 2 else "cross_entropy"
    network = RunConfig(
        hidden=(width,) * depth, activation=activation, dataset=data, bias=bias, loss=loss
    )
    return network, chosen, seeds


def quantity(label: str, choices: dict[str, Quantity], key: str) -> Quantity:
    """Return which quantity a figure shall show."""
    first = next(iter(choices))
    return choices[
        st.segmented_control(
            label,
            list(choices),
            default=first,
            key=linked(key, first, choices),
            format_func=tr,
            required=True,
        )
    ]


def _select(column: Any, name: str, default: str, key: str) -> Any:
    if hidden(name):
        return default
    k = KNOBS[name]
    return column.selectbox(
        tr(k.label),
        k.choices,
        k.choices.index(default),
        key=linked(key, default, k.choices),
        help=help_of(name, tr(k.help)),
        disabled=locked(name),
    )


def _knob(column: Any, name: str, default: float, key: str) -> Any:
    """Draw a number field with the bounds of a setting; whole if the default is."""
    if hidden(name):
        return default
    k, kind = KNOBS[name], type(default)
    assert k.low is not None
    assert k.high is not None
    low, high = kind(k.low), kind(k.high)
    form = None if kind is int else "%g"
    step = kind(1) if kind is int else 0.1
    return column.number_input(
        tr(k.label),
        low,
        high,
        default,
        step=step,
        format=form,
        key=linked(key, default, low=low, high=high),
        help=help_of(name, tr(k.help)),
        disabled=locked(name),
    )


def _whole(
    column: Any, label: str, bounds: tuple[int, int], default: int, key: str, step: int = 1
) -> int:
    return int(
        column.number_input(
            label,
            *bounds,
            default,
            step=step,
            key=linked(key, default, low=bounds[0], high=bounds[1]),
        )
    )
