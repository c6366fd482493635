"""The start and the end of the server: what does not fit is refused, what waits is written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pages.ui.run_keeper import history_keeper

LEAST_SECRET = 32
LAST_SECONDS = 5.0
"""For runs that wait when the server is stopped; Docker grants ten in all."""
MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_hex(32))' makes one."
NO_SECRET = (
    "NNDL_REPLICAS is {count}, so all of them need the same STREAMLIT_SERVER_COOKIE_SECRET: else "
    "an upload fails whenever a browser has changed from one to another. " + MAKE_ONE
)
SHORT_SECRET = (
    "STREAMLIT_SERVER_COOKIE_SECRET has {count} characters; it needs at least {least}, all random. "
    + MAKE_ONE
)
NO_DATABASE = (
    "NNDL_REPLICAS is {count}, so all of them need the same NNDL_DATABASE: else each keeps a run "
    "history of its own, and a browser that changes finds another one."
)
NO_NUMBER = "NNDL_REPLICAS is {text!r}; it has to be a whole number from 1."


def refusal(settings: Mapping[str, str]) -> str:
    """Return the sentence why a server with these settings must not start; empty where it may."""
    text = settings.get("NNDL_REPLICAS", "").strip() or "1"
    if not (text.isascii() and text.isdigit() and int(text)):
        return NO_NUMBER.format(text=text[:20])
    count = int(text)
    secret = settings.get("STREAMLIT_SERVER_COOKIE_SECRET")
    if count > 1 and not secret:
        return NO_SECRET.format(count=count)
    if secret is not None and len(secret) < LEAST_SECRET:
        return SHORT_SECRET.format(count=len(secret), least=LEAST_SECRET)
    if count > 1 and not settings.get("NNDL_DATABASE", "").strip():
        return NO_DATABASE.format(count=count)
    return ""


def refuse_what_does_not_fit() -> None:
    """End the process with one sentence instead of serving with settings that do not fit."""
    if why := refusal(os.environ):
        raise SystemExit(why)


@asynccontextmanager
async def life(_app: object) -> AsyncIterator[None]:
    """Serve between start and end; at the end write the runs that still wait."""
    yield
    if history_keeper.cache_info().currsize:
        await asyncio.to_thread(history_keeper().close, LAST_SECONDS)
