"""A service of nothing but identity, on loopback, and requests to it as clients of the cloud sign them."""

import http.client
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import uvicorn
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from starlette.applications import Starlette
from starlette.routing import Route

from irs_engine.server.answers import AsciiJSON, error_answer
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity import Identity, iam_routes, management_routes
from irs_engine.server.settings import Settings
from irs_engine.server.store import Store

PASSWORD = "correct horse"
TAGGING = "/v2/{project_id}/image/tagging"


class Clock:
    """That of the machine, moved by `ahead` seconds."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead


@dataclass(frozen=True)
class Parts:
    settings: Settings
    identity: Identity


async def who(request):
    """The answer of an API: who called."""
    credentials = await request.app.state.parts.identity.begin(request)
    credentials.check_body(await request.body())
    caller = credentials.caller
    found = {name: getattr(caller, name) for name in ("account_name", "user_name", "project_id", "by")}
    return AsciiJSON({"result": {"tags": [], **found, "permissions": sorted(caller.permissions)}})


async def careless(request):
    """An endpoint that forgets to check the body."""
    credentials = await request.app.state.parts.identity.begin(request)
    return AsciiJSON({"user": credentials.caller.user_name})


async def refused(request, error):
    return error_answer(error, request.scope, request.app.state.parts.settings)


def application(settings, clock=time.time):
    app = Starlette(
        routes=[
            Route(TAGGING, who, methods=["POST"]),
            Route("/v1.0/image/tagging", who, methods=["POST"]),
            Route("/careless", careless, methods=["GET", "POST"]),
            Route("/echo{rest:path}", who, methods=["GET", "POST", "PUT"]),
            *iam_routes,
            *management_routes,
        ],
        exception_handlers={ServiceError: refused},
    )
    app.state.parts = Parts(settings, Identity(Store(settings.database_url), settings, clock))
    return app


@dataclass(frozen=True)
class Service:
    url: str
    clock: Clock
    app: Starlette

    @property
    def identity(self):
        return self.app.state.parts.identity

    @property
    def host(self):
        return self.url.removeprefix("http://")

    @property
    def accounts(self):
        return self.identity.accounts


@contextmanager
def serving(settings):
    clock = Clock()
    app = application(settings, clock)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Service(f"http://127.0.0.1:{port}", clock, app)
    finally:
        server.should_exit = True
        thread.join()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]  # as they came
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self):
        return self.json.get("error_code", self.status)

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def send(service, method, target, headers=(), body=b""):
    """Exactly these headers, beside Host and Content-Length where they are not among them."""
    headers = dict(headers)
    connection = http.client.HTTPConnection(service.host, timeout=20)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    if "host" not in map(str.lower, headers):
        connection.putheader("Host", service.host)
    for name, value in headers.items():
        connection.putheader(name, value)
    if "Transfer-Encoding" not in headers and (body or method in ("POST", "PUT", "PATCH")):
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body or None)
    response = connection.getresponse()
    answer = Answer(response.status, response.getheaders(), response.read())
    connection.close()
    return answer


def send_json(service, method, target, values, **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(
        service, method, target, {"Content-Type": "application/json"} | given, json.dumps(values).encode()
    )


def sign(key, method, host, path, query=(), headers=(), body=b""):
    """The SDK's own signer: the headers to send, and where to."""
    request = SdkRequest(
        method=method,
        schema="http",
        host=host,
        resource_path=path,
        query_params=list(query),
        header_params=dict(headers),
        body=body,
    )
    Signer(BasicCredentials(key.ak, key.sk, "unused")).sign(request)
    return dict(request.header_params), request.uri


def sdk_date(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
