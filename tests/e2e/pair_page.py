"""A page with live runs side by side; the address chooses the case, a control changes the runs."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

import pages.ui
from nndl_core.base.config import RunConfig
from pages.ui.link.messages import show_messages
from pages.ui.live.pair import PairSession, pair_panel, pair_session


def measured(session: PairSession) -> None:
    """Say what each run has come to."""
    for name, run in session.runs.items():
        st.text(f"{name}: loss {run.measure().record.train_loss:.6f} at {run.runner.epoch}")


st.set_page_config(layout="wide")
st.html(Path(pages.ui.__path__[0]) / "link" / "style.css")
wanted = st.query_params
epochs = int(wanted.get("epochs", "100000"))
units = st.slider("Units", 1, 9, 5, key="units")
cured = RunConfig(epochs=epochs, hidden=(units,))
sick = replace(cured, init="zeros", data_seed=9)
if "diverging" in wanted:
    sick = replace(cured, activation="relu", learning_rate=1000)
runs = {"Sick <b>": sick, "Cured": replace(cured, data_seed=sick.data_seed)}
session = pair_session("pair_page", runs)
show_messages(session.take_messages())
pair_panel(session, after=measured)
