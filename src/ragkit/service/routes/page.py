"""`/`: the chat page. Plain files, served as they are, which load nothing from elsewhere."""

from __future__ import annotations

import mimetypes
from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

from ragkit.errors import NotFound

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

FILES = frozenset(file.name for file in files("ragkit.service").joinpath("web").iterdir() if file.is_file())
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What the page may load and do: whatever a document or a model smuggles in, no script of it runs."""
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@router.get("/")
async def page() -> Response:
    """The page itself."""
    return _file("index.html")


@router.get("/page/{name}")
async def part(name: str) -> Response:
    """Its scripts and styles."""
    if name not in FILES:
        raise NotFound(f"The page has no {name!r}.")
    return _file(name)


@cache
def _file(name: str) -> Response:
    kind = mimetypes.guess_type(name)[0]
    return Response(files("ragkit.service").joinpath("web", name).read_bytes(), headers=HEADERS, media_type=kind)
