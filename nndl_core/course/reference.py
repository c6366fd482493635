"""The reference page's content: calls of Paddle beside those of PyTorch, and a glossary."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from nndl_core.base.i18n import tr

CONTENT = Path(__file__).parent / "reference.toml"


@dataclass(frozen=True)
class Call:
    """What one call is for, how both frameworks write it, and what to watch out for.

    ``names`` are the full names of PyTorch's part, for example torch.nn.Linear.
    """

    area: str
    use: str
    paddle: str
    torch: str
    names: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Term:
    """A word of the course, its meaning, and the page (with URL parameters) that shows it."""

    name: str
    text: str
    page: str
    query: dict[str, str] = field(default_factory=dict)


@cache
def calls() -> tuple[Call, ...]:
    """Return the rows of the table, grouped by area."""
    return tuple(Call(**row | {"names": tuple(row["names"])}) for row in _content()["call"])


@cache
def terms() -> tuple[Term, ...]:
    """Return the glossary in alphabetical order."""
    rows = (Term(**row) for row in _content()["term"])
    return tuple(sorted(rows, key=lambda term: term.name.lower()))


def matching_calls(words: str, area: str | None = None) -> list[Call]:
    """Return the calls of an area (or of all) that contain every one of the words."""
    rows = (row for row in calls() if area in (None, row.area))
    return [r for r in rows if _has(f"{tr(r.use)} {r.paddle} {r.torch} {tr(r.note)}", words)]


def matching_terms(words: str) -> list[Term]:
    """Return the terms that contain every one of the words in their name or text."""
    return [term for term in terms() if _has(f"{term.name} {tr(term.name)} {tr(term.text)}", words)]


def _has(text: str, words: str) -> bool:
    return all(word in text.lower() for word in words.lower().split())


@cache
def _content() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(CONTENT.read_text(encoding="utf-8"))
