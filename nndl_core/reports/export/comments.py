"""Comments of an exported program in the language of whoever takes it away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from nndl_core.base.i18n import breadth, mark, tr

COMMENTS: Final = (
    # of the lab's own source, from which a program takes what draws the data
    mark("Without its last point, linspace does not name the angle 0 twice."),
    mark("Class 1 where the signs differ. Alternating classes keep the four squares balanced."),
    mark("3 / arms turns: neighboring arms are 0.6 apart however many arms there are."),
    # of the program around it
    mark("without the heading"),
    mark("the last column names the class"),
    mark("every feature is scaled by mean and spread of the train part, the first 64 %"),
    mark("inputs, hidden units, outputs"),
    mark("logits"),
    mark("rows (or columns, if there are fewer) that are orthonormal, times the scale"),
    mark("seed and epoch alone give the order of the examples"),
    mark("a small network gains nothing from more"),
    mark("both sets at the same parameters, before the update of this epoch"),
    mark("the last parameters with a finite loss"),
    mark("evaluated only to see that the last update did not diverge"),
)
"""Every comment that the code of a program can have, word for word."""
_COMMENT: Final = re.compile(r"(?m)(?<=# )\S.*$")
_WORD: Final = re.compile(r"(?:[\u2e80-\uffef]|[^\s\u2e80-\uffef]+)[，。：；、）”]*|\s+")  # noqa: RUF001
"""A Chinese character or a word of letters, with the marks that no line may begin with."""


def translated_comments(code: str) -> str:
    """Return a program with its comments in the reader's language."""
    return _COMMENT.sub(lambda found: tr(found[0]), code)


def wrapped(text: str, width: int) -> str:
    """Break a text into lines that are at most so many Latin letters wide."""
    return "\n".join(_lines(text, width))


def _lines(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in _WORD.findall(text):
        if line.strip() and breadth(line + word.rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += word if line else word.lstrip()
    yield line
