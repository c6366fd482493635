"""Input that is wrong, odd or hostile: a corpus by kind, and what is asked of the answer to it."""

from __future__ import annotations

import gzip
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.engine.runner import Runner

ROOT = Path(__file__).parents[1]
MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[link](javascript:alert(1))",
    "$\\href{javascript:alert(1)}{x}$",
    "![x](http://example.org/x.png)",
    ":red[x] :material/home:",
    "`code` **bold** ~~x~~",
    "{curly} {0} %s %(x)s",
)
ODD = (
    "",
    " ",
    "\0",
    "5\0",
    "\u202e\u2066txt",
    "\ufeff5",
    "\u0663",  # an Arabic three
    "\uff11\uff12",  # digits of another width
    "½",
    "∞",
    "💥" * 50,
    "x" * 10_000,
    "1" * 5000,
    "../../etc/passwd",
    "' OR 1=1 --",
    "=cmd|' /C calc'!A0",
    "None",
    "true",
    "[1]",
    "0x10",
    "1_000",
    "1e999",
    "-1e999",
    "nan",
    "inf",
    "1,5",
    "5-",
)
NO_NUMBER = [text for text in (*ODD, *MARKUP) if text not in ("\uff11\uff12", "\u0663", "1_000")]
"""For a setting that is a number: all of it is refused, whatever the bounds."""


@dataclass(frozen=True)
class Case:
    """Some content, and words of which the sentence about it must hold one."""

    name: str
    content: bytes
    words: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def check_sentence(text: str, words: tuple[str, ...] = ()) -> None:
    """Assert that this is one sentence that a person can read, and says what was wrong."""
    assert text.endswith((".", "。")), text
    assert 10 < len(text) <= 300, (len(text), text)
    assert all(sign.isprintable() for sign in text), repr(text)
    quoted = re.sub(r"""'[^']*'|"[^"]*"|\[[^\]]*\]""", "…", text)
    assert not re.search(r"[.!?] +[A-Z]", quoted), f"more than one sentence: {text}"
    assert not re.search(
        r"Traceback|\b\w+(Error|Exception|Warning)\b|<class |0x[0-9a-f]{6}", quoted
    ), text
    assert not re.search(r"/(work|usr|home|tmp|root|var)/|site-packages|\.py\b", quoted), text
    assert str(ROOT) not in text, text
    if words:
        assert any(word in text for word in words), (words, text)


def unescaped(markdown: str) -> str:
    """Return what a person reads of a text that was escaped for Markdown."""
    return re.sub(r"\\([\\`*_{}\[\]()<>#+\-.!|$:~&])", r"\1", markdown)


# --- tables -----------------------------------------------------------------------------------

ROWS = [f"{i * 7 % 41},{i * i % 11},{'ab'[i % 2]}" for i in range(40)]
TABLE = "\n".join(["p,q,label", *ROWS])


def table(header: str = "p,q,label", *rows: str) -> bytes:
    """Return a good table with another header, or with other rows in front."""
    return "\n".join([header, *rows, *ROWS]).encode()


def bad_tables() -> Iterator[Case]:
    yield Case("empty", b"", ("empty",))
    yield Case("blank lines", b"\n\r\n \n", ("empty",))
    yield Case("only a BOM", b"\xef\xbb\xbf", ("empty",))
    yield Case("only a header", b"p,q,label\n", ("rows",))
    yield Case("few rows", "\n".join(TABLE.split("\n")[:4]).encode(), ("rows",))
    yield Case("one column", b"label\n" + b"a\nb\n" * 20, ("column",))
    yield Case("one line of 5 MB", b"x" * 5_000_000, ("longer",))
    yield Case("one line of 5 MB after the header", b"p,q,label\n" + b"1" * 4_999_000, ("longer",))
    yield Case("a million columns", b"," * 1_000_000, ("longer",))
    yield Case("five thousand columns", b"x," * 5_000 + b"label\n", ("columns",))
    yield Case("11 MB", b"p,q,label\n" + b"1,2,abcdefg\n" * 1_000_000, ("MB",))
    yield Case("6 MB of short rows", b"p,q,label\n" + b"1,2,a\n" * 1_000_000, ("cells",))
    yield Case("gzip", gzip.compress(table()), ("compressed",))
    yield Case("zip", b"PK\x03\x04" + bytes(100), ("compressed",))
    yield Case("bzip2", b"BZh91AY&SY" + bytes(100), ("compressed",))
    yield Case("xz", b"\xfd7zXZ\x00" + bytes(100), ("compressed",))
    yield Case("zstd", b"\x28\xb5\x2f\xfd" + bytes(100), ("compressed",))
    yield Case("pdf", b"%PDF-1.7\n" + bytes(100), ("compressed",))
    yield Case("old workbook", b"\xd0\xcf\x11\xe0" + bytes(100), ("xlsx",))
    yield Case("pickle", b"\x80\x04\x95\x10\x00\x00\x00", ("UTF-8",))
    yield Case("png", b"\x89PNG\r\n\x1a\n" + bytes(100), ("UTF-8",))
    yield Case("only NUL", bytes(1000), ("UTF-8",))
    yield Case("NUL in a number", table("p,q,label", "1\0,2,a"), ("UTF-8",))
    yield Case("NUL in the header", table("p\0,q,label"), ("UTF-8",))
    yield Case("UTF-32", TABLE.encode("utf-32"), ("UTF-8",))
    for word in ("inf", "-Infinity", "1e999", "1e31", "1e308"):
        yield Case(f"cell {word}", table("p,q,label", f"{word},2,a"), ("Row 2", "finite", "beyond"))
    for word in ("five", "1_000", "0x10", "1,5", "1e", "--1", "½", "∞", "=1+1", "1;2", '"1'):
        yield Case(f"cell {word!r}", table("p,q,label", f"{word},2,a"), ("Row 2",))
    for mark in MARKUP:
        yield Case(f"cell {mark}", table("p,q,label", f'"{mark}",2,a'), ("Row 2",))
    yield Case("cell with an override", table("p,q,label", "\u202e1,2,a"), ("Row 2",))
    yield Case("cell of 10 000 letters", table("p,q,label", "x" * 10_000 + ",2,a"), ("Row 2",))
    yield Case("too few cells", table("p,q,label", "1,a"), ("Row 2",))
    yield Case("too many cells", table("p,q,label", "1,2,3,a"), ("Row 2",))
    yield Case("quote left open", table("p,q,label", '1,2,"a'), ("Row 2",))
    yield Case("text after a quote", table("p,q,label", '"1"x,2,a'), ("Row 2",))
    yield Case("same name twice", table("p,p,label"), ("twice",))
    yield Case("long name", table("p" * 65 + ",q,label"), ("longer",))
    yield Case("long class", table("p,q,label", "1,2," + "a" * 65), ("name of a class",))
    yield Case("class on two lines", table("p,q,label", '1,2,"a\nb"'), ("name of a class",))
    yield Case("no number", "\n".join(["p,label", *["x,a", "y,b"] * 9]).encode(), ("numbers",))
    yield Case("one class", TABLE.replace(",b", ",a").encode(), ("classes",))
    many = [f"{i * 7 % 41},{i},c{i}" for i in range(40)]
    yield Case("forty classes", "\n".join(["p,q,label", *many]).encode(), ("class",))
    price = [f"{i * 7 % 41},{i},{i}.5" for i in range(40)]
    yield Case("forty prices", "\n".join(["p,q,label", *price]).encode(), ("quantities",))
    yield Case("html page", b"<!doctype html>\n<html><body>404</body></html>\n", ("web page",))
    yield Case("json", b'{"a": [1, 2]}\n', ("JSON",))
    yield Case(
        "old Mac line ends, one bad", TABLE.replace("\n", "\r").encode() + b"\r1,x,a", ("Row 42",)
    )


def odd_tables() -> Iterator[Case]:
    """Tables that look odd and are read all the same; words: names that they bring."""
    yield Case("BOM", b"\xef\xbb\xbf" + table(), ("p", "q"))
    yield Case("CRLF", TABLE.replace("\n", "\r\n").encode(), ("p", "q"))
    yield Case("old Mac line ends", TABLE.replace("\n", "\r").encode(), ("p", "q"))
    yield Case(
        "mixed line ends", TABLE.replace("\n", "\r\n", 5).replace("\n", "\r", 2).encode(), ("p",)
    )
    yield Case("semicolons", TABLE.replace(",", ";").encode(), ("p", "q"))
    yield Case("tabs", TABLE.replace(",", "\t").encode(), ("p", "q"))
    yield Case("bars", TABLE.replace(",", "|").encode(), ("p", "q"))
    yield Case("Chinese names", table("花瓣,萼片,label"), ("花瓣", "萼片"))
    yield Case("UTF-16 with BOM", TABLE.encode("utf-16"), ("p", "q"))
    yield Case("UTF-16 big", TABLE.encode("utf-16-be"), ("p", "q"))
    yield Case("Latin 1", "größe,q,label\n".encode("latin-1") + b"\n".join(map(str.encode, ROWS)),
               ("größe", "q"))  # fmt: skip
    yield Case("GBK", "特征,q,label\n".encode("gbk") + b"\n".join(map(str.encode, ROWS)), ("特征",))
    yield Case("broken UTF-8 late", table() + b"\n1,2,\xff", ("p", "q"))
    yield Case("surrogate", table("p,q,label") + b"\n1,2,\xed\xa0\x80", ("p", "q"))
    yield Case("no header", "\n".join(["0.5,7,a", *ROWS]).encode(), ("x1", "x2"))
    yield Case("nameless column", table("p,,label"), ("p", "column 2"))
    yield Case("empty class", table("p,q,label", "1,2,"), ("p", "q"))
    for word in ("", " ", "NaN", "nan", "?", "NA"):
        yield Case(f"cell {word!r}", table("p,q,label", f"{word},2,a"), ("p", "q"))
    for mark in (
        *MARKUP,
        "=1+1",
        "+1",
        "-x",
        "@SUM(A1)",
        "\u202eevil",
        "a\tb",
        "$x^2$",
        "%d",
        "#h",
    ):
        if "," not in mark and '"' not in mark:
            yield Case(f"header {mark!r}", table(f'"{mark}",q,label'), (mark.strip(),))
            yield Case(f"class {mark!r}", table("p,q,label", *[f'1,2,"{mark}"'] * 3), ("p", "q"))


# --- settings and runs as JSON ------------------------------------------------------------------


def bad_json() -> Iterator[Case]:
    for text in ("", " ", "{", "}", "[", "{]", "nul", "'a'", "{'points': 3}", '{"points": }', "\0",
                 '{"points": 60,}', "points=60", "<html>", '{"points": 01}', '{"points": +1}',
                 '{"points": .5}', '"\\ud800', "{} {}", "// x\n{}"):  # fmt: skip
        yield Case(f"text {text!r}", text.encode(), ("not valid JSON",))
    yield Case("deep lists", b"[" * 100_000, ("nested",))
    yield Case("deep objects", b'{"a":' * 100_000, ("nested",))
    yield Case("deep and closed", b"[" * 100_000 + b"]" * 100_000, ("nested",))
    yield Case("not UTF-8", b'{"points": "\xff"}', ("UTF-8",))
    yield Case("gzip", gzip.compress(b"{}"), ("not valid JSON",))
    yield Case("huge integer", b'{"points": ' + b"9" * 5000 + b"}", ("digits",))
    yield Case("twice the same", b'{"points": 60, "points": 70}', ("twice",))
    yield Case("twice an override", '{"\u202e": 1, "\u202e": 2}'.encode(), ("twice",))
    for text in ("3", "null", '"points"', "[]", '[{"points": 60}]', "true", "1e400"):
        yield Case(f"no object {text}", text.encode(), ("object",))
    for name in (
        *MARKUP,
        "Points",
        "__class__",
        "",
        "hidden ",
        "seed",
        "x" * 10_000,
        "\u202e",
        "\0",
    ):
        yield Case(f"unknown {name[:30]!r}", json.dumps({name: 1}).encode(), ("not a setting",))
    for name in KNOBS:
        for value in ("1e400", "-1e400", "NaN", "null", "true", "{}", "[[1]]", '"<b>"', "1" * 400):
            yield Case(f"{name}: {value[:9]}", f'{{"{name}": {value}}}'.encode(), (f"{name}: ",))
    widths: tuple[Any, ...] = (
        [0],
        [65],
        [1] * 17,
        [1.5],
        ["a"],
        [None],
        [1] * 100_000,
        [10**30],
        {"a": 1},
    )
    for each in widths:
        yield Case(f"hidden {str(each)[:20]}", json.dumps({"hidden": each}).encode(), ("hidden",))
    run: dict[str, Any] = {"format": "nndl-run-1", "config": {}}
    for change in ({"format": "x"}, {"format": 3}, {"format": None}, {"format": ["nndl-run-1"]},
                   {"format": "<script>" * 1000}):  # fmt: skip
        yield Case(f"run {str(change)[:40]}", json.dumps(run | change).encode(), ("format",))
    configs: tuple[Any, ...] = (3, None, [], "x", {"depth": 3}, {"points": "many"}, {"points": 1e9})
    for config in configs:
        content = json.dumps(run | {"config": config}).encode()
        yield Case(f"run of {config}", content, ("configuration", "setting", "points"))
    yield Case("run without settings", b'{"format": "nndl-run-1"}', ("no settings",))
    yield Case("four million empty lists", b"[" + b"[]," * 1_600_000 + b"[]]", ("object",))


# --- checkpoints --------------------------------------------------------------------------------


def good_checkpoint() -> bytes:
    runner = Runner.from_config(RunConfig(points=60, hidden=(3,), epochs=9))
    runner.advance(2)
    return runner.checkpoint().to_bytes()


def packed(header: Any, body: bytes = b"") -> bytes:
    """Return a safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def changed(content: bytes, **metadata: str | None) -> bytes:
    """Return a checkpoint with other metadata; None takes an entry away."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    meta = header["__metadata__"] | metadata
    header["__metadata__"] = {name: value for name, value in meta.items() if value is not None}
    return packed(header, content[8 + size :])


def tensors(metadata: dict[str, str], **shapes: tuple[str, list[int], bytes]) -> bytes:
    """Return a file of tensors, each with a type, a shape and its bytes."""
    header: dict[str, Any] = {"__metadata__": metadata}
    body = b""
    for name, (kind, shape, content) in shapes.items():
        ends = [len(body), len(body) + len(content)]
        header[name.replace("_", ".")] = {"dtype": kind, "shape": shape, "data_offsets": ends}
        body += content
    return packed(header, body)


def bad_checkpoints() -> Iterator[Case]:
    good = good_checkpoint()
    size = int.from_bytes(good[:8], "little")
    whole = ("not a complete",)
    for cut in (0, 1, 7, 8, 9, size // 2, size + 8, len(good) - 1, len(good) - 4):
        yield Case(f"cut at {cut}", good[:cut], whole)
    yield Case("bytes behind", good + b"\0", whole)
    yield Case("pickle", b"\x80\x04\x95" + bytes(50), whole)
    yield Case("zip of torch.save", b"PK\x03\x04" + bytes(500), whole)
    yield Case("text", b"hello world, this is no checkpoint", whole)
    yield Case("header of 2^63", struct.pack("<Q", 2**63) + b"{}", whole)
    yield Case("header of 100 MB", struct.pack("<Q", 100_000_000) + b"{}", whole)
    yield Case("header no JSON", packed(b"{'a'}"), whole)
    yield Case("header deep", packed(b"[" * 200_000), whole)
    yield Case("header a list", packed([]), whole)
    yield Case("header not UTF-8", packed(b'{"\xff": 1}'), whole)
    yield Case(
        "5 MB of header",
        packed(b'{"__metadata__":{"a":"' + b"x" * 4_900_000 + b'"}}'),
        ("no weights",),
    )
    yield Case("6 MB", good + bytes(6_000_000), ("bytes",))
    yield Case("no tensors, no metadata", packed({}), ("no weights",))
    yield Case("metadata no object", packed({"__metadata__": 3}), whole)
    yield Case("metadata of numbers", packed({"__metadata__": {"epoch": 3}}), whole)
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    for name, change in (
        ("negative offsets", {"data_offsets": [-4, 4]}),
        ("offsets behind the end", {"data_offsets": [0, 400]}),
        ("offsets backwards", {"data_offsets": [4, 0]}),
        ("shape that does not fit", {"shape": [1000, 1000]}),
        ("shape that overflows", {"shape": [2**62, 8]}),
        ("shape of words", {"shape": ["x"]}),
        ("unknown type", {"dtype": "F8192"}),
    ):
        yield Case(name, packed({"w": one | change}, bytes(4)), whole)
    meta = {"format": "nndl-lab-1", "epoch": "2", "steps": "0"}
    yield Case("of somebody else", packed({"w": one}, bytes(4)), ("another network",))
    for text in ("nndl-lab-0", "", "<script>"):
        yield Case(f"format {text!r}", changed(good, format=text), ("not saved",))
    for name in ("epoch", "steps"):
        for text in ("-1", "1.5", "", "x", "9" * 30, "²", "<b>"):
            yield Case(f"{name} {text!r}", changed(good, **{name: text}), (name,))
        yield Case(f"no {name}", changed(good, **{name: None}), (name,))
    for text in (
        "",
        "{",
        "3",
        "[" * 50_000,
        '{"depth": 1}',
        '{"points": 1e400}',
        '{"points": 1, "points": 2}',
    ):
        yield Case(f"config {text[:20]!r}", changed(good, config=text), ("config",))
    table_run = RunConfig(points=60, hidden=(3,), dataset="csv").to_json()
    yield Case("of a table that is not there", changed(good, config=table_run), ("csv",))
    impossible = RunConfig(points=60, hidden=(3,), dataset="spirals3").to_json()
    yield Case("loss that cannot serve", changed(good, config=impossible), ("bce",))
    other = RunConfig(points=60, hidden=(4, 3)).to_json()
    yield Case("config of another network", changed(good, config=other), ("network",))
    nan, inf = struct.pack("<f", float("nan")), struct.pack("<f", float("inf"))
    yield Case("NaN", tensors(meta, fc1_weight=("F32", [1], nan)), ("finite",))
    yield Case("infinity", tensors(meta, fc1_weight=("F32", [1], inf)), ("finite",))
    for kind, width in (("I64", 8), ("BOOL", 1), ("F16", 2), ("BF16", 2), ("U8", 1)):
        yield Case(
            f"type {kind}",
            tensors(meta, fc1_weight=(kind, [1], bytes(width))),
            ("float32", "finite"),
        )
    yield Case("no tensors", packed({"__metadata__": meta}), ("no weights",))
    yield Case("transposed", tensors(meta, fc1_weight=("F32", [2, 3], bytes(24))), ("network",))
    yield Case("scalar", tensors(meta, fc1_weight=("F32", [], bytes(4))), ("network",))
    many = {f"w{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(60_000)}
    yield Case(
        "60 000 empty tensors", packed({"__metadata__": meta, **many}), ("network", "too many")
    )
    marked = tensors(meta, **{"<script>": ("F32", [1], bytes(4))})
    yield Case("tensor with markup", marked, ("network",))


def heavy(kind: str) -> list[Case]:
    """Return the cases of a kind whose content is large."""
    every = {"csv": bad_tables, "json": bad_json, "safetensors": bad_checkpoints}[kind]()
    return [case for case in every if len(case.content) > 100_000]
