"""The band of further seeds in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.timed

AREAS = ".chart-{} .js-plotly-plot .fills path.js-fill"


@pytest.mark.parametrize("path", ["/?epochs=200", "/networks"])
def test_seeds_draw_a_band_into_the_curves_and_the_clock_stops(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_selector(".nndl-live[data-epoch]", timeout=60_000)
    assert page.locator(AREAS.format("loss")).count() == 0
    page.locator(".st-key-seeds input").click()
    page.get_by_role("option", name="+ 10 seeds").click()
    page.wait_for_selector(".chart-loss[data-band='10/10']", timeout=60_000)
    assert page.locator(AREAS.format("loss")).count() >= 2
    assert page.locator(AREAS.format("accuracy")).count() >= 2
    page.wait_for_function(_still(), timeout=20_000, polling=1000)
    assert page.get_attribute(".nndl-live", "data-epoch") == "0"


def _still() -> str:
    """True once no frame has come for a second."""
    return """() => {
      const now = document.querySelector(".nndl-live").dataset.frame;
      const same = window.lastFrame === now;
      window.lastFrame = now;
      return same;
    }"""
