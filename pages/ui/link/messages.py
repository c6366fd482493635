"""Sentences for the user, shown as plain text whatever they quote."""

import re
from collections.abc import Iterable

import streamlit as st


def show_messages(sentences: Iterable[str]) -> None:
    """Show sentences, such as refused values, above the charts."""
    for sentence in sentences:
        st.warning(escape(sentence), icon=":material/info:")


def escape(text: str) -> str:
    """Escape Markdown, because a sentence may quote a file or an address."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|$:~&])", r"\\\1", text)
