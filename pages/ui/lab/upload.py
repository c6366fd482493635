"""An uploaded table in the sidebar: what was read of it, and the dialog that changes that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from nndl_core.base.config import LossName
from nndl_core.base.i18n import tr
from nndl_core.data.table.columns import ColumnChoice
from nndl_core.data.table.file import DELIMITERS
from nndl_core.data.table.reading import Table, TableReading
from nndl_core.data.table.text import ENCODINGS, MAX_BYTES, TableError
from nndl_core.data.table.words import delimiter_word, notices, summary, why_left_out
from pages.ui.link.locks import changed_by, refusal
from pages.ui.link.messages import escape
from pages.ui.live.session import LabSession
from pages.ui.live.uploaded import Uploaded

KINDS = ["csv", "tsv", "txt", "data", "xlsx", "xls"]
"""Of .xls a sentence says what to do; what Streamlit refuses itself gets no word of ours."""
PREVIEW_ROWS = 8
FORM = ("delimiter", "decimal", "encoding", "header", "sheet")


def upload_controls(session: LabSession) -> None:
    """Draw the uploader, and of a table that is there what was read of it."""
    st.file_uploader(
        tr("A table: CSV or Excel (.xlsx)"),
        type=KINDS,
        key="csv",
        max_upload_size=MAX_BYTES // 1024**2,
        on_change=_take_upload,
        args=(session,),
    )
    if session.uploaded is not None:
        st.button(
            tr("Choose columns"),
            key="choose_columns",
            icon=":material/table_chart:",
            on_click=_open,
            args=(session,),
        )
    if session.upload is not None:
        state = st.session_state
        seed, scale = state.get("data_seed", 0), state.get("scale", "on")
        try:
            reading = session.upload.read(seed, scale)
        except TableError:
            return  # said where the run starts anew
        st.caption(_said(session.upload, reading))


def picker(session: LabSession) -> None:
    """Draw the dialog in which columns are chosen, for as long as it is open."""
    if session.picking and session.uploaded is not None:
        title = tr("What is in the table")
        st.dialog(title, width="large", on_dismiss=_closing(session))(_draw)(session)


def _take_upload(session: LabSession) -> None:
    """Read the uploaded table; a broken one gets a sentence and leaves the run as it is."""
    file = st.session_state["csv"]
    if file is None:
        return
    session.uploaded = Uploaded.of(file.getvalue(), file.name)
    if session.uploaded.table is None:
        session.messages.append(str(session.uploaded.error))
    elif error := _use(session, session.uploaded.table):
        session.messages.append(error)


def _use(session: LabSession, table: Table) -> str:
    """Train on a table from now on; return the sentence that says why not, empty if it is so."""
    try:
        dataset = table.dataset(session.config.data_seed, session.config.scale)
    except TableError as error:
        return str(error)
    loss: LossName = "bce" if len(dataset.classes) == 2 else "cross_entropy"
    wanted = replace(session.config, dataset="csv", loss=loss)
    if names := changed_by(session.config, wanted):
        return refusal(names)
    session.upload, session.wanted, session.new_upload = table, wanted, True
    st.session_state.pop("lab_twin", None)  # it trains on the table that was there before
    return ""


def _open(session: LabSession) -> None:
    session.picking = True
    _show_choice(session)


def _closing(session: LabSession) -> Callable[[], None]:
    def close() -> None:
        session.picking = False

    return close


def _show_choice(session: LabSession) -> None:
    """Set the controls of the dialog to what the file was read as."""
    file, state = session.uploaded, st.session_state
    if file is None:
        return
    form = file.form if file.table is None else file.table.grid.form
    for name in FORM:
        state[f"table_{name}"] = getattr(form, name) or None
    if file.table is None:
        return
    used = session.upload
    is_same = used is not None and used.grid is file.table.grid
    choice = used.choice if is_same and used is not None else file.table.choice
    state["table_label"], state["table_features"] = choice.label, list(choice.features)


def _draw(session: LabSession) -> None:
    file = session.uploaded
    assert file is not None
    if file.table is None:
        st.warning(escape(str(file.error)), icon=":material/info:")
    else:
        _draw_columns(session, file.table)
    with st.expander(tr("How the file is read"), expanded=file.table is None):
        _form_controls(session, file)


def _draw_columns(session: LabSession, table: Table) -> None:
    state, names, rows = st.session_state, table.grid.names, len(table.grid.cells)
    places = list(range(len(names)))

    def described(place: int) -> str:
        why = why_left_out(table.columns[place], rows)
        return tr("{name} ({why})", name=names[place], why=why) if why else names[place]

    st.selectbox(
        tr("Label"),
        places,
        key="table_label",
        format_func=lambda place: names[place],
        on_change=_free_label,
        help=tr("The column that says the class of a row."),
    )
    st.multiselect(
        tr("Features"),
        [place for place in places if place != state["table_label"]],
        key="table_features",
        format_func=described,
        placeholder=tr("none"),
        help=tr("The columns of numbers that the network sees, one input each."),
    )
    chosen = _chosen(table)
    st.dataframe(_preview(chosen), height=38 + 35 * PREVIEW_ROWS)
    try:
        reading = chosen.read(session.config.data_seed, session.config.scale)
        st.caption(_said(chosen, reading))
    except TableError as error:
        st.warning(escape(str(error)), icon=":material/info:")
    if st.button(tr("Train on these columns"), key="table_use", type="primary"):
        if refused := _use(session, chosen):
            st.warning(escape(refused), icon=":material/info:")
        else:
            session.picking = False
            st.rerun()


def _chosen(table: Table) -> Table:
    """Return the table with the columns that the dialog stands at."""
    state, usual = st.session_state, table.choice
    label, features = state["table_label"], tuple(sorted(state["table_features"]))
    if (label, features) == (usual.label, usual.features):
        return table
    rule = usual.rule if label == usual.label else "chosen"
    return table.choosing(ColumnChoice(label, features, rule))


def _free_label() -> None:
    """Take a column that has become the label out of the features."""
    state = st.session_state
    state["table_features"] = [p for p in state["table_features"] if p != state["table_label"]]


def _preview(table: Table) -> pd.DataFrame:
    """Return the first rows as they stand in the file, with what each column is in its name."""
    grid, choice = table.grid, table.choice
    frame = grid.cells.head(PREVIEW_ROWS).copy()
    frame.columns = [
        tr("{name} (label)", name=name)
        if place == choice.label
        else (name if place in choice.features else tr("{name} (left out)", name=name))
        for place, name in enumerate(grid.names)
    ]
    frame.index = pd.Index(grid.rows[:PREVIEW_ROWS], name=tr("row"))
    return frame


def _form_controls(session: LabSession, file: Uploaded) -> None:
    form = file.table.grid.form if file.table is not None else file.form
    if file.sheets:
        _form_choice(session, "sheet", tr("Sheet"), list(file.sheets), str)
    else:
        words = {name: delimiter_word(name) for name in _with(list(DELIMITERS), form.delimiter)}
        _form_choice(session, "delimiter", tr("Cells are separated by"), list(words), words.get)
        kinds = list(ENCODINGS)
        _form_choice(session, "encoding", tr("Encoding"), kinds, ENCODINGS.get)
    marks = {".": tr("point"), ",": tr("comma")}
    _form_choice(session, "decimal", tr("Decimal mark"), list(marks), marks.get)
    first = {"names": tr("names of the columns"), "data": tr("data")}
    _form_choice(session, "header", tr("The first row holds"), list(first), first.get)


def _form_choice(
    session: LabSession, name: str, label: str, options: list[str], word: Callable[[str], Any]
) -> None:
    st.selectbox(
        label,
        options,
        key=f"table_{name}",
        format_func=word,
        placeholder=tr("found by itself"),
        on_change=_read_again,
        args=(session, name),
    )


def _read_again(session: LabSession, name: str) -> None:
    """Read the file with one thing of its form changed, and choose its columns anew."""
    file = session.uploaded
    if file is not None:
        wish: dict[str, Any] = {name: st.session_state[f"table_{name}"] or ""}
        file.read(replace(file.form, **wish))
        _show_choice(session)


def _with(options: list[str], more: str) -> list[str]:
    return options if more in options or not more else [*options, more]


def _said(table: Table, reading: TableReading) -> str:
    """Write as Markdown what a table is, in bold its name, and a list of what was done to it."""
    points = "".join(f"\n- {escape(sentence)}" for sentence in notices(table, reading))
    return f"**{escape(table.name)}**  \n{escape(summary(table, reading))}\n{points}"
