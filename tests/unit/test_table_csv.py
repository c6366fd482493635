"""CSV upload: what is read and how it is scaled, and the sentence for everything that is wrong."""

import csv
import gzip
import io
import tracemalloc

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped, unused-ignore]

from nndl_core.csv_data import MAX_BYTES, CsvError, read_csv
from nndl_core.datasets import Dataset

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
        (["nan", "3", "20"], ("20", "3", "nan")),
        (["鸢尾", "b", "a"], ("a", "b", "鸢尾")),
    ],
)
def test_classes_are_sorted_by_value_if_all_are_numbers(
    labels: list[str], classes: tuple[str, ...]
) -> None:
    rows = [[str(i), "0", labels[i % 3]] for i in range(12)]
    assert read_table(text(rows), "x").classes == classes


def test_quotes_spaces_and_blank_lines_are_understood() -> None:
    rows = "\n\n".join(f'" {i}", {i}e-1 ,"say ""{i % 2}"", ok"' for i in range(10))
    data = read_table(f'"a, b",c,label\n{rows}\n\n'.encode(), "x")
    assert data.features == ("a, b", "c")
    assert data.classes == ('say "0", ok', 'say "1", ok')


def test_delimiters_inside_quoted_names_are_not_counted() -> None:
    rows = "\n".join(f"{i},{i % 2}" for i in range(10))
    assert read_table(f'"a;b;c",label\n{rows}'.encode(), "x").features == ("a;b;c",)


def test_the_limits_themselves_are_allowed() -> None:
    header = [f"f{i}" for i in range(64)] + ["label"]
    row = ["0.25"] * 64
    rows = [[*row, str(i % 10)] for i in range(5000)]
    data = read_table(text(rows, header), "x")
    assert len(joined(data)[1]) == 5000
    assert len(data.features) == 64
    assert len(data.classes) == 10
    assert joined(data)[0].count_nonzero() == 0
    assert len(joined(read_table(text(GOOD[:10]), "x"))[1]) == 10


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[float, str]]:
    words = st.text(st.characters(exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=9)
    classes = draw(st.lists(words, min_size=2, max_size=10, unique=True))
    more = draw(st.lists(st.sampled_from(classes), min_size=8, max_size=30))
    return [(draw(st.integers(-(10**9), 10**9)) / 1000, label) for label in [*classes, *more]]


@settings(deadline=None, max_examples=60)
@given(tables())
def test_what_the_csv_module_writes_is_read_back(rows: list[tuple[float, str]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([("value", "label"), *rows])
    data = read_table(out.getvalue().encode(), "x", data_seed=1)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1)).tolist()
    assert [data.classes[i] for i in joined(data)[1].tolist()] == [rows[i][1] for i in order]
    assert joined(data)[0].isfinite().all()


EMPTY = ": the cell is empty."
ERRORS = {
    "empty file": (b"", "The file is empty."),
    "blank file": (b"\xef\xbb\xbf\n \n", "The file is empty."),
    "too large": (b"a" * (MAX_BYTES + 1), "The file has 5.0 MB; at most 5 MB can be read."),
    "one line of 5 MB": (b"1," * (MAX_BYTES // 2), "Row 1 is longer than 65536 characters."),
    "long row": (text([["1", "2", "x" * 70_000]]), "Row 2 is longer than 65536 characters."),
    "gzip": (
        gzip.compress(text(GOOD)),
        "The file is compressed or binary; upload the plain CSV text.",
    ),
    "workbook": (
        b"PK\x03\x04" + b"\0" * 50,
        "The file is compressed or binary; upload the plain CSV text.",
    ),
    "zero byte": (
        text(GOOD) + b"\0",
        'The file is binary or UTF-16, not UTF-8 text; save it as "CSV UTF-8".',
    ),
    "other encoding": (
        "a,b,label\r\n1,2,鸢\r\n".encode("gbk"),
        'Row 2 is not UTF-8 text; save the file as "CSV UTF-8".',
    ),
    "utf-16": (
        text(GOOD).decode().encode("utf-16"),
        'Row 1 is not UTF-8 text; save the file as "CSV UTF-8".',
    ),
    "one column": (
        b"alone\n1\n2\n",
        'Row 1 has one column, "alone"; a feature and a label separated by comma, semicolon or'
        " tab are needed.",
    ),
    "66 columns": (
        text([], [f"c{i}" for i in range(66)]),
        "Row 1 has 66 columns; at most 64 features and one label can be read.",
    ),
    "nameless column": (text(GOOD, ["a", "", "label"]), "Row 1: column 2 has no name."),
    "duplicate name": (
        text(GOOD, ["a", " a", "label"]),
        'Row 1: the column name "a" occurs twice.',
    ),
    "long name": (
        text(GOOD, ["a", "b" * 65, "label"]),
        'Row 1, column 2: the name "bbbbbbbbbbbbbbbbbbbb…" is longer than 64 characters.',
    ),
    "no header": (
        text(GOOD, ["5.1", "3.5", "setosa"]),
        'Row 1 must hold the column names, but column 1 is the number "5.1".',
    ),
    "header after a blank line": (
        b"\n" + text(GOOD, ["a", "a", "b"]),
        'Row 2: the column name "a" occurs twice.',
    ),
    "short row": (
        text([*GOOD[:5], ["1", "2"]]),
        'Row 7 has 2 cells, but the header has 3: "1,2".',
    ),
    "wide row": (
        text([*GOOD[:5], ["1", "2", "yes", "more"]]),
        'Row 7 has 4 cells, but the header has 3: "1,2,yes,more".',
    ),
    "ragged after blank line": (
        text([*GOOD[:1], [""], ["1", "2"]]),
        'Row 4 has 2 cells, but the header has 3: "1,2".',
    ),
    "word": (with_cell(7, 1, "abc"), 'Row 7, column "b": "abc" is not a number.'),
    "long word": (
        with_cell(2, 0, "z" * 50),
        'Row 2, column "a": "zzzzzzzzzzzzzzzzzzzz…" is not a number.',
    ),
    "control character": (with_cell(2, 0, "a\x1bb"), 'Row 2, column "a": "a?b" is not a number.'),
    "decimal comma": (
        with_cell(3, 0, '"1,5"'),
        'Row 3, column "a": "1,5" is not a number; write decimals with a point.',
    ),
    "underscore": (with_cell(3, 0, "1_000"), 'Row 3, column "a": "1_000" is not a number.'),
    "nan": (with_cell(21, 0, "NaN"), 'Row 21, column "a": "NaN" is not a finite number.'),
    "infinity": (with_cell(4, 0, "-inf"), 'Row 4, column "a": "-inf" is not a finite number.'),
    "overflow": (with_cell(4, 1, "1e999"), 'Row 4, column "b": "1e999" is not a finite number.'),
    "huge": (
        with_cell(4, 1, "-2e30"),
        'Row 4, column "b": "-2e30" is beyond 1e+30, the largest size allowed.',
    ),
    "missing feature": (with_cell(9, 1, " "), 'Row 9, column "b"' + EMPTY),
    "missing label": (with_cell(9, 2, ""), 'Row 9, column "label"' + EMPTY),
    "row of empty cells": (with_cell(9, 0, "") + b"\n,,", 'Row 9, column "a"' + EMPTY),
    "open quote": (
        with_cell(5, 2, '"yes'),
        'Row 5: a quoted cell is not closed, or is followed by other text: "3.5,9,"yes".',
    ),
    "9 rows": (text(GOOD[:9]), "The file has 9 rows of data; at least 10 are needed."),
    "header only": (text([]), "The file has 0 rows of data; at least 10 are needed."),
    "5001 rows": (
        text(GOOD * 250 + GOOD[:1]),
        "Row 5002 is too many; at most 5000 rows of data can be read.",
    ),
    "one class": (
        text([[*row[:2], "same"] for row in GOOD]),
        'In the label column "label" every row says "same"; 2 classes are needed.',
    ),
    "11 classes": (
        text([[*row[:2], f"c{min(i, 10)}"] for i, row in enumerate(GOOD)]),
        'Row 12: "c10" is class number 11 of 11 in the label column "label"; at most 10 can be'
        " read.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_every_error_is_one_sentence_naming_place_and_value(case: str) -> None:
    content, sentence = ERRORS[case]
    with pytest.raises(CsvError) as caught:
        read_table(content, "x")
    assert str(caught.value) == sentence
    assert isinstance(caught.value, ValueError)


def test_value_that_cannot_be_scaled_is_named_where_it_stands_in_the_file() -> None:
    narrow = [[str(i), str(1e-12 * i), str(i % 2)] for i in range(40)]
    last = int(torch.randperm(40, generator=torch.Generator().manual_seed(0))[-1])
    narrow[last][1] = "1e30"
    with pytest.raises(CsvError, match=f'^Row {last + 2}, column "b": the value is too far from'):
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
        with pytest.raises(CsvError):
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
    except CsvError as error:
        sentence = str(error)
        usable = sentence.endswith(".") and sentence.isprintable() and len(sentence) < 200
    else:
        usable = bool(joined(outcome)[0].isfinite().all()) and 2 <= len(outcome.classes) <= 10
    assert usable
