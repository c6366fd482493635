"""The frame of every page: browser title, page order, style and navigation."""

from pathlib import Path

import streamlit as st

st.set_page_config(page_title="NNDL Lab", page_icon=":material/neurology:", layout="wide")
st.html(Path(__file__).parent / "ui" / "style.css")
lab = st.Page("lab.py", title="Training lab", icon=":material/science:", default=True)
st.navigation([lab], position="hidden").run()
