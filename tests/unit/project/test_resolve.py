"""Which pairs of Python and system have every wheel, told from listings that a test writes."""

from __future__ import annotations

import pytest

from start import NEWEST, OLDEST
from supply_chain import resolve
from supply_chain.closure import pinned
from supply_chain.resolve import PYTHONS, SYSTEMS, Answer, System, has, tags, wheels

PINS = pinned()
LINUX, ARM, MAC, WINDOWS = SYSTEMS
SAID = """
  Skipping link: none of the wheel's tags (cp311-cp311-win_amd64) are compatible (run pip debug
  --verbose to show compatible tags): https://host/a/numba-1.0-cp311-cp311-win_amd64.whl (from x)
  Found link https://host/whl/torch-2.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl (from x)
  Skipping link: unsupported archive format: .egg: https://host/numba-0.1.egg
"""


def test_wheels_that_pip_skips_are_listed_too() -> None:
    assert wheels(SAID) == {
        "numba-1.0-cp311-cp311-win_amd64.whl",
        "torch-2.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
    }


@pytest.mark.parametrize(
    ("file", "python", "system", "holds"),
    [
        ("a-1.0-py3-none-any.whl", (3, 14), WINDOWS, True),
        ("a-1.0-py2.py3-none-manylinux2014_x86_64.whl", (3, 14), LINUX, True),
        ("a-1.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl", (3, 11), LINUX, True),
        ("a-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", (3, 12), LINUX, False),
        ("a-1.0-cp310-abi3-manylinux_2_28_x86_64.whl", (3, 12), LINUX, True),
        ("a-1.0-cp311-cp311-manylinux_2_34_x86_64.whl", (3, 11), LINUX, False),
        ("a-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", (3, 11), ARM, False),
        ("a-1.0-cp311-cp311-macosx_11_0_universal2.whl", (3, 11), MAC, True),
        ("a-1.0-cp311-cp311-macosx_11_0_x86_64.whl", (3, 11), MAC, False),
        ("a-1.0-cp314-cp314t-win_amd64.whl", (3, 14), WINDOWS, False),
        ("a-1.1-py3-none-any.whl", (3, 11), LINUX, False),
        ("no wheel.whl", (3, 11), LINUX, False),
    ],
)
def test_which_wheel_fits(file: str, python: tuple[int, int], system: System, holds: bool) -> None:
    assert has([file], "1.0", tags(python, system)) is holds


def ask(name: str, system: System) -> Answer:
    """List wheels of everything for all Pythons; NumPy's for one, PyTorch's for none but Macs."""
    kinds = (
        ["cp311-cp311"] if name == "numpy" else [f"cp3{minor}-cp3{minor}" for _, minor in PYTHONS]
    )
    platforms = (one.platforms[0] for one in SYSTEMS)
    files = frozenset(
        f"{name.replace('-', '_')}-{PINS[name]}-{kind}-{platform}.whl"
        for platform in platforms
        for kind in kinds
    )
    answered = name != "torch" or system is MAC
    return (files if answered else frozenset({"torch-2.0-py3-none-any.whl"})), answered


def test_what_does_not_hold_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert resolve.main(ask) == resolve.LACKING
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(PYTHONS) * len(SYSTEMS)
    assert "Python 3.11  macOS 14 arm64  holds" in lines
    assert "Python 3.12  macOS 14 arm64  lacks numpy" in lines
    assert "Python 3.11  Linux x86_64    not checked: torch" in lines
    assert "Python 3.11  Windows AMD64   not checked: torch; not pinned: colorama" in lines


def test_where_no_index_answers_nothing_was_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert resolve.main(lambda name, system: (frozenset(), False)) == resolve.NOT_CHECKED
    assert "holds" not in capsys.readouterr().out


def test_the_pythons_are_those_that_start_py_takes() -> None:
    assert (PYTHONS[0], PYTHONS[-1]) == (OLDEST, NEWEST)
