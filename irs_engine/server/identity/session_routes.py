"""Sessions of the console, and what anybody may ask about themselves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from irs_engine.server.answers import AsciiJSON
from irs_engine.server.caller import ADMINISTRATOR, Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.authenticate import peer_of
from irs_engine.server.identity.bodies import field, identified, read_json
from irs_engine.server.identity.browsers import COOKIE, drop_session, from_elsewhere, set_session
from irs_engine.server.identity.tokens import csrf_token

PREFIX = "/irs/v1"


async def log_in(request: Request) -> Response:
    """{account, user, password}: a cookie, and the token that every change has to bring as X-CSRF-Token."""
    identity = request.app.state.parts.identity
    if from_elsewhere(request):
        raise ServiceError("APIG.0301", "the request comes from a page of another site")
    if request.app.state.parts.settings.auth == "off":
        raise ServiceError("AIP.0012", "authentication is off: there is nothing to log in to")
    values = await read_json(request)
    account = field(values, "account")
    user = field(values, "user", default="") or account  # the account's own user is called like it
    person = await identity.login(account, user, field(values, "password"), peer_of(request))
    session = await identity.in_thread(identity.tokens.open_session, person.user_id)
    found = {"csrf_token": csrf_token(session.secret), "expires": session.expires}
    response = AsciiJSON(found | _me(person.caller("session"), person.operator), 201)
    set_session(response, session.secret, secure=request.scope["scheme"] == "https")
    return response


async def log_out(request: Request) -> Response:
    identity = request.app.state.parts.identity
    await identified(request)
    await identity.in_thread(identity.tokens.close_session, request.cookies.get(COOKIE, ""))
    response = Response(status_code=204)
    drop_session(response)
    return response


async def me(request: Request) -> Response:
    """Who calls and what they may do; to a session also its CSRF token, which a page loaded anew has lost."""
    identity = request.app.state.parts.identity
    caller = (await identity.begin(request)).caller
    found = _me(caller, await identity.in_thread(is_operator, request, caller))
    if caller.by == "session":
        found["csrf_token"] = csrf_token(request.cookies[COOKIE])
    return AsciiJSON(found)


async def change_my_password(request: Request) -> Response:
    """{password, new_password}. Ends all tokens and sessions of the user."""
    identity = request.app.state.parts.identity
    caller, values = await identified(request)
    if caller.by == "nobody":
        raise ServiceError("ModelArts.4203", "authentication is off: nobody can be given access")
    old, new = field(values, "password"), field(values, "new_password")
    await identity.login(caller.account_id, caller.user_name, old, peer_of(request))
    await identity.hashing(identity.accounts.set_password, caller.user_id, new)
    return Response(status_code=204)


def is_operator(request: Request, caller: Caller) -> bool:
    return bool(request.app.state.parts.identity.accounts.account(caller.account_id).operator)


def _me(caller: Caller, operator: bool) -> dict[str, Any]:
    found = asdict(caller) | {"permissions": sorted(caller.permissions)}
    return found | {"operator": operator and ADMINISTRATOR in caller.permissions}


session_routes = [
    Route(f"{PREFIX}/session", log_in, methods=["POST"]),
    Route(f"{PREFIX}/session", log_out, methods=["DELETE"]),
    Route(f"{PREFIX}/me", me, methods=["GET"]),
    Route(f"{PREFIX}/me/password", change_my_password, methods=["PUT"]),
]
