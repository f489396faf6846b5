"""Accounts, users, groups and keys over HTTP: under /irs/v1."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from irs_engine.server.answers import AsciiJSON
from irs_engine.server.caller import ADMINISTRATOR, Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.bodies import field, identified
from irs_engine.server.identity.keys import Key
from irs_engine.server.identity.session_routes import PREFIX, is_operator, session_routes


async def list_users(request: Request) -> Response:
    identity, caller, _ = await _administrator(request)
    found = await identity.in_thread(identity.accounts.list_users, caller.account_id)
    return AsciiJSON({"users": [asdict(user) for user in found]})


async def create_user(request: Request) -> Response:
    """{name, password?, groups?: [names]}."""
    identity, caller, values = await _administrator(request)
    password = field(values, "password", default="") or None
    groups = values.get("groups", [])
    if not isinstance(groups, list) or not all(isinstance(name, str) for name in groups):
        raise ServiceError("AIP.0012", "groups: expected names")
    all_groups = identity.accounts.groups
    joined = [await identity.in_thread(all_groups.get, caller.account_id, name) for name in groups]
    made = await identity.hashing(
        identity.accounts.create_user, caller.account_id, field(values, "name"), password
    )
    for group in joined:
        await identity.in_thread(all_groups.add, group.id, made.id)
    return AsciiJSON({"user": asdict(made)}, 201)


async def change_user(request: Request) -> Response:
    """{enabled?, password?}."""
    identity, caller, values = await _administrator(request)
    user = await identity.in_thread(identity.accounts.user, caller.account_id, request.path_params["user_id"])
    if "enabled" in values:
        enabled = field(values, "enabled", bool)
        if user.owner and not enabled:
            raise ServiceError("AIP.0012", "the account's own user cannot be disabled")
        await identity.in_thread(identity.accounts.enable_user, user.id, enabled)
    if "password" in values:
        if user.owner and user.id != caller.user_id:
            raise ServiceError("ModelArts.4203", "the account's own user sets its password alone")
        await identity.hashing(identity.accounts.set_password, user.id, field(values, "password"))
    return AsciiJSON(
        {"user": asdict(await identity.in_thread(identity.accounts.user, caller.account_id, user.id))}
    )


async def list_groups(request: Request) -> Response:
    identity, caller, _ = await _administrator(request)
    found = await identity.in_thread(identity.accounts.groups.list, caller.account_id)
    return AsciiJSON({"groups": [asdict(group) for group in found]})


async def create_group(request: Request) -> Response:
    """{name}."""
    identity, caller, values = await _administrator(request)
    made = await identity.in_thread(identity.accounts.groups.create, caller.account_id, field(values, "name"))
    return AsciiJSON({"group": asdict(made)}, 201)


async def change_group(request: Request) -> Response:
    """PUT or DELETE of a group's member or permission; DELETE of a group."""
    identity, caller, _ = await _administrator(request)
    given, groups = request.path_params, identity.accounts.groups
    group = await identity.in_thread(groups.get, caller.account_id, given["group_id"])
    put = request.method == "PUT"
    if "user_id" in given:
        user = await identity.in_thread(identity.accounts.user, caller.account_id, given["user_id"])
        await identity.in_thread(groups.add if put else groups.remove, group.id, user.id)
    elif "permission" in given:
        await identity.in_thread(groups.grant if put else groups.revoke, group.id, given["permission"])
    else:
        await identity.in_thread(groups.delete, group.id)
    return Response(status_code=204)


async def list_keys(request: Request) -> Response:
    """Of the caller; of the whole account for its administrators. Never with secrets."""
    identity = request.app.state.parts.identity
    caller, _ = await identified(request)
    whose = None if ADMINISTRATOR in caller.permissions else caller.user_id
    found = await identity.in_thread(identity.accounts.keys.list, caller.account_id, whose)
    return AsciiJSON({"keys": [_key(key) for key in found]})


async def create_key(request: Request) -> Response:
    """{user_id?}: by default of the caller. The secret is in this answer and in no other."""
    identity, caller, values = await _changing(request)
    user_id = field(values, "user_id", default=caller.user_id)
    if user_id != caller.user_id:
        _need_administrator(caller)
        user_id = (await identity.in_thread(identity.accounts.user, caller.account_id, user_id)).id
    made = await identity.in_thread(identity.accounts.keys.create, user_id)
    return AsciiJSON({"key": _key(made)}, 201, {"Cache-Control": "no-store"})


async def change_key(request: Request) -> Response:
    """PATCH {enabled}, or DELETE."""
    identity, caller, values = await _changing(request)
    keys = identity.accounts.keys
    key = await identity.in_thread(keys.get, caller.account_id, request.path_params["ak"])
    if key.user_id != caller.user_id:
        _need_administrator(caller)
    if request.method == "PATCH":
        await identity.in_thread(keys.enable, key.ak, field(values, "enabled", bool))
    else:
        await identity.in_thread(keys.delete, key.ak)
    return Response(status_code=204)


async def list_accounts(request: Request) -> Response:
    identity, _, _ = await _operator(request)
    found = await identity.in_thread(identity.accounts.list_accounts)
    return AsciiJSON({"accounts": [asdict(account) for account in found]})


async def create_account(request: Request) -> Response:
    """{name, password, user?}."""
    identity, _, values = await _operator(request)
    name, password = field(values, "name"), field(values, "password")
    user = field(values, "user", default="") or None
    made = await identity.hashing(identity.accounts.create_account, name, password, user)
    return AsciiJSON({"account": asdict(made)}, 201)


async def change_account(request: Request) -> Response:
    """{frozen}."""
    identity, caller, values = await _operator(request)
    account = await identity.in_thread(identity.accounts.account, request.path_params["account_id"])
    frozen = field(values, "frozen", bool)
    if account.id == caller.account_id and frozen:
        raise ServiceError("AIP.0012", "the account that runs this server cannot be frozen")
    await identity.in_thread(identity.accounts.freeze, account.id, frozen)
    return AsciiJSON({"account": asdict(await identity.in_thread(identity.accounts.account, account.id))})


async def _changing(request: Request) -> tuple[Any, Caller, dict[str, Any]]:
    """Who calls, and what they sent, to change something that outlasts this process."""
    caller, values = await identified(request)
    if caller.by == "nobody" and request.method != "GET":
        raise ServiceError("ModelArts.4203", "authentication is off: nobody can be given access")
    return request.app.state.parts.identity, caller, values


async def _administrator(request: Request) -> tuple[Any, Caller, dict[str, Any]]:
    identity, caller, values = await _changing(request)
    _need_administrator(caller)
    return identity, caller, values


async def _operator(request: Request) -> tuple[Any, Caller, dict[str, Any]]:
    identity, caller, values = await _administrator(request)
    if not await identity.in_thread(is_operator, request, caller):
        raise ServiceError("ModelArts.4203", "the account does not run this server")
    return identity, caller, values


def _need_administrator(caller: Caller) -> None:
    if ADMINISTRATOR not in caller.permissions:
        raise ServiceError("ModelArts.4203", f"needs the permission {ADMINISTRATOR}")


def _key(key: Key) -> dict[str, Any]:
    found = asdict(key)
    if key.sk is None:
        del found["sk"]
    return found


_GROUP = f"{PREFIX}/groups/{{group_id}}"
management_routes = [
    *session_routes,
    Route(f"{PREFIX}/users", list_users, methods=["GET"]),
    Route(f"{PREFIX}/users", create_user, methods=["POST"]),
    Route(f"{PREFIX}/users/{{user_id}}", change_user, methods=["PATCH"]),
    Route(f"{PREFIX}/groups", list_groups, methods=["GET"]),
    Route(f"{PREFIX}/groups", create_group, methods=["POST"]),
    Route(_GROUP, change_group, methods=["DELETE"]),
    Route(f"{_GROUP}/members/{{user_id}}", change_group, methods=["PUT", "DELETE"]),
    Route(f"{_GROUP}/permissions/{{permission}}", change_group, methods=["PUT", "DELETE"]),
    Route(f"{PREFIX}/keys", list_keys, methods=["GET"]),
    Route(f"{PREFIX}/keys", create_key, methods=["POST"]),
    Route(f"{PREFIX}/keys/{{ak}}", change_key, methods=["PATCH", "DELETE"]),
    Route(f"{PREFIX}/accounts", list_accounts, methods=["GET"]),
    Route(f"{PREFIX}/accounts", create_account, methods=["POST"]),
    Route(f"{PREFIX}/accounts/{{account_id}}", change_account, methods=["PATCH"]),
]
