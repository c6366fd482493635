"""Run history: the runs that this browser has trained to their end, to be found and compared."""

import streamlit as st

from nndl_core.base.i18n import tr
from pages.ui.history.panel import history_panel

st.header(tr("Run history"), anchor=False)
st.markdown(
    tr(
        "Every run of the training lab that reaches its last epoch, or diverges, is kept "
        "here with its settings, curves and diagnosis. Only this browser sees it."
    )
)
history_panel()
