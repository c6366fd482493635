"""An app of one page with two live runs, for the browser test of the pair alone."""

import streamlit as st

from pages.ui.server.plotly_asset import asset_routes

app = st.App("pair_page.py", routes=asset_routes())
