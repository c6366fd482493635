"""Files made to harm: each is refused in time, in bounded memory, and with one sentence."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from nndl_core.base.i18n import speaking
from nndl_core.data.catalog import Dataset
from nndl_core.data.table.file import Form, read_grid
from nndl_core.data.table.reading import read_table
from nndl_core.data.table.sheet import MAX_CELLS, MAX_UNPACKED
from nndl_core.data.table.text import TableError
from tests.bad_input import ROOT, check_sentence

SECONDS = 20
"""Far more than any needs alone on a machine; a bomb would take minutes or all memory."""
HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TAIL = b"</sheetData></worksheet>"
SHEET = "xl/worksheets/sheet1.xml"
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">%s]>' % b"".join(
    b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)
)


def small_book() -> bytes:
    book, out = Workbook(), io.BytesIO()
    book.active.append(["p", "label"])
    for i in range(8):
        book.active.append([i * 1.5, i % 2])
    book.save(out)
    return out.getvalue()


BOOK = small_book()


def with_part(name: str, content: bytes) -> bytes:
    """Return a good workbook with one part exchanged."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(BOOK)) as good, zipfile.ZipFile(out, "w", 8) as bad:
        for each in good.namelist():
            bad.writestr(each, content if each == name else good.read(each))
    return out.getvalue()


def sheet(rows: bytes) -> bytes:
    return with_part(SHEET, HEAD + rows + TAIL)


def cell(place: str, text: str = "1") -> bytes:
    return f'<c r="{place}"><v>{text}</v></c>'.encode()


BOMBS: dict[str, Callable[[], bytes]] = {
    "gigabytes when unpacked": lambda: sheet(b" " * (MAX_UNPACKED + 1)),
    "a million cells in one row": lambda: sheet(b"<row>" + b"<c><v>1</v></c>" * 999_999),
    "cells with a prefix": lambda: sheet(b"<row>" + b"<x:c/>" * (MAX_CELLS + 1) + b"</row>"),
    "a cell at the end of every row": lambda: sheet(
        b"".join(b'<row r="%d">%s</row>' % (i, cell(f"XFD{i}")) for i in range(1, 9_000))
    ),
    "a cell in the last corner": lambda: sheet(
        b'<row r="1">' + cell("A1") + b'</row><row r="1048576">' + cell("XFD1048576") + b"</row>"
    ),
    "two cells a million rows apart": lambda: sheet(
        b'<row r="1">' + cell("A1") + cell("B1") + b'</row><row r="1048576">' + cell("A1048576")
        + b"</row>"
    ),
    "entities of entities": lambda: with_part(
        SHEET, ENTITIES + HEAD + b"<row>" + cell("A1", "&j;") + b"</row>" + TAIL
    ),
    "entities in the texts": lambda: with_part("xl/workbook.xml", ENTITIES + b"<l>&j;</l>"),
    "a file of the server": lambda: with_part(
        SHEET,
        b'<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + HEAD + b"<row>"
        + cell("A1", "&a;") + b"</row>" + TAIL,
    ),
    "no XML": lambda: with_part(SHEET, b"\0" * 100),
    "XML of another kind": lambda: with_part(SHEET, b"<html/>"),
    "UTF-16 to hide cells": lambda: with_part(
        SHEET, (HEAD + b"<row>" + cell("A1") * 9 + b"</row>" + TAIL).decode().encode("utf-16")
    ),
    "a sheet that is not there": lambda: with_part(
        "xl/_rels/workbook.xml.rels", b"<Relationships/>"
    ),
    "half a workbook": lambda: BOOK[: len(BOOK) // 2],
    "its directory alone": lambda: BOOK[-200:],
    "an Open Document": lambda: with_part("[Content_Types].xml", b"").replace(b"xl/", b"od/"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_workbook_made_to_harm_is_refused_in_time(name: str) -> None:
    content, start = BOMBS[name](), time.perf_counter()
    with pytest.raises(TableError) as caught:
        read_table(content, "x")
    assert time.perf_counter() - start < SECONDS
    check_sentence(
        str(caught.value), ("workbook", "sheet", "Sheet", "compressed", "column", "text")
    )
    with speaking("zh"), pytest.raises(TableError) as caught:
        read_table(content, "x")
    assert "\u4e00" <= str(caught.value)[0] <= "\u9fff"


def test_the_good_workbook_is_read() -> None:
    assert len(read_table(BOOK, "x").train.x) == 8


def test_a_formula_is_text_or_the_value_that_was_saved_with_it() -> None:
    rows = "".join(
        f'<row r="{i}"><c r="A{i}"><f>1+{i}</f><v>{i * 0.5}</v></c>'
        f'<c r="B{i}"><v>{i % 2}</v></c></row>'
        for i in range(1, 9)
    )
    data = read_table(sheet(rows.encode()), "x", scale="off")
    assert sorted(data.train.x[:, 0].tolist()) == [i * 0.5 for i in range(1, 9)]
    text = "p,label\n=1+1,0\n" + "1.5,1\n2.5,0\n" * 5
    with pytest.raises(TableError, match='Row 2, column "p": "=1\\+1" is not a number'):
        read_table(text.encode(), "x")


def test_the_largest_tables_are_read_within_200_megabytes() -> None:
    """In a process of its own, above what importing takes; see docs/threat-model.md."""
    code = (
        "import resource\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "from nndl_core.data.table.reading import read_table\n"
        "small = '\\n'.join(['p,label', *(f'{i * 1.5},{i % 2}' for i in range(50))]).encode()\n"
        "read_table(small, 'x')\n"
        "wide = ','.join([*(f'f{i}' for i in range(60)), 'label'])\n"
        "wide = '\\n'.join([wide, *(','.join([*(f'{i * j % 97}.25' for j in range(60)),"
        " str(i % 2)]) for i in range(16000))]).encode()\n"
        "long = '\\n'.join(['p,label', *(f'{i * 1.01:.3f},{i % 2}' for i in range(450000))])\n"
        "long = long.encode()\n"
        "before = peak()\n"
        "for content in (wide, long): read_table(content, 'x')\n"
        "print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT)
    assert float(done.stdout) < 200


PIECES = st.text('0123456789.,;\t|"\n\r -+eE?=/:a年鸢é\0', max_size=200)
CONTENTS = (
    st.binary(max_size=300)
    | PIECES.map(str.encode)
    | PIECES.map(lambda text: text.encode("utf-16"))
    | PIECES.map(lambda text: text.encode("gb18030"))
    | st.lists(st.lists(PIECES, min_size=2, max_size=4).map(",".join), max_size=9).map(
        lambda rows: "\n".join(rows).encode()
    )
    | st.binary(max_size=40).map(lambda part: BOOK[:900] + part + BOOK[900 + len(part) :])
)


@settings(deadline=None, max_examples=300)
@given(
    CONTENTS,
    st.builds(
        Form,
        encoding=st.sampled_from(["", "utf-8", "utf-16", "gb18030", "cp1252"]),
        delimiter=st.sampled_from(["", ",", ";", "\t", "|", " "]),
        decimal=st.sampled_from(["", ".", ","]),
        header=st.sampled_from(["", "names", "data"]),
    ),
)
def test_any_bytes_are_a_table_or_get_one_sentence(content: bytes, form: Form) -> None:
    start = time.perf_counter()
    try:
        outcome: Dataset | None = read_table(content, "x")
    except TableError as error:
        check_sentence(str(error))
        outcome = None
    try:
        read_grid(content, form)
    except TableError as error:
        check_sentence(str(error))
    assert time.perf_counter() - start < 2
    if outcome is not None:
        assert outcome.train.x.isfinite().all()
        assert 2 <= len(outcome.classes) <= 10


def test_a_quote_that_swallows_rows_is_one_sentence_and_no_warning() -> None:
    with pytest.raises(TableError, match="Row 1 has 3 cells, but the first row has 2"):
        read_table(b'p,"q,label\n"0,0,a\n1,1,b\n2,1,a\n3,0,b\n', "swallowed.csv")
