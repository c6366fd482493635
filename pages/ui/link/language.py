"""The language of a tab: from its link, else from the browser; a switch in the frame changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args

import streamlit as st
from streamlit.elements.lib.options_selector_utils import create_mappings
from streamlit.elements.widgets import radio, selectbox
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nndl_core.base.i18n import (
    LANGUAGES,
    TAGS,
    Language,
    ask_for_language,
    language,
    language_named,
    speaking,
    tr,
)
from pages.ui.link.address import forget, kept
from pages.ui.link.messages import escape

KEY, DRAWN = "language", "drawn_language"
Made = TypeVar("Made")

# Streamlit's page says English, whatever is written in it; screen readers pronounce by this.
_SPOKEN = "export default ({ data }) => { document.documentElement.lang = data; };"
_spoken = st.components.v2.component("nndl_language", js=_SPOKEN)


def choose_language() -> None:
    """Find out the language before anything is written, and draw the switch."""
    state = st.session_state
    asked = language_named(kept()["lang"]) if "lang" in kept() else None
    if KEY not in state:
        state[KEY] = asked or language_named(st.context.locale) or "en"
    if "lang" in kept() and asked is None:
        refused = kept()["lang"]
        forget("lang")
        names = ", ".join(LANGUAGES)
        st.toast(
            escape(
                tr(
                    "lang: {tag!r:.40} is not known here; choose one of {names}.",
                    tag=refused,
                    names=names,
                )
            ),
            icon=":material/info:",
        )
    _choose_again()
    st.segmented_control(
        tr("Language"),
        get_args(Language),
        key=KEY,
        format_func=lambda name: LANGUAGES[name],
        required=True,
        label_visibility="collapsed",
        on_change=_keep_in_link,
    )
    _spoken(key="spoken", data=TAGS[state[KEY]])


def spoken_here(make: Callable[[], Made]) -> Callable[[], Made]:
    """Let a download be made in this tab's language, though it is made outside of its script."""
    here = language()

    def in_its_language() -> Made:
        with speaking(here):
            return make()

    return in_its_language


def _keep_in_link() -> None:
    kept()["lang"] = st.session_state[KEY]


def _choose_again() -> None:
    """Have the browser write what is chosen in the language that the tab has switched to."""
    state = st.session_state
    before, state[DRAWN] = state.get(DRAWN, state[KEY]), state[KEY]
    if before != state[KEY]:
        for key, value in state.items():
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                state[key] = value


def _named_in_any_language(
    options: Sequence[Any], format_func: Callable[[Any], str] = str
) -> tuple[list[str], dict[str, int]]:
    """Return the options' labels, and which option a label in any language stands for.

    The browser names what is chosen by its label; while a run plays, it still does so in the
    former language just after a switch.
    """
    labels, places = create_mappings(options, format_func)
    for known in LANGUAGES:
        with speaking(known):
            for at, option in enumerate(options):
                places.setdefault(format_func(option), at)
    return labels, places


def _of_this_tab() -> Language:
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or KEY not in context.session_state:
        return "en"
    chosen: Language = context.session_state[KEY]
    return chosen


ask_for_language(_of_this_tab)
for widget in (radio, selectbox):
    vars(widget)["create_mappings"] = _named_in_any_language
