"""CSV upload: how rows are divided and scaled, and the sentence for everything that is wrong."""

import csv
import gzip
import io
import tracemalloc

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped, unused-ignore]

from nndl_core.data.catalog import Dataset
from nndl_core.data.table.reading import read_table
from nndl_core.data.table.text import MAX_BYTES, TableError

HEADER = ["a", "b", "label"]
GOOD = [[f"{i}.5", str(i * i), "yes" if i % 3 else "no"] for i in range(20)]


def text(rows: list[list[str]], header: list[str] = HEADER, delimiter: str = ",") -> bytes:
    return "\n".join(delimiter.join(row) for row in [header, *rows]).encode()


def with_cell(row: int, column: int, value: str) -> bytes:
    """Put a value into a good file; row counts as the messages do, from the header as 1."""
    rows = [list(each) for each in GOOD]
    rows[row - 2][column] = value
    return text(rows)


def joined(data: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    parts = (data.train, data.dev, data.test)
    return torch.cat([p.x for p in parts]), torch.cat([p.y for p in parts])


def test_rows_are_shuffled_once_split_and_scaled_by_train_alone() -> None:
    data = read_table(text(GOOD), "mine", data_seed=3)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(3))
    raw = torch.tensor([[float(r[0]), float(r[1])] for r in GOOD], dtype=torch.float64)[order]
    expected = StandardScaler().fit(raw[:12].numpy()).transform(raw.numpy())
    x, y = joined(data)
    assert [len(p.y) for p in (data.train, data.dev, data.test)] == [12, 3, 5]
    assert torch.allclose(x, torch.from_numpy(expected).float(), atol=1e-6)
    assert data.train.x.mean(dim=0).abs().max() < 1e-6
    assert [data.classes[i] for i in y.tolist()] == [GOOD[i][2] for i in order.tolist()]
    assert (data.name, data.features, data.classes) == ("mine", ("a", "b"), ("no", "yes"))
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)


def test_the_seed_decides_the_order() -> None:
    first, again, other = (joined(read_table(text(GOOD), "x", seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_delimiters_line_ends_and_byte_order_mark_make_no_difference(
    delimiter: str, ending: str, start: bytes
) -> None:
    content = start + text(GOOD, delimiter=delimiter).replace(b"\n", ending.encode())
    (x, y), (expected_x, expected_y) = (
        joined(read_table(content, "x")),
        joined(read_table(text(GOOD), "x")),
    )
    assert torch.equal(x, expected_x)
    assert torch.equal(y, expected_y)


@pytest.mark.parametrize(
    ("header", "features"),
    [
        (["p", "LABEL", "q"], ("p", "q")),
        (["Class", "p", "q"], ("p", "q")),
        (["p", "Target", "q"], ("p", "q")),
        (["p", "Y", "q"], ("p", "q")),
        (["y", "label", "class"], ("y", "class")),
        (["p", "q", "kind"], ("p", "q")),
        (["0", "1", "2"], ("0", "1")),
        (["Label", "1", "2"], ("1", "2")),
    ],
)
def test_label_column_is_found_by_name_or_is_the_last(
    header: list[str], features: tuple[str, ...]
) -> None:
    rows = [[str(i % 2), str(i % 2), str(i % 2)] for i in range(10)]
    assert read_table(text(rows, header), "x").features == features


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["10", "9", "2"], ("2", "9", "10")),
        (["-1", "1", "0.5"], ("-1", "0.5", "1")),
        (["10", "9", "b"], ("10", "9", "b")),
        (["1.0", "3", "1"], ("1", "3")),
        (["nan", "3", "20"], ("3", "20")),
        (["鸢尾", "b", "a"], ("a", "b", "鸢尾")),
    ],
)
def test_classes_are_sorted_by_value_if_all_are_numbers(
    labels: list[str], classes: tuple[str, ...]
) -> None:
    rows = [[str(i), "0", labels[i % 3]] for i in range(12)]
    assert read_table(text(rows), "x").classes == classes


def test_quotes_spaces_and_blank_lines_are_understood() -> None:
    rows = "\n\n".join(f'" {i + 5}", {i}e-1 ,"say ""{i % 2}"", ok"' for i in range(10))
    data = read_table(f'"a, b",c,label\n{rows}\n\n'.encode(), "x")
    assert data.features == ("a, b", "c")
    assert data.classes == ('say "0", ok', 'say "1", ok')


def test_delimiters_inside_quoted_names_are_not_counted() -> None:
    rows = "\n".join(f"{i},{i % 2}" for i in range(10))
    assert read_table(f'"a;b;c",label\n{rows}'.encode(), "x").features == ("a;b;c",)


def test_the_limits_themselves_are_allowed() -> None:
    header = [f"f{i}" for i in range(64)] + ["label"]
    rows = [[*[f"{i % 2}.5"] * 64, str(i % 10)] for i in range(5000)]
    data = read_table(text(rows, header), "x")
    assert len(joined(data)[1]) == 5000
    assert len(data.features) == 64
    assert len(data.classes) == 10
    assert len(joined(read_table(text(GOOD[:10]), "x"))[1]) == 10
    assert len(read_table(text(GOOD[:4]), "x").train.y) == 4


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[float, str]]:
    letters = st.characters(exclude_categories=("Cc", "Cs", "Z"))
    words = st.text(letters, max_size=9).map("c{}".format)  # neither a gap nor a number
    classes = draw(st.lists(words, min_size=2, max_size=10, unique=True))
    more = draw(st.lists(st.sampled_from(classes), min_size=8, max_size=30))
    return [(draw(st.integers(-(10**9), 10**9)) / 1000, label) for label in [*classes, *more]]


@settings(deadline=None, max_examples=60)
@given(tables())
def test_what_the_csv_module_writes_is_read_back(rows: list[tuple[float, str]]) -> None:
    out = io.StringIO()
    rows = [*rows, (7.25, rows[0][1]), (8.25, rows[0][1])]  # not one value in every row
    csv.writer(out).writerows([("value", "label"), *rows])
    data = read_table(out.getvalue().encode(), "x", data_seed=1)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1)).tolist()
    assert [data.classes[i] for i in joined(data)[1].tolist()] == [rows[i][1] for i in order]
    assert joined(data)[0].isfinite().all()


MEND = "; mend the cell, or leave the column out."
COMPRESSED = (
    "The file is compressed or binary; unpack it, and upload the table in it as CSV or .xlsx."
)
LONG = " is longer than 65536 characters; leave out columns, or end each row with a new line."
NAMELESS = "; shorten it, or choose another label."
OTHER_LABEL = ": choose another column as the label."
WIDTH = "but the first row has 3; give it as many, or choose another delimiter."
EMPTY = "The file is empty; upload a table with one row for each example."
ERRORS = {
    "empty file": (b"", EMPTY),
    "blank file": (b"\xef\xbb\xbf\n \n", EMPTY),
    "too large": (
        b"a" * (MAX_BYTES + 1),
        "The file has 10.0 MB; at most 10 MB can be read: leave out rows or columns.",
    ),
    "one line of 10 MB": (b"1," * (MAX_BYTES // 2), "Row 1" + LONG),
    "long row": (text([["1", "2", "x" * 70_000]]), "Row 2" + LONG),
    "a million rows of two columns": (
        b"a,label\n" + b"1,2\n" * 1_000_000,
        "The table has about 1,000,001 rows of 2 columns; at most 1,000,000 cells can be read: "
        "leave out rows or columns.",
    ),
    "gzip": (gzip.compress(text(GOOD)), COMPRESSED),
    "no workbook": (b"PK\x03\x04" + b"\0" * 50, COMPRESSED),
    "zero byte": (
        text(GOOD) + b"\0",
        'The file is binary, not text; save the table as "CSV UTF-8".',
    ),
    "no encoding": (
        "a,b,label\r\n1,2,鸢\r\n".encode("gbk") + b"\x81",
        'Row 3 is not Windows-1252 text; choose another encoding, or save the file as "CSV UTF-8".',
    ),
    "one column": (
        b"alone\n1\n2\n",
        'Row 1 has one column, "alone"; a feature and a label are needed, separated by comma, '
        "semicolon or tab.",
    ),
    "5000 columns": (
        text([], [f"c{i}" for i in range(5000)]),
        "Row 1 has 5000 columns; at most 512 can be read: leave some out.",
    ),
    "duplicate name": (
        text(GOOD, ["a", " a", "label"]),
        'Row 1, column 2: the name "a" occurs twice; give every column a name of its own.',
    ),
    "long name": (
        text(GOOD, ["a", "b" * 65, "label"]),
        'Column 2: the name "bbbbbbbbbbbbbbbbbbbb…" is longer than 64 characters; shorten it, or '
        "leave the column out.",
    ),
    "header after a blank line": (
        b"\n" + text(GOOD, ["a", "a", "b"]),
        'Row 2, column 2: the name "a" occurs twice; give every column a name of its own.',
    ),
    "short row": (text([*GOOD[:5], ["1", "2"]]), "Row 7 has 2 cells, " + WIDTH),
    "wide row": (text([*GOOD[:5], ["1", "2", "yes", "more"]]), "Row 7 has 4 cells, " + WIDTH),
    "very wide row": (text([*GOOD[:5], ["1"] * 9]), "Row 7 has 9 cells, " + WIDTH),
    "ragged after blank line": (
        text([*GOOD[:1], [""], ["1", "2"]]),
        "Row 4 has 2 cells, " + WIDTH,
    ),
    "word": (with_cell(7, 1, "abc"), 'Row 7, column "b": "abc" is not a number' + MEND),
    "long word": (
        with_cell(2, 0, "z" * 50),
        'Row 2, column "a": "zzzzzzzzzzzzzzzzzzzz…" is not a number' + MEND,
    ),
    "control character": (
        with_cell(2, 0, "a\x1bb"),
        'Row 2, column "a": "a?b" is not a number' + MEND,
    ),
    "decimal comma": (
        with_cell(3, 0, '"1,5"'),
        'Row 3, column "a": "1,5" is not a number; write decimals with a point, or leave the '
        "column out.",
    ),
    "underscore": (with_cell(3, 0, "1_000"), 'Row 3, column "a": "1_000" is not a number' + MEND),
    "formula": (with_cell(3, 0, "=1+1"), 'Row 3, column "a": "=1+1" is not a number' + MEND),
    "infinity": (
        with_cell(4, 0, "-inf"),
        'Row 4, column "a": "-inf" is not a finite number' + MEND,
    ),
    "overflow": (
        with_cell(4, 1, "1e400"),
        'Row 4, column "b": "1e400" is not a finite number' + MEND,
    ),
    "huge": (
        with_cell(4, 1, "-2e30"),
        'Row 4, column "b": "-2e30" is beyond 1e+30, the largest size allowed' + MEND,
    ),
    "open quote": (
        with_cell(5, 2, '"yes'),
        "Row 5: a quotation mark opens a cell and none closes it; close it, or delete it.",
    ),
    "3 rows": (text(GOOD[:3]), "The table has 3 rows of data; at least 4 are needed."),
    "header only": (text([]), "The table has 0 rows of data; at least 4 are needed."),
    "no value anywhere": (
        text([["nan", "?", "yes" if i % 2 else "no"] for i in range(9)]),
        'No column of numbers is left as a feature beside the label "label"; choose another '
        "label, or add a column of numbers.",
    ),
    "no label anywhere": (
        text([[*row[:2], "?"] for row in GOOD]),
        "Only 0 of 20 rows have a value in every chosen column, and 4 are needed; leave out "
        'column "label", where 20 cells are empty.',
    ),
    "one class": (
        text([[*row[:2], "same"] for row in GOOD]),
        'In the label column "label" every row says "same"; 2 classes are needed' + OTHER_LABEL,
    ),
    "11 classes": (
        text([[*row[:2], f"c{min(i, 10)}"] for i, row in enumerate(GOOD)]),
        'Row 12, column "label": "c10" is class number 11 of 11; at most 10 can be learned'
        + OTHER_LABEL,
    ),
    "a price": (
        text([[*row[:2], f"{100 + i}.5"] for i, row in enumerate(GOOD)]),
        'Row 12, column "label": "110.5" is number 11 of 20 different ones; the lab learns '
        "classes, at most 10 of them, and no quantities yet" + OTHER_LABEL,
    ),
    "long class": (
        with_cell(3, 2, "c" * 65),
        'Row 3, column "label": "cccccccccccccccccccc…" is no name of a class, which has at most '
        "64 characters on one line" + NAMELESS,
    ),
    "web page": (
        b"<!DOCTYPE html>\n<html><body>a,b,label</body></html>\n",
        "The file is a web page, not a table; download the table itself, as CSV or .xlsx.",
    ),
    "JSON": (
        b'[{"a": 1, "label": 2}]\n',
        "The file is JSON, not a table; save the table as CSV or .xlsx.",
    ),
    "old workbook": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "The file is an old Excel workbook (.xls); save it as .xlsx or as CSV UTF-8.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_every_error_is_one_sentence_naming_place_and_value(case: str) -> None:
    content, sentence = ERRORS[case]
    with pytest.raises(TableError) as caught:
        read_table(content, "x")
    assert str(caught.value) == sentence
    assert isinstance(caught.value, ValueError)


def test_value_that_cannot_be_scaled_is_named_where_it_stands_in_the_file() -> None:
    narrow = [[str(i), str(1e-12 * i), str(i % 2)] for i in range(40)]
    last = int(torch.randperm(40, generator=torch.Generator().manual_seed(0))[-1])
    narrow[last][1] = "1e30"
    with pytest.raises(TableError, match=f'^Row {last + 2}, column "b": the value is too far from'):
        read_table(text(narrow), "x")


@pytest.mark.parametrize(
    "content",
    [
        b"1," * (MAX_BYTES // 2),
        b"a,label\n" + b"1,2\n" * (MAX_BYTES // 4 - 2),
        b'a,label\n"' + b"1,\n" * (MAX_BYTES // 3 - 4),
        b"\n" * MAX_BYTES,
    ],
    ids=["one line", "a million rows", "an open quote", "blank lines"],
)
def test_hostile_files_are_refused_within_bounded_memory(content: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TableError):
            read_table(content, "x")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * MAX_BYTES


@settings(deadline=None, max_examples=300)
@given(
    start=st.integers(0, len(text(GOOD))),
    length=st.integers(0, 30),
    patch=st.binary(max_size=20) | st.text('01e.,;\t"\n\ray鸢', max_size=20).map(str.encode),
)
def test_a_damaged_file_is_read_or_refused_with_one_sentence(
    start: int, length: int, patch: bytes
) -> None:
    good = text(GOOD)
    try:
        outcome = read_table(good[:start] + patch + good[start + length :], "x")
    except TableError as error:
        sentence = str(error)
        usable = sentence.endswith(".") and sentence.isprintable() and len(sentence) < 200
    else:
        usable = bool(joined(outcome)[0].isfinite().all()) and 2 <= len(outcome.classes) <= 10
    assert usable
