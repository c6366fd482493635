"""Sentences for the user, shown as plain text whatever they quote."""

import re

import streamlit as st

from pages.ui.player import Player


def show_messages(player: Player) -> None:
    """Show the sentences that wait, such as refused values, above the charts."""
    for sentence in player.take_messages():
        st.warning(escape(sentence), icon=":material/info:")


def escape(text: str) -> str:
    """Escape Markdown, because a sentence may quote a file or an address."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|$:~&])", r"\\\1", text)
