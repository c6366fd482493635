"""The page of the vanishing gradient as AppTest runs it: every control changes what is shown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import MAX_DEPTH

Open = Callable[..., AppTest]
RATIO = [669.2070, 179.9775, 35.38572, 6.957255, 1.367879]
"""The closed form of E8: powers of 1 / sigma'(1), from fc2 on times 1 / sigma(1)."""


@pytest.fixture
def small(open_lab: Open) -> AppTest:
    at = open_lab("vanishing.py", lesson="vanishing")
    assert not at.exception
    return at


def tables(at: AppTest) -> dict[str, list[list[str]]]:
    """Return the cells of every table by its caption, without their tags."""
    found = {}
    for element in at.get("html"):
        body = element.proto.body
        if caption := re.search(r"<caption>(.*?)</caption>", body):
            rows = re.findall(r"<tr>(.*?)</tr>", body)
            cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]
            found[unescape(caption[1])] = [
                [unescape(re.sub("<[^>]*>", "", cell)) for cell in row] for row in cells
            ]
    return found


def named(at: AppTest, start: str) -> list[list[str]]:
    """Return the rows of the table whose caption starts so, without its header."""
    return next(rows[1:] for caption, rows in tables(at).items() if caption.startswith(start))


def ratios(at: AppTest) -> list[list[str]]:
    return named(at, "Gradient norms")


def lost(at: AppTest) -> list[list[str]]:
    return named(at, "Decades lost on the way")


def causes(at: AppTest) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in named(at, "Decades lost from")}


def factors(at: AppTest) -> list[list[str]]:
    return named(at, "Factors")


def first_steps(at: AppTest) -> dict[tuple[str, str], list[str]]:
    """Return the cells of each layer by network and quantity."""
    found, network = {}, ""
    for name, quantity, *cells in named(at, "Size of the first step"):
        network = name or network
        found[network, quantity] = cells
    return found


def words(at: AppTest) -> str:
    elements = [*at.markdown, *at.caption, *at.warning]
    return " ".join(element.value.replace("\\", "") for element in elements)


def readable(at: AppTest) -> bool:
    """Tell whether no raw value of a float stands in a table or a sentence."""
    cells = [cell for rows in tables(at).values() for row in rows for cell in row]
    return not re.search(r"\b(nan|inf|None)\b", " ".join([words(at), *cells]))


def test_the_ratios_are_within_one_percent_of_their_closed_form(small: AppTest) -> None:
    small.number_input(key="norms_seeds").set_value(50).run()
    rows = ratios(small)
    means = [float(row[4].partition(" ")[0]) for row in rows]
    assert means == pytest.approx(RATIO, rel=0.01)
    assert [float(row[5]) for row in rows] == pytest.approx(RATIO, rel=1e-3)
    for row, mean, exact in zip(rows, means, RATIO, strict=True):
        assert float(row[6].rstrip("%")) == pytest.approx(100 * (mean / exact - 1), abs=0.06)
        assert float(row[3]) == pytest.approx(float(row[2]) / float(row[1]), rel=0.01)
    assert "geometric mean of 50 seeds" in words(small)


def test_the_decades_lost_are_those_of_the_printed_norms(small: AppTest) -> None:
    small.number_input(key="norms_seeds").set_value(1).run()
    norms = [[float(cell) for cell in row[1:3]] for row in ratios(small)]
    for row, pair in zip(lost(small), norms, strict=True):
        expected = [math.log10(norms[-1][at] / pair[at]) for at in (0, 1)]
        assert [float(row[1]), float(row[3])] == pytest.approx(expected, abs=0.02)
    assert norms[0] == pytest.approx([1.865e-11, 1.243e-8], rel=0.01)


def test_the_decades_lost_are_near_their_closed_form(small: AppTest) -> None:
    small.number_input(key="norms_seeds").set_value(200).run()
    for row in lost(small)[:-1]:
        for measured, law in ((row[1], row[2]), (row[3], row[4])):
            mean, error = map(float, measured.split(" ± "))
            assert mean == pytest.approx(float(law), abs=4 * error)


def test_two_equal_activations_have_nothing_to_compare(small: AppTest) -> None:
    small.selectbox(key="norms_second").set_value("sigmoid").run()
    assert not small.exception
    assert {row[3] for row in ratios(small)} == {"1"}
    assert "choose two different ones" in words(small)


def test_the_activations_can_be_exchanged(small: AppTest) -> None:
    before = ratios(small)
    small.selectbox(key="norms_first").set_value("relu")
    small.selectbox(key="norms_second").set_value("sigmoid").run()
    after = ratios(small)
    for old, new in zip(before, after, strict=True):
        assert (new[1], new[2]) == (old[2], old[1])
        assert float(new[3]) * float(old[3]) == pytest.approx(1, abs=2e-3)


def test_an_exact_zero_is_told(open_lab: Open) -> None:
    at = open_lab("vanishing.py", lesson="vanishing", bias="-8")
    assert not at.exception
    assert [row[2] for row in ratios(at)] == ["exactly 0"] * 5
    assert "exactly 0" not in {row[1] for row in ratios(at)}
    assert causes(at)["relu, std 0.01"][-1] == "20 of 20"
    assert causes(at)["sigmoid, std 0.01"][-1] == "0 of 20"
    text = words(at)
    assert "with relu the gradient of fc1 is exactly 0" in text
    assert "relu, std 0.01, b = -8: in every seed a gradient is exactly 0" in text
    assert readable(at)


def test_weights_and_slope_add_up_to_what_is_lost(small: AppTest) -> None:
    for weights, slope, inputs, total, ratio, *_ in causes(small).values():
        parts = float(weights) + float(slope) + float(inputs)
        assert parts == pytest.approx(float(total), abs=0.02)
        assert float(ratio) == pytest.approx(10 ** -float(total), rel=0.08)
    sigmoid, relu = (causes(small)[f"{name}, std 0.01"] for name in ("sigmoid", "relu"))
    sigma = 1 / (1 + math.exp(-1))
    assert float(sigmoid[1]) == pytest.approx(-4 * math.log10(sigma * (1 - sigma)), abs=0.02)
    assert float(relu[1]) == 0
    assert float(relu[0]) > 7  # the weights of std 0.01 alone


def test_the_std_moves_the_weights_part_by_its_decades(small: AppTest) -> None:
    before, xavier = causes(small)["relu, std 0.01"], causes(small)["sigmoid, Xavier"]
    small.select_slider(key="small_std").set_value(0.001).run()
    after = causes(small)["relu, std 0.001"]
    assert float(after[0]) - float(before[0]) == pytest.approx(4, abs=0.02)
    assert causes(small)["sigmoid, Xavier"] == xavier


def test_depth_and_bias_follow_their_sliders(small: AppTest) -> None:
    small.slider(key="small_depth").set_value(12).run()
    assert len(factors(small)) == 12
    deep = float(causes(small)["sigmoid, std 0.01"][1])
    sigma = 1 / (1 + math.exp(-1))
    assert deep == pytest.approx(-12 * math.log10(sigma * (1 - sigma)), abs=0.05)
    small.slider(key="small_bias").set_value(-10.0).run()
    assert causes(small)["relu, std 0.01"][-1] == "20 of 20"
    assert readable(small)


def test_the_factors_of_the_steps_multiply_to_what_is_lost(small: AppTest) -> None:
    for name in ("sigmoid, std 0.01", "relu, He"):
        small.selectbox(key="small_network").set_value(name).run()
        product = math.prod(float(row[7]) for row in factors(small))
        assert -math.log10(product) == pytest.approx(float(causes(small)[name][3]), abs=0.02)
        for row in factors(small):
            parts = [float(row[at]) for at in (1, 3, 5)]
            assert math.prod(parts) == pytest.approx(float(row[7]), rel=0.02)


def test_float32_swallows_the_first_step_and_a_larger_rate_brings_it_back(small: AppTest) -> None:
    steps = first_steps(small)
    assert steps["sigmoid, std 0.01", "changed in float32"][:2] == ["0%", "0%"]
    assert steps["sigmoid, std 0.01", "changed in float64"] == ["100%"] * 5
    size = float(steps["sigmoid, std 0.01", "update / weight"][0])
    small.select_slider(key="updates_rate").set_value(100.0).run()
    larger = float(first_steps(small)["sigmoid, std 0.01", "update / weight"][0])
    assert larger == pytest.approx(1e4 * size, rel=0.1)
    small.select_slider(key="updates_std").set_value(1.0).run()
    assert first_steps(small)["sigmoid, std 1", "changed in float32"] == ["100%"] * 5
    assert "Of fc1's weights and biases 100% change in float32" in words(small)


def test_the_sections_follow_the_settings_of_the_runs(small: AppTest) -> None:
    small.slider(key="small_depth").set_value(7).run()
    small.slider(key="vanishing_hidden").set_value(2).run()
    assert small.slider(key="small_depth").value == 2
    assert len(ratios(small)) == 3
    small.number_input(key="vanishing_init_scale").set_value(0.5).run()
    assert small.select_slider(key="small_std").value == 0.5
    assert small.select_slider(key="updates_std").value == 0.5
    small.slider(key="vanishing_bias").set_value(-2.0).run()
    assert small.slider(key="small_bias").value == -2
    assert not small.exception


@pytest.mark.parametrize("std", [0.001, 3.0])
@pytest.mark.parametrize("depth", [1, MAX_DEPTH])
@pytest.mark.parametrize("bias", [-10.0, 0.0, 10.0])
def test_the_ends_of_the_sliders_read_well(
    small: AppTest, std: float, depth: int, bias: float
) -> None:
    small.select_slider(key="small_std").set_value(std)
    small.slider(key="small_depth").set_value(depth)
    small.slider(key="small_bias").set_value(bias)
    small.select_slider(key="updates_rate").set_value(100.0)
    small.select_slider(key="updates_std").set_value(std).run()
    assert not small.exception
    assert readable(small)
    assert len(factors(small)) == depth


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"init_scale": "0"}, "std 0, b = 1: in every seed a gradient is exactly 0"),
        ({"init_scale": "100"}, "these are too large for it"),
        ({"bias": "0"}, "at b = 0 the closed form says nothing"),
        ({"hidden": "none"}, "hidden: this lesson needs a hidden layer."),
        ({"hidden": "3-99"}, "hidden: [3, 99] is not possible"),
        ({"bias": "eleven"}, "bias: 'eleven' is not a number from -10 to 10."),
        ({"lesson": "fading"}, "lesson: 'fading' is not known here"),
    ],
)
def test_odd_values_in_the_address_get_a_sentence(
    open_lab: Open, parameters: dict[str, str], sentence: str
) -> None:
    at = open_lab("vanishing.py", **{"lesson": "vanishing", **parameters})
    assert not at.exception
    assert sentence in words(at)
    assert readable(at)


def test_a_wide_network_is_measured_with_fewer_seeds(open_lab: Open) -> None:
    at = open_lab("vanishing.py", lesson="vanishing", hidden="-".join(["64"] * 6))
    assert not at.exception
    assert at.number_input(key="small_seeds").max == 4
    at.slider(key="small_depth").set_value(1).run()
    assert at.number_input(key="small_seeds").max == 200
    at.number_input(key="small_seeds").set_value(100).run()
    at.slider(key="small_depth").set_value(6).run()
    assert at.number_input(key="small_seeds").value == 4
    assert not at.exception


def test_with_a_sane_scale_the_slope_is_what_is_left(open_lab: Open) -> None:
    at = open_lab("vanishing.py", lesson="scale")
    assert not at.exception
    weights, slope, _, total, *_ = map(float, causes(at)["sigmoid, Xavier"][:5])
    assert abs(weights) < 0.4
    assert slope == pytest.approx(4 * math.log10(4), abs=0.15)
    assert 1.5 < total < 3
    assert float(causes(at)["relu, He"][3]) < 1
    at.select_slider(key="sane_std").set_value(0.01).run()
    assert float(causes(at)["sigmoid, std 0.01"][3]) > 7
