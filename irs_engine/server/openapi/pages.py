"""Serves the description: nobody needs to be signed in for it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from irs_engine.server.answers import AsciiJSON
from irs_engine.server.console.pages import STATIC
from irs_engine.server.openapi.reference import page
from irs_engine.server.openapi.spec import document

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


async def openapi(_request: Request) -> Response:
    return AsciiJSON(document(), headers=HEADERS)


async def reference(_request: Request) -> Response:
    return HTMLResponse(page(), headers=HEADERS)


async def style(_request: Request) -> Response:
    return FileResponse(STATIC / "reference.css", media_type="text/css", headers=HEADERS)


routes = [
    Route("/openapi.json", openapi),
    Route("/reference", reference),
    Route("/reference.css", style),
]
