"""A report: figures, tables, settings and a text, packed so that a student can write it up."""

from __future__ import annotations

import csv
import hashlib
import io
import platform
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any, Final, get_args

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import tr
from nndl_core.charts.static.drawing import Format, draw_static, undrawable
from nndl_core.charts.style.parts import Figure
from nndl_core.charts.style.scales import MINUS

MOST_ROWS: Final = 30  # of a table in the text; the file has all
Rows = Sequence[Mapping[str, Any]]
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # equal reports are equal bytes
_NAME_LENGTH: Final = 60
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def report_zip(
    title: str,
    figures: Mapping[str, Figure],
    tables: Mapping[str, Rows],
    configs: Mapping[str, RunConfig],
    text: str,
    *,
    date: str,
) -> bytes:
    """Pack report.md with its figures (SVG, PNG), tables (CSV) and settings (JSON) as a zip.

    `text` is Markdown and stands first; `date` is printed as it is given. Equal arguments give
    equal bytes. Raises ValueError for a figure that matplotlib's drawing does not know.
    """
    drawn, listed, set_up = (safe_names(part) for part in (figures, tables, configs))
    files: dict[str, bytes] = {}
    for name, form in product(figures, get_args(Format)):
        files[f"figures/{drawn[name]}.{form}"] = draw_static(figures[name], form)
    for name, rows in tables.items():
        files[f"tables/{listed[name]}.csv"] = csv_text(rows).encode()
    for name, config in configs.items():
        files[f"config/{set_up[name]}.json"] = (config.to_json() + "\n").encode()
    parts = [f"# {_line(title)}", tr("Made by NNDL Lab, {line}.", line=_line(date)), text.strip()]
    boxes = "".join(sorted({letter for one in figures.values() for letter in undrawable(one)}))
    parts += _figure_part(drawn, boxes) + _table_part(tables, listed) + _config_part(set_up)
    return _zipped({"report.md": _joined([*parts, tr("## Versions"), versions()]), **files})


def _joined(parts: Iterable[str]) -> bytes:
    return ("\n\n".join(part for part in parts if part) + "\n").encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """Give every name a file name without an ending that every system accepts, none twice."""
    safe: dict[str, str] = {}
    for name in names:
        stem = _stem(name)
        taken = {other.lower() for other in safe.values()}
        tries = (stem if n == 1 else f"{stem}-{n}" for n in range(1, len(taken) + 2))
        safe[name] = next(one for one in tries if one.lower() not in taken)
    return safe


def _stem(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", plain)[:_NAME_LENGTH].strip("-") or "unnamed"
    return f"{stem}-" if _DEVICES.fullmatch(stem) else stem


def columns_of(rows: Rows) -> list[str]:
    """List the columns of all rows in the order in which they first appear."""
    return list(dict.fromkeys(column for row in rows for column in row))


def csv_text(rows: Rows) -> str:
    """Write rows as CSV with a header; numbers in full precision, what is missing is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns_of(rows), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def markdown_table(rows: Rows) -> str:
    """Write the first rows as a Markdown table; floats are rounded to six digits."""
    columns = columns_of(rows)
    if not columns:
        return tr("This table is empty.")
    lines = [[_cell(column) for column in columns], ["---"] * len(columns)]
    lines += [[_cell(row.get(column)) for column in columns] for row in rows[:MOST_ROWS]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}".replace("-", MINUS)
    return _line(str(value)).replace("|", r"\|")


def _line(text: str) -> str:
    """Make a text safe inside one line of Markdown."""
    return re.sub(r"([\\`*_\[\]#<>])", r"\\\1", " ".join(text.split()))


def _figure_part(names: Mapping[str, str], boxes: str) -> list[str]:
    parts = [
        tr(
            "### {line}\n\n![{line}](figures/{safe}.png)\n\nThe same as a drawing without pixels: "
            "[{safe}.svg](figures/{safe}.svg)",
            line=_line(tr(name)),
            safe=safe,
        )
        for name, safe in names.items()
    ]
    return [tr("## Figures"), *_boxes_said(boxes), *parts] if parts else []


def _boxes_said(boxes: str) -> list[str]:
    said = tr(
        "No font here has these characters of the figures: {characters} They are boxes in the PNG "
        "files. The SVG files hold them as text, which a browser writes in a font of its own.",
        characters=_line(boxes),
    )
    return [said] if boxes else []


def _table_part(tables: Mapping[str, Rows], names: Mapping[str, str]) -> list[str]:
    parts = [
        f"### {_line(tr(name))}\n\n{markdown_table(rows)}\n\n{_rows_said(rows, names[name])}"
        for name, rows in tables.items()
    ]
    return [tr("## Tables"), *parts] if parts else []


def _rows_said(rows: Rows, safe: str) -> str:
    link = f"[{safe}.csv](tables/{safe}.csv)"
    if len(rows) > MOST_ROWS:
        return tr(
            "The first {most_rows} of {count} rows; all are in {link}.",
            most_rows=MOST_ROWS,
            count=len(rows),
            link=link,
        )
    return tr("In full precision: {link}", link=link)


def _config_part(names: Mapping[str, str]) -> list[str]:
    said = tr(
        "`python -m nndl_core train FILE` repeats a run from its file; the lab opens it, too."
    )
    lines = [
        f"- {_line(tr(name))}: [{safe}.json](config/{safe}.json)" for name, safe in names.items()
    ]
    return [tr("## Settings"), said, "\n".join(lines)] if lines else []


def versions() -> str:
    """Say in one line what computed the numbers: the source of nndl_core by its digest."""
    parts = [f"{name} {version(name)}" for name in ("torch", "numpy", "matplotlib")]
    return ", ".join(
        [f"nndl_core {source_digest()}", f"Python {platform.python_version()}", *parts]
    )


@cache
def source_digest() -> str:
    """Return twelve digits that change with any line of nndl_core; needs no git."""
    digest = hashlib.sha256()
    root = Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
