"""Saving and loading: checkpoints and the configuration."""

from __future__ import annotations

from time import time
from typing import Any

import streamlit as st

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data.catalog import Dataset
from nndl_core.engine.checkpoint import Checkpoint
from nndl_core.engine.runner import Runner
from nndl_core.reports.export.bundle import bundle_of
from nndl_core.reports.export.notebook import notebook_of
from nndl_core.reports.export.run_json import config_in, run_json, warning_in
from nndl_core.reports.export.script import script_of
from nndl_core.reports.export.table import records_csv
from nndl_core.reports.export.tensorboard import event_file
from nndl_core.reports.pack import versions
from pages.ui.link.language import spoken_here
from pages.ui.link.locks import changed_by, hidden
from pages.ui.link.locks import refusal as refused_by_link
from pages.ui.live.session import LabSession

MEGABYTES = 5


def panel(session: LabSession) -> None:
    """Draw the downloads of the present state and the two uploads."""
    if hidden("files"):
        return
    st.subheader(tr("Save and load"), divider="gray")
    with st.container(horizontal=True):
        _download(tr("Last"), "last.safetensors", lambda: session.runner.checkpoint().to_bytes())
        _download(
            tr("Best on dev"),
            "best.safetensors",
            lambda: session.runner.checkpoint(True).to_bytes(),
        )
        _download(tr("Config"), "config.json", lambda: session.config.to_json().encode())
    _exports(session)
    st.file_uploader(
        tr("Load a checkpoint, a config or a run"),
        type=["safetensors", "json"],
        key="load",
        max_upload_size=MEGABYTES,
        on_change=_load,
        args=(session,),
    )


def _exports(session: LabSession) -> None:
    """Offer the run as a program; what a program could not repeat gets a sentence instead."""
    with st.popover(tr("Export the run"), icon=":material/ios_share:"):
        refused = refusal(session)
        if refused:
            st.info(refused)
        else:
            st.markdown(
                tr(
                    "A program in plain PyTorch that draws the same data and weights and trains "
                    "the same run, all epochs of it. Losses agree to a millionth, except where "
                    "a run magnifies rounding; float64 keeps that away longer."
                )
            )
            _programs(session.config, session.dataset)
        st.markdown(
            tr(
                "What was measured so far: every epoch and layer as a table, the curves with the "
                "settings as JSON (load it here again), and for TensorBoard."
            )
        )
        _measured(session.runner, is_repeatable=not refused)


def _programs(config: RunConfig, data: Dataset) -> None:
    """Draw the downloads of the run as a program; an uploaded table goes with it in a zip."""
    with st.container(horizontal=True):
        if config.dataset == "csv":
            label = tr("Script, notebook and table (zip)")
            _download(label, "run.zip", lambda: bundle_of(config, data))
        else:
            _download(tr("Script"), "run.py", lambda: script_of(config))
            _download(tr("Notebook"), "run.ipynb", lambda: notebook_of(config))


def _measured(runner: Runner, is_repeatable: bool) -> None:
    """Draw the downloads of what was measured; each is made at the moment of the click."""

    def as_json() -> bytes:
        return run_json(runner, engine=versions(), is_repeatable=is_repeatable)

    records, events = runner.records, "events.out.tfevents.lab"
    with st.container(horizontal=True):
        _download("CSV", "records.csv", lambda: records_csv(records))
        _download("JSON", "run.json", as_json)
        _download("TensorBoard", events, lambda: event_file(records, time()))


def refusal(session: LabSession) -> str:
    """Say why no program can repeat this run; empty when one can."""
    if session.runner.epoch > session.config.epochs:
        return tr(
            "This run has trained more epochs than its settings now say, so a program would stop "
            "earlier. Set Epochs higher, or press Reset and play it again to export it."
        )
    if not session.run.is_repeatable:
        return tr(
            "This run did not go straight from its seeds to here: it was loaded, or its learning "
            "rate was changed on the way. Press Reset and play it again to export it."
        )
    return ""


def _download(label: str, name: str, content: Any) -> None:
    st.download_button(
        label,
        spoken_here(content) if callable(content) else content,
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
            wanted = config_in(file.getvalue())
            if names := changed_by(session.config, wanted):
                raise ValueError(refused_by_link(names))
            session.wanted = wanted
            if warning := warning_in(file.getvalue()):
                session.messages.append(warning)
        else:
            checkpoint = Checkpoint.from_bytes(file.getvalue())
            if names := changed_by(session.config, checkpoint.config or session.config):
                raise ValueError(refused_by_link(names))
            session.load(checkpoint)
    except ValueError as error:
        session.messages.append(str(error))
