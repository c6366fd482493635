"""Settings that every test shares: one thread per operation, reproducible property tests."""

import atexit
import os
import shutil
import tempfile

import pytest
from hypothesis import settings

# Before torch is imported: the numbers and the speed of small networks are those of one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Runs that end in a test, also in a server that a test starts, go into no history but this one.
os.environ.pop("NNDL_DATABASE", None)
os.environ["NNDL_DATA"] = tempfile.mkdtemp(prefix="nndl-test-runs-")
atexit.register(shutil.rmtree, os.environ["NNDL_DATA"], ignore_errors=True)

# No deadline: the first example pays for imports and for a busy machine. The same examples each
# time in CI, so that a red run can be repeated; new ones at a developer's desk.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("NNDL_REQUIRE_BROWSER") else "desk")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the training loop once, before several processes would each do it."""
    if not hasattr(session.config, "workerinput"):
        from nndl_core.engine.machine.warm_up import compile_all

        compile_all()
