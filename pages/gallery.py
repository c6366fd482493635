"""The gallery: what each disease looks like, what only looks like one, and what cures it."""

import streamlit as st

from nndl_core.base.i18n import tr
from pages.ui.gallery.cards import gallery

st.header(tr("Gallery of diseases"), anchor=False)
st.markdown(
    tr(
        "Every card is a run that trains now, with its diagnosis, its first remedy and the "
        "fix that many try first. One run each: accuracies differ from seed to seed. The "
        "dashed line is the loss of the best answer that is the same for all points."
    )
)
gallery()
