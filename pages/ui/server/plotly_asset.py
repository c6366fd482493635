"""The files that the components load in the browser, served from this server only."""

import gzip
import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_UI = Path(__file__).parents[1]
_FOLDERS = "widgets", "live/js"
_OWN = tuple(
    sorted(
        path.relative_to(_UI).as_posix()
        for folder in _FOLDERS
        for path in (_UI / folder).iterdir()
        if path.suffix in {".js", ".css"}
    )
)
_PLOTLY = "plotly.min.js"
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",  # the address changes with the content
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}


@cache
def asset_folder() -> str:
    """Give the address of the folder of the files; it changes when one of them changes."""
    digest = hashlib.sha256()
    for name in _OWN:
        digest.update(_read(name))
    plotly = files("plotly") / "package_data" / _PLOTLY
    with plotly.open("rb") as stream:
        digest.update(stream.read(200))  # the version stands in its first lines
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return "/" + "/".join(filter(None, (base, "nndl-live", digest.hexdigest()[:16])))


def _read(name: str) -> bytes:
    if name == _PLOTLY:
        return (files("plotly") / "package_data" / _PLOTLY).read_bytes()
    return (_UI / name).read_bytes()


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(_read(name), compresslevel=6)


def _endpoint(name: str) -> Callable[[Request], Response]:
    media_type = _MEDIA_TYPES[Path(name).suffix]

    def serve(request: Request) -> Response:
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(_read(name), media_type=media_type, headers=_HEADERS)
        packed = {**_HEADERS, "Content-Encoding": "gzip"}
        return Response(_packed(name), media_type=media_type, headers=packed)

    return serve


def asset_routes() -> list[Route]:
    """List one route per file, for `st.App(..., routes=asset_routes())`."""
    folder = asset_folder()
    return [Route(f"{folder}/{name}", _endpoint(name)) for name in (*_OWN, _PLOTLY)]
