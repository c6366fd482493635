"""The entry point: `streamlit run app.py` serves the lab."""

import streamlit as st

from pages.ui.plotly_asset import asset_routes

app = st.App("pages/_router.py", routes=asset_routes())
