"""Who asks for or changes something of the business, and the numbers that a query has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from irs_engine.server.caller import ADMINISTRATOR, TENANT_GUEST, Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.bodies import identified

if TYPE_CHECKING:
    from irs_engine.server.app import Parts


def parts(request: Request) -> Parts:
    return request.app.state.parts


async def reader(request: Request) -> Caller:
    """Any user who may call the service."""
    caller, _ = await _permitted(request, TENANT_GUEST, ADMINISTRATOR)
    return caller


async def administrator(request: Request) -> tuple[Caller, dict[str, Any]]:
    """A user who may change what the account uses and pays, and the JSON object of the request's body."""
    return await _permitted(request, ADMINISTRATOR)


async def _permitted(request: Request, *permissions: str) -> tuple[Caller, dict[str, Any]]:
    caller, values = await identified(request)
    request.state.caller = caller
    if not caller.permissions & set(permissions):
        raise ServiceError("ModelArts.4203", f"{' or '.join(permissions)} of a user group allows it")
    return caller, values


def whole(request: Request, name: str, default: int, most: int) -> int:
    """A number of the query, from 0 on."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most):
        raise ServiceError("AIP.0010", f"{name}: expected a whole number from 0 to {most:,}")
    return int(text)
