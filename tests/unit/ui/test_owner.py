"""The key of a browser: given once, kept to itself, and taken from nobody's page."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from starlette.types import Message, Scope

from pages.ui.server.owner import COOKIE, KEY, OwnerCookie, key_in, owner_of, set_cookie

MINE = "m" * 43


def connect(cookie: bytes = b"", kind: str = "websocket", scheme: str = "ws") -> tuple[str, str]:
    """Open a connection; return the cookies that the app sees and the one that is set."""
    seen: list[str] = []
    told: list[str] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        seen.append(dict(scope["headers"]).get(b"cookie", b"").decode())
        await send({"type": "websocket.accept", "headers": [(b"x", b"y")]})

    async def send(message: Message) -> None:
        told.extend(value.decode() for name, value in message["headers"] if name == b"set-cookie")

    headers = [(b"host", b"lab"), *([(b"cookie", cookie)] if cookie else [])]
    scope: Scope = {"type": kind, "scheme": scheme, "headers": headers}
    asyncio.run(OwnerCookie(app)(scope, None, send))  # type: ignore[arg-type]
    return seen[0], told[0] if told else ""


def test_a_new_browser_gets_a_key_that_the_app_sees_at_once() -> None:
    seen, told = connect(b"theme=dark")
    key = key_in(seen)
    assert KEY.fullmatch(key)
    assert seen == f"theme=dark; {COOKIE}={key}"
    assert told.startswith(f"{COOKIE}={key}; Path=/; ")
    assert key_in(connect()[0]) != key


def test_no_script_and_no_other_site_gets_at_the_key() -> None:
    told = connect()[1]
    assert {"HttpOnly", "SameSite=Strict"} <= set(told.split("; "))
    assert "Secure" not in told
    assert connect(scheme="wss")[1].endswith("; Secure")


def test_a_known_browser_keeps_its_key() -> None:
    seen, told = connect(f"{COOKIE}={MINE}; other=1".encode())
    assert key_in(seen) == MINE
    assert told == set_cookie(MINE, secure=False)


@pytest.mark.parametrize(
    "bad", ["", "short", "x" * 44, "x" * 42 + "'", "../" * 14 + "x", '"' + "x" * 43 + '"']
)
def test_what_is_no_key_is_replaced(bad: str) -> None:
    seen, _ = connect(f"{COOKIE}={bad}".encode())
    assert re.fullmatch(rf"{COOKIE}=[\w-]{{43}}", seen)
    assert bad == "" or bad not in seen


def test_a_page_alone_sets_nothing() -> None:
    """One that is opened from elsewhere comes without the key, and must not replace it."""
    assert connect(kind="http") == ("", "")


def test_the_database_does_not_hold_the_key() -> None:
    assert MINE not in owner_of(MINE)
    assert len(owner_of(MINE)) == 64
    assert owner_of(MINE) != owner_of("n" * 43)
