"""axe-core reads every page: light and dark, wide and narrow, before and after its work."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, expect

from docs.screens import SIZES, VIEWS, View, ended_runs, full_height
from tests.e2e.conftest import Server

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
OpenApp = Callable[[str], Page]
WAIT = 60_000  # milliseconds
FOCUSED = "document.activeElement?.innerText?.split('\\n').at(-1)"
GRAVE = ("serious", "critical")
RUN = """(rules) => axe.run(document, {resultTypes: ['violations'], preload: false,
    ...(rules.length && {runOnly: {type: 'rule', values: rules}})})"""
CONTRAST = "color-contrast"
LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
FIRST = [("desk", "light"), ("phone", "dark")]
"""Before a page has worked; afterwards it is read in all looks.

Where a page was read in the light, the dark has other colors and nothing else: contrast is read.
"""

PRESENTED = ("lab", "map", "gallery", "vanishing", "board")


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
    Allowed("scrollable-region-focusable", ".katex-display", "a formula of Streamlit's Markdown"),
)
_met: set[Allowed] = set()
_read: set[str] = set()
"""Allowed faults that were met, and the views that were read."""


class Fault(NamedTuple):
    """What axe found at one element."""

    rule: str
    element: str
    message: str
    look: str


def faults(page: Page, look: str, *rules: str) -> list[Fault]:
    """Let axe read the page, by all rules or by these, and take away what is Streamlit's own."""
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(AXE)
    violations: list[dict[str, Any]] = page.evaluate(RUN, list(rules))["violations"]
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
        rules = [CONTRAST] if scheme == "dark" and (size, "light") in looks else []
        found += faults(page, f"{when}, {size}, {scheme}", *rules)
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
    _read.add(view.name)
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("name", PRESENTED)
def test_a_presented_page_has_no_serious_fault(page: Page, name: str) -> None:
    view = next(view for view in VIEWS if view.name == name)
    view.open(page, {"present": "1"})
    expect(page.locator(".st-key-present_end")).to_have_count(1, timeout=WAIT)
    view.play(page)
    assert not (found := read(page, FIRST, "presented")), "\n".join(map(str, found))


def test_every_allowed_fault_still_occurs() -> None:
    """Comes after the pages of this file; of a part of them it says nothing."""
    if _read != {view.name for view in VIEWS}:
        pytest.skip("Not all pages were read in this process.")
    assert set(ALLOWED) - _met == set()


def test_the_page_says_its_language(open_app: OpenApp) -> None:
    page = open_app("/reference?lang=zh")
    page.wait_for_function("document.documentElement.lang === 'zh-CN'", timeout=WAIT)
    page.locator(".st-key-language button", has_text="English").click()
    page.wait_for_function("document.documentElement.lang === 'en'", timeout=WAIT)


def test_charts_say_their_figures_and_a_run_its_end(open_app: OpenApp) -> None:
    page = open_app("/?epochs=30&points=100")
    run = next(view for view in VIEWS if view.name == "lab")
    run.play(page)
    expect(page.get_by_role("status").filter(has_text="finished")).to_have_count(1, timeout=WAIT)
    for name, figures in (
        ("Line chart: loss", r"At epoch 30: train 0\.\d+, dev 0\.\d+"),
        ("Line chart: accuracy", r"At epoch 30: train \d+\.\d %, dev \d+\.\d %"),
        ("Map of the plane", r"At epoch 30: right on \d+\.\d % of train"),
        ("Bar chart", r"gradient norms of the weights: fc1 \d\.\d+e-?\d+, fc2 "),
        ("Distribution", r"means: fc1 \d"),
    ):
        chart = page.get_by_role("figure", name=re.compile(f"{name}.*{figures}"))
        expect(chart).to_have_count(1, timeout=WAIT)
    assert page.locator(".live-plot:not([aria-hidden=true])").count() == 0


def test_the_keyboard_reaches_what_the_mouse_does(open_app: OpenApp) -> None:
    page = open_app("/?epochs=30&points=100")
    page.wait_for_selector(".nndl-live .live-scales button", timeout=WAIT)
    met = set()
    for _ in range(150):
        page.keyboard.press("Tab")
        met.add(page.evaluate(FOCUSED))
    assert {"Play", "Step", "Reset", "New weights", "moons", "digits", "log", "linear"} <= met


def test_who_wants_less_motion_gets_none(open_app: OpenApp, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_app("/")
    longest = """Math.max(...[...document.querySelectorAll("button, a, input, [role=slider]")].map(
        (node) => parseFloat(getComputedStyle(node).transitionDuration)))"""
    assert page.evaluate(longest) < 0.01
