"""What clients ask of the cloud's identity service: tokens, projects, and the account's id."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from irs_engine.server.answers import AsciiJSON
from irs_engine.server.caller import Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.authenticate import WRONG_PASSWORD, peer_of
from irs_engine.server.identity.bodies import field, read_json
from irs_engine.server.identity.people import Person, Project

Endpoint = Callable[[Request], Awaitable[Response]]
STATUSES = {"AIS.0027": 403, "APIG.0201": 413}  # where the identity service has another than the APIs


def in_its_own_shape(endpoint: Endpoint) -> Endpoint:
    """Errors as the identity service writes them, and its trace id on all answers."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except ServiceError as error:
            request.state.error_code = error.code  # for the log
            status = STATUSES.get(error.code, error.status)
            message = error.detail or error.message
            found = {"code": status, "message": message, "title": HTTPStatus(status).phrase}
            response = AsciiJSON({"error": found}, status, error.headers)
        response.headers["X-IAM-Trace-Id"] = getattr(request.state, "request_id", "") or uuid.uuid4().hex
        return response

    return answer


@in_its_own_shape
async def create_token(request: Request) -> Response:
    """POST /v3/auth/tokens: a password for a token. A signature that comes along is not asked for."""
    identity = request.app.state.parts.identity
    auth = field(await read_json(request), "auth", dict)
    asked = field(auth, "identity", dict)
    if asked.get("methods") != ["password"]:
        raise ServiceError("AIP.0012", "auth.identity.methods: only password is known")
    user = field(field(asked, "password", dict), "user", dict)
    domain = field(user, "domain", dict, {})
    account = str(domain.get("id") or domain.get("name") or "")
    name = str((user.get("name") if account else user.get("id")) or user.get("id") or "")
    password = field(user, "password")
    person = await identity.login(account, name, password, peer_of(request))
    project = await _scope(request, person, field(auth, "scope", dict, {}))
    token = await identity.issue_token(person, project)
    catalog = [] if "nocatalog" in request.query_params else _catalog(request, project)
    found: dict[str, Any] = {
        "expires_at": _time(token.expires),
        "issued_at": _time(token.issued),
        "methods": ["password"],
        "catalog": catalog,
        "roles": [{"id": name, "name": name} for name in sorted(person.permissions)],
        "user": {
            "id": person.user_id,
            "name": person.user_name,
            "domain": _domain_of(person),
            "password_expires_at": "",
        },
    }
    if project:
        found["project"] = {"id": project.id, "name": project.name, "domain": _domain_of(person)}
    else:
        found["domain"] = _domain_of(person)
    response = AsciiJSON({"token": found}, 201)
    # As the cloud writes it: scripts look for it with grep.
    response.raw_headers.append((b"X-Subject-Token", token.secret.encode()))
    return response


async def _scope(request: Request, person: Person, scope: dict[str, Any]) -> Project | None:
    """The project that a token is asked for; None: it is for the account."""
    identity = request.app.state.parts.identity
    if "project" not in scope:
        domain = field(scope, "domain", dict, {})
        if domain.get("id", person.account_id) != person.account_id or (
            domain.get("name", person.account_name) != person.account_name
        ):
            raise ServiceError("APIG.0301", WRONG_PASSWORD)
        return None
    asked = field(scope, "project", dict)
    found: Project | None
    if "id" in asked:
        projects = await identity.in_thread(identity.accounts.projects, person.account_id)
        found = next((project for project in projects if project.id == asked["id"]), None)
    else:
        found = await identity.in_thread(identity.accounts.project, person.account_id, field(asked, "name"))
    if found is None:
        raise ServiceError("APIG.0301", "scope.project: the account has no such project")
    return found


@in_its_own_shape
async def list_projects(request: Request) -> Response:
    """GET /v3/projects: of the account; with a region's name the one of that region."""
    identity = request.app.state.parts.identity
    caller = (await identity.begin(request)).caller
    name = request.query_params.get("name")
    if name:
        found = await identity.in_thread(identity.accounts.project, caller.account_id, name)
        projects = [found] if found else []
    else:
        projects = await identity.in_thread(identity.accounts.projects, caller.account_id)
    if request.query_params.get("enabled", "true").lower() == "false":  # all of them are
        projects = []
    own = _here(request) + request.scope["path"]
    return AsciiJSON(
        {
            "projects": [_project(project, own) for project in projects],
            "links": {"next": None, "previous": None, "self": own},
        }
    )


@in_its_own_shape
async def list_domains(request: Request) -> Response:
    """GET /v3/auth/domains: the account."""
    caller = (await request.app.state.parts.identity.begin(request)).caller
    own = _here(request) + request.scope["path"]
    domain = {**_domain_of(caller), "enabled": True, "description": "", "links": {"self": own}}
    return AsciiJSON({"domains": [domain], "links": {"next": None, "previous": None, "self": own}})


def _here(request: Request) -> str:
    """By the name that the client uses."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}"


def _project(project: Project, own: str) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.account_id,
        "parent_id": project.account_id,
        "is_domain": False,
        "enabled": True,
        "description": "",
        "links": {"next": None, "previous": None, "self": f"{own}/{project.id}"},
    }


def _domain_of(person: Person | Caller) -> dict[str, str]:
    return {"id": person.account_id, "name": person.account_name}


def _catalog(request: Request, project: Project | None) -> list[dict[str, Any]]:
    region = project.name if project else "*"
    url = _here(request)
    return [
        {
            "id": name,
            "name": name,
            "type": name,
            "endpoints": [
                {"id": name, "interface": "public", "region": region, "region_id": region, "url": url + path}
            ],
        }
        for name, path in (("iam", "/v3"), ("image", ""))
    ]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


iam_routes = [
    Route("/v3/auth/tokens", create_token, methods=["POST"]),
    Route("/v3/projects", list_projects, methods=["GET"]),
    Route("/v3/auth/projects", list_projects, methods=["GET"]),
    Route("/v3/auth/domains", list_domains, methods=["GET"]),
]
