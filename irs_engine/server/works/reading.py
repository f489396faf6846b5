"""What comes from clients while they are served: the body of a request, and that they are gone."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message

from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import LoadSettings

GONE = 499  # status, for the log alone, of a request whose client did not wait for the answer
GRACE = 5.0  # seconds before a body has to keep up with the least rate


async def read_body(request: Request, load: LoadSettings, most: int) -> bytes:
    """The body of a request.

    Args:
        most: Bytes of it that are accepted. A longer one is refused by its Content-Length before anything is
            read, and without that as soon as it is too long.

    Raises:
        ServiceError: APIG.0201, it is too long, or comes too slowly; then the connection is closed as well.
        ClientDisconnect: The client went away.
    """
    _check_length(request.headers.get("content-length"), most)
    started = anyio.current_time()
    parts, length, more = [], 0, True
    while more:
        try:
            with anyio.fail_after(_patience(load, length, anyio.current_time() - started)):
                message = await request.receive()
        except TimeoutError:
            detail = f"{length:,} bytes in {anyio.current_time() - started:.0f} s; send it faster"
            raise ServiceError("APIG.0201", detail, headers={"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > most:
            raise _too_long(most)
        more = message.get("more_body", False)
    return b"".join(parts)


def _check_length(declared: str | None, most: int) -> None:
    """One that is no number is not believed: the bytes are counted anyway."""
    if declared and declared.isdecimal() and (len(declared) > 18 or int(declared) > most):
        raise _too_long(most)


def _too_long(most: int) -> ServiceError:
    return ServiceError("APIG.0201", f"at most {most:,} bytes are accepted")


def _patience(load: LoadSettings, received: int, passed: float) -> float:
    """Seconds until more has to have come."""
    rate = load.body_bytes_per_second
    due = GRACE + received / rate if rate else math.inf
    return max(0.0, min(due, load.body_seconds) - passed)


async def cancel_on_disconnect(
    request: Request, handler: Callable[[Request], Awaitable[Response]]
) -> Response:
    """The answer of `handler`, which is cancelled when the client goes away.

    Until the body is complete the handler itself notices that, by what it receives; from then on nobody else
    does, and it is watched for here. The handler has to use the request that it is given.
    """
    complete = asyncio.Event()

    async def receive() -> Message:
        message = await request.receive()
        if not message.get("more_body", False):
            complete.set()
        return message

    async def watch() -> None:
        await complete.wait()
        while (await request.receive())["type"] != "http.disconnect":
            pass

    answering = asyncio.ensure_future(handler(Request(request.scope, receive)))
    watching = asyncio.ensure_future(watch())
    try:
        await asyncio.wait((answering, watching), return_when=asyncio.FIRST_COMPLETED)
        return answering.result() if answering.done() else Response(status_code=GONE)
    except ClientDisconnect:
        return Response(status_code=GONE)
    finally:
        answering.cancel()
        watching.cancel()
        await asyncio.gather(answering, watching, return_exceptions=True)
