"""Reference: the calls of Paddle beside those of PyTorch, and the words of the course."""

import streamlit as st

from pages.ui.reference_parts import draw_calls, draw_terms

st.title("Reference")
calls, terms = st.tabs(["Paddle to PyTorch", "Glossary"], key="reference")
with calls:
    st.markdown(
        "The course's notebooks use Paddle 2. What each of their calls is called in PyTorch, "
        "and what differs although it looks alike."
    )
    draw_calls()
with terms:
    draw_terms()
