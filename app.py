"""The entry point: `streamlit run app.py` serves the lab."""

import os
import time
from threading import Thread

import streamlit as st
from starlette.middleware import Middleware

from pages.ui.guard import Guard
from pages.ui.owner import OwnerCookie
from pages.ui.plotly_asset import asset_routes
from pages.ui.server_life import life, refuse_what_does_not_fit

# For every thread of the server, before torch is there: more would wait for each other, busily.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SECONDS_LATER = 10

refuse_what_does_not_fit()


def prepare() -> None:
    """Load what takes seconds while the browser still fetches its first files."""
    from nndl_core import snapshot  # noqa: F401
    from nndl_core.compilation import compile_all, compile_training

    compile_training("float32")
    time.sleep(SECONDS_LATER)  # until the first page stands; few runs are in float64
    compile_all()
    from nndl_core.store import keeper  # noqa: F401


Thread(target=prepare, daemon=True).start()

MIDDLEWARE = [Middleware(Guard), Middleware(OwnerCookie)]
app = st.App("pages/_router.py", lifespan=life, routes=asset_routes(), middleware=MIDDLEWARE)
