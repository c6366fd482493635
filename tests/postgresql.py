"""A PostgreSQL server of the machine, with a folder, a port and a user of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Server:
    """A PostgreSQL server with a folder, a port and a user of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.settings = {"NNDL_DATABASE": f"postgresql://lab@127.0.0.1:{self.port}/postgres"}
        self.user = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None
        if self.user:  # the server refuses to run as root
            shutil.chown(folder, self.user)
        self.run("initdb", "--username=lab", "--auth=trust", "--encoding=UTF8", "--no-sync")

    def run(self, program: str, *more: str) -> None:
        command = [str(self.programs / program), "--pgdata", str(self.folder / "data"), *more]
        done = subprocess.run(
            command,
            user=self.user,
            group=self.user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, f"{program} failed: {self.log}"

    @property
    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text() if file.exists() else "no log"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        self.run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        self.run("pg_ctl", "stop", "-w", "-m", "immediate")  # as when the machine is switched off


def programs() -> Path | None:
    """Find the newest server: Debian keeps its programs out of the path."""
    found = shutil.which("pg_ctl")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return places[-1].parent if places else Path(found).resolve().parent if found else None


@contextmanager
def running() -> Iterator[Server]:
    """Start a server; without one skip, or fail where NNDL_REQUIRE_POSTGRESQL is 1."""
    place = programs()
    if place is None:
        reason = "PostgreSQL test not run: no server found (install Debian's package postgresql)."
        if os.environ.get("NNDL_REQUIRE_POSTGRESQL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    # not in pytest's folder, which nobody but its owner may enter
    folder = Path(tempfile.mkdtemp(prefix="nndl-postgresql-"))
    started = Server(place, folder)
    started.start()
    try:
        yield started
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            started.stop()
        shutil.rmtree(folder)
