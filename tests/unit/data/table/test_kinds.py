"""Tables as they lie on disks: each is read as it is meant, and what was guessed is said."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from openpyxl import Workbook

from nndl_core.base.i18n import speaking
from nndl_core.data.catalog import make_dataset
from nndl_core.data.table.columns import ColumnChoice
from nndl_core.data.table.file import Form
from nndl_core.data.table.reading import Table, read_table
from nndl_core.data.table.text import TableError
from nndl_core.data.table.words import notices, summary
from tests.bad_input import check_sentence

NUMBERS = [(f"{i * 7 % 23}.5", f"{i * i % 19}.25", "ab"[i * i % 3 % 2]) for i in range(30)]


def lines(header: str, row: Callable[[int], str], count: int = 30, end: str = "\n") -> str:
    """Write a table whose rows are made from their number."""
    return end.join([*([header] if header else []), *(row(i) for i in range(count))])


def plain(i: int) -> str:
    return ",".join(NUMBERS[i])


def workbook(*sheets: list[list[Any]], names: tuple[str, ...] = ()) -> bytes:
    """Make an Excel workbook in memory."""
    book = Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(names[number] if names else f"Sheet{number + 1}")
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def cells(i: int) -> list[Any]:
    return [float(NUMBERS[i][0]), float(NUMBERS[i][1]), NUMBERS[i][2]]


def iris(*, header: bool, number: bool) -> str:
    """Write Kaggle's Iris.csv or UCI's iris.data from the lab's own copy."""
    data = make_dataset("iris", 150, scale="off")
    x, y = (torch.cat([getattr(p, n) for p in (data.train, data.dev, data.test)]) for n in "xy")
    order = y.argsort(stable=True)
    rows = []
    for i, (values, label) in enumerate(zip(x[order].tolist(), y[order].tolist(), strict=True)):
        row = [*(f"{value:.1f}" for value in values), f"Iris-{data.classes[label]}"]
        rows.append(",".join([str(i + 1)] * number + row))
    names = "SepalLengthCm,SepalWidthCm,PetalLengthCm,PetalWidthCm,Species"
    return "\n".join([f"Id,{names}" if number else names] * header + rows)


@dataclass(frozen=True)
class Kind:
    """A table and what it is right to make of it; says: parts of what is said about it."""

    content: bytes
    rows: int
    features: tuple[str, ...]
    classes: tuple[str, ...]
    label: str
    says: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, text: str | bytes, rows: int, features: str, classes: str, label: str, *says: str
    ) -> Kind:
        content = text if isinstance(text, bytes) else text.encode()
        return cls(content, rows, tuple(features.split()), tuple(classes.split()), label, says)


IRIS = "SepalLengthCm SepalWidthCm PetalLengthCm PetalWidthCm"
IRIS_CLASSES = "Iris-setosa Iris-versicolor Iris-virginica"
XOR = "x1,x2,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"
BY_NAME, LAST = "The label is {}, by its name.", "The label is {}, the last column"


def german(i: int) -> str:
    return ";".join(part.replace(".", ",") for part in NUMBERS[i])


def gap(word: str) -> str:
    """Write every fifth first cell as missing."""
    return lines("a,b,label", lambda i: plain(i) if i % 5 else f"{word},{i % 7},{'ab'[i % 2]}")


KINDS = {
    "comma and header": Kind.of(lines("p,q,label", plain), 30, "p q", "a b", "label"),
    "no header": Kind.of(
        lines("", plain), 30, "x1 x2", "a b", "x3", "The first row holds data", "x1 to x3"
    ),
    "no header, all numbers": Kind.of(
        lines("", lambda i: f"{i * 7 % 23}.5,{i * i % 19},{i % 2}"),
        30, "x1 x2", "0 1", "x3", "The first row holds data", LAST.format('"x3"'),
    ),
    "no header, the same number twice in the first row": Kind.of(
        lines("", lambda i: f"{i * i % 11},{i * i % 13},{i % 2}"), 30, "x1 x2", "0 1", "x3",
    ),
    "no header, UCI's iris": Kind.of(
        iris(header=False, number=False), 150, "x1 x2 x3 x4", IRIS_CLASSES, "x5",
    ),
    "no header, a gap in the first row": Kind.of(
        "?,2.5,a\n" + lines("", plain), 30, "x1 x2", "a b", "x3", "1 of 31 rows are left out",
    ),
    "semicolon and decimal comma": Kind.of(
        lines("p;q;label", german), 30, "p q", "a b", "label", "decimal comma"
    ),
    "semicolon and decimal comma without header": Kind.of(
        lines("", german), 30, "x1 x2", "a b", "x3", "decimal comma"
    ),
    "decimal comma and points for thousands": Kind.of(
        lines("p;q;label", lambda i: f"{i + 1}.234,5;{i * i},25;{'ab'[i % 2]}"),
        30, "p q", "a b", "label",
    ),
    "BOM": Kind.of(b"\xef\xbb\xbf" + lines("p,q,label", plain).encode(), 30, "p q", "a b", "label"),
    "CRLF": Kind.of(lines("p,q,label", plain, end="\r\n"), 30, "p q", "a b", "label"),
    "UTF-16 as Excel's Unicode text": Kind.of(
        lines("p\tq\tlabel", lambda i: plain(i).replace(",", "\t")).encode("utf-16"),
        30, "p q", "a b", "label", "read as UTF-16",
    ),
    "UTF-16 without a mark": Kind.of(
        lines("花瓣,q,label", plain).encode("utf-16-be"), 30, "花瓣 q", "a b", "label", "UTF-16"
    ),
    "GBK header": Kind.of(
        lines("花瓣长,花瓣宽,标签", plain).encode("gbk"), 30, "花瓣长 花瓣宽", "a b", "标签",
        "read as GBK", BY_NAME.format('"标签"'),
    ),
    "GBK classes": Kind.of(
        lines("p,q,label", lambda i: f"{i * 1.5},{i * i % 7},{'良恶'[i % 2]}性").encode("gbk"),
        30, "p q", "恶性 良性", "label", "read as GBK",
    ),
    "Windows-1252": Kind.of(
        lines("Größe,été,label", plain).encode("cp1252"), 30, "Größe été", "a b", "label",
        "read as Windows-1252",
    ),
    "quoted commas and thousands": Kind.of(
        lines("name,fare,age,label", lambda i: f'"Doe, {i}","6,{100 + i}.5",{i * 3 % 50},{i % 2}'),
        30, "fare age", "0 1", "label", '"name" (text: 30 different values)',
    ),
    "thousands without a point": Kind.of(
        lines("p,q,label", lambda i: f'"{i + 1},000",{i * i % 7},{i % 2}'),
        30, "p q", "0 1", "label",
    ),
    "tab": Kind.of(
        lines("p\tq\tlabel", lambda i: plain(i).replace(",", "\t")), 30, "p q", "a b", "label"
    ),
    "bar": Kind.of(
        lines("p|q|label", lambda i: plain(i).replace(",", "|")), 30, "p q", "a b", "label"
    ),
    "blanks": Kind.of(
        lines("p   q  label", lambda i: "  " + plain(i).replace(",", "   ")),
        30, "p q", "a b", "label",
    ),
    "Excel's own line on the separator": Kind.of(
        "sep=;\n" + lines("p;q;label", lambda i: plain(i).replace(",", ";")),
        30, "p q", "a b", "label",
    ),
    "xlsx": Kind.of(
        workbook([["p", "q", "label"], *(cells(i) for i in range(30))]), 30, "p q", "a b", "label"
    ),
    "xlsx without header": Kind.of(
        workbook([cells(i) for i in range(30)]), 30, "x1 x2", "a b", "x3", "holds data"
    ),
    "xlsx of two sheets, below and beside blank cells": Kind.of(
        workbook(
            [[], [None, "p", "q", "label"], *([None, *cells(i)] for i in range(30))],
            [["x"]],
            names=("data", "notes"),
        ),
        30, "p q", "a b", "label", 'Sheet "data" is read, one of 2',
    ),
    "xlsx with dates, whole numbers and gaps": Kind.of(
        workbook(
            [["day", "p", "n", "label"]]
            + [
                [datetime.datetime(2024, 1, i + 1), cells(i)[0], i * i if i % 6 else None, i % 2]
                for i in range(30)
            ]
        ),
        25, "p n", "0 1", "label", '"day" (dates or times)', "5 of 30 rows are left out",
    ),
    "xlsx with formulas that nobody computed": Kind.of(
        workbook([["p", "f", "label"], *([cells(i)[0], "=A2*2", "ab"[i % 2]] for i in range(30))]),
        30, "p", "a b", "label", '"f" (no values)',
    ),
    "gaps, empty": Kind.of(gap(""), 24, "a b", "a b", "label", "6 of 30 rows are left out"),
    "gaps, NaN": Kind.of(gap("NaN"), 24, "a b", "a b", "label", "6 of 30 rows are left out"),
    "gaps, ?": Kind.of(gap("?"), 24, "a b", "a b", "label", "6 of 30 rows are left out"),
    "gaps, NA": Kind.of(gap("NA"), 24, "a b", "a b", "label", "6 of 30 rows are left out"),
    "gaps, N/A": Kind.of(gap("N/A"), 24, "a b", "a b", "label", "6 of 30 rows are left out"),
    "gaps, null": Kind.of(gap("null"), 24, "a b", "a b", "label", "6 of 30 rows are left out"),
    "gaps, -": Kind.of(gap("-"), 24, "a b", "a b", "label", "6 of 30 rows are left out"),
    "gaps in the label": Kind.of(
        lines("a,b,label", lambda i: plain(i) if i % 5 else f"{i},{i % 7},"),
        24, "a b", "a b", "label", "6 of 30 rows",
    ),
    "most cells of a column are gaps": Kind.of(
        lines("a,cabin,label", lambda i: f"{i * 1.5},{i if i % 4 == 0 else ''},{i % 2}"),
        30, "a", "0 1", "label", '"cabin" (22 of 30 cells are empty)',
    ),
    "two columns whose gaps together cost most rows": Kind.of(
        lines(
            "a,b,c,label",
            lambda i: f"{i * 1.5},{i if i % 3 else ''},{'' if i % 5 in (1, 2) else i * i},{i % 2}",
        ),
        20, "a b", "0 1", "label", '"c" (12 of 30 cells are empty)', "10 of 30 rows",
    ),
    "the classes + and -, and a gap": Kind.of(
        lines("a,b,y", lambda i: f"{i * 1.5},{i * i % 7},{'+-?'[i % 3]}"), 20, "a b", "+ -", "y",
    ),
    "text columns": Kind.of(
        lines("color,p,city,label", lambda i: f"{'rgb'[i % 3]},{i * 1.5},c{i % 8},{i % 2}"),
        30, "p", "0 1", "label", '"city" (text: 8 different values)', '"color" (text: 3',
    ),
    "class names": Kind.of(
        lines("p,q,species", lambda i: f"{i * 1.5},{i * i % 7},{('cat', 'dog', 'owl')[i % 3]}"),
        30, "p q", "cat dog owl", "species", BY_NAME.format('"species"'),
    ),
    "label first": Kind.of(
        lines("标签,x1,x2", lambda i: f"{i % 2},{i * 1.5},{i * i % 7}"),
        30, "x1 x2", "0 1", "标签", BY_NAME.format('"标签"'),
    ),
    "label in the middle": Kind.of(
        lines("p,Class,q", lambda i: f"{i * 1.5},{i % 2},{i * i % 7}"), 30, "p q", "0 1", "Class",
    ),
    "label with another name": Kind.of(
        lines("p,q,kind", plain), 30, "p q", "a b", "kind", LAST.format('"kind"')
    ),
    "x, y, color": Kind.of(
        lines("x,y,color", lambda i: f"{i * 1.5},{i * i % 7},{('red', 'blue')[i % 2]}"),
        30, "x y", "blue red", "color", LAST.format('"color"'),
    ),
    "x1, x2, y": Kind.of(
        lines("x1,x2,y", lambda i: f"{i * 1.5},{i * i % 7},{i % 2}"), 30, "x1 x2", "0 1", "y",
        BY_NAME.format('"y"'),
    ),
    "a text column of few values before the last": Kind.of(
        lines("kind,p,price", lambda i: f"{'ab'[i % 2]},{i * i % 7},{i * 1000.5}"),
        30, "p price", "a b", "kind", 'The label is "kind", a text column with few values',
    ),
    "Kaggle's iris with an Id": Kind.of(
        iris(header=True, number=True), 150, IRIS, IRIS_CLASSES, "Species",
        '"Id" (an index: every row has another whole number)',
    ),
    "an index without a name": Kind.of(
        lines(",p,q,label", lambda i: f"{i},{plain(i)}"), 30, "p q", "a b", "label",
        '"column 1" (an index', "A column without a name",
    ),
    "an index with another start": Kind.of(
        lines("PassengerId,p,label", lambda i: f"{892 + i * 3},{i * 1.5},{i % 2}"),
        30, "p", "0 1", "label", '"PassengerId" (an index',
    ),
    "编号": Kind.of(
        lines("编号,p,类别", lambda i: f"{900 - i},{i * 1.5},{i % 2}"), 30, "p", "0 1", "类别",
        '"编号" (an index',
    ),
    "a counting column that is the only one": Kind.of(
        lines("x,label", lambda i: f"{i},{'ab'[i % 2]}"), 30, "x", "a b", "label",
    ),
    "dates": Kind.of(
        lines("day,at,p,label", lambda i: f"2024-01-{i + 1:02},{i % 24}:30,{i * 1.5},{i % 2}"),
        30, "p", "0 1", "label", '"day" (dates or times)', '"at" (dates or times)',
    ),
    "Chinese dates": Kind.of(
        lines("日期,p,类别", lambda i: f"2024年1月{i + 1}日,{i * 1.5},{i % 2}"),
        30, "p", "0 1", "类别", '"日期" (dates or times)',
    ),
    "constant column": Kind.of(
        lines("p,unit,label", lambda i: f"{i * 1.5},3,{i % 2}"), 30, "p", "0 1", "label",
        '"unit" (the same value in every row)',
    ),
    "60 features": Kind.of(
        lines(
            ",".join([*(f"f{i}" for i in range(60)), "label"]),
            lambda i: ",".join([*(f"{i * (j + 1) % 103}.5" for j in range(60)), str(i % 2)]),
        ),
        30, " ".join(f"f{i}" for i in range(60)), "0 1", "label",
    ),
    "100 features": Kind.of(
        lines(
            ",".join([*(f"f{i}" for i in range(100)), "label"]),
            lambda i: ",".join([*(f"{i * (j + 1) % 103}.5" for j in range(100)), str(i % 2)]),
        ),
        30, " ".join(f"f{i}" for i in range(64)), "0 1", "label",
        "Only the first 64 columns of numbers are features",
    ),
    "4 rows": Kind.of(
        XOR, 4, "x1 x2", "0 1", "y", "All 4 rows are trained on", "there is no dev and no test part"
    ),
    "30 000 rows": Kind.of(
        lines("p,q,label", lambda i: f"{i}.5,{i * i % 997},{i % 2}", 30_000),
        5000, "p q", "0 1", "label", "The data seed draws 5,000 of 30,000 rows",
    ),
    "one class in the train part": Kind.of(
        lines("x,label", lambda i: f"{i},{'a' if i < 11 else 'b'}", 12),
        12, "x", "a b", "label",
        'Every row of the train part is of class "a"', '"b" (1); a class needs at least 3',
    ),
    "rare class": Kind.of(
        lines("p,q,label", lambda i: f"{i * 1.5},{i % 7},{'c' if i in (3, 8) else 'ab'[i % 2]}"),
        30, "p q", "a b c", "label", 'a class: "c" (2)',
    ),
    "trailing comma": Kind.of(
        lines("p,q,label,", lambda i: plain(i) + ","), 30, "p q", "a b", "label"
    ),
    "trailing comma in the rows alone": Kind.of(
        lines("p,q,label", lambda i: plain(i) + ","), 30, "p q", "a b", "label"
    ),
    "a column of nothing": Kind.of(
        lines("p,none,label", lambda i: f"{i * 1.5},,{i % 2}"), 30, "p", "0 1", "label",
        '"none" (no values)',
    ),
    "free text on several lines": Kind.of(
        lines("p,note,label", lambda i: f'{i * 1.5},"one\ntwo, {i}",{i % 2}'),
        30, "p", "0 1", "label", '"note" (text: 30',
    ),
    "years as names": Kind.of(
        lines("2019,2020,label", lambda i: f"{i * 1.5},{i * i % 7},{i % 2}"),
        30, "2019 2020", "0 1", "label",
    ),
    "nothing but text without header": Kind.of(
        lines("", lambda i: f"{i * 1.5},{'ab'[i % 2]}"), 30, "x1", "a b", "x2", "holds data"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_table_is_read_as_it_is_meant(name: str) -> None:
    kind = KINDS[name]
    table = Table.of(kind.content, "mine")
    reading = table.read()
    data = reading.dataset
    assert data.features == kind.features
    assert data.classes == kind.classes
    assert table.grid.names[table.choice.label] == kind.label
    assert sum(reading.sizes) == kind.rows
    said = notices(table, reading)
    for words in kind.says:
        assert any(words in sentence for sentence in said), (words, said)
    for sentence in (summary(table, reading), *said):
        assert sentence.endswith(".")
        assert sentence.count("\n") == 0
    parts = {id(part): part for part in (data.train, data.dev, data.test)}.values()
    assert sum(len(part.y) for part in parts) == kind.rows
    assert all(part.x.isfinite().all() for part in parts)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_said_of_a_table_is_chinese_throughout(name: str) -> None:
    table = Table.of(KINDS[name].content, "mine")
    reading = table.read()
    with speaking("zh"):
        for sentence in (summary(table, reading), *notices(table, reading)):
            assert sentence.endswith("。")
            assert "\u4e00" <= sentence[0] <= "\u9fff" or sentence[0].isdigit(), sentence


def test_there_are_more_than_forty_kinds() -> None:
    assert len(KINDS) > 60


def test_the_cells_of_an_odd_table_are_those_of_the_plain_one() -> None:
    wanted = read_table(KINDS["comma and header"].content, "x", 3)
    same = ["no header", "semicolon and decimal comma", "BOM", "CRLF", "tab", "bar", "blanks",
            "UTF-16 as Excel's Unicode text", "xlsx", "trailing comma", "Windows-1252"]  # fmt: skip
    for name in same:
        found = read_table(KINDS[name].content, "x", 3)
        assert torch.equal(found.train.x, wanted.train.x), name
        assert torch.equal(found.test.y, wanted.test.y), name


def test_numbers_are_read_to_the_last_bit() -> None:
    text = lines("p,q,label", lambda i: f'"{i + 1},234.5",{i / 7!r},{i % 2}', 8)
    data = read_table(text.encode(), "x", scale="off")
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0)).tolist()
    exact = torch.tensor([[(i + 1) * 1000 + 234.5, i / 7] for i in order], dtype=torch.float64)
    assert torch.equal(data.train.x, exact.float())


def test_without_scaling_the_numbers_are_those_of_the_file() -> None:
    raw = read_table(KINDS["comma and header"].content, "x", 3, "off")
    found = {tuple(row) for part in (raw.train, raw.dev, raw.test) for row in part.x.tolist()}
    assert found == {(float(p), float(q)) for p, q, _ in NUMBERS}


def test_the_truth_table_of_xor_is_trained_on_whole() -> None:
    data = read_table(XOR.encode(), "xor")
    assert data.train is data.dev is data.test
    assert sorted(map(tuple, data.train.x.tolist())) == [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    assert all(
        (x[0] * x[1] < 0) == bool(y) for x, y in zip(data.train.x, data.train.y, strict=True)
    )


def test_the_id_of_iris_foretells_nothing_by_default() -> None:
    table = Table.of(KINDS["Kaggle's iris with an Id"].content, "Iris.csv")
    assert 0 not in table.choice.features
    alone = table.choosing(ColumnChoice(5, (0,)))  # who wants it can have it
    assert alone.dataset().features == ("Id",)
    assert any('"Id"' in said for said in notices(alone, alone.read())) is False


def test_a_sample_depends_on_the_data_seed_alone() -> None:
    table = Table.of(KINDS["30 000 rows"].content, "x")
    first, other = table.dataset(0), table.dataset(1)
    assert table.dataset(0) is first
    again = Table.of(KINDS["30 000 rows"].content, "x").dataset(0)
    assert torch.equal(first.train.x, again.train.x)
    assert not torch.equal(first.train.x, other.train.x)


@pytest.mark.parametrize(
    ("content", "form", "features", "rows"),
    [
        ("p,q,label\n" + "1,2,3\n4,5,6\n2,2,6\n" * 4, Form(header="data"), ("x1", "x2"), 0),
        ("1.5,2,0\n" + "2.5,4,1\n3,5,0\n" * 4, Form(header="names"), ("1.5", "2"), 8),
        ("p;q;label\n" + "1.234;2;0\n2.345;7;1\n" * 4, Form(decimal=","), ("p", "q"), 8),
        ("é,q,label\n" + "1.2,2,0\n2.3,7,1\n" * 4, Form(encoding="cp1252"), ("Ã©", "q"), 8),
    ],
    ids=["header", "no header", "decimal mark", "encoding"],
)  # fmt: skip
def test_what_was_found_can_be_changed(
    content: str, form: Form, features: tuple[str, ...], rows: int
) -> None:
    assert Table.of(content.encode(), "x").read().rows >= 8
    table = Table.of(content.encode(), "x", form)
    assert tuple(table.grid.names[:2]) == features
    if rows:
        assert table.read().rows == rows
    else:
        with pytest.raises(TableError, match='column "x1": "p" is not a number'):
            table.read()


def test_thousands_are_what_the_decimal_mark_makes_of_them() -> None:
    content = ("p;q;label\n" + "1.234;2;0\n2.345;7;1\n" * 4).encode()
    for mark, value in ((".", 1.234), (",", 1234.0)):
        data = Table.of(content, "x", Form(decimal=mark)).dataset(0, "off")  # type: ignore[arg-type]
        assert data.train.x.min(dim=0).values.tolist() == [pytest.approx(value), 2]


def test_another_sheet_can_be_read() -> None:
    book = workbook(
        [["x"], [1]], [["p", "label"], *([i * 1.5, i % 2] for i in range(12))], names=("a", "b")
    )
    with pytest.raises(TableError, match="Row 1 has one column"):
        Table.of(book, "x")
    table = Table.of(book, "x", Form(sheet="b"))
    assert table.grid.sheets == ("a", "b")
    assert table.read().rows == 12


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_other_seeds_divide_the_same_rows(name: str, seed: int) -> None:
    first, other = (Table.of(KINDS[name].content, "x").read(s) for s in (0, seed))
    if first.complete <= 5000:
        assert first.sizes == other.sizes


CHOICES = {
    "no feature": (ColumnChoice(2, ()), "No column of numbers is left"),
    "text as a feature": (ColumnChoice(3, (0,)), 'Row 2, column "name": "n0" is not a number'),
    "label as a feature": (ColumnChoice(3, (1, 3)), 'Column "label" is the label and cannot be'),
    "a price as the label": (
        ColumnChoice(1, (2,)),
        'Row 12, column "p": "15.0" is number 11 of 30',
    ),
    "text as the label": (ColumnChoice(0, (1,)), 'Row 12, column "name": "n10" is class number 11'),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_that_cannot_be_trained_on_says_why(name: str) -> None:
    text = lines("name,p,q,label", lambda i: f"n{i},{i * 1.5},{i * i % 7},{i % 2}")
    choice, words = CHOICES[name]
    with pytest.raises(TableError) as caught:
        Table.of(text.encode(), "x").choosing(choice).read()
    check_sentence(str(caught.value), (words,))
    with speaking("zh"), pytest.raises(TableError) as caught:
        Table.of(text.encode(), "x").choosing(choice).read()
    assert not str(caught.value).startswith(("Row", "Column", "No"))
