"""Who asks for or changes something of the business, and what the request says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from irs_engine.server.caller import ADMINISTRATOR, TENANT_GUEST, Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.works.reading import read_body

if TYPE_CHECKING:
    from irs_engine.server.app import Parts

BODY_BYTES = 2**16


def parts(request: Request) -> Parts:
    return request.app.state.parts


async def reader(request: Request) -> Caller:
    """Any user who may call the service."""
    caller, _ = await _caller(request)
    if not caller.permissions & {ADMINISTRATOR, TENANT_GUEST}:
        raise ServiceError("ModelArts.4203", f"{TENANT_GUEST} or {ADMINISTRATOR} of a user group allows it")
    return caller


async def administrator(request: Request) -> tuple[Caller, dict[str, Any]]:
    """A user who may change what the account uses and pays, and the JSON object of the request's body."""
    caller, body = await _caller(request)
    if ADMINISTRATOR not in caller.permissions:
        raise ServiceError("ModelArts.4203", f"{ADMINISTRATOR} of a user group allows it")
    return caller, _json(body)


async def _caller(request: Request) -> tuple[Caller, bytes]:
    credentials = await parts(request).identity.begin(request)
    body = await read_body(request, parts(request).settings.load, BODY_BYTES)
    credentials.check_body(body)
    request.state.caller = credentials.caller  # known now that the signature has covered the body
    return credentials.caller, body


def _json(body: bytes) -> dict[str, Any]:
    """Decimal numbers are kept as they are written: they may be money."""
    if not body:
        return {}
    try:
        found = json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ServiceError("AIS.0014") from None
    if not isinstance(found, dict):
        raise ServiceError("AIS.0014", "expected an object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def given(body: dict[str, Any], name: str, type_: type, default: Any = None) -> Any:
    """A value of the body, which has to be there unless there is a default."""
    value = body.get(name, default)
    if value is None:
        raise ServiceError("AIS.0011", name)
    if not isinstance(value, type_):
        kinds = {bool: "true or false", str: "a string"}
        raise ServiceError("AIP.0012", f"{name}: expected {kinds[type_]}")
    return value


def whole(request: Request, name: str, default: int, most: int) -> int:
    """A number of the query, from 0 on."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most):
        raise ServiceError("AIP.0010", f"{name}: expected a whole number from 0 to {most:,}")
    return int(text)
