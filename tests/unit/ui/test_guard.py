"""The guard in front of Streamlit: headers, full house, private metrics, quotas, slow-down."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from pages.ui.server import guard
from pages.ui.server.guard import Bucket, Guard, Uploads

PAGE = {"type": "http", "method": "GET", "path": "/", "headers": [(b"accept", b"text/html")]}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", b"text/html"), (b"X-Frame-Options", b"ALLOWALL")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


async def nothing() -> Message:
    return {"type": "http.request"}


def asked(protector: Guard, **scope: Any) -> tuple[int, dict[str, str], str]:
    """Send one request; return status, headers and text."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(protector({**PAGE, **scope}, nothing, send))
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"].decode()


def test_every_answer_has_the_headers_once() -> None:
    status, headers, text = asked(Guard(application))
    assert (status, text) == (200, "hello")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["referrer-policy"] == "same-origin"
    assert "object-src 'none'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]  # nothing from another host


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/lab/_stcore/metrics", "/_stcore/metrics/"])
def test_metrics_are_private(path: str) -> None:
    status, headers, _ = asked(Guard(application), path=path)
    assert status == 404
    assert headers["x-content-type-options"] == "nosniff"


def test_a_full_house_says_so_and_serves_those_who_are_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_TABS", 2)
    protector = Guard(application)
    protector.tabs = 2
    status, _, text = asked(protector)
    assert status == 503
    assert text.startswith("This server holds no more tabs.")
    assert asked(protector, headers=[(b"accept", b"*/*")])[0] == 200


def test_tabs_are_counted_while_they_are_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_TABS", 1)
    seen, sent = [], []

    async def connected(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(protector.tabs)
        await protector({"type": "websocket"}, nothing, note)  # a second one meanwhile
        raise ConnectionError

    async def note(message: Message) -> None:
        sent.append(message)

    protector = Guard(connected)
    with pytest.raises(ConnectionError):
        asyncio.run(protector({"type": "websocket"}, nothing, note))
    assert (seen, protector.tabs) == ([1], 0)
    assert [(m["type"], m["code"]) for m in sent] == [("websocket.close", 1013)]


def put(protector: Guard, tab: str, file: str, size: str, method: str = "PUT") -> int:
    path = f"/_stcore/upload_file/{tab}/{file}"
    headers = [(b"content-length", size.encode())] if size else []
    return asked(protector, method=method, path=path, headers=headers)[0]


def test_a_tab_may_upload_so_much_and_no_more() -> None:
    protector, half = Guard(application), str(guard.MOST_UPLOADED // 2)
    assert put(protector, "a", "1", half) == 200
    assert put(protector, "a", "2", half) == 200
    assert put(protector, "a", "3", "1") == 413
    assert put(protector, "b", "1", half) == 200
    assert put(protector, "a", "1", half) == 200  # the same file again
    assert put(protector, "a", "1", "", "DELETE") == 200
    assert put(protector, "a", "3", "1") == 200


@pytest.mark.parametrize("size", ["", "-1", "many", "1e3"])
def test_an_upload_without_a_size_is_refused(size: str) -> None:
    assert put(Guard(application), "a", "1", size) == 413


def test_the_list_of_uploads_is_bounded() -> None:
    uploads = Uploads()
    for tab in range(10 * guard.MOST_TABS):
        assert uploads.accepts(str(tab), "1", 5)
    assert len(uploads._sizes) <= 4 * guard.MOST_TABS


def test_a_bucket_gives_a_burst_and_then_its_rate() -> None:
    now = [0.0]
    bucket = Bucket(8.0, 40.0, lambda: now[0])
    assert [bucket.wait() for _ in range(40)] == [0.0] * 40
    assert bucket.wait() == pytest.approx(1 / 8)
    assert bucket.wait() == pytest.approx(2 / 8)
    now[0] = 100.0
    assert [bucket.wait() for _ in range(41)] == [*[0.0] * 40, pytest.approx(1 / 8)]


def rerun(is_tick: bool) -> bytes:
    message = BackMsg()
    message.rerun_script.query_string = "a=1"
    message.rerun_script.is_auto_rerun = is_tick
    content: bytes = message.SerializeToString()
    return content


def slept(monkeypatch: pytest.MonkeyPatch, contents: list[bytes]) -> float:
    """Return how long a client that sends these at once is made to wait."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(guard, "asyncio", type("Fake", (), {"sleep": staticmethod(sleep)}))
    queue = list(contents)

    async def receive() -> Message:
        return {"type": "websocket.receive", "bytes": queue.pop()}

    slowed: Callable[[], Coroutine[Any, Any, Message]] = guard._slowed(receive)  # type: ignore[assignment]

    async def drink() -> None:
        for _ in contents:
            await slowed()

    asyncio.run(drink())
    return max(waits, default=0.0)


def test_clicks_and_ticks_have_limits_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slept(monkeypatch, [rerun(False)] * 40 + [rerun(True)] * 50) == 0
    assert slept(monkeypatch, [rerun(False)] * 56) == pytest.approx(2, abs=0.2)
    assert slept(monkeypatch, [rerun(True)] * 100) == pytest.approx(2, abs=0.2)
    assert slept(monkeypatch, [b"\xff\x00 garbage"] * 56) == pytest.approx(2, abs=0.2)
