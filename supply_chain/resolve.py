"""Which Pythons and systems have a wheel of everything that is pinned: `make resolve`.

Downloads no wheel. What is pure Python says itself which Pythons it is for; of the rest pip tells
what its index lists. Exit status 0: all pairs hold. 1: one lacks something. 3: not all was checked.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from itertools import product
from urllib.parse import unquote

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from start import CPU_INDEX
from supply_chain.closure import pinned, reached, requirements

Python = tuple[int, int]
PYTHONS: tuple[Python, ...] = ((3, 11), (3, 12), (3, 13), (3, 14))
LACKING, NOT_CHECKED = 1, 3
UNREACHED = "Could not fetch URL"
COMPILED = "Root-Is-Purelib: false"
OLDEST_GLIBC, NEWEST_GLIBC = 5, 28  # 2.28 is that of Debian 10


@dataclass(frozen=True)
class System:
    """A kind of machine: its name, the platforms of wheels for it, and what markers find there."""

    name: str
    platforms: tuple[str, ...]
    sys_platform: str
    platform_system: str
    platform_machine: str

    def markers(self, python: Python) -> dict[str, str]:
        """Return what a requirement's marker asks, for a Python on this system."""
        version = f"{python[0]}.{python[1]}"
        return {
            "python_version": version,
            "python_full_version": f"{version}.0",
            "os_name": "nt" if self.platform_system == "Windows" else "posix",
            "sys_platform": self.sys_platform,
            "platform_system": self.platform_system,
            "platform_machine": self.platform_machine,
        }


# The wheels that an index lists, and whether it answered: pip may know some from elsewhere.
Answer = tuple[frozenset[str], bool]
Listed = Callable[[str, System], Answer]


def _linux(machine: str, *older: str) -> System:
    names = [f"manylinux_2_{minor}" for minor in range(OLDEST_GLIBC, NEWEST_GLIBC + 1)]
    platforms = tuple(f"{name}_{machine}" for name in (*names, *older, "linux"))
    return System(f"Linux {machine}", platforms, "linux", "Linux", machine)


SYSTEMS = (
    _linux("x86_64", "manylinux2014", "manylinux2010", "manylinux1"),
    _linux("aarch64", "manylinux2014"),
    System("macOS 14 arm64", tuple(mac_platforms((14, 0), "arm64")), "darwin", "Darwin", "arm64"),
    System("Windows AMD64", ("win_amd64",), "win32", "Windows", "AMD64"),
)


def tags(python: Python, system: System) -> set[Tag]:
    """Return the tags of the wheels that a CPython on a system takes."""
    interpreter = f"cp{python[0]}{python[1]}"
    own = cpython_tags(python, platforms=system.platforms)
    return {*own, *compatible_tags(python, interpreter, system.platforms)}


def wheels(said: str) -> set[str]:
    """Return the names of the wheels in what pip says about the links of an index."""
    return {unquote(name) for name in re.findall(r"[^/\s]+\.whl", said)}


def has(files: Iterable[str], version: str, wanted: set[Tag]) -> bool:
    """Tell whether a wheel of a version, be it called "+cpu", has one of the wanted tags."""
    parsed = (_parsed(file) for file in files)
    return any(found == version and not its.isdisjoint(wanted) for found, its in parsed)


@cache
def _parsed(file: str) -> tuple[str, frozenset[Tag]]:
    try:
        _, version, _, its = parse_wheel_filename(file)
    except InvalidWheelFilename:
        return "", frozenset()
    return version.public, its


def listed(name: str, system: System) -> Answer:
    """Read the index that start.py takes a package from."""
    of_pytorch = name == "torch" and system.platform_system == "Linux"
    return _listed(name, *(["--index-url", CPU_INDEX] if of_pytorch else []))


@cache
def _listed(name: str, *options: str) -> Answer:
    command = [sys.executable, "-m", "pip", "index", "versions", "-vv", *options, name]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout + done.stderr
    return frozenset(wheels(said)), UNREACHED not in said


@cache
def _pure(name: str) -> SpecifierSet | None:
    """Return which Pythons a package is for, if the one installed here has no compiled part."""
    its = distribution(name)
    if COMPILED in (its.read_text("WHEEL") or COMPILED):
        return None
    wanted = its.metadata.get_all("Requires-Python") or [""]  # of [], setuptools makes a KeyError
    return SpecifierSet(wanted[0])


def place(python: Python, system: System, pins: dict[str, str], ask: Listed) -> list[list[str]]:
    """Return what of the packages needed there has no wheel, was not checked, and has no pin."""
    names = reached(requirements(), system.markers(python))
    wanted = tags(python, system)
    lacking: list[str] = []
    unknown: list[str] = []
    for name in sorted(names & pins.keys()):
        pythons = _pure(name)
        if pythons is not None:
            lacking += [] if f"{python[0]}.{python[1]}.0" in pythons else [name]
            continue
        files, answered = ask(name, system)
        if not has(files, pins[name], wanted):
            (lacking if files and answered else unknown).append(name)
    return [lacking, unknown, sorted(names - pins.keys())]


def main(ask: Listed = listed) -> int:
    """Print which pairs hold and what the others lack; return the exit status."""
    pins, statuses = pinned(), set()
    for python, system in product(PYTHONS, SYSTEMS):
        lacking, unknown, free = place(python, system, pins, ask)
        words = {"lacks": lacking, "not checked:": unknown, "not pinned:": free}
        said = [f"{word} {', '.join(names)}" for word, names in words.items() if names]
        said = said if lacking or unknown else ["holds", *said]
        print(f"Python {python[0]}.{python[1]}  {system.name:<15} {'; '.join(said)}", flush=True)
        statuses.add(LACKING if lacking else NOT_CHECKED if unknown else 0)
    return LACKING if LACKING in statuses else max(statuses)


if __name__ == "__main__":
    sys.exit(main())
