"""The map as files: its runs as a table, its picture with and without pixels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from nndl_core.base.i18n import tr
from nndl_core.charts.map.figure import trainability_map
from nndl_core.charts.static.drawing import Format, draw_static
from nndl_core.reports.pack import csv_text
from nndl_core.studies.map.trainability import run_rows
from pages.ui.link.language import spoken_here
from pages.ui.map.session import MapSession

INCHES = (9.0, 6.0)
MEDIA: dict[Format, str] = {"svg": "image/svg+xml", "png": "image/png"}


def export_buttons(session: MapSession) -> None:
    """Draw the downloads of what is trained at the moment of the click."""
    with st.container(horizontal=True, key="map_export"):
        _button(tr("Runs as CSV"), "csv", "text/csv", partial(csv_bytes, session))
        for form, media in MEDIA.items():
            make = partial(picture_bytes, session, form)
            _button(tr("Picture as {form}", form=form.upper()), form, media, make)


def _button(label: str, form: str, media: str, make: Callable[[], bytes]) -> None:
    st.download_button(
        label,
        spoken_here(make),
        file_name=f"trainability-map.{form}",
        mime=media,
        key=f"map_{form}",
        icon=":material/download:",
        on_click="ignore",
    )


def csv_bytes(session: MapSession) -> bytes:
    """Return one row per run that is trained."""
    return csv_text(run_rows(session.cells)).encode()


def picture_bytes(session: MapSession, form: Format) -> bytes:
    """Draw the map as it is shown."""
    figure = trainability_map(session.plan, session.summaries, session.shown, theory=session.theory)
    return draw_static(figure, form, *INCHES)
