"""What a class board holds, as plain values: codes, nicknames, the experiment, the entries."""

from __future__ import annotations

import json
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from nndl_core.base.config import KNOBS, ConfigError, RunConfig, url_value
from nndl_core.base.i18n import tr
from nndl_core.store.errors import RefusedError
from nndl_core.store.runs import clean_name

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0, 1, I, L and O, which look like each other."""
CODE_LENGTH: Final = 10
"""31 to the power of 10 codes: 49.5 bits."""
MOST_NICKNAME, MOST_TITLE = 24, 80
MOST_BOARDS, MOST_MEMBERS, MOST_ENTRIES = 20, 300, 50
"""Of one teacher, of one board, and of one member; of more entries the oldest go."""
INVISIBLE: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    + "".join(map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
)
"""Letters and marks that are drawn as nothing: a nickname of them would be an empty row."""
IDLE_DAYS: Final = 60
"""After so many days in which nobody used it, a board is deleted."""


@dataclass(frozen=True)
class Board:
    """A board: its experiment, and which of the experiment's settings have to stay.

    version counts what has changed on it; is_mine says whether who asked may change it.
    """

    code: str
    title: str
    config: str
    locked: tuple[str, ...]
    version: int
    is_mine: bool
    nickname: str = ""

    @cached_property
    def experiment(self) -> RunConfig:
        """The settings of the experiment; raises ConfigError for those of another version."""
        return RunConfig.from_json(self.config)

    @cached_property
    def is_readable(self) -> bool:
        """Tell whether this version of the lab knows all settings of the experiment."""
        try:
            return bool(self.experiment)
        except ConfigError:
            return False


@dataclass(frozen=True)
class Entry:
    """A run on a board."""

    run_id: str
    nickname: str
    finished_at: float
    config: str
    epochs: int
    disease: str
    train_accuracy: float | None
    dev_accuracy: float | None
    test_accuracy: float | None

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings by name."""
        read = json.loads(self.config)
        return read if isinstance(read, dict) else {}


def new_code() -> str:
    """Draw a code that nobody can guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def read_code(text: str) -> str:
    """Read a code as people write it; raise RefusedError where it can be none."""
    plain = "".join(sign for sign in text[:40].upper() if sign not in " -_\u2013")
    if len(plain) != CODE_LENGTH or any(sign not in ALPHABET for sign in plain):
        raise RefusedError(
            tr("A board's code has {n} letters and digits, such as 7KQ2M-XR4TB.", n=CODE_LENGTH)
        )
    return plain


def shown_code(code: str) -> str:
    """Write a code in two groups."""
    return f"{code[:5]}-{code[5:]}"


def read_nickname(text: str) -> str:
    """Return a nickname on one line; raise RefusedError with a sentence where it cannot be used."""
    signs = unicodedata.normalize("NFC", text[: 8 * MOST_NICKNAME])
    seen = (s for s in signs if unicodedata.category(s) != "Cf" and s not in INVISIBLE)
    kept = "".join(s if s.isprintable() else " " for s in seen)
    name = " ".join(kept.split())
    if not any(sign.isalnum() for sign in name):
        raise RefusedError(tr("A nickname needs a letter or a digit."))
    if len(name) > MOST_NICKNAME or len(text) > 8 * MOST_NICKNAME:
        raise RefusedError(tr("A nickname has at most {n} characters.", n=MOST_NICKNAME))
    return name


def folded_nickname(name: str) -> str:
    """Return what two nicknames share that a class would take for one."""
    return unicodedata.normalize("NFKC", name).casefold()[:96]


def read_title(text: str) -> str:
    """Return a board's title on one line, cut to its greatest length."""
    return clean_name(text)[:MOST_TITLE]


def misfit(board: Board, config: RunConfig) -> str:
    """Say which locked setting of a run is not the experiment's; empty where all are."""
    if not board.is_readable:
        return tr("Not on the board: its experiment belongs to another version of the lab.")
    for name in board.locked:
        wanted, found = getattr(board.experiment, name), getattr(config, name)
        if wanted != found:
            return tr(
                "Not on the board: its experiment has {label} {wanted}, this run {found}.",
                label=tr(KNOBS[name].label),
                wanted=url_value(wanted),
                found=url_value(found),
            )
    return ""
