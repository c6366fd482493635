"""Reference: Paddle's calls beside PyTorch's, the words of the course, the limits of the server."""

import streamlit as st

from nndl_core.i18n import tr
from pages.ui.limits import draw_limits
from pages.ui.reference_parts import draw_calls, draw_terms

st.title(tr("Reference"))
calls, terms, most = st.tabs(
    [tr("Paddle to PyTorch"), tr("Glossary"), tr("Limits")], key="reference"
)
with calls:
    st.markdown(
        tr(
            "The course's notebooks use Paddle 2. What each of their calls is called in PyTorch, "
            "and what differs although it looks alike."
        )
    )
    draw_calls()
with terms:
    draw_terms()
with most:
    draw_limits()
