"""The controls of the autograd page: a network, kept in the page's address."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from nndl_core.base.config import KNOBS, ConfigError, RunConfig, url_value, widths_from_text
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import DATASETS
from nndl_core.network.losses import output_units
from pages.ui.lab.controls import write_url
from pages.ui.link import address
from pages.ui.link.messages import escape

SHOWN = ("dataset", "hidden", "activation", "loss", "data_seed", "init_seed")


def network() -> RunConfig:
    """Draw the controls and return the network they stand at; the address follows them."""
    state = st.session_state
    if "autograd" not in state:
        state["autograd"], refused = usable(*RunConfig.from_url(address.own()))
        for sentence in refused:
            st.warning(escape(sentence), icon=":material/info:")
    config: RunConfig = state["autograd"]
    for name in SHOWN:  # a control that was not drawn has forgotten what it stood at
        value = getattr(config, name)
        state.setdefault(_key(name), url_value(value) if name == "hidden" else value)
    values = _draw()
    try:
        config = replace(config, **values, hidden=widths_from_text(state[_key("hidden")]))
    except ConfigError as error:
        st.warning(escape(str(error)), icon=":material/info:")
    state["autograd"] = config
    write_url(config)
    return config


def usable(config: RunConfig, refused: list[str]) -> tuple[RunConfig, list[str]]:
    """Return the nearest config that this page can show, and one more sentence if it differs."""
    if config.dataset not in DATASETS:
        known = ", ".join(DATASETS)
        sentence = tr(
            "dataset: {dataset!r} is not offered here; choose one of {known}.",
            dataset=config.dataset,
            known=known,
        )
        return usable(replace(config, dataset="moons"), [*refused, sentence])
    try:
        output_units(config.loss, DATASETS[config.dataset].classes)
    except ValueError as error:
        return replace(config, loss="cross_entropy"), [*refused, str(error)]
    return config, refused


def _draw() -> dict[str, Any]:
    columns = st.columns([1.2, 1.1, 1.1, 1.1, 0.8, 0.8])
    with columns[0]:
        dataset = _select("dataset", list(DATASETS))
    with columns[1]:
        st.text_input(tr("Layer widths"), key=_key("hidden"), help=tr("Such as 5-3, or none."))
    with columns[2]:
        activation = _select("activation", KNOBS["activation"].choices)
    with columns[3]:
        two = DATASETS[dataset].classes == 2
        losses = [name for name in KNOBS["loss"].choices if two or name != "bce"]
        if st.session_state[_key("loss")] not in losses:
            st.session_state[_key("loss")] = "cross_entropy"
        loss = _select("loss", losses)
    with columns[4]:
        data_seed = _seed("data_seed")
    with columns[5]:
        init_seed = _seed("init_seed")
    values = {"dataset": dataset, "activation": activation, "loss": loss}
    return values | {"data_seed": data_seed, "init_seed": init_seed}


def _select(name: str, options: Any) -> Any:
    k = KNOBS[name]
    return st.selectbox(tr(k.label), options, key=_key(name), help=tr(k.help), format_func=_option)


def _option(name: str) -> str:
    return tr(DATASETS[name].label) if name in DATASETS else name


def _seed(name: str) -> int:
    k = KNOBS[name]
    return int(st.number_input(tr(k.label), int(k.low or 0), int(k.high or 0), key=_key(name)))


def _key(name: str) -> str:
    return f"autograd_{name}"
