"""axe-core reads every page, light and dark, wide and narrow, before and after its work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page

from docs.screens import SIZES, VIEWS, View

GRAVE = ("serious", "critical")
RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text()


def faults(page: Page) -> set[tuple[str, str]]:
    page.evaluate(axe())
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        (v["id"], v["impact"], n["target"], n["html"][:200], n["any"][0]["message"][:150] if n["any"] else "")
        for v in found["violations"] if v["impact"] in (*GRAVE, "moderate")
        for n in v["nodes"]
    ]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_explore(page: Page, view: View) -> None:
    seen = {}
    if view.name == "history":
        r = VIEWS[0]
        r.open(page); r.play(page)
    view.open(page)
    def look(when):
        for size, (w, h) in SIZES.items():
            page.set_viewport_size({"width": w, "height": h})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_timeout(500)
                for f in faults(page):
                    seen.setdefault((f[0], f[1], str(f[2])), [f[3], f[4], []])[2].append(f"{when}-{size}-{scheme}")
    look("before")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})
    if view.press:
        view.play(page)
        look("after")
    with open("/tmp/axe.txt", "a") as out:
        for k, v in seen.items():
            print(view.name, *k, v[2], "\n    ", v[0], "\n    ", v[1], file=out)
