"""The code of a lesson, as it runs."""

from __future__ import annotations

import importlib
import inspect

import streamlit as st


def draw_code(objects: tuple[str, ...]) -> None:
    """Show the source of objects named module:name, one tab each; a module is shown whole."""
    tabs = st.tabs([name.partition(":")[2] or name.rpartition(".")[2] for name in objects])
    for tab, name in zip(tabs, objects, strict=True):
        with tab:
            st.caption(name.partition(":")[0].replace(".", "/") + ".py")
            st.code(source(name), language="python", wrap_lines=True)


def source(name: str) -> str:
    """Return the source of module:name, or of a whole module."""
    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    for part in filter(None, attribute.split(".")):
        found = getattr(found, part)
    return inspect.getsource(found)
