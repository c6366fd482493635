"""Kills a server under fifty tabs that end runs, again and again, and counts what it has kept."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROOT = Path(__file__).resolve().parent.parent
TABS, KILLS = 50, 10
SETTINGS = {"points": "40", "hidden": "2", "epochs": "2"}
KEPT = "Kept in the run history\\."
START_SECONDS, ANSWER_SECONDS = 120.0, 60.0
Key = tuple[int, int]
"""A run is known by its seeds: that of the data is the tab's, that of the weights counts up.

Where a click did not come through, the same seeds are played once more."""


@dataclass
class Tab:
    """A browser tab as the server sees it: it trains short runs, one after another."""

    number: int
    seed: int
    played: Counter[Key] = field(default_factory=Counter)
    told: Counter[Key] = field(default_factory=Counter)
    """Runs of which the page has said that they are kept."""
    buttons: dict[str, str] = field(default_factory=dict)
    page: str = ""
    said: bool = False

    async def live(self, port: int) -> None:
        """Train until the connection breaks."""
        url, origin = f"ws://127.0.0.1:{port}/_stcore/stream", f"http://127.0.0.1:{port}"
        with suppress(OSError, websockets.WebSocketException, TimeoutError):
            async with websockets.connect(
                url,
                subprotocols=[websockets.Subprotocol("streamlit")],
                origin=websockets.Origin(origin),
                max_size=None,
                open_timeout=ANSWER_SECONDS,
            ) as socket:
                await self.ask(socket)
                while True:
                    self.said, key = False, (self.number, self.seed)
                    self.played[key] += 1
                    await self.ask(socket, "Play")
                    self.told[key] += self.said
                    await self.ask(socket, "New weights")

    async def ask(self, socket: websockets.ClientConnection, press: str = "") -> None:
        """Send a click, or the first request, and read until the answer is complete."""
        wanted = {**SETTINGS, "data_seed": str(self.number), "init_seed": str(self.seed)}
        message = BackMsg()
        message.rerun_script.query_string = urlencode(wanted)
        message.rerun_script.page_script_hash = self.page
        if press:
            click = message.rerun_script.widget_states.widgets.add()
            click.id, click.trigger_value = self.buttons[press], True
        await socket.send(message.SerializeToString())
        async with asyncio.timeout(ANSWER_SECONDS):
            while not self.read(await socket.recv()):
                pass

    def read(self, content: str | bytes) -> bool:
        """Take in one message of the server; return whether it ends a run of the script."""
        message = ForwardMsg()
        message.ParseFromString(content if isinstance(content, bytes) else content.encode())
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.page = message.new_session.page_script_hash
        elif kind == "page_info_changed":  # the address says which weights are on the page
            asked = parse_qs(message.page_info_changed.query_string)
            self.seed = int(asked.get("init_seed", ["0"])[0])
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "button":
                self.buttons[element.button.label] = element.button.id
            elif element.WhichOneof("type") == "markdown":
                self.said = self.said or KEPT in element.markdown.body
        return kind == "script_finished"


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start the lab as a class opens it, with its history in a folder; yield port and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    quiet, environment = subprocess.DEVNULL, os.environ | {"NNDL_DATA": str(folder)}
    server = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet, env=environment)
    try:
        _wait(port)
        yield port, server
    finally:
        server.kill()
        server.wait()


def _wait(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health"):
            return
        time.sleep(0.2)
    raise TimeoutError("The server does not answer.")


async def _until_killed(
    port: int, server: subprocess.Popen[bytes], tabs: list[Tab], most: int
) -> None:
    """Let the tabs work until so many runs are kept, then kill the server between two writes."""
    work = [asyncio.create_task(tab.live(port)) for tab in tabs]
    end = time.monotonic() + START_SECONDS
    while sum(tab.told.total() for tab in tabs) < most and time.monotonic() < end:
        await asyncio.sleep(0.005)
    server.send_signal(signal.SIGKILL)
    await asyncio.gather(*work)


def one_kill(folder: Path, tabs: int, first_seed: int, most: int) -> list[Tab]:
    """Serve, let tabs end runs, kill when so many pages have said so; return the tabs."""
    with serving(folder) as (port, server):
        opened = [Tab(number, first_seed) for number in range(tabs)]
        asyncio.run(_until_killed(port, server, opened, most))
    return opened


def kept(folder: Path) -> Counter[Key]:
    """Look into the file with the database's own tools; raise AssertionError where it is torn."""
    database = sqlite3.connect(folder / "history.sqlite")
    try:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        configs = [json.loads(row[0]) for row in database.execute("SELECT config FROM runs")]
    finally:
        database.close()
    return Counter((config["data_seed"], config["init_seed"]) for config in configs)


def kill_often(folder: Path, kills: int = KILLS, tabs: int = TABS) -> dict[str, int]:
    """Kill a server so many times; count the runs: played, told as kept, kept, lost, doubled."""
    chance, told, played = random.Random(6), Counter[Key](), Counter[Key]()
    for at in range(kills):
        for tab in one_kill(folder, tabs, 1000 * at, chance.randint(tabs, 3 * tabs)):
            told += tab.told
            played += tab.played
    found = kept(folder)
    return {
        "played": played.total(),
        "told": told.total(),
        "kept": found.total(),
        "lost": (told - found).total(),
        "doubled": (found - played).total(),
    }


def main() -> None:
    """Kill a server ten times and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--tabs", type=int, default=TABS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        counts = kill_often(Path(folder), options.kills, options.tabs)
        seconds = time.monotonic() - start
    words = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"{options.kills} kills under {options.tabs} tabs in {seconds:.0f} s: {words}")


if __name__ == "__main__":
    main()
