"""What a teacher's link locks or hides: settings that stay as they are, parts that are not drawn.

A help for a lesson, no barrier: whoever edits the address is free of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import streamlit as st

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.base.i18n import mark, tr
from pages.ui.link.address import forget, kept
from pages.ui.link.messages import escape

Kind = Literal["lock", "hide"]
PARTS: Final = {
    "answers": mark("Answers and what many seeds say"),
    "diagnosis": mark("Diagnosis and remedies"),
    "files": mark("Save, load and export"),
}
"""Parts of pages that may be hidden, beside every setting."""
KNOWN: Final[dict[Kind, tuple[str, ...]]] = {
    "lock": tuple(KNOBS),
    "hide": (*KNOBS, *PARTS),
}
LONGEST = 400
"""Characters of a list that are read; all names together have fewer."""


def locked(name: str) -> bool:
    """Tell whether a setting is to stay as the link has it."""
    return name in _names("lock")


def hidden(name: str) -> bool:
    """Tell whether a setting's control, or a part of a page, is not to be drawn."""
    return name in _names("hide")


def named(kind: Kind, text: str) -> tuple[list[str], list[str]]:
    """Return the known names in a list with commas, in their own order, and the unknown ones."""
    asked = [name.strip() for name in text[:LONGEST].split(",")]
    unknown = [name for name in asked if name and name not in KNOWN[kind]]
    return [name for name in KNOWN[kind] if name in asked], list(dict.fromkeys(unknown))


def check_link() -> None:
    """Say which names of the link mean nothing, and forget them."""
    for kind in KNOWN:
        if kind not in kept():
            continue
        known, unknown = named(kind, kept()[kind])
        kept()[kind] = ",".join(known)
        if not known:
            forget(kind)
        if unknown:
            names = ", ".join(unknown)
            words = tr("{kind}: {names!r:.60} is not known here.", kind=kind, names=names)
            st.toast(escape(words), icon=":material/info:")


def changed_by(before: RunConfig, after: RunConfig) -> list[str]:
    """Return the locked settings that differ between two configs."""
    return [n for n in _names("lock") if getattr(before, n) != getattr(after, n)]


def refusal(names: Iterable[str]) -> str:
    """Say which settings the link does not let go."""
    return tr(
        "Not changed: the link locks {names}.",
        names=tr(", ").join(tr(KNOBS[name].label) for name in names),
    )


def help_of(name: str, words: str) -> str:
    """Return the help of a setting, which says so where it is locked."""
    return tr("Locked by the link. {words}", words=words) if locked(name) else words


def _names(kind: Kind) -> list[str]:
    return named(kind, kept().get(kind, ""))[0]
