"""Tables of numbers as HTML, in which an exact zero is told apart from a small number."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape

from nndl_core.base.i18n import tr

STYLE = """<style>
.numbers { overflow-x: auto; }
.numbers table { border-collapse: collapse; font-size: 0.9rem; margin-bottom: 0.4rem; }
.numbers th, .numbers td { padding: 0.2rem 0.7rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent);
  font-variant-numeric: tabular-nums; }
.numbers th { font-weight: 600; vertical-align: bottom; white-space: normal; /* where it must */
  word-break: keep-all; } /* Chinese would break anywhere */
.numbers th:first-child, .numbers td:first-child, .numbers.two th:nth-child(2),
.numbers.two td:nth-child(2) { text-align: left; }
.numbers caption { text-align: left; font-weight: 600; padding: 0.2rem 0; }
.numbers .mark { text-align: center; font-weight: 700; }
@media (max-width: 640px) {
  .numbers table { font-size: 0.82rem; }
  .numbers th, .numbers td { padding: 0.2rem 0.4rem; }
  .numbers th:first-child, .numbers td:first-child { white-space: normal; } }
.numbers td.parts { white-space: normal; }
.numbers .parts span { display: inline-block; white-space: pre; }
.numbers .zero { opacity: 0.75; font-style: italic; }
</style>"""
NOTHING = "–"  # noqa: RUF001


def number(value: float, form: str = ".6g") -> str:
    """Write a number; an exact zero and an undefined value are told apart from small ones."""
    if math.isnan(value):
        return NOTHING
    return "0" if value == 0 else f"{value:{form}}"


def marked(value: float, form: str = ".3g") -> str:
    """Write a number for a table in which an exact zero is a finding."""
    if value == 0:
        return f'<span class="zero">{tr("exactly 0")}</span>'
    return number(value, form)


def in_parts(text: str) -> str:
    """Build a cell of plain text that breaks, where it must, between its parts: behind a comma."""
    parts = re.sub("(, |、)", r"\1</span><span>", escape(text))
    return f'<td class="parts"><span>{parts}</span></td>'


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", *, names: int = 1
) -> str:
    """Build an HTML table; cells are HTML, headers and caption plain text.

    The first one or two columns (``names``) hold words and not numbers.
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(f"<tr>{''.join(_cell(text) for text in row)}</tr>" for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    inner = f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'{STYLE}<div class="numbers{" two" * (names > 1)}" tabindex="0">{inner}</div>'


def _cell(text: str) -> str:
    return text if text.startswith("<td") else f"<td>{text}</td>"
