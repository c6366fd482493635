"""The colors of the series, judged by contrast and by what color-blind eyes see of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from nndl_core.charts.style.theme import (
    CLASS_COLORS,
    REFERENCE,
    SERIES,
    faded,
    series_color,
    series_dash,
    series_symbol,
)

Array = NDArray[np.float64]
# Complete color blindness of three kinds, on linear RGB: Machado, Oliveira, Fernandes (2009).
EYES = {
    "ordinary": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
XYZ = np.array(
    [[0.412456, 0.357576, 0.180437], [0.212673, 0.715152, 0.072175], [0.019334, 0.119192, 0.950304]]
)


def linear(color: str) -> Array:
    channels = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: Array) -> Array:
    """CIE L*a*b*, in which a distance of 2 can be seen and one of 20 is plain."""
    share = XYZ @ np.clip(rgb, 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(first: str, second: str) -> float:
    return min(
        float(np.linalg.norm(lab(eye @ linear(first)) - lab(eye @ linear(second))))
        for eye in EYES.values()
    )


def contrast(first: str, second: str) -> float:
    low, high = sorted(float(XYZ[1] @ linear(color)) for color in (first, second))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#12171e"])
@pytest.mark.parametrize("color", [*SERIES, REFERENCE])
def test_lines_stand_out_from_a_light_and_a_dark_page(color: str, page: str) -> None:
    assert contrast(color, page) >= 3  # WCAG 2.1, 1.4.11: graphical objects


@pytest.mark.parametrize(("first", "second"), list(combinations(SERIES[:4], 2)))
def test_four_series_differ_for_every_eye(first: str, second: str) -> None:
    assert distance(first, second) >= 18


@pytest.mark.parametrize("color", SERIES[:2])
@pytest.mark.parametrize("other", CLASS_COLORS[:2])
def test_sick_and_cured_are_not_taken_for_classes(color: str, other: str) -> None:
    assert distance(color, other) >= 18


def test_where_a_color_comes_again_dash_and_symbol_do_not() -> None:
    looks = [(series_color(at), series_dash(at), series_symbol(at)) for at in range(20)]
    assert len(set(looks)) == 20


def test_a_faded_color_keeps_its_channels() -> None:
    assert faded("#cc1f97", 0.25) == "rgba(204,31,151,0.25)"
