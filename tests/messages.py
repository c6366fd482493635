"""What the source says to people, and what of it is translated: `python tests/messages.py`.

With file names only their texts are listed. Used by tests/unit/base/test_messages.py.
"""

from __future__ import annotations

import ast
import io
import re
import string
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[1]
LOCALES = ROOT / "nndl_core" / "base" / "locales"
REFERENCE = ROOT / "nndl_core" / "course" / "reference.py"
CALLS = {"tr": 1, "mark": 1, "trn": 2}
"""Functions whose first literals are messages, and how many."""
PROSE = re.compile(r"[A-Za-z]{2,},? [A-Za-z]{2,}|[a-z]{2,}[.:!?]$|[A-Za-z]{2,}[:,] \S")
WORD = re.compile("[A-Za-z]{2}")
TECHNICAL = re.compile(
    r"[<>{}]|^\S+$|PRAGMA|^(SET|SELECT|BEGIN) |-src |max-age|%s|_xact_|"
    "^(middle|lower|offset) (left|right|center|points)$|(background|button|image)[-:{]"
)
"""HTML, CSS, SQL and words of libraries."""
ICON = re.compile(r":material/\w+:|NNDL Lab")
SHOWN = {"label", "help", "title", "placeholder", "caption", "text", "alt", "hovertemplate"}
"""Keywords whose literal is shown, even where it is one word."""
SHOWING = {
    "button",
    "caption",
    "checkbox",
    "download_button",
    "error",
    "expander",
    "file_uploader",
    "header",
    "info",
    "markdown",
    "metric",
    "multiselect",
    "number_input",
    "popover",
    "radio",
    "segmented_control",
    "select_slider",
    "selectbox",
    "slider",
    "spinner",
    "subheader",
    "success",
    "tabs",
    "text",
    "text_area",
    "text_input",
    "title",
    "toast",
    "toggle",
    "warning",
    "write",
}
"""Methods whose first argument is shown, even where it is one word."""
SILENT = (
    "export/",
    "diagnosis/cases",
    "machine/compiler",
    "machine/math",
    "migrations/",
    "store/tables",
)
"""Modules that write programs or speak to developers only."""
EXCUSE = "# untranslated"
"""A comment on a line with a literal that no person reads, or that is the same in any language."""


@dataclass(frozen=True)
class Found:
    """One literal: where it stands and what it says."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.text!r}"


def sources() -> list[Path]:
    """Return every module that can speak to a person."""
    folders = [path for name in ("nndl_core", "pages") for path in (ROOT / name).rglob("*.py")]
    return sorted([*folders, ROOT / "app.py"])


def messages(paths: Iterable[Path]) -> Iterator[Found]:
    """Yield every message that tr, trn or mark is given as a literal, and the reference's texts."""
    for path in paths:
        if path == REFERENCE:
            yield from _reference_texts()
        for node in ast.walk(ast.parse(path.read_text())):
            for argument in _message_arguments(node)[:1]:  # a plural stands with its singular
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield Found(path, argument.lineno, argument.value)


def wrong_calls(paths: Iterable[Path]) -> Iterator[Found]:
    """Yield calls that no catalog can know: a text that is put together before it is translated."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            for argument in _message_arguments(node):
                if isinstance(argument, ast.JoinedStr | ast.BinOp):
                    yield Found(path, argument.lineno, ast.unparse(argument))


def bare_texts(paths: Iterable[Path]) -> Iterator[Found]:
    """Yield what looks like a text for people and is not translated.

    A literal that is a message elsewhere is a key here, and is translated where it is shown.
    """
    known_texts = {found.text for found in messages(sources())}
    for path in paths:
        if any(name in str(path) for name in SILENT):
            continue
        content = path.read_text()
        tree, lines = ast.parse(content), content.splitlines()
        known = _translated_nodes(tree) | _docstrings(tree)
        shown = _shown_nodes(tree)
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            if id(node) in known or node.value in known_texts or not _is_text(node, shown):
                continue
            end = node.end_lineno or node.lineno
            if not any(EXCUSE in line for line in lines[node.lineno - 1 : end]):
                yield Found(path, node.lineno, node.value)


def catalog(language: str) -> dict[str, Message]:
    """Return the messages of a language by their English text; a text stands in one file only."""
    found: dict[str, Message] = {}
    for path in sorted((LOCALES / language).glob("*.po")):
        for message in read_po(io.BytesIO(path.read_bytes())):
            if message.id:
                text = message.id if isinstance(message.id, str) else message.id[0]
                if text in found:
                    raise ValueError(f"{text!r} is translated twice; once in {path.name}")
                found[text] = message
    return found


def fields(text: str) -> list[str]:
    """Return the names of the {fields} of a message; none where the braces are a formula's."""
    try:
        return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name})
    except ValueError:
        return []


def _reference_texts() -> Iterator[Found]:
    for rows in tomllib.loads(REFERENCE.with_suffix(".toml").read_text()).values():
        for row in rows:
            texts = (row[name] for name in ("area", "use", "note", "name", "text") if name in row)
            yield from (Found(REFERENCE, 1, text) for text in texts)


def _message_arguments(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
        return node.args[: CALLS[node.func.id]]
    return []


def _translated_nodes(tree: ast.AST) -> set[int]:
    """Return the literals inside a call of tr, trn or mark; a value put into a message is not."""
    arguments = (a for node in ast.walk(tree) for a in _message_arguments(node))
    return {id(part) for argument in arguments for part in ast.walk(argument)}


def _docstrings(tree: ast.AST) -> set[int]:
    """Return the strings that stand alone: docstrings of modules, functions and constants."""
    alone = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {id(value) for value in alone if isinstance(value, ast.Constant)}


def _shown_nodes(tree: ast.AST) -> set[int]:
    shown: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in SHOWING:
                shown |= {id(argument) for argument in node.args[:1]}
            shown |= {id(pair.value) for pair in node.keywords if pair.arg in SHOWN}
    return shown


def _is_text(node: ast.Constant, shown: set[int]) -> bool:
    text = ICON.sub("", str(node.value))
    if id(node) in shown:
        return bool(WORD.search(text))
    return bool(PROSE.search(text)) and not TECHNICAL.search(text)


def main() -> None:
    """Print what is not yet translated, in the named files or everywhere."""
    paths = [Path(name).resolve() for name in sys.argv[1:]] or sources()
    known = catalog("zh")
    for found in [*bare_texts(paths), *wrong_calls(paths)]:
        print("bare", found)
    missing = {found.text: found for found in messages(paths) if found.text not in known}
    for found in missing.values():
        print("missing in zh", found)
    if not sys.argv[1:]:
        used = {found.text for found in messages(paths)}
        for text in known.keys() - used:
            print("unused in zh", repr(text))


if __name__ == "__main__":
    main()
