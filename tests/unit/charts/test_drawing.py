"""Figures as files: right places and words, the same bytes each time, no home needed."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nndl_core.charts.figures import bands, layer_bars, lines, strips
from nndl_core.charts.static import drawing as static
from nndl_core.charts.static.drawing import draw_static, undrawable
from nndl_core.charts.static.fonts import LATIN, _packaged, families
from nndl_core.charts.style.theme import SERIES

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
X = [0.0, 1.0, 2.0]


def svg(figure: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(draw_static(figure, "svg"))


def words(figure: dict[str, Any]) -> list[str]:
    return [" ".join("".join(text.itertext()).split()) for text in svg(figure).iter(f"{SVG}text")]


def paths(figure: dict[str, Any], style: str) -> list[NDArray[np.float64]]:
    """Corners of every path in which a style stands, in points from the upper left."""
    found = [p for p in svg(figure).iter(f"{SVG}path") if style in p.get("style", "")]
    numbers = [re.findall(r"-?\d+(?:\.\d+)?", path.get("d", "")) for path in found]
    return [np.array(list(map(float, one))).reshape(-1, 2) for one in numbers]


def bar(values: list[float], **more: Any) -> dict[str, Any]:
    trace = {"type": "bar", "x": list(range(len(values))), "y": values, **more}
    return {"data": [trace], "layout": {}}


def test_bars_are_as_high_as_their_values() -> None:
    corners = paths(bar([1, 2, 4]), f"fill: {SERIES[0]}")
    heights = [np.ptp(one[:, 1]) for one in corners]
    assert np.array(heights) / heights[0] == pytest.approx([1, 2, 4], rel=1e-3)


def test_a_decade_has_the_same_length_everywhere_on_a_log_axis() -> None:
    figure = lines({"a": (X, [1e-4, 1e-2, 1e-1])}, "x", "y", log_y=True)
    (line,) = [p for p in paths(figure, f"stroke: {SERIES[0]}") if len(p) == 3]
    steps = np.diff(line[:, 1])
    assert steps[0] / steps[1] == pytest.approx(2, rel=1e-3)
    assert steps[0] < 0  # upwards


def test_bars_end_at_their_value_on_a_log_axis() -> None:
    figure = layer_bars({"a": [1e-4, 1e-3, 1e-2]}, "norm")
    ends = [one[:, 0].max() for one in paths(figure, f"fill: {SERIES[0]}")]
    assert ends[1] - ends[0] == pytest.approx(ends[2] - ends[1], rel=1e-3)


def test_a_gap_in_a_line_stays_a_gap() -> None:
    figure = {"data": [{"x": [0, 1, 2, 3, 4], "y": [0, 1, None, 3, 4], "mode": "lines"}]}
    (path,) = [
        p.get("d", "")
        for p in svg(figure).iter(f"{SVG}path")
        if f"stroke: {SERIES[0]}" in p.get("style", "")
    ]
    assert path.count("M") == 2


def test_the_words_of_a_figure_are_words_of_the_drawing() -> None:
    figure = lines(
        {"sick $x_1$": (X, [1e-3, 0, 1])},
        "epoch",
        "norm <5 & more",
        log_y=True,
        reference={"limit": 0.1},
        title="A title",
    )
    found = words(figure)
    for expected in ("sick $x_1$", "epoch", "norm <5 & more", "limit: 0.1", "A title", "10⁻²"):
        assert expected in found
    assert "exactly 0" in found


def test_marks_and_numbers_of_layers_are_written() -> None:
    found = words(layer_bars({"a": [0, 1e-9], "b": [float("nan"), 0.5]}, "norm"))
    for expected in ("exactly 0", "not finite", "1e\N{MINUS SIGN}9", "0.5", "fc1", "fc2"):
        assert expected in found


def test_notes_are_written_without_tags() -> None:
    found = " ".join(words(strips({"a": [1, 2, 3, 4, 5]}, "accuracy")))
    assert "n = 5, mean 3.0 (95 %: 1.0 to 5.0)" in found
    assert "<b>" not in found


@pytest.mark.parametrize("fill", ["tozeroy", "tonexty", "toself"])
def test_bands_are_filled(fill: str) -> None:
    first = {"x": X, "y": [1, 1, 1], "mode": "lines"}
    second = {"x": X, "y": [2, 3, 4], "mode": "lines", "fill": fill, "fillcolor": "rgba(1,2,3,.5)"}
    assert b"fill: #010203" in draw_static({"data": [first, second]}, "svg")


def test_a_band_is_filled_between_its_edges() -> None:
    (band,) = paths(bands({"a": (X, [2, 2, 2], [1, 1, 1], [3, 3, 3])}, "x", "y"), "opacity: 0.22")
    (middle,) = [
        p
        for p in paths(
            bands({"a": (X, [2, 2, 2], [1, 1, 1], [3, 3, 3])}, "x", "y"),
            f"stroke: {SERIES[0]}; stroke-width: 1.875",
        )
        if len(p) == 3
    ]
    assert middle[0, 1] == pytest.approx((band[:, 1].min() + band[:, 1].max()) / 2)


def test_a_heat_map_has_a_cell_per_value_and_its_words() -> None:
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": [[1, 2, 3], [4, None, 6]],
        "x": ["a", "b", "c"],
    }
    trace |= {"colorscale": [[0, "#ffffff"], [1, "rgb(255,0,0)"]], "colorbar": {"title": "share"}}
    found = words({"data": [trace], "layout": {}})
    assert {"a", "b", "c", "share"} <= set(found)
    assert paths({"data": [trace | {"showscale": False}]}, "fill: #ff0000")


def test_words_can_be_coordinates() -> None:
    figure = {"data": [{"type": "bar", "x": ["left", "right"], "y": [1, 2]}], "layout": {}}
    assert {"left", "right"} <= set(words(figure))


def test_grouped_bars_stand_beside_each_other() -> None:
    one = {"type": "bar", "x": [0, 1], "y": [1, 1]}
    figure = {"data": [one, one], "layout": {"barmode": "group"}}
    left, right = (paths(figure, f"fill: {color}")[0] for color in SERIES[:2])
    assert left[:, 0].max() == pytest.approx(right[:, 0].min(), abs=0.1)


def test_a_png_has_the_size_that_was_asked_for() -> None:
    picture = Image.open(io.BytesIO(draw_static(bar([1, 2]), "png", width=6, height=3)))
    assert picture.size == (900, 450)
    colors = picture.convert("RGB").getcolors(maxcolors=100_000) or []
    assert (204, 31, 151) in [color for _, color in colors]


@pytest.mark.parametrize("format", ["svg", "png"])
def test_the_same_figure_is_the_same_bytes(format: Any) -> None:
    figure = layer_bars({"a": [0, 1e-9]}, "norm", title="Again")
    assert draw_static(figure, format) == draw_static(figure, format)


def test_an_svg_names_no_date_and_needs_no_other_file() -> None:
    text = draw_static(bar([1]), "svg").decode()
    assert "dc:date" not in text
    assert not re.search(r'href="(?!#)', text)


def test_a_script_that_the_font_lacks_is_no_warning() -> None:
    draw_static(lines({"激活": (X, X)}, "x", "y", title="梯度"), "png")
    assert "梯度" in words(lines({"激活": (X, X)}, "x", "y", title="梯度"))


@pytest.mark.parametrize(
    ("figure", "format", "sentence"),
    [
        ({"data": [{"type": "pie"}]}, "svg", "scatter, bar and heatmap, not pie"),
        ({"data": [{"x": X, "y": X, "fill": "tonext"}]}, "svg", "not tonext"),
        ({"data": []}, "pdf", "svg or png, not as pdf"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(
    figure: dict[str, Any], format: Any, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        draw_static(figure, format)


ELSEWHERE = """
import sys, hashlib
import nndl_core.reports.pack
assert "matplotlib" not in sys.modules, "imported before it is needed"
from nndl_core.charts.figures import layer_bars
from nndl_core.charts.static import drawing as static
from nndl_core.charts.static.drawing import draw_static, undrawable
from nndl_core.charts.static.fonts import LATIN, _packaged, families
drawn = draw_static(layer_bars({"a": [0, 1e-9]}, "norm", title="Again"), "svg")
assert "matplotlib.pyplot" not in sys.modules
print(hashlib.sha256(drawn).hexdigest())
"""


def test_another_process_without_a_home_draws_the_same_in_silence(tmp_path: Path) -> None:
    given = {k: v for k, v in os.environ.items() if not k.startswith(("MPL", "XDG"))}
    environment = given | {"HOME": "/proc/nobody", "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ELSEWHERE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    mine = draw_static(layer_bars({"a": [0, 1e-9]}, "norm", title="Again"), "svg")
    assert done.stdout.strip() == hashlib.sha256(mine).hexdigest()
    assert list(tmp_path.iterdir()) == []


def named(word: str) -> dict[str, Any]:
    return lines({"a": (X, X)}, word, "y")


def pixels(word: str) -> bytes:
    return np.asarray(Image.open(io.BytesIO(draw_static(named(word), "png")))).tobytes()


BOX = "\u0378"
"""No character has this number, so every font draws its box for it."""


def test_the_requirements_bring_a_font_that_has_what_the_lab_says_in_chinese() -> None:
    from babel.messages.pofile import read_po
    from matplotlib.ft2font import FT2Font

    path = _packaged()
    assert path is not None
    font = FT2Font(str(path))
    assert (font.family_name, families()) == ("Noto Sans SC", (LATIN, "Noto Sans SC"))
    assert not font.get_char_index(ord(BOX))
    said = "".join(
        str(message.string)
        for file in sorted((ROOT / "nndl_core/base/locales/zh").glob("*.po"))
        for message in read_po(io.BytesIO(file.read_bytes()))
    )
    chinese = {letter for letter in said if "\u4e00" <= letter <= "\u9fff"}
    assert len(chinese) > 500
    assert {letter for letter in chinese if not font.get_char_index(ord(letter))} == set()
    assert undrawable(named("".join(chinese) + BOX)) == ""  # a box is not printable


def test_chinese_words_of_a_png_are_not_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {word: pixels(word) for word in ("中文", "文中", "梯度", BOX * 2)}
    assert len(set(drawn.values())) == 4
    monkeypatch.setattr(static, "families", lambda: (LATIN,))
    boxes = {word: pixels(word) for word in drawn}
    assert len({boxes["中文"], boxes["文中"], boxes["梯度"]}) == 1  # as it would be without
    assert boxes[BOX * 2] == drawn[BOX * 2]


def test_chinese_words_of_an_svg_are_words_with_fonts_to_choose_from() -> None:
    drawing = svg(named("训练损失"))
    (text,) = [t for t in drawing.iter(f"{SVG}text") if "训练损失" in "".join(t.itertext())]
    assert "'DejaVu Sans', 'Noto Sans SC', sans-serif;" in text.get("style", "")


def test_characters_that_no_font_has_are_named() -> None:
    assert undrawable(named("类别 café 국어 국")) == "국어"
