"""QR codes of links: what another program reads is the link, up to the longest that fits."""

import base64
import re

import numpy as np
import pytest
import segno
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from pages.ui.link.qr import LONGEST, qr_picture

PIXELS = 4
links = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._~%&=,/?:[]", min_size=1, max_size=300)


def read(link: str) -> str:
    """Draw the modules of the same code as pixels and read them back."""
    code = segno.make(link, error="m", micro=False)
    rows = [list(row) for row in code.matrix_iter(border=4)]
    image = np.kron(1 - np.array(rows, dtype=np.uint8), np.full((PIXELS, PIXELS), 255, np.uint8))
    found = zxingcpp.read_barcodes(image)
    return found[0].text if found else ""


def svg_of(link: str) -> str:
    picture = qr_picture(link)
    kind, _, content = picture.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return base64.b64decode(content).decode()


@settings(max_examples=40, deadline=None)
@given(links)
def test_a_reader_finds_the_link(link: str) -> None:
    assert read(f"http://lab.school/?{link}") == f"http://lab.school/?{link}"


def test_the_longest_link_is_read() -> None:
    link = "http://lab.school/?" + "a" * (LONGEST - 19)
    assert len(link) == LONGEST
    assert read(link) == link
    with pytest.raises(ValueError, match="at most"):
        qr_picture(link + "a")


def test_the_picture_has_the_modules_of_the_code_and_a_quiet_zone() -> None:
    link = "http://lab.school/?epochs=2000"
    svg = svg_of(link)
    size = segno.make(link, error="m", micro=False).symbol_size(border=4)[0]
    assert f'viewBox="0 0 {size} {size}"' in svg
    assert 'fill="#fff"' in svg
    assert re.search(r'stroke="#000"', svg)
    assert "http:" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
