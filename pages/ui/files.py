"""Saving and loading: checkpoints and the configuration."""

from __future__ import annotations

from time import time
from typing import Any

import streamlit as st

from nndl_core.checkpoint import Checkpoint
from nndl_core.export.notebook import notebook_of
from nndl_core.export.run_json import config_in, run_json
from nndl_core.export.script import script_of
from nndl_core.export.table import records_csv
from nndl_core.export.tensorboard import event_file
from pages.ui.session import LabSession

MEGABYTES = 5


def panel(session: LabSession) -> None:
    """Draw the downloads of the present state and the two uploads."""
    st.subheader("Save and load", divider="gray")
    with st.container(horizontal=True):
        _download("Last", "last.safetensors", lambda: session.runner.checkpoint().to_bytes())
        _download(
            "Best on dev", "best.safetensors", lambda: session.runner.checkpoint(True).to_bytes()
        )
        _download("Config", "config.json", lambda: session.config.to_json().encode())
    _exports(session)
    st.file_uploader(
        "Load a checkpoint, a config or a run",
        type=["safetensors", "json"],
        key="load",
        max_upload_size=MEGABYTES,
        on_change=_load,
        args=(session,),
    )


def _exports(session: LabSession) -> None:
    """Offer the run as a program; what a program could not repeat gets a sentence instead."""
    with st.popover("Export the run", icon=":material/ios_share:"):
        refused = refusal(session)
        if refused:
            st.info(refused)
        else:
            st.markdown(
                "A program in plain PyTorch that draws the same data and weights and trains the "
                "same run, all epochs of it."
            )
            with st.container(horizontal=True):
                _download("Script", "run.py", lambda: script_of(session.config))
                _download("Notebook", "run.ipynb", lambda: notebook_of(session.config))
        st.markdown(
            "What was measured so far: every epoch and layer as a table, the curves with the "
            "settings as JSON (load it here again), and for TensorBoard."
        )
        records, config = session.runner.records, session.config
        with st.container(horizontal=True):
            _download("CSV", "records.csv", lambda: records_csv(records))
            _download("JSON", "run.json", lambda: run_json(config, records))
            name = "events.out.tfevents.lab"
            _download("TensorBoard", name, lambda: event_file(records, time()))


def refusal(session: LabSession) -> str:
    """Say why no program can repeat this run; empty when one can."""
    if session.config.dataset == "csv":
        return "A run on an uploaded table cannot become a program: the table is not part of it."
    if not session.run.is_repeatable:
        return (
            "This run did not go straight from its seeds to here: it was loaded, or its learning "
            "rate was changed on the way. Press Reset and play it again to export it."
        )
    return ""


def _download(label: str, name: str, content: Any) -> None:
    st.download_button(
        label,
        content,
        file_name=name,
        key=f"save_{name.replace('.', '_').removesuffix('_safetensors')}",
        icon=":material/download:",
        on_click="ignore",
    )


def _load(session: LabSession) -> None:
    """Take over an uploaded file; a foreign one gets a sentence and changes nothing."""
    file = st.session_state["load"]
    if file is None:
        return
    try:
        if file.name.endswith(".json"):
            session.wanted = config_in(file.getvalue())
        else:
            session.load(Checkpoint.from_bytes(file.getvalue()))
    except ValueError as error:
        session.messages.append(str(error))
