"""The controls of the lab, made from the knobs of the configuration."""

from __future__ import annotations

import base64
from dataclasses import replace
from functools import cache
from typing import get_args

import streamlit as st

from nndl_core.base.config import (
    KNOBS,
    MAX_DEPTH,
    MAX_WIDTH,
    ConfigError,
    DatasetName,
    RunConfig,
    url_value,
    widths_from_text,
)
from nndl_core.base.i18n import mark, tr
from nndl_core.charts.thumbnail import thumbnail
from nndl_core.data.catalog import DATASETS
from pages.ui.lab.upload import upload_controls
from pages.ui.link import address
from pages.ui.link.linked import linked
from pages.ui.link.locks import changed_by, help_of, hidden, locked, refusal
from pages.ui.live.session import LabSession
from pages.ui.widgets.knob import draw_knob

DEFAULT_WIDTH = 5
NEEDS_SLOPE = ("leaky_relu", "elu")
LABELS: dict[DatasetName, str] = {
    "moons": mark("moons"),
    "circles": mark("circles"),
    "xor": "xor",
    "blobs2": mark("2 blobs"),
    "blobs3": mark("3 blobs"),
    "spirals2": mark("2 spirals"),
    "spirals3": mark("3 spirals"),
    "iris": "iris",
    "digits": "digits",
    "csv": mark("your table"),
}


def sidebar(session: LabSession) -> RunConfig:
    """Draw every control and return the config they stand at."""
    state = st.session_state
    wanted, session.wanted = session.wanted, None
    known: set[str] = state.get("drawn", set()) if wanted is None else set()
    _place(wanted or session.config, known)
    state["drawing"] = {"dataset", "hidden"}
    _data_controls(session)
    _network_controls()
    _training_controls(session)
    state["drawn"] = state["drawing"]  # only now: a run may be cut short by the next click
    if wanted is not None:
        return wanted  # a tick may have brought back what the controls stood at before
    shown = {name: state[name] for name in state["drawn"] if name != "hidden"}
    try:
        return replace(session.config, **shown, hidden=widths_from_text(state["hidden"]))
    except ConfigError as error:
        session.messages.append(str(error))
        return session.config


def write_url(config: RunConfig) -> None:
    """Keep the page's address equal to the config, so that it can be copied at any time."""
    address.write(config.to_url())


def _place(config: RunConfig, known: set[str]) -> None:
    """Set the controls to a config before they are drawn, but for those whose state is known.

    Streamlit forgets what a control stood at as soon as one run of the page does not draw it.
    """
    for name in (n for n in KNOBS if n not in known or n not in st.session_state):
        value = getattr(config, name)
        st.session_state[name] = url_value(value) if name == "hidden" else value
    if "hidden" not in known:
        _renew("sliders")
        _renew("text")


def _data_controls(session: LabSession) -> None:
    st.subheader(tr("Data"), divider="gray")
    if not hidden("dataset"):
        _dataset_buttons(session)
    if st.session_state["dataset"] == "csv":
        upload_controls(session)
        if session.upload is not None:
            _control("data_seed")
            _control("scale")
        return
    _control("points")
    is_table = DATASETS[st.session_state["dataset"]].tabular
    if not is_table:
        _control("noise", step=0.01)
    _control("label_noise", step=0.01)
    _control("data_seed")
    if is_table:
        _control("scale")


def _dataset_buttons(session: LabSession) -> None:
    with st.container(key="datasets", horizontal=True):
        for name in get_args(DatasetName):
            chosen = st.session_state["dataset"] == name
            st.button(
                tr(LABELS[name]),
                key=f"dataset_{name}",
                type="primary" if chosen else "secondary",
                disabled=locked("dataset") and not chosen,
                on_click=_choose_dataset,
                args=(session, name),
            )
        st.html(_thumbnail_style())


def _network_controls() -> None:
    st.subheader(tr("Network"), divider="gray")
    _layer_controls()
    _control("activation")
    if st.session_state["activation"] in NEEDS_SLOPE:
        _control("slope", step=0.01)
    _control("init")
    left, right = st.columns(2)
    with left:
        _control("init_scale", as_number=True)
    with right:
        _control("init_seed")
    _control("bias", step=0.1)


def _layer_controls() -> None:
    """Draw depth, width and the list of widths, which write each other.

    What is written gets a new key: a tick of the clock may still carry its old value, which
    would be taken for an edit. The truth is the state "hidden", which belongs to no widget.
    """
    state = st.session_state
    depth, width, text = _key("sliders", "depth"), _key("sliders", "width"), _key("text", "hidden")
    try:
        widths = widths_from_text(state["hidden"])
    except ConfigError:
        widths = (DEFAULT_WIDTH,)
    state.setdefault(depth, len(widths))
    state.setdefault(width, max(widths, default=DEFAULT_WIDTH))
    state.setdefault(text, state["hidden"])
    if hidden("hidden"):
        return
    left, right = st.columns(2)
    fixed, changed = locked("hidden"), _from_sliders
    with left.container(key="depth"):
        st.slider(tr("Hidden layers"), 0, MAX_DEPTH, key=depth, on_change=changed, disabled=fixed)
    with right.container(key="width"):
        st.slider(tr("Units per layer"), 1, MAX_WIDTH, key=width, on_change=changed, disabled=fixed)
    with st.container(key="hidden"):
        st.text_input(
            tr("Layer widths"),
            key=text,
            on_change=_from_text,
            help=help_of("hidden", tr("Such as 5-3, or none.")),
            disabled=locked("hidden"),
        )


def _key(group: str, name: str) -> str:
    return f"{name}_{st.session_state.get(f'{group}_version', 0)}"


def _renew(group: str) -> None:
    name = f"{group}_version"
    st.session_state[name] = st.session_state.get(name, 0) + 1


def _from_sliders() -> None:
    state, width, depth = st.session_state, _key("sliders", "width"), _key("sliders", "depth")
    if width in state and depth in state:  # else what was moved has been written anew since
        state["hidden"] = url_value((state[width],) * state[depth])
        _renew("text")


def _from_text() -> None:
    state, text = st.session_state, _key("text", "hidden")
    if text in state:
        state["hidden"] = state[text]
        _renew("sliders")


def _training_controls(session: LabSession) -> None:
    st.subheader(tr("Training"), divider="gray")
    _control("learning_rate")
    left, right = st.columns(2)
    with left:
        _control("optimizer")
        _control("epochs")
        _control("loss")
    with right:
        _control("weight_decay", as_number=True)
        _control("batch_size")
        _control("dtype")
    if st.session_state["optimizer"] != "sgd":
        _control("momentum", step=0.01)
    session.by_autograd = session.runner.by_autograd = st.toggle(
        tr("Gradient by autograd"),
        key=linked("by_autograd", False),
        help=tr("Off: the hand-derived formulas. On: torch.autograd, slower, equal numbers."),
    )


def _control(name: str, *, step: float = 1.0, as_number: bool = False) -> None:
    """Draw a setting's widget; its key and its state are the setting's name."""
    st.session_state["drawing"].add(name)
    draw_knob(name, name, step=step, as_number=as_number)


def _choose_dataset(session: LabSession, name: DatasetName) -> None:
    """Select a data set, and a loss that can serve its number of classes."""
    st.session_state["dataset"] = name
    if name not in DATASETS:
        return  # the run goes on until a file is there
    loss, classes = session.config.loss, DATASETS[name].classes
    if classes > 2 and loss == "bce":
        loss = "cross_entropy"
    elif classes == 2 and loss == "cross_entropy":
        loss = "bce"
    wanted = replace(session.config, dataset=name, loss=loss)
    if names := changed_by(session.config, wanted):
        st.session_state["dataset"] = session.config.dataset
        session.messages.append(refusal(names))
        return
    session.wanted = wanted


@cache
def _thumbnail_style() -> str:
    """The pictures of the data sets as backgrounds of their buttons."""
    rules = []
    for name in (n for n in LABELS if n in DATASETS):
        picture = base64.b64encode(thumbnail(name).encode()).decode()
        url = f"url(data:image/svg+xml;base64,{picture})"
        rules.append(f".st-key-dataset_{name} button{{background-image:{url}!important}}")
    return f"<style>{''.join(rules)}</style>"
