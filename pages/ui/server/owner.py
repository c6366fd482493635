"""Whose browser this is: a random key in a cookie, which no script and no other site can read.

The middleware gives the key with the connection of a tab, not with a page: a page that is opened
from a link elsewhere comes without cookies of this strict kind, and a new key would replace the
old one. The connection is always asked for by our own page.
"""

from __future__ import annotations

import hashlib
import re
import secrets

import streamlit as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "nndl_browser"
KEY = re.compile(r"[A-Za-z0-9_-]{43}")
ONE_YEAR = 31_536_000


class OwnerCookie:
    """The middleware; app is what gets every connection with a key."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a browser without a key a new one, and renew the year of one that has it."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        key = key_in(cookies_of(scope)) or secrets.token_urlsafe(32)
        content = set_cookie(key, secure=scope.get("scheme") == "wss")

        async def sent(message: Message) -> None:
            if message["type"] == "websocket.accept":
                headers = [*message.get("headers", []), (b"set-cookie", content.encode())]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(with_key(scope, key), receive, sent)


def cookies_of(scope: Scope) -> str:
    """Return the cookies of a request as one header."""
    found = [value for name, value in scope["headers"] if name.lower() == b"cookie"]
    return b"; ".join(found).decode("latin-1")


def key_in(cookies: str) -> str:
    """Return the key among cookies; empty where there is none of the right form."""
    for part in cookies.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE and KEY.fullmatch(value):
            return value
    return ""


def set_cookie(key: str, *, secure: bool) -> str:
    """Write the header that makes a browser keep the key, for this site's own pages only."""
    lock = "; Secure" if secure else ""
    return f"{COOKIE}={key}; Path=/; Max-Age={ONE_YEAR}; HttpOnly; SameSite=Strict{lock}"


def with_key(scope: Scope, key: str) -> Scope:
    """Return the scope as if the browser had sent the key, and nothing else under its name."""
    others = [
        part for part in cookies_of(scope).split(";") if part.strip().partition("=")[0] != COOKIE
    ]
    cookie = "; ".join([*(part.strip() for part in others if part.strip()), f"{COOKIE}={key}"])
    headers = [pair for pair in scope["headers"] if pair[0].lower() != b"cookie"]
    return {**scope, "headers": [*headers, (b"cookie", cookie.encode("latin-1"))]}


def owner() -> str:
    """Return whose runs this tab may see, as the history knows them.

    It is a hash of the key, so that a copy of the database opens nobody's history. Where there is
    no cookie, as without the middleware, the tab is an owner of its own until it is closed.
    """
    if "owner" not in st.session_state:
        key = st.context.cookies.get(COOKIE)
        known = isinstance(key, str) and KEY.fullmatch(key)
        st.session_state["owner"] = owner_of(key if key and known else secrets.token_urlsafe(32))
    kept: str = st.session_state["owner"]
    return kept


def owner_of(key: str) -> str:
    """Return the owner that a key stands for."""
    return hashlib.sha256(key.encode()).hexdigest()
