"""Serves the console's files as they are, and what it shows of this installation."""

from __future__ import annotations

from pathlib import Path

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from irs_engine.server.album.routes import sees_album
from irs_engine.server.answers import AsciiJSON
from irs_engine.server.console.about import about
from irs_engine.server.errors import ServiceError

STATIC = Path(__file__).parent / "static"
# Nothing from anywhere else, no script or style inside the page, in nobody's frame. Pictures are shown from
# memory (blob:), sent nowhere but here.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # asked for again each time, answered 304 unless the program was updated
}


class ConsoleFiles(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


async def page(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html", headers=HEADERS)


async def icon(_request: Request) -> Response:
    """Browsers ask for it by this name wherever they are."""
    return RedirectResponse("/console/icon.svg", status_code=301)


async def session(request: Request) -> Response:
    """Whether somebody is signed in, and has an album to look at; asking is no error, so that browsers do not
    log one on every start."""
    try:
        credentials = await request.app.state.parts.identity.begin(request)
    except ServiceError as error:
        if error.status != 401:
            raise
        return AsciiJSON({"signed_in": False})
    credentials.check_body(b"")
    return AsciiJSON({"signed_in": True, "album": await sees_album(request, credentials.caller)})


async def installation(request: Request) -> Response:
    """What is installed here: versions, device, models, limits, room on the disk; any signed-in user."""
    parts = request.app.state.parts
    credentials = await parts.identity.begin(request)
    credentials.check_body(b"")
    return AsciiJSON(await run_sync(about, parts))


async def authority(request: Request) -> Response:
    """The certificate that clients of the https port are to trust."""
    parts = request.app.state.parts
    (await parts.identity.begin(request)).check_body(b"")
    file = parts.settings.folder / "ca.pem"
    if parts.settings.tls_port is None or not await run_sync(file.is_file):
        raise ServiceError("APIG.0101", "https is not served here")
    return FileResponse(file, media_type="application/x-pem-file", filename="irs-engine-ca.pem")


routes = [
    Route("/", page),
    Route("/favicon.ico", icon),
    Route("/irs/v1/about", installation),
    Route("/irs/v1/ca.pem", authority),
    Route("/console/session", session),
    Mount("/console", ConsoleFiles(directory=STATIC)),
]
