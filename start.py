"""Sets the lab up and starts it, or runs its tests: `python3 start.py`, `python3 start.py test`.

Needs nothing but Python itself; what it does first is say when that Python will not do. All is
installed into .venv, and what is there already is kept, so that a second start needs no network.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 11), (3, 14)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
MIRROR = "TORCH_INDEX"
PROBE_SECONDS = 4
GIGABYTES = {"requirements.txt": 2.5, "requirements-dev.txt": 3.0}
AGAIN = "The same line goes on from here."
PYTEST = ["-m", "pytest"]
TASKS = {
    "run": [["-m", "nndl_core", "compile"], ["-m", "streamlit", "run", "app.py"]],
    "setup": [["-m", "nndl_core", "compile"]],
    # A busy machine tears the clocks of the browser tests apart: those run one after another.
    "test": [
        [*PYTEST, "-m", "not e2e", "-nauto", "--maxprocesses=4", "--dist=worksteal"],
        [*PYTEST, "tests/e2e"],
    ],
}
# What pip prints when something outside this project went wrong, and what a person can do then.
CAUSES = {
    "No space left|not enough space": "The disk is full: make room, {need} GB in all.",
    "ConnectionError|ConnectTimeout|ReadTimeout|Max retries|connection broken|SSLError": (
        "The package index did not answer: look at the network, the proxy and pip's settings."
    ),
    "Permission denied": "This folder may not be written: copy the lab to one of yours.",
}


class SetupError(Exception):
    """One sentence about why the lab cannot be set up here."""


def python_fault(version: tuple[int, int], bits: int = 64) -> str | None:
    """Return what is wrong with this Python, if anything is."""
    found = ".".join(map(str, version))
    if version < OLDEST:
        return f"This is Python {found}; the lab needs 3.11 to 3.14. Install one, start with that."
    if version > NEWEST:
        return (
            f"This is Python {found}; the lab's libraries are for 3.11 to 3.14. Use one of those."
        )
    return None if bits == 64 else "This Python is a 32-bit one; PyTorch is made for 64 bits only."


def pinned_torch(requirements: str) -> str:
    """Return the version that the text of requirements.txt pins."""
    (version,) = re.findall(r"(?m)^torch==([0-9.]+)", requirements)
    return str(version)


def torch_is_missing(pin: str, system: str, installed: str) -> bool:
    """Tell whether a PyTorch without CUDA must come before the rest.

    On macOS and Windows pip's own index has no other build; any build of the right version will do.
    """
    return system == "Linux" and installed.partition("+")[0] != pin


def torch_step(pin: str, index: str | None, offered: str) -> list[str]:
    """Return what pip must do for a PyTorch without CUDA on Linux.

    index: PyTorch's index of CPU builds or a mirror of it, None where it does not answer. offered:
    what pip's own indexes have, as `pip index versions torch` prints it.
    What torch needs comes with the rest, from pip's own index. Raises SetupError where only the
    build with CUDA is to be had: without those gigabytes of libraries it cannot even be imported.
    """
    if index is not None:
        return ["install", "--no-deps", "--index-url", index, f"torch=={pin}"]
    if re.search(rf"(?<![\w.]){re.escape(pin)}\+cpu\b", offered):
        return ["install", "--no-deps", f"torch=={pin}+cpu"]
    has = f"has no CPU build of torch {pin}, only one with gigabytes of CUDA"
    raise SetupError(
        f"{CPU_INDEX} does not answer, and pip's own index {has if offered else 'neither'}. "
        f"Look at the network, or name a mirror of the first in {MIRROR}."
    )


def pip_fault(output: str, need: float) -> str:
    """Return a sentence about what pip's output says."""
    found = (text for pattern, text in CAUSES.items() if re.search(pattern, output, re.I))
    reason = next(found, "Its own words above say why.")
    return f"Installing stopped. {reason.format(need=need)} {AGAIN}"


def interpreter(venv: Path, system: str) -> Path:
    """Return where a virtual environment has its Python."""
    return venv / ("Scripts/python.exe" if system == "Windows" else "bin/python")


def answers(index: str) -> bool:
    """Tell whether an index has a page about torch; ask once and not for long."""
    try:
        with urlopen(f"{index.rstrip('/')}/torch/", timeout=PROBE_SECONDS):
            return True
    except (OSError, ValueError):
        return False


class Environment:
    """The virtual environment that the lab runs in, and what is installed there."""

    def __init__(self, folder: Path, requirements: str) -> None:
        self.folder, self.requirements = folder, requirements
        self.python = interpreter(folder, platform.system())

    def make(self) -> None:
        """Make it where it is not there yet; raise SetupError where that cannot be."""
        if self.python.exists():
            return
        need, free = GIGABYTES[self.requirements], shutil.disk_usage(ROOT).free / 1e9
        if free < need:
            raise SetupError(f"The lab needs {need} GB of disk; {free:.1f} GB are free here.")
        print(f"Making {self.folder.name}, which takes some minutes once.", flush=True)
        if subprocess.run([sys.executable, "-m", "venv", str(self.folder)]).returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise SetupError(
                "Python could not make a virtual environment, see above; on Debian and Ubuntu it "
                "is `apt install python3-venv` that lets it."
            )

    def install(self) -> None:
        """Bring PyTorch without CUDA, then everything else that the lists name."""
        pin = pinned_torch((ROOT / "requirements.txt").read_text(encoding="utf-8"))
        ask = "from importlib.metadata import version; print(version('torch'))"
        if torch_is_missing(pin, platform.system(), self._read(["-c", ask])):
            print(f"Installing torch {pin}, the build without CUDA.", flush=True)
            index = next(filter(answers, [os.environ.get(MIRROR) or CPU_INDEX]), None)
            offered = "" if index else self._read(["-m", "pip", "index", "versions", "torch"])
            self._pip(torch_step(pin, index, offered))
        print(f"Bringing what {self.requirements} lists.", flush=True)
        self._pip(["install", "--quiet", "-r", self.requirements])

    def _read(self, arguments: list[str]) -> str:
        done = subprocess.run([self.python, *arguments], capture_output=True, text=True)
        return done.stdout.strip()

    def _pip(self, arguments: list[str]) -> None:
        """Run pip, show what it says, and raise SetupError where it fails."""
        command = [str(self.python), "-m", "pip", "--disable-pip-version-check", *arguments]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",  # a path in another encoding stops nothing
        ) as process:
            said = []
            for line in process.stdout or ():
                said.append(line)
                print(line, end="", flush=True)
        if process.returncode:
            raise SetupError(pip_fault("".join(said), GIGABYTES[self.requirements]))

    def carry_out(self, steps: list[list[str]]) -> int:
        """Run Python on one step after the other; return the first status that is not 0."""
        return next(filter(None, (self._status(step) for step in steps)), 0)

    def _status(self, step: list[str]) -> int:
        with subprocess.Popen([self.python, *step], cwd=ROOT) as process:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the child heard it too, and may have something to finish
                return process.wait()


def main() -> int:
    """Set up what the task needs, then do it; say in a sentence what stands in the way."""
    parser = argparse.ArgumentParser(description="Sets the lab up and starts it, or tests it.")
    parser.add_argument("task", nargs="?", choices=TASKS, default="run")
    parser.add_argument("--venv", default=".venv", help="folder of the virtual environment")
    options, more = parser.parse_known_args()  # more: for Streamlit or pytest
    needs = "requirements.txt" if options.task == "run" else "requirements-dev.txt"
    environment = Environment(ROOT / options.venv, needs)
    try:
        fault = python_fault(sys.version_info[:2], 64 if sys.maxsize > 2**32 else 32)
        if fault:
            raise SetupError(fault)
        environment.make()
        environment.install()
    except (SetupError, OSError, KeyboardInterrupt) as error:
        print(str(error) or AGAIN, file=sys.stderr)
        return 1
    *first, last = TASKS[options.task]
    return environment.carry_out([*first, last + more])


if __name__ == "__main__":
    sys.exit(main())
