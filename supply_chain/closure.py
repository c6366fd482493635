"""What requirements.txt brings: every package that a pinned one needs, and its version.

`python -m supply_chain.closure > constraints.txt` writes the file that pins them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import distribution
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
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(need, extra) for need in wanted for extra in ("", *need.extras)]
    while waiting:
        need, extra = waiting.pop()
        name = canonicalize_name(need.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found[name] = Version(distribution(name).version).public  # torch's "+cpu" is no other torch
        waiting += _needs(name, extra)
    return dict(sorted(found.items()))


def _needs(name: str, extra: str) -> Iterator[tuple[Requirement, str]]:
    for line in distribution(name).requires or ():
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate({"extra": extra}):
            yield from ((need, more) for more in ("", *need.extras))


def pinned(file: Path = CONSTRAINTS) -> dict[str, str]:
    """Read name and version of each line of a file that pins exactly."""
    pins = {}
    for need in requirements(file):
        (only,) = need.specifier
        assert only.operator == "==", need
        pins[str(canonicalize_name(need.name))] = only.version
    return pins


if __name__ == "__main__":
    pins = closure(requirements())
    print(HEADER + "\n".join(f"{name}=={version}" for name, version in pins.items()))
