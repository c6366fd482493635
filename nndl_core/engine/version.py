"""The version of the engine: a run's numbers depend on its source and on the libraries below."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from nndl_core.engine.machine.compiler import numba

PACKAGES = ("base", "data", "network", "engine")
"""All that trains a run lies in these."""


def engine_version() -> str:
    """Return a hash of the engine's source and of the libraries that compute its numbers."""
    digest = hashlib.sha256(f"{torch.__version__} {np.__version__} {numba.__version__}".encode())
    root = Path(__file__).parents[1]
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


# now, because the files may be replaced while the process goes on with what it has loaded
ENGINE_VERSION = engine_version()
