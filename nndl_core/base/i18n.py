"""Every text a person reads, in the language of whoever reads it: gettext catalogs."""

from __future__ import annotations

import gettext
import io
import json
import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: Final[dict[Language, str]] = {"en": "English", "zh": "中文"}
"""Each language by its own name; English is the language of the source."""
TAGS: Final[dict[Language, str]] = {"en": "en", "zh": "zh-CN"}
"""BCP 47 tags, as HTML and JavaScript want them."""
LOCALES: Final = Path(__file__).with_name("locales")


def tr(message: str, /, **values: object) -> str:
    """Return a message in the reader's language, with values put into its {fields}.

    The message is a literal in English, so that it can be found in the source; without values
    its braces are plain text, as formulas need them.
    """
    text = catalog(language()).gettext(message) if message else ""
    return text.format(**values) if values else text


def trn(singular: str, plural: str, n: int, /, **values: object) -> str:
    """Return the form of a message that fits the number n, which fills the field {n}."""
    return catalog(language()).ngettext(singular, plural, n).format(n=n, **values)


def mark(message: str) -> str:
    """Mark a literal that is translated only where it is shown, by tr of the constant."""
    return message


def translated(texts: Mapping[str, str]) -> dict[str, str]:
    """Return a table of marked texts in the reader's language."""
    return {name: tr(text) for name, text in texts.items()}


def sentences(*texts: str) -> str:
    """Return sentences one after the other; empty ones are left out.

    Chinese sentences stand without a space between them.
    """
    return ("" if language() == "zh" else " ").join(filter(None, texts))


def language() -> Language:
    """Return the language of whoever reads what this thread writes."""
    return _spoken.get() or _asked()


@contextmanager
def speaking(chosen: Language) -> Iterator[None]:
    """Let the block write in a language, as where a download is made outside of a session."""
    token = _spoken.set(chosen)
    try:
        yield
    finally:
        _spoken.reset(token)


def in_all_languages(make: Callable[[], str]) -> str:
    """Write a text in every language into one, to be kept and read later by in_mine."""
    texts = {}
    for known in LANGUAGES:
        with speaking(known):
            texts[known] = make()
    return json.dumps(texts, ensure_ascii=False)


def in_mine(kept: str) -> str:
    """Return the reader's language of what in_all_languages wrote; another text as it is."""
    try:
        texts = json.loads(kept)
    except ValueError:
        return kept
    return str(texts.get(language(), kept)) if isinstance(texts, dict) else kept


def language_named(name: object) -> Language | None:
    """Return the language that a tag such as zh, zh-CN or zh_CN.UTF-8 names, if we have it."""
    short = str(name).replace("_", "-").partition("-")[0].lower()
    return next((known for known in get_args(Language) if known == short), None)


def tenths(share: float) -> float:
    """Return a share in percent with one decimal, half of one rounded up as browsers do."""
    percent = Decimal(repr(100 * float(share)))
    return float(percent.quantize(Decimal("0.1"), ROUND_HALF_UP))


def percent(share: float) -> str:
    """Write a share in percent, on every page with the same digits."""
    return tr("{percent} %", percent=f"{tenths(share):.1f}")


def breadth(words: str) -> int:
    """Measure words in Latin letters: a Chinese character is as wide as two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)


def ask_for_language(asked: Callable[[], Language]) -> None:
    """Set how to find out the language; a server answers by the session of the thread."""
    global _asked
    _asked = asked


def language_of_environment() -> Language:
    """Return the language that the terminal's locale asks for."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return language_named(next((name for name in names if name), "en")) or "en"


@cache
def catalog(wanted: Language) -> gettext.NullTranslations:
    """Return the messages of a language, read from its .po files the first time."""
    if wanted == "en":
        return gettext.NullTranslations()
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    merged, compiled = Catalog(locale=TAGS[wanted].replace("-", "_")), io.BytesIO()
    for path in sorted((LOCALES / wanted).glob("*.po")):
        for message in read_po(io.BytesIO(path.read_bytes()), locale=merged.locale):
            if message.id:
                merged[message.id] = message
    write_mo(compiled, merged)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _english() -> Language:
    return "en"


_asked: Callable[[], Language] = _english
_spoken: ContextVar[Language | None] = ContextVar("spoken", default=None)
