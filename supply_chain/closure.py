"""What requirements.txt brings: every package that a pinned one needs, and its version.

`python -m supply_chain.closure > constraints.txt` writes the file that pins them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
REQUIREMENTS, CONSTRAINTS = ROOT / "requirements.txt", ROOT / "constraints.txt"
HEADER = """\
# Every package that requirements.txt brings, so that two installations are the same one. Written by
# `make lock` from the environment that the tests ran in; decision 20 says why there are no hashes.
"""


def requirements(file: Path = REQUIREMENTS) -> list[Requirement]:
    """Read the requirements of a file, without its comments and options."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in file.read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def closure(wanted: list[Requirement]) -> dict[str, str]:
    """Return name and version of everything these need in the running environment, and themselves.

    Raises PackageNotFoundError where something is not installed.
    """
    # torch's "+cpu" is no other torch
    return {name: Version(version(name)).public for name in sorted(reached(wanted))}


def reached(wanted: list[Requirement], markers: dict[str, str] | None = None) -> set[str]:
    """Return the names of everything these need, and themselves, where markers have these values.

    By default those of the running environment. What is not installed is named, not what it needs.
    """
    seen: set[tuple[str, str]] = set()
    waiting = [(need, extra) for need in wanted for extra in ("", *need.extras)]
    while waiting:
        need, extra = waiting.pop()
        name = canonicalize_name(need.name)
        if (name, extra) not in seen:
            seen.add((name, extra))
            waiting += _needs(name, (markers or {}) | {"extra": extra})
    return {name for name, _ in seen}


def _needs(name: str, markers: dict[str, str]) -> Iterator[tuple[Requirement, str]]:
    for need in _required(name):
        if need.marker is None or need.marker.evaluate(markers):
            yield from ((need, more) for more in ("", *need.extras))


@cache
def _required(name: str) -> tuple[Requirement, ...]:
    with suppress(PackageNotFoundError):
        return tuple(map(Requirement, distribution(name).requires or ()))
    return ()


def pinned(file: Path = CONSTRAINTS) -> dict[str, str]:
    """Read name and version of each line of a file that pins exactly."""
    pins: dict[str, str] = {}
    for need in requirements(file):
        (only,) = need.specifier
        assert only.operator == "==", need
        pins[canonicalize_name(need.name)] = only.version
    return pins


if __name__ == "__main__":
    pins = closure(requirements())
    print(HEADER + "\n".join(f"{name}=={pin}" for name, pin in pins.items()))
