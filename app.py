"""The entry point: `streamlit run app.py` serves the lab."""

import importlib
import os
from threading import Thread

import streamlit as st

from pages.ui.plotly_asset import asset_routes

# For every thread of the server, before torch is there: more would wait for each other, busily.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# torch takes seconds to import: it loads while the browser still fetches the first files.
Thread(target=importlib.import_module, args=["nndl_core.snapshot"], daemon=True).start()

app = st.App("pages/_router.py", routes=asset_routes())
