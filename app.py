"""The entry point: `streamlit run app.py` serves the lab."""

import os
import time
from contextlib import suppress
from importlib import import_module
from threading import Thread

import streamlit as st
from starlette.middleware import Middleware

from pages.ui.server.guard import Guard
from pages.ui.server.housekeeping import share_heaps
from pages.ui.server.lifetime import life, refuse_what_does_not_fit
from pages.ui.server.owner import OwnerCookie
from pages.ui.server.plotly_asset import asset_routes

# For every thread of the server, before torch is there: more would wait for each other, busily.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SECONDS_LATER, TRIES = 10, 5

refuse_what_does_not_fit()
share_heaps()


def prepare() -> None:
    """Load what takes seconds while the browser still fetches its first files."""
    load("nndl_core.engine.snapshot")
    from nndl_core.base.i18n import catalog
    from nndl_core.engine.machine.warm_up import compile_all, compile_training

    compile_training("float32")
    time.sleep(SECONDS_LATER)  # until the first page stands; few runs are in float64
    compile_all()
    load("nndl_core.store.keeper")
    load("babel.messages.pofile")
    catalog("zh")


def load(name: str) -> None:
    """Import a module in this thread, beside pages that begin.

    Streamlit changes sys.path around every run of a page; a search that goes through it at that
    moment may miss a folder and say that a module is not there.
    """
    for _ in range(TRIES - 1):
        with suppress(ModuleNotFoundError):
            import_module(name)
            return
        time.sleep(1)
    import_module(name)


Thread(target=prepare, daemon=True).start()

MIDDLEWARE = [Middleware(Guard), Middleware(OwnerCookie)]
app = st.App("pages/_router.py", lifespan=life, routes=asset_routes(), middleware=MIDDLEWARE)
