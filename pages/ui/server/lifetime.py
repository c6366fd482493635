"""The start and the end of the server: what does not fit is refused, what waits is written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from nndl_core.base.i18n import mark, tr
from pages.ui.server.history_access import history_keeper

LEAST_SECRET = 32
LAST_SECONDS = 5.0
"""For runs that wait when the server is stopped; Docker grants ten in all."""
NO_SECRET = mark(
    "NNDL_REPLICAS is {count}, so all of them need the same STREAMLIT_SERVER_COOKIE_SECRET: else "
    "an upload fails whenever a browser has changed from one to another. This makes one: {command}"
)
SHORT_SECRET = mark(
    "STREAMLIT_SERVER_COOKIE_SECRET has {count} characters; it needs at least {least}, all random. "
    "This makes one: {command}"
)
NO_DATABASE = mark(
    "NNDL_REPLICAS is {count}, so all of them need the same NNDL_DATABASE: else each keeps a run "
    "history of its own, and a browser that changes finds another one."
)
NO_NUMBER = mark("NNDL_REPLICAS is {text!r}; it has to be a whole number from 1.")
COMMAND = "python3 -c 'import secrets; print(secrets.token_hex(32))'"  # untranslated


def refusal(settings: Mapping[str, str]) -> str:
    """Return the sentence why a server with these settings must not start; empty where it may."""
    text = settings.get("NNDL_REPLICAS", "").strip() or "1"
    if not (text.isascii() and text.isdigit() and int(text)):
        return tr(NO_NUMBER, text=text[:20])
    count = int(text)
    secret = settings.get("STREAMLIT_SERVER_COOKIE_SECRET")
    if count > 1 and not secret:
        return tr(NO_SECRET, count=count, command=COMMAND)
    if secret is not None and len(secret) < LEAST_SECRET:
        return tr(SHORT_SECRET, count=len(secret), least=LEAST_SECRET, command=COMMAND)
    if count > 1 and not settings.get("NNDL_DATABASE", "").strip():
        return tr(NO_DATABASE, count=count)
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
