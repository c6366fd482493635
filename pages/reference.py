"""Reference: Paddle's calls beside PyTorch's, the words of the course, the limits of the server."""

import streamlit as st

from pages.ui.limits import draw_limits
from pages.ui.reference_parts import draw_calls, draw_terms

st.title("Reference")
calls, terms, most = st.tabs(["Paddle to PyTorch", "Glossary", "Limits"], key="reference")
with calls:
    st.markdown(
        "The course's notebooks use Paddle 2. What each of their calls is called in PyTorch, "
        "and what differs although it looks alike."
    )
    draw_calls()
with terms:
    draw_terms()
with most:
    draw_limits()
