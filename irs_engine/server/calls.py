"""One call of an API on pictures, from the headers of its request to the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pybase64
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from irs_engine.errors import IrsError
from irs_engine.image.decode import read_header
from irs_engine.server import body as bodies
from irs_engine.server.answers import AsciiJSON
from irs_engine.server.apis import APIS, BODY_BYTES, Api, music
from irs_engine.server.body import Body
from irs_engine.server.caller import Caller
from irs_engine.server.errors import ServiceError, from_engine
from irs_engine.server.off_loop import off_loop
from irs_engine.server.works.reading import cancel_on_disconnect, read_body

if TYPE_CHECKING:
    from irs_engine.server.app import Parts


class Phases:
    """Milliseconds of the parts of a call, for the `Server-Timing` header and the log."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] = self.spent.get(name, 0) + 1000 * (time.perf_counter() - started)

    def header(self) -> str:
        return ", ".join(f"{name};dur={ms:.1f}" for name, ms in self.spent.items())


async def call(request: Request, api: Api) -> Response:
    """Answer it, or raise a ServiceError."""
    parts: Parts = request.app.state.parts
    phases = request.state.phases = Phases()
    request.state.api = api.name
    with phases("identify"):
        credentials = await parts.identity.begin(request)
    with phases("receive"):
        body = await read_body(request, parts.settings.load, BODY_BYTES)
    with phases("identify"):
        await off_loop(len(body), credentials.check_body, body)  # a signature covers it
        caller = request.state.caller = credentials.caller
    if caller.project_id is None:
        parts.business.refused(caller, api)
        raise ServiceError("AIS.0026")
    with phases("admit"):
        permit = await parts.business.admit(caller, api)
    try:
        with phases("parse"):
            content_type, strict = request.headers.get("content-type", ""), parts.settings.strict_parameters
            asked = await off_loop(len(body), bodies.read, api, content_type, body, strict)
            del body  # a call may wait for long
        response = await _answer(request, api, caller, asked, phases)
    except Exception:
        await parts.business.count(permit, ok=False)
        raise
    except BaseException:  # the client is gone, nobody has an answer
        parts.business.release(permit)
        raise
    with phases("count"):
        await parts.business.count(permit, ok=True)
    response.headers["Server-Timing"] = phases.header()
    return response


async def _answer(request: Request, api: Api, caller: Caller, asked: Body, phases: Phases) -> Response:
    parts: Parts = request.app.state.parts

    async def fetch() -> bytes:
        with phases("fetch"):
            return await parts.downloads.fetch(asked.url, api, caller)

    try:
        if api.verb is None:
            found = await parts.works.listen(fetch)
            return AsciiJSON({"result": music(found)})
        data = await fetch() if asked.data is None else asked.data
        with phases("work"):
            result = await parts.works.call(api, data, asked.options)
    except IrsError as error:
        raise from_engine(error, api.failed) from error
    with phases("write"):
        return await _response(api, asked, data, result)


async def _response(api: Api, asked: Body, data: bytes, result: Any) -> Response:
    if api.to_json:
        return AsciiJSON({"result": api.to_json(result)})
    if asked.form:
        kind, _ = read_header(data, api.limits)
        return Response(result, media_type=f"image/{kind.lower()}")
    # Base64 needs no escaping: composing the JSON by hand spares three passes over many megabytes.
    text = await off_loop(len(result), pybase64.b64encode, result)
    return Response(b'{"result":"' + text + b'"}', media_type="application/json")


def routes() -> list[Route]:
    return [_route(path, api) for api in APIS for path in api.paths]


def _route(path: str, api: Api) -> Route:
    async def endpoint(request: Request) -> Response:
        return await cancel_on_disconnect(request, lambda request: call(request, api))

    return Route(path, endpoint, methods=["POST"], name=f"{api.name} {path}")
