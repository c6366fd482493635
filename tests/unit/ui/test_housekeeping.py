"""Closed tabs are forgotten when they have expired, not when the next one comes."""

import asyncio
import subprocess
import sys
import time
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit import config
from streamlit.runtime.memory_session_storage import MemorySessionStorage

from pages.ui.server import housekeeping
from pages.ui.server.housekeeping import Housekeeper, forget_expired, give_back

ROOT = Path(__file__).parents[3]


def runtime_with(storage: object) -> SimpleNamespace:
    return SimpleNamespace(_session_mgr=SimpleNamespace(_session_storage=storage))


class Held:
    """What a storage keeps of a session."""

    def __init__(self, name: str) -> None:
        self.session = SimpleNamespace(id=name)


def test_only_what_has_expired_is_forgotten() -> None:
    storage, kept = MemorySessionStorage(ttl_seconds=1), []
    for name in ("a", "b"):
        held = Held(name)
        kept.append(weakref.ref(held))
        storage.save(held)  # type: ignore[arg-type]
    del held
    forget_expired(runtime_with(storage))
    time.sleep(1.1)
    assert all(reference() for reference in kept)  # nobody came
    forget_expired(runtime_with(storage))
    assert not any(reference() for reference in kept)


def test_another_streamlit_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    assert forget_expired(object()) == 0
    assert "expire when a tab comes" in caplog.text


def test_memory_can_be_given_back() -> None:
    give_back()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_free_memory_between_what_is_kept_goes_back() -> None:
    """A heap of blocks of which every second one is freed keeps all of it, until it is trimmed."""
    code = """
import resource
from pathlib import Path
from pages.ui.server.housekeeping import give_back, share_heaps

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6

share_heaps()
before = resident()
blocks = [bytearray(100_000) for _ in range(2000)]
for block in blocks:
    block[:] = b"1" * len(block)
del blocks[::2], block
kept = resident() - before
give_back()
print(kept, resident() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    kept, trimmed = map(float, done.stdout.split())
    assert kept > 180
    assert trimmed < 130


def test_many_closed_tabs_are_cleaned_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[float] = []
    monkeypatch.setattr(housekeeping, "LATER", 0.05)
    monkeypatch.setattr(housekeeping, "give_back", lambda: cleaned.append(time.monotonic()))
    monkeypatch.setattr(config, "get_option", lambda name: 0)

    async def class_ends() -> None:
        keeper = Housekeeper()
        for _ in range(30):
            keeper.tab_closed()
        await asyncio.sleep(0.2)

    asyncio.run(class_ends())
    assert len(cleaned) == 1
