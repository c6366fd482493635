"""The lab page as AppTest runs it: the real script, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.live.session import LabSession

PAGES = Path(__file__).resolve().parents[2] / "pages"
OpenLab = Callable[..., AppTest]


@pytest.fixture
def open_lab() -> OpenLab:
    """Open the lab as a fresh browser tab would, with these URL parameters."""

    def opened(page: str = "lab.py", **parameters: str) -> AppTest:
        at = AppTest.from_file(PAGES / page, default_timeout=60)
        for name, value in parameters.items():
            at.query_params[name] = value
        return at.run()

    return opened


@pytest.fixture
def session_of() -> Callable[[AppTest], LabSession]:
    """Look into a tab: the run that its page holds."""

    def session(at: AppTest) -> LabSession:
        held = at.session_state["lab"]
        assert isinstance(held, LabSession)
        return held

    return session


@pytest.fixture
def time_to_train(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no busy machine cut a tick short; tests of the slice set their own."""
    monkeypatch.setattr("pages.ui.live.player.SLICE_SECONDS", 60.0)
