"""Reference: Paddle's calls beside PyTorch's, the words of the course, the limits of the server."""

import streamlit as st

from nndl_core.base.i18n import tr
from pages.ui.link.linked import linked
from pages.ui.reading.limits import draw_limits
from pages.ui.reading.reference_parts import draw_calls, draw_terms

st.title(tr("Reference"))
NAMES = {tr("Paddle to PyTorch"): "calls", tr("Glossary"): "terms", tr("Limits"): "limits"}
if st.session_state.get("reference_tab") not in NAMES:  # nothing yet, or a label of before a switch
    st.session_state.pop("reference_tab", None)
calls, terms, most = st.tabs(
    list(NAMES), key=linked("reference_tab", next(iter(NAMES)), names=NAMES), on_change="rerun"
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
