"""Tables in a real browser: an ordinary one needs no click, and the dialog changes any guess."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, TimeoutError, expect

from tests.e2e.test_lab import WAIT, Lab, open_lab

OpenLab = Callable[..., Lab]
__all__ = ["open_lab"]  # a fixture of the lab's tests
UPLOAD = ".st-key-csv input[type=file]"
DIALOG = "[role=dialog]"
ROWS = "\n".join(f"{i + 1},{i * 1.5},{i * i % 13},p{i % 5},{'abc'[i % 3]}" for i in range(60))
TABLE = f"Id,length,width,place,Species\n{ROWS}"
ONE_FEATURE = {"en": "60 rows, 1 feature, 3 classes", "zh": "60 行，1 个特征"}  # noqa: RUF001
WORDS = {"en": ("60 rows", "Species"), "zh": ("60 行", "Species")}


def file(content: bytes | str, name: str = "mine.csv") -> FilePayload:
    data = content if isinstance(content, bytes) else content.encode()
    return {"name": name, "mimeType": "text/csv", "buffer": data}


def upload(lab: Lab, content: bytes | str, name: str = "mine.csv") -> None:
    """Choose the data set of one's own and give it a file; on a phone the sidebar opens first."""
    show_sidebar(lab.page)
    if not lab.page.locator(UPLOAD).count():
        lab.press("dataset_csv")
        lab.page.wait_for_selector(UPLOAD, state="attached", timeout=WAIT)
    lab.page.set_input_files(UPLOAD, file(content, name))


def show_sidebar(page: Page) -> None:
    closed = page.locator("[data-testid=stExpandSidebarButton]")
    if closed.count():
        closed.click()


def photograph(page: Page, name: str) -> None:
    """Keep a picture where NNDL_PICTURES says, to be looked at."""
    if folder := os.environ.get("NNDL_PICTURES"):
        page.wait_for_timeout(900)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desk", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_table_is_read_shown_and_chosen_from(
    open_lab: OpenLab, page: Page, language: str, size: tuple[int, int], theme: str
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    lab, look = open_lab(f"/?lang={language}"), f"{language}_{size[0]}_{theme}"
    run = lab.says("run")
    upload(lab, TABLE)
    lab.until("live.run !== given", run)
    sidebar = page.locator("[data-testid=stSidebar]")
    for words in WORDS[language]:
        expect(sidebar).to_contain_text(words, timeout=WAIT)
    page.locator(".st-key-choose_columns button").scroll_into_view_if_needed()
    photograph(page, f"{look}_sidebar")
    run = lab.says("run")
    page.click(".st-key-choose_columns button")
    dialog = page.locator(DIALOG)
    expect(dialog).to_contain_text(WORDS[language][0], timeout=WAIT)
    expect(dialog.locator("[data-testid=stDataFrame] canvas").first).to_be_visible(timeout=WAIT)
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    photograph(page, f"{look}_dialog")
    dialog.locator(".st-key-table_features [aria-label='Remove width']").click()
    expect(dialog.locator(".st-key-table_features")).not_to_contain_text("width", timeout=WAIT)
    dialog.locator(".st-key-table_use button").click()
    lab.until("live.run !== given", run)
    expect(dialog).to_have_count(0, timeout=WAIT)
    expect(sidebar).to_contain_text(ONE_FEATURE[language], timeout=WAIT)


def choose_delimiter(page: Page, word: str) -> None:
    """Open the list and choose; a list that opens while its page is drawn anew closes again."""
    option = page.locator("[role=option]", has_text=word)
    for _ in range(10):
        page.locator(DIALOG).locator(".st-key-table_delimiter input").click()
        try:
            option.click(timeout=2000)
        except TimeoutError:
            continue
        return
    raise AssertionError(f"the list of delimiters never offered {word}")


def test_how_a_file_is_read_is_changed_and_a_closed_dialog_stays_closed(
    open_lab: OpenLab, page: Page
) -> None:
    lab = open_lab()
    content = "Größe;q;label\n" + "".join(f"{i}.250;{i * i % 7};{i % 2}\n" for i in range(1, 40))
    run = lab.says("run")
    upload(lab, content.encode("cp1252"))
    lab.until("live.run !== given", run)
    assert lab.page.locator(".chart-boundary .xtitle").text_content() == "Größe"
    page.click(".st-key-choose_columns button")
    dialog = page.locator(DIALOG)
    dialog.locator("[data-testid=stExpander] summary").click()
    choose_delimiter(page, "tab")
    expect(dialog).to_contain_text("one column", timeout=WAIT)
    photograph(page, "refused_dialog")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0, timeout=WAIT)
    lab.step()
    expect(dialog).to_have_count(0)
    page.click(".st-key-choose_columns button")
    expect(dialog).to_contain_text("one column", timeout=WAIT)
    choose_delimiter(page, "semicolon")
    expect(dialog).to_contain_text("39 rows", timeout=WAIT)
    run = lab.says("run")
    dialog.locator(".st-key-table_use button").click()
    lab.until("live.run !== given", run)


def test_the_truth_table_of_xor_is_played_to_its_end(open_lab: OpenLab) -> None:
    lab = open_lab("/?hidden=4&activation=tanh&init=xavier_normal&epochs=60")
    run = lab.says("run")
    upload(lab, "x1,x2,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    lab.until("live.run !== given", run)
    lab.press("play")
    lab.until_status("finished")
    photograph(lab.page, "xor_finished")
    expect(lab.page.locator("[data-testid=stSidebar]")).to_contain_text("All 4 rows")
