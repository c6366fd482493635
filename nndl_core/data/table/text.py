"""The bytes of an uploaded file as text, or one sentence that says what kind of file it is."""

from __future__ import annotations

import re

from nndl_core.base.i18n import tr

MAX_BYTES = 10 * 1024 * 1024
MAX_LINE = 65_536  # characters; keeps one endless line from becoming millions of cells
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "gb18030": "GBK",  # of which GB 18030 is the newest form
    "cp1252": "Windows-1252",
}
WORKBOOK, OLD_WORKBOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!", b"%PDF")
PAGE = re.compile(r"\s*<(!doctype|html|head|body|table|\?xml)\b", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
MOST_CONTROL = 0.02  # a share of the characters; text has none, but a cell or two may be damaged
HIGH = re.compile(rb"[\x80-\xff]")


class TableError(ValueError):
    """A file that cannot be used; the text is one sentence for the person who uploaded it."""


def check_size(content: bytes) -> None:
    """Raise TableError for a file that is too large to be read for one tab of many."""
    if len(content) > MAX_BYTES:
        raise TableError(
            tr(
                "The file has {size:.1f} MB; at most {most} MB can be read: leave out rows or "
                "columns.",
                size=len(content) / 1024**2,
                most=MAX_BYTES // 1024**2,
            )
        )


def text_of(content: bytes, encoding: str = "") -> tuple[str, str]:
    """Decode a file; return its text with line ends of one character, and its encoding.

    encoding: a key of ENCODINGS; empty finds it. Raises TableError for what is no text.
    """
    _refuse_foreign(content)
    encoding = encoding or encoding_of(content)
    try:
        text = content.decode(_codec(content, encoding))
    except UnicodeDecodeError as error:
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        raise TableError(
            tr(
                "Row {row} is not {encoding} text; choose another encoding, or save the file as "
                '"CSV UTF-8".',
                row=1 + before.count(b"\n"),
                encoding=ENCODINGS[encoding],
            )
        ) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    _refuse_no_table(text)
    _check_lines(text)
    return text, encoding


def encoding_of(content: bytes) -> str:
    """Guess the encoding of a file: a key of ENCODINGS.

    A short order of trials decides: what is valid UTF-8 is hardly ever anything else, and what
    separates GBK from Windows-1252 is that it makes letters of common use.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or _wide(content):
        return "utf-16"
    for encoding in ("utf-8", "gb18030"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _is_chinese(content):
            return encoding
    return "cp1252"


def shown(text: str) -> str:
    """Quote a name or a value for a sentence, at most 20 characters of it."""
    printable = "".join(c if c.isprintable() else "?" for c in text[:20])
    return f'"{printable}…"' if len(text) > 20 else f'"{printable}"'


def _codec(content: bytes, encoding: str) -> str:
    if encoding != "utf-16" or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-8-sig" if encoding == "utf-8" else encoding
    return _wide(content) or "utf-16-le"


def _wide(content: bytes) -> str:
    """Name the UTF-16 without a mark: in one of two bytes digits and separators are zero."""
    start = content[:4096]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) < 0.3 * len(start) / 2 or min(even, odd) > 0.02 * len(start) / 2:
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _is_chinese(content: bytes) -> bool:
    """Tell whether most bytes beyond ASCII make letters that Chinese is written with.

    Of GB 2312 those are the first 3755, up to the first byte D7; accented letters stand alone or
    make pairs beyond it.
    """
    text = content[:200_000].decode("gb18030", errors="ignore")
    codes = [letter.encode("gb2312", errors="ignore") for letter in text if letter > "\x7f"]
    usual = sum(1 for code in codes if code and code[0] <= 0xD7)
    return 4 * usual > len(HIGH.findall(content[:200_000]))


def _refuse_foreign(content: bytes) -> None:
    if content.startswith(OLD_WORKBOOK):
        raise TableError(
            tr("The file is an old Excel workbook (.xls); save it as .xlsx or as CSV UTF-8.")
        )
    if content.startswith((*PACKED, WORKBOOK)):
        raise TableError(
            tr(
                "The file is compressed or binary; unpack it, and upload the table in it as CSV "
                "or .xlsx."
            )
        )


def _refuse_no_table(text: str) -> None:
    damaged = len(CONTROL.findall(text[:100_000]))
    if "\0" in text or damaged > max(2, MOST_CONTROL * len(text[:100_000])):
        raise TableError(tr('The file is binary, not text; save the table as "CSV UTF-8".'))
    if PAGE.match(text):
        raise TableError(
            tr("The file is a web page, not a table; download the table itself, as CSV or .xlsx.")
        )
    ends = text.lstrip()[:1] + text.rstrip()[-1:]
    if ends in ("{}", "[]"):
        raise TableError(tr("The file is JSON, not a table; save the table as CSV or .xlsx."))


def _check_lines(text: str) -> None:
    """Raise TableError for a line that is too long, without making a list of all lines."""
    start = 0
    while len(text) - start > MAX_LINE:
        end = text.rfind("\n", start, start + MAX_LINE + 1)
        if end < 0:
            raise TableError(
                tr(
                    "Row {row} is longer than {most} characters; leave out columns, or end each "
                    "row with a new line.",
                    row=1 + text.count("\n", 0, start),
                    most=MAX_LINE,
                )
            )
        start = end + 1
