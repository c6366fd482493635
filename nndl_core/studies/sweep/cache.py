"""Outcomes of runs on disk, one file for each config and version of the engine."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from nndl_core.base.config import RunConfig
from nndl_core.engine.batch import Outcome
from nndl_core.engine.version import ENGINE_VERSION
from nndl_core.studies.sweep.outcome_file import FORM, OutcomeError, decode, identity

MOST_BYTES, KEPT_SHARE = 1_000_000_000, 0.75
"""Above MOST_BYTES the oldest entries are removed until this share is left."""
MOST_ENTRY_BYTES = 1_000_000


class RunCache:
    """A folder of outcomes; an entry that is damaged or foreign counts as absent.

    Entries are written beside their place and renamed, so that a reader never meets half of one,
    and several processes may share the folder. It holds at most most_bytes, the newest.
    Raises OSError where the folder cannot be made or written.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        self.folder.mkdir(parents=True, exist_ok=True)
        self._bytes: int | None = None

    def path(self, config: RunConfig) -> Path:
        """Return where the outcome of a config is or would be."""
        parts = (identity(config), ENGINE_VERSION, FORM)
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return self.folder / key[:2] / f"{key[2:]}.run"

    def get(self, config: RunConfig) -> Outcome | None:
        """Read the outcome of a config, or None where there is no sound entry."""
        try:
            with self.path(config).open("rb") as file:
                return decode(file.read(MOST_ENTRY_BYTES), config)
        except (OSError, OutcomeError):
            return None

    def put(self, config: RunConfig, content: bytes) -> None:
        """Write an encoded outcome in the place of whatever is there."""
        path = self.path(config)
        path.parent.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._bytes = (self._total() if self._bytes is None else self._bytes) + len(content)
        if self._bytes > self.most_bytes:
            self._shrink()

    def _total(self) -> int:
        return sum(size for _, size, _ in self._entries())

    def _shrink(self) -> None:
        """Remove the oldest entries, also what a crash has left half written."""
        entries = sorted(self._entries())
        self._bytes = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if self._bytes <= KEPT_SHARE * self.most_bytes:
                break
            path.unlink(missing_ok=True)
            self._bytes -= size

    def _entries(self) -> list[tuple[int, int, Path]]:
        """Return time, size and place of every file; another process may be removing some."""
        found = []
        for path in self.folder.glob("??/*"):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            found.append((stat.st_mtime_ns, stat.st_size, path))
        return found
