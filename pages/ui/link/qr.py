"""A link as a QR code, drawn here and nowhere else."""

from __future__ import annotations

import base64
import io

import segno

LONGEST = 1200
"""Characters of a link that a camera still reads from a projector: 133 modules a side."""


def qr_picture(link: str) -> str:
    """Return a QR code as an SVG data address, dark on white with a quiet zone of 4 modules.

    Error correction is M, or better where it costs no module. Raises ValueError for a link of
    more than LONGEST characters.
    """
    if len(link) > LONGEST:
        raise ValueError(f"{len(link)} characters; at most {LONGEST} fit.")  # untranslated
    out = io.BytesIO()
    code = segno.make(link, error="m", micro=False)
    code.save(out, kind="svg", border=4, light="#fff", dark="#000", xmldecl=False, omitsize=True)
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()
