"""An uploaded table on the real page: what is said of it, and the dialog that changes it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from openpyxl import Workbook
from streamlit.testing.v1 import AppTest

from nndl_core.store.finished_run import finished_run
from pages.ui.live.pair import PairSession
from pages.ui.live.session import LabSession
from tests.bad_input import unescaped

OpenLab = Callable[..., AppTest]
SessionOf = Callable[[AppTest], LabSession]
NAMES = "Id,length,width,place,Species"
ROWS = "\n".join(f"{i + 1},{i * 1.5},{i * i % 13},p{i % 5},{'abc'[i % 3]}" for i in range(60))
TABLE = f"{NAMES}\n{ROWS}".encode()

pytestmark = pytest.mark.usefixtures("time_to_train")


def uploaded(at: AppTest, content: bytes, name: str = "mine.csv") -> AppTest:
    if not [each for each in at.get("file_uploader") if each.key == "csv"]:
        at.button(key="dataset_csv").click().run()
    at.file_uploader(key="csv").upload(name, content).run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    """Return what stands in captions, as a person reads it."""
    return unescaped("\n".join(str(each.value) for each in at.caption))


def opened(at: AppTest) -> AppTest:
    at.button(key="choose_columns").click().run()
    assert not at.exception
    return at


def used(at: AppTest) -> AppTest:
    at.button(key="table_use").click().run()
    assert not at.exception
    return at


def test_an_ordinary_table_needs_no_click_and_says_what_was_guessed(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = uploaded(open_lab(), TABLE)
    assert not at.warning
    data = session_of(at).dataset
    assert (data.features, data.classes) == (("length", "width"), ("a", "b", "c"))
    assert session_of(at).config.loss == "cross_entropy"
    assert '60 rows, 2 features, 3 classes in "Species".' in said(at)
    assert 'The label is "Species", by its name.' in said(at)
    assert '"Id" (an index: every row has another whole number)' in said(at)
    assert '"place" (text: 5 different values)' in said(at)


def test_other_columns_are_trained_on_when_they_are_chosen(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = opened(uploaded(open_lab(), TABLE))
    assert at.selectbox(key="table_label").value == 4
    assert at.multiselect(key="table_features").value == [1, 2]
    run = session_of(at).run_id
    at.multiselect(key="table_features").set_value([0]).run()
    assert session_of(at).run_id == run
    used(at)
    assert session_of(at).run_id != run
    assert session_of(at).dataset.features == ("Id",)
    assert not session_of(at).picking
    assert not at.selectbox(key="activation").disabled


def test_another_label_leaves_the_features_and_is_said(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = opened(uploaded(open_lab(), TABLE))
    at.selectbox(key="table_label").set_value(3).run()
    used(at)
    assert session_of(at).dataset.classes == ("p0", "p1", "p2", "p3", "p4")
    assert 'The label is "place", as chosen.' in said(at)
    again = opened(at)
    assert again.selectbox(key="table_label").value == 3


def test_a_choice_that_cannot_be_trained_on_gets_a_sentence_and_changes_nothing(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = opened(uploaded(open_lab(), TABLE))
    run = session_of(at).run_id
    at.selectbox(key="table_label").set_value(1).run()
    assert "no quantities yet" in unescaped(at.warning[0].value)
    used(at)
    assert session_of(at).run_id == run
    assert session_of(at).picking
    at.selectbox(key="table_label").set_value(4).run()
    at.multiselect(key="table_features").set_value([3]).run()
    assert 'column "place": "p0" is not a number' in unescaped(at.warning[0].value)


def test_a_table_that_was_refused_can_be_chosen_from(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = uploaded(open_lab(), TABLE.replace(b"\n8,10.5,", b"\n8,wide,"))
    (warning,) = at.warning
    assert 'Row 9, column "length": "wide" is not a number' in unescaped(warning.value)
    assert session_of(at).upload is None
    opened(at).multiselect(key="table_features").set_value([2]).run()
    used(at)
    assert session_of(at).dataset.features == ("width",)


def test_how_a_file_is_read_can_be_changed(open_lab: OpenLab, session_of: SessionOf) -> None:
    content = "p;q;label\n" + "".join(f"{i}.250;{i * i % 7};{i % 2}\n" for i in range(1, 40))
    at = opened(uploaded(open_lab(), content.encode()))
    assert at.selectbox(key="table_decimal").value == "."
    assert at.selectbox(key="table_delimiter").value == ";"
    at.selectbox(key="table_decimal").set_value(",").run()
    used(at)
    upload = session_of(at).upload
    assert upload is not None
    assert float(upload.dataset(0, "off").train.x[:, 0].min()) >= 1250
    opened(at).selectbox(key="table_delimiter").set_value("\t").run()
    assert "one column" in unescaped(at.warning[0].value)
    at.selectbox(key="table_delimiter").set_value(";").run()
    assert not at.warning
    used(at)


def test_the_first_row_can_be_data(open_lab: OpenLab, session_of: SessionOf) -> None:
    content = "1.5,2,0\n" + "2.5,4,1\n3,5,0\n" * 9
    at = uploaded(open_lab(), content.encode())
    assert "The first row holds data" in said(at)
    opened(at).selectbox(key="table_header").set_value("names").run()
    used(at)
    assert session_of(at).dataset.features == ("1.5", "2")


def test_another_sheet_can_be_chosen(open_lab: OpenLab, session_of: SessionOf) -> None:
    book, out = Workbook(), io.BytesIO()
    for name, header in (("first", "kind"), ("second", "class")):
        sheet = book.create_sheet(name)
        sheet.append(["p", header])
        for i in range(30):
            sheet.append([i * 1.5, i % 2])
    book.remove(book["Sheet"])
    book.save(out)
    at = uploaded(open_lab(), out.getvalue(), "mine.xlsx")
    assert 'Sheet "first" is read, one of 2.' in said(at)
    opened(at).selectbox(key="table_sheet").set_value("second").run()
    used(at)
    assert 'The label is "class", by its name.' in said(at)


def test_a_workbook_that_begins_with_notes_is_read_from_another_sheet(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    book, out = Workbook(), io.BytesIO()
    book.active.append(["measured in spring"])
    table = book.create_sheet("numbers")
    table.append(["p", "kind"])
    for i in range(30):
        table.append([i * 1.5, i % 2])
    book.save(out)
    at = uploaded(open_lab(), out.getvalue(), "mine.xlsx")
    assert "one column" in unescaped(at.warning[0].value)
    opened(at).selectbox(key="table_sheet").set_value("numbers").run()
    used(at)
    assert session_of(at).dataset.features == ("p",)


def test_runs_side_by_side_may_have_a_table_raw_and_scaled(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    session = session_of(uploaded(open_lab(), TABLE))
    configs = {name: replace(session.config, scale=name) for name in ("on", "off")}
    pair = PairSession(configs, session.data_of)
    pair.start_again()
    means = {n: float(run.dataset.train.x.mean()) for n, run in pair.runs.items()}
    assert abs(means["on"]) < 1e-6
    assert means["off"] > 10
    assert pair.runs["on"].dataset is session.dataset


def test_seed_and_scale_belong_to_the_run_on_a_table(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = uploaded(open_lab(), TABLE)
    first = session_of(at).dataset
    at.number_input(key="data_seed").set_value(3).run()
    assert not at.exception
    assert session_of(at).dataset is not first
    at.toggle(key="scale_is_on").set_value(False).run()
    assert session_of(at).config.scale == "off"
    assert float(session_of(at).dataset.train.x[:, 0].max()) > 50


def test_four_rows_are_trained_on_tested_kept_and_diagnosed(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(hidden="4", activation="tanh", epochs="400", init="xavier_normal")
    uploaded(at, b"x1,x2,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    assert "All 4 rows are trained on" in said(at)
    for _ in range(12):
        session_of(at).advance(50, 10)
    at.run()
    assert not at.exception
    session = session_of(at)
    assert session.finished
    record = session.run.measure().record
    assert record.train_accuracy == record.dev_accuracy
    assert record.train_loss == pytest.approx(record.dev_loss, rel=1e-5)
    kept = finished_run(session.runner, session.run.measure(), session.run.diagnosis(), time=0.0)
    assert kept.scores.test_accuracy == kept.scores.train_accuracy


def test_a_rare_class_and_one_class_are_said_and_trained_on(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    content = "x,label\n" + "\n".join(f"{i},{'a' if i < 11 else 'b'}" for i in range(12))
    at = uploaded(open_lab(epochs="50"), content.encode())
    assert 'Every row of the train part is of class "a"' in said(at)
    session_of(at).advance(50, 10)
    at.run()
    assert not at.exception


def test_a_second_table_takes_the_place_of_the_first_in_a_remedys_runs(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = uploaded(open_lab(), TABLE)
    at.session_state["lab_twin"] = "of the first"
    uploaded(at, TABLE.replace(b"Species", b"kind"), "other.csv")
    assert "lab_twin" not in at.session_state
    state: Any = session_of(at).upload
    assert state.name == "other.csv"
