"""The server process: uvicorn with limits, https beside http, signals, and an orderly end."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import os
import signal
import ssl
import sys
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from irs_engine.server.connections import Connection
from irs_engine.server.listening import Sockets, allow_files, listening
from irs_engine.server.logs import set_up_logs
from irs_engine.server.settings import LoadSettings, Settings
from irs_engine.server.tls import certificate

log = logging.getLogger(__name__)

BACKLOG = 2048


def serve(settings: Settings) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those in progress; a second one ends it at once.

    Raises:
        IrsError: It cannot be listened there, or a part of the service cannot be set up.
        KeyboardInterrupt: It was SIGINT, and all is finished.
    """
    from irs_engine.server.app import create_app
    from irs_engine.server.identity import first_start, remember_endpoint

    set_up_logs(settings)
    with listening(settings) as (settings, plain, secure):
        app = create_app(settings)
        if made := first_start(settings, app.state.parts.store):
            # Secrets are for the eyes of people: what is not a terminal may keep what it is told.
            told = (
                made.text(settings) if sys.stderr.isatty() else f"first start: see {made.folder}/credentials"
            )
            print(told, file=sys.stderr)
        remember_endpoint(settings)
        context = certificate(settings).context() if secure else None
        run(app, settings.load, plain, secure, context)


def run(
    app: ASGIApp,
    load: LoadSettings,
    plain: Sockets,
    secure: Sockets = (),
    context: ssl.SSLContext | None = None,
) -> None:
    """Serve any application on bound sockets: http on the first ones, https as of `context` on the others."""
    allow_files()
    config = uvicorn.Config(
        app,
        http=functools.partial(Connection, limits=load, idle={}),  # type: ignore[arg-type]
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # signatures cover what was sent
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=math.ceil(load.header_seconds),
        timeout_graceful_shutdown=math.ceil(load.drain_seconds),
    )
    server = _Server(config, secure, context, load.header_seconds)
    server.run(list(plain))
    if server.interrupted:
        raise KeyboardInterrupt


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, secure: Sockets, context: ssl.SSLContext | None, handshake: float
    ):
        super().__init__(config)
        self._secure, self._context, self._handshake = secure, context, handshake
        self.interrupted = False

    async def startup(self, sockets: list | None = None) -> None:
        await super().startup(sockets)
        for listener in self._secure:
            self.servers.append(
                await asyncio.get_running_loop().create_server(
                    self._connection,
                    sock=listener,
                    ssl=self._context,
                    ssl_handshake_timeout=self._handshake,
                    backlog=BACKLOG,
                )
            )
        for scheme, listeners in (("http", sockets or []), ("https", self._secure)):
            for listener in listeners:
                host, port = listener.getsockname()[:2]
                log.info("listening on %s://%s:%d", scheme, f"[{host}]" if ":" in host else host, port)

    def _connection(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def shutdown(self, sockets: list | None = None) -> None:
        log.info("stopping")
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: uvicorn would raise it again at the end, as if nothing had been done about it."""
        if self.should_exit:  # for the second time; what has been answered is in the database
            os._exit(128 + sig)
        self.should_exit = True
        self.interrupted = sig == signal.SIGINT
