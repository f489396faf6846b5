"""Connections that nobody can hold for nothing: what uvicorn's own protocol lets a client do without end."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from irs_engine.server.settings import LoadSettings

HEAD_BYTES = 2**16  # that may come without giving the headers of a request, or some of its body


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, and limits.

    - A request's headers have to be there `header_seconds` after it began; as long may a connection be idle,
      what is left of a body go on after the answer, or a client take nothing of its answer.
    - Headers, trailers and the like have `HEAD_BYTES` at most.
    - With more than `connections` of them, the one that has been idle for longest makes room.

    How fast bodies have to come is up to those who read them, see `works.reading`.

    Args:
        idle: Of all connections of a server, those on which no request is answered, in order of time.
    """

    def __init__(self, *given: Any, limits: LoadSettings, idle: dict[Connection, None], **named: Any):
        super().__init__(*given, **named)
        self._limits, self._idle = limits, idle
        self._timer: asyncio.TimerHandle | None = None
        self._headers_are_complete = False
        self._progress = 0  # grows with headers that are complete, and with bodies
        self._in_vain = 0  # bytes since then

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._be_idle()
        if len(self.connections) > self._limits.connections:
            longest = next(iter(self._idle))
            del self._idle[longest]
            longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._idle.pop(self, None)
        self._set_timer(None)

    def data_received(self, data: bytes) -> None:
        before = self._progress
        super().data_received(data)
        self._in_vain = self._in_vain + len(data) if self._progress == before else 0
        if self._in_vain > HEAD_BYTES:
            if self._answering:
                self.transport.abort()
            else:
                self.send_400_response("The headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._headers_are_complete = False
        self._be_idle()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headers_are_complete:  # those behind a chunked body are for nobody
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._headers_are_complete = True
        self._progress += 1
        self._idle.pop(self, None)
        self._set_timer(None)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._progress += len(body)
        super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._be_idle()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._set_timer(self._limits.header_seconds)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._answering:
            self._set_timer(None)

    def _be_idle(self) -> None:
        """From now on, unless another request is answered that was sent along with the last one."""
        if not self._answering:
            self._idle.pop(self, None)
            self._idle[self] = None
            self._set_timer(self._limits.header_seconds)

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._end) if seconds else None

    def _end(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # closing would wait until all is sent
        else:
            self.transport.close()
