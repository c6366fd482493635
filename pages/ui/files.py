"""Saving and loading: checkpoints and the configuration."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nndl_core.checkpoint import Checkpoint
from nndl_core.config import RunConfig
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
    st.file_uploader(
        "Load a checkpoint or a config",
        type=["safetensors", "json"],
        key="load",
        max_upload_size=MEGABYTES,
        on_change=_load,
        args=(session,),
    )


def _download(label: str, name: str, content: Any) -> None:
    st.download_button(
        label,
        content,
        file_name=name,
        key=f"save_{name.partition('.')[0]}",
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
            session.wanted = RunConfig.from_json(file.getvalue())
        else:
            session.load(Checkpoint.from_bytes(file.getvalue()))
    except ValueError as error:
        session.messages.append(str(error))
