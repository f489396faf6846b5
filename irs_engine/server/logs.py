"""One line for each request, text or JSON, and the id by which a request is known everywhere.

What a line tells comes from those who handle the request, by `request.state`: `api`, `caller`, `phases` and
`error_code`. It never holds headers, query strings or bodies, in which tokens, signatures and secrets travel.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import secrets
import sys
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from irs_engine.server.answers import error_answer
from irs_engine.server.errors import ServiceError
from irs_engine.server.metrics import Metrics
from irs_engine.server.settings import Settings

log = logging.getLogger(__name__)
access = logging.getLogger(f"{__name__}.access")

REQUEST_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
LONGEST_PATH = 200  # characters of it that are written
PROBES = ("/livez", "/readyz", "/metrics")  # every few seconds, and all is well
PIECE = 2**17  # bytes; larger answers go in pieces, so that it shows whether the client takes them


class Requests:
    """Middleware around everything: ids, lines, metrics, and an answer even when something breaks."""

    def __init__(self, app: ASGIApp, settings: Settings):
        self._app, self._settings = app, settings
        self._metrics = Metrics()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = _request_id(Headers(scope=scope).get("x-request-id"))
        state["metrics"] = self._metrics
        exchange = _Exchange(scope, receive, send)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except (Exception, asyncio.CancelledError) as error:
            await self._answer_failure(error, scope, exchange)
        finally:
            seconds = exchange.seconds()
            if api := state.get("api"):
                self._metrics.called(api, _outcome(exchange.status, state.get("error_code")), seconds)
            fields = _fields(scope, exchange, seconds)
            asked_by_machines = exchange.status == 200 and fields["path"] in PROBES
            access.log(logging.DEBUG if asked_by_machines else logging.INFO, "", extra={"fields": fields})

    async def _answer_failure(self, error: BaseException, scope: Scope, exchange: _Exchange) -> None:
        if isinstance(error, asyncio.CancelledError):  # the server stops, and has waited long enough
            answer = ServiceError("APIG.0308", "the server is stopping", {"Retry-After": "1"})
        else:
            log.error("request %s failed", scope["state"]["request_id"], exc_info=error)
            answer = ServiceError("AIP.0500")
        if exchange.status:  # too late for another answer: the connection has to end
            raise error
        await error_answer(answer, scope, self._settings)(scope, exchange.receive, exchange.send)


class _Exchange:
    """A request and its answer on their way."""

    def __init__(self, scope: Scope, receive: Receive, send: Send):
        self._id, self._receive, self._send = scope["state"]["request_id"], receive, send
        self._started = time.perf_counter()
        self.status = 0  # 0: nothing was answered
        self.bytes_in = self.bytes_out = 0

    def seconds(self) -> float:
        return time.perf_counter() - self._started

    async def receive(self) -> Message:
        message = await self._receive()
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self._id
        body = message.get("body", b"")
        self.bytes_out += len(body)
        while len(body) > PIECE:
            piece, body = body[:PIECE], memoryview(body)[PIECE:]
            await self._send({**message, "body": bytes(piece), "more_body": True})
        await self._send({**message, "body": bytes(body)} if body else message)


def set_up_logs(settings: Settings) -> None:
    """Lines on stderr, for the service and for uvicorn's complaints; IRS_LOG=debug shows more."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log == "json" else TextLines())
    for name, level in (
        ("irs_engine", (os.environ.get("IRS_LOG") or "info").upper()),
        ("uvicorn", "WARNING"),
    ):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


class TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None)
        if fields:
            text = " ".join(f"{name}={value}" for name, value in fields.items() if value != "")
        else:
            text = f"{record.name}: {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return f"{_time(record)} {record.levelname} {text}"


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"time": _time(record), "level": record.levelname}
        fields = getattr(record, "fields", None)
        line |= fields or {"logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"


def _request_id(given: str | None) -> str:
    """The client's own where it can do no harm in a log."""
    return given if given and REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def _outcome(status: int, code: str | None) -> str:
    if status and status < 400:
        return "ok"
    return code or ("gone" if status in (0, 499) else "failed")


def _fields(scope: Scope, exchange: _Exchange, seconds: float) -> dict[str, Any]:
    state = scope["state"]
    caller = state.get("caller")
    path = scope.get("raw_path", b"").partition(b"?")[0].decode("ascii", "backslashreplace")
    fields = {
        "method": scope["method"],
        "path": path[:LONGEST_PATH],
        "status": exchange.status,
        "code": state.get("error_code", ""),
        "ms": round(1000 * seconds, 1),
        "api": state.get("api", ""),
        "account": caller.account_id if caller else "",
        "user": caller.user_id if caller else "",
        "project": (caller.project_id or "") if caller else "",
        "peer": (scope.get("client") or ("", 0))[0],
        "in": exchange.bytes_in,
        "out": exchange.bytes_out,
        "id": state["request_id"],
    }
    phases = state.get("phases")
    spent = phases.spent if phases else {}
    return fields | {f"{name}_ms": round(ms, 1) for name, ms in spent.items()}
