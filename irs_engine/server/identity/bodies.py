"""Small JSON bodies, of requests that change something."""

from __future__ import annotations

from typing import Any

from starlette.requests import ClientDisconnect, Request

from irs_engine.server.caller import Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.objects import json_object

BODY_BYTES = 64 * 1024


async def read_json(request: Request) -> dict[str, Any]:
    """An object; of no body an empty one.

    Raises:
        ServiceError: APIG.0201, AIS.0010 or AIS.0014.
    """
    return parse(request, await read(request))


async def identified(request: Request) -> tuple[Caller, dict[str, Any]]:
    """Who calls, and the object that was sent; to nobody else is it read."""
    credentials = await request.app.state.parts.identity.begin(request)
    body = await read(request)
    credentials.check_body(body)
    return credentials.caller, parse(request, body)


async def read(request: Request) -> bytes:
    """At most BODY_BYTES, no slower than the settings say."""
    # Not at the top: it brings the engine along, which commands for accounts do without.
    from irs_engine.server.works.reading import read_body

    try:
        return await read_body(request, request.app.state.parts.settings.load, BODY_BYTES)
    except ClientDisconnect:
        raise ServiceError("AIS.0014", "the client went away") from None


def parse(request: Request, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    # A form of another site can send anything but this type without asking first.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ServiceError("AIS.0010", "Content-Type: expected application/json")
    return json_object(body)


def field(values: dict[str, Any], name: str, kind: type = str, default: Any = None) -> Any:
    """What was sent under a name.

    Args:
        default: Where nothing was sent; none: that is an error.

    Raises:
        ServiceError: AIP.0012.
    """
    value = values.get(name, default)
    if not isinstance(value, kind):
        words = {str: "a string", bool: "true or false", dict: "an object"}[kind]
        raise ServiceError("AIP.0012", f"{name}: expected {words}")
    return value
