"""Requests of browsers: what a page of another site can make them send changes nothing here."""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import Response

from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.tokens import SESSION_SECONDS, csrf_token

COOKIE = "irs_session"
READS = ("GET", "HEAD")


def from_elsewhere(request: Request) -> bool:
    """Whether a page of another site made the browser send it, to change something."""
    if request.method in READS:
        return False
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    if origin is None:  # not a browser, or a very old one
        return False
    return origin.partition("://")[2].lower() != request.headers.get("host", "").lower()


def check_change(request: Request, session: str) -> None:
    """Whatever changes something has to bring what only a page of this server can know.

    Raises:
        ServiceError: APIG.0301.
    """
    if request.method in READS:
        return
    given = request.headers.get("x-csrf-token", "").encode()
    if from_elsewhere(request) or not hmac.compare_digest(given, csrf_token(session).encode()):
        raise ServiceError("APIG.0301", "X-CSRF-Token: missing, or not that of the session")


def set_session(response: Response, secret: str, secure: bool) -> None:
    response.set_cookie(
        COOKIE, secret, max_age=SESSION_SECONDS, path="/", secure=secure, httponly=True, samesite="strict"
    )


def drop_session(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
