"""The database of a class stops under the running app: sentences, and it goes on by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from nndl_core.store.errors import NOT_THERE
from tests.e2e.conftest import serving
from tests.postgresql import running

pytestmark = pytest.mark.timed  # a database that has failed is left alone for 3 s

WAIT = 60_000  # milliseconds
ENDED = """
() => ["finished", "diverged"].includes(document.querySelector(".nndl-live")?.dataset.status)
"""
TABLE = '[data-testid="stDataFrame"]'
SECRET = "kept-out-of-sight"


def test_a_stopped_database_is_a_sentence_and_a_started_one_goes_on(
    browser: Browser, tmp_path: Path
) -> None:
    """No page is loaded anew on the way, and the app is not started again."""
    with running() as database:
        address = database.settings["NNDL_DATABASE"].replace("lab@", f"lab:{SECRET}@")
        with serving(tmp_path / "app.log", NNDL_DATABASE=address) as app:
            context = browser.new_context(base_url=app.url, viewport={"width": 1280, "height": 900})
            lab, history = context.new_page(), context.new_page()
            errors: list[str] = []
            for page in (lab, history):
                page.on("pageerror", lambda error: errors.append(str(error)))

            def train(said: str) -> None:
                lab.click(".st-key-play button")
                lab.wait_for_function(ENDED, timeout=WAIT)
                lab.get_by_text(said).wait_for(timeout=WAIT)

            def expect_rows(rows: int) -> None:
                # the header is a row of the table that screen readers get
                expect(history.locator(f"{TABLE} table")).to_have_attribute(
                    "aria-rowcount", str(rows + 1), timeout=WAIT
                )

            lab.goto("/?epochs=20")
            lab.wait_for_selector(".nndl-live[data-epoch]", timeout=WAIT)
            train("Kept in the run history.")
            history.goto("/history")
            expect_rows(1)

            database.stop()
            train(NOT_THERE)
            history.get_by_label("Name contains").fill("moons")
            history.get_by_label("Name contains").press("Enter")
            alert = history.get_by_test_id("stAlert")
            expect(alert).to_contain_text(NOT_THERE, timeout=WAIT)
            history.get_by_text("Waiting to be written: 1 of your runs.").wait_for(timeout=WAIT)
            again = history.locator(".st-key-history_again button")
            again.click()
            expect(alert).to_contain_text(NOT_THERE, timeout=WAIT)

            database.start()
            expect(lab.get_by_text(NOT_THERE)).to_have_count(1)
            history.wait_for_timeout(4000)  # a database that has failed is left alone for 3 s
            again.click()
            expect_rows(2)
            expect(history.get_by_test_id("stAlert")).to_have_count(0)
            lab.click(".st-key-reset button")
            train("Kept in the run history.")
            context.close()
        assert errors == []
        assert SECRET not in (tmp_path / "app.log").read_text()
