"""How the engine's inner loops become machine code, and where that code is kept.

Numba compiles them on this machine at their first use, which takes seconds; the code is kept in a
folder named after the source it came from, because Numba itself looks only at the file of the
function that is called.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

SOURCES = ("compiler", "math", "rows", "products", "loop")
"""The modules whose text decides what the machine code is."""


def _numba() -> Any:
    """Import Numba without SciPy and YAML, which it would import for what is not used here.

    They take as long as Numba itself, and a student waits for the first page meanwhile.
    """
    hidden = [name for name in ("scipy", "yaml") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        importlib.import_module("numba.np.arraymath")
        importlib.import_module("numba.extending")
        return importlib.import_module("numba")
    finally:
        for name in hidden:
            del sys.modules[name]


numba = _numba()
types = numba.types

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",  # a check for division by zero would forbid vectors
    "_nrt": False,  # nothing is allocated, so no slice needs a count of its references
    # sums in any order and fused multiply-add, but infinities and NaN keep their meaning
    "fastmath": {"reassoc", "contract", "nsz"},
}


def _use_whole_vectors() -> None:
    """Let LLVM use 512 bits at once: half the vectors, where the processor has them."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        wide = f"{features.flatten()},-prefer-256-bit"
        numba.config.CPU_FEATURES = wide


def source_key() -> str:
    """Return a hash of all the source that is compiled, and of how.

    With NUMBA_BOUNDSCHECK=1 in the environment every index is compared with its array, and what
    reads or writes beyond one raises IndexError; that code is several times slower.
    """
    checked = "checked" if numba.config.BOUNDSCHECK else ""
    digest = hashlib.sha256(f"{numba.__version__}{checked}".encode())
    for name in SOURCES:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


def code_folder() -> Path:
    """Return the folder of the machine code: beside the source, or where the user may write.

    Numba wants to write where it reads. What was made ahead of time in a place that has since
    become read-only, as in a container, is therefore copied.
    """
    beside = Path(__file__).parent / "__pycache__" / f"machine-code-{source_key()}"
    if _is_writable(beside):
        return beside
    elsewhere = _own_folder() / beside.name
    if beside.is_dir() and not elsewhere.exists():
        shutil.copytree(beside, elsewhere)
    return elsewhere


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _own_folder() -> Path:
    """Make a folder for temporary files that nobody else can have put code into."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"nndl-machine-code-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if folder.is_symlink() or status.st_uid != user or status.st_mode & 0o022:
            raise OSError(f"{folder} is not ours alone")
    except OSError:
        return Path(tempfile.mkdtemp(prefix="nndl-machine-code-"))
    return folder


_use_whole_vectors()
FOLDER = code_folder()
# read by Numba when a function is decorated, so it must stand before the first of them
numba.config.CACHE_DIR = str(FOLDER)

compiled = numba.njit(cache=True, **OPTIONS)
"""Decorator of what is called from Python."""
EXACT: Any = {**OPTIONS, "forceinline": True, "fastmath": {"contract", "nsz"}}
"""For what a loop calls for each number: a call left in it would forbid vectors.

Sums stay as they are written, because exp subtracts ln 2 in two parts that may not become one.
"""
formula = numba.njit(**EXACT)
"""Decorator of a function of one number."""
called = numba.njit(**OPTIONS)
"""Decorator of a loop that larger code calls."""
inlined = numba.njit(inline="always", **OPTIONS)
"""Decorator of what becomes part of its caller before that is compiled."""


def overloads(stub: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate the choice, by the types of the arguments, of what a stub is in compiled code."""
    # not strict: a choice and what it returns have other annotations
    choice: Callable[..., Any] = numba.extending.overload(stub, jit_options=EXACT, strict=False)
    return choice
