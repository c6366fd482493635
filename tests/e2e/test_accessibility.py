"""axe-core reads every page: light and dark, wide and narrow, before and after its work."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page

from docs.screens import SIZES, VIEWS, View, ended_runs, full_height
from tests.e2e.conftest import Server

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
GRAVE = ("serious", "critical")
RUN = "() => axe.run(document, {resultTypes: ['violations'], preload: false})"
LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
FIRST = [("desk", "light"), ("phone", "dark")]
"""Before a page has worked; afterwards it is read in all looks."""


class Allowed(NamedTuple):
    """A fault in Streamlit's own elements: the rule, a selector around it, and why it stays."""

    rule: str
    inside: str
    why: str


ALLOWED = (
    Allowed("list", "[data-testid=stSidebarNavItems]", "sections are headings among the items"),
    Allowed("listitem", "[data-testid=stSidebarNavItems], [data-testid=stSidebarNav]", "the same"),
    Allowed(
        "scrollable-region-focusable", ".stCode", "code of a fixed height; Chromium focuses it"
    ),
)
_met: set[Allowed] = set()


class Fault(NamedTuple):
    """What axe found at one element."""

    rule: str
    element: str
    message: str
    look: str


def faults(page: Page, look: str) -> list[Fault]:
    """Let axe read the page, and take away what is Streamlit's own."""
    page.evaluate(AXE)
    violations: list[dict[str, Any]] = page.evaluate(RUN)["violations"]
    found = []
    for violation in violations:
        if violation["impact"] not in GRAVE:
            continue
        for node in violation["nodes"]:
            if not is_allowed(page, violation["id"], node["target"][-1]):
                said = (node["any"] or node["all"] or node["none"] or [{"message": ""}])[0]
                found.append(
                    Fault(violation["id"], node["html"][:150], said["message"][:150], look)
                )
    return found


def is_allowed(page: Page, rule: str, selector: str) -> bool:
    inside = "([selector, around]) => Boolean(document.querySelector(selector)?.closest(around))"
    for allowed in (each for each in ALLOWED if each.rule == rule):
        if page.evaluate(inside, [selector, allowed.inside]):
            _met.add(allowed)
            return True
    return False


def read(page: Page, looks: list[tuple[str, str]], when: str) -> list[Fault]:
    """Read the page in some looks, as high as all of it: what is scrolled away is not read."""
    found = []
    for size, scheme in looks:
        width, height = SIZES[size]
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        full_height(page, width, height)
        found += faults(page, f"{when}, {size}, {scheme}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": SIZES["desk"][0], "height": SIZES["desk"][1]})
    return found


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_page_has_no_serious_fault(page: Page, server: Server, view: View) -> None:
    if view.needs_runs:
        ended_runs(page)
    view.open(page)
    found = read(page, FIRST, "before")
    if view.press:
        view.play(page)
    found += read(page, LOOKS, "after")
    assert not found, "\n".join(map(str, found))


def test_every_allowed_fault_still_occurs() -> None:
    """Runs after the pages of this file, in the same process."""
    assert set(ALLOWED) - _met == set()
