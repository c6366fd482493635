"""What stands between the network and Streamlit: headers, a limit of tabs, of messages, of uploads.

An ASGI middleware, so it also sees what never becomes a page. Messages over the limit wait; a
client that sends faster than that slows down nobody but itself.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from time import monotonic

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from nndl_core.base.i18n import Language, language_named, mark, speaking, tr
from pages.ui.server.housekeeping import Housekeeper

MOST_TABS = int(os.environ.get("NNDL_MOST_TABS", "150"))
CLICKS_PER_SECOND, CLICK_BURST = 8.0, 40.0
TICKS_PER_SECOND, TICK_BURST = 25.0, 50.0
MOST_UPLOADED = 20_000_000
"""The bytes of all files that one tab may have on the server."""

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # Streamlit's own page needs them
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss: data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]
FULL = mark(
    "This server holds no more tabs. Close one that is not needed, or ask your teacher "
    "for another address, then load this page again."
)
PRIVATE = re.compile(r"/_stcore/metrics/?")
UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)")


class Bucket:
    """Tokens that come back at a rate, up to a number; one is the price of a message."""

    def __init__(self, rate: float, most: float, clock: Callable[[], float] = monotonic) -> None:
        self.rate, self.most, self._clock = rate, most, clock
        self.tokens, self.seen = most, clock()

    def wait(self) -> float:
        """Take a token; return the seconds until it is there."""
        now = self._clock()
        self.tokens = min(self.most, self.tokens + (now - self.seen) * self.rate)
        self.seen = now
        self.tokens -= 1
        return max(0.0, -self.tokens / self.rate)


class Uploads:
    """How many bytes each tab has uploaded and not removed; forgotten when the tab is closed."""

    def __init__(self, most: int = MOST_UPLOADED) -> None:
        self.most = most
        self._sizes: dict[str, dict[str, int]] = {}

    def accepts(self, tab: str, file: str, size: int) -> bool:
        """Note a file of this size if the tab may still have it."""
        files = self._sizes.setdefault(tab, {})
        if sum(files.values()) - files.get(file, 0) + size > self.most:
            return False
        files[file] = size
        while len(self._sizes) > 4 * MOST_TABS:  # tabs that have gone, oldest first
            self._sizes.pop(next(iter(self._sizes)))
        return True

    def remove(self, tab: str, file: str) -> None:
        """Forget a file."""
        self._sizes.get(tab, {}).pop(file, None)


class Guard:
    """The middleware; app is what it guards."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.tabs = 0
        self.uploads = Uploads()
        self.housekeeper = Housekeeper()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or one connection."""
        if scope["type"] == "websocket":
            await self._connection(scope, receive, send)
        elif scope["type"] == "http":
            with speaking(_language_of(scope)):
                await self._request(scope, receive, _with_headers(send))
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        upload = UPLOAD.search(path)
        if PRIVATE.search(path):
            await _answer(send, 404, tr("Not found."))
        elif self.tabs >= MOST_TABS and _is_page(scope):
            await _answer(send, 503, tr(FULL))
        elif upload and not self._may_upload(scope, upload[1], upload[2]):
            most = MOST_UPLOADED // 1_000_000
            await _answer(
                send, 413, tr("A tab may hold {most} MB of files; remove one first.", most=most)
            )
        else:
            await self.app(scope, receive, send)

    def _may_upload(self, scope: Scope, tab: str, file: str) -> bool:
        if scope["method"] == "DELETE":
            self.uploads.remove(tab, file)
        if scope["method"] != "PUT":
            return True
        length = dict(scope["headers"]).get(b"content-length", b"")
        # without a length it could be of any size
        return length.isdigit() and self.uploads.accepts(tab, file, int(length))

    async def _connection(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.tabs >= MOST_TABS:
            await receive()
            await send({"type": "websocket.close", "code": 1013, "reason": FULL[:100]})
            return
        self.tabs += 1
        try:
            await self.app(scope, _slowed(receive), send)
        finally:
            self.tabs -= 1
            self.housekeeper.tab_closed()


def _slowed(receive: Receive) -> Receive:
    """Let what the user does and what a clock does wait when there is too much of it."""
    clicks = Bucket(CLICKS_PER_SECOND, CLICK_BURST)
    ticks = Bucket(TICKS_PER_SECOND, TICK_BURST)

    async def slowed() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive":
            wait = (ticks if _is_tick(message.get("bytes")) else clicks).wait()
            if wait:
                await asyncio.sleep(wait)
        return message

    return slowed


def _is_tick(content: bytes | None) -> bool:
    if not content or len(content) > 1_000_000:
        return False
    message = BackMsg()
    try:
        message.ParseFromString(content)
    except DecodeError:
        return False
    return message.WhichOneof("type") == "rerun_script" and message.rerun_script.is_auto_rerun


def _is_page(scope: Scope) -> bool:
    """Tell whether a browser asks for a page to show, not for a part of one."""
    headers = dict(scope["headers"])
    return scope["method"] == "GET" and b"text/html" in headers.get(b"accept", b"")


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in HEADERS}
            kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in own]
            message = {**message, "headers": [*kept, *HEADERS]}
        await send(message)

    return sent


def _language_of(scope: Scope) -> Language:
    """Return the language that the browser asks for first: here is no session that knows one."""
    asked = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    return language_named(asked.partition(",")[0].strip()) or "en"


async def _answer(send: Send, status: int, sentence: str) -> None:
    content = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": content})
    await send({"type": "http.response.body", "body": sentence.encode()})
