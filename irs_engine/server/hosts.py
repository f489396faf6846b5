"""Which names of this server a request may use.

A web page elsewhere can make a browser send requests here under a name of its own that it points to 127.0.0.1
(DNS rebinding): such names are refused. Addresses cannot be pointed anywhere, they are always accepted.
"""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from irs_engine.server.answers import error_answer
from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import Settings


class Hosts:
    """Middleware that answers APIG.0101 to requests for other names."""

    def __init__(self, app: ASGIApp, settings: Settings):
        self._app, self._settings = app, settings
        # The cloud's own names: programs whose endpoint is fixed reach this server through the hosts file.
        self._suffix = "." + settings.obs.domain
        self._names = {"localhost", settings.host.lower(), *(name.lower() for name in settings.hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._known(Headers(scope=scope).get("host", "")):
            error = ServiceError("APIG.0101", "the server does not answer under this name (setting `hosts`)")
            await error_answer(error, scope, self._settings)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _known(self, host: str) -> bool:
        name = host.lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        try:
            ipaddress.ip_address(name)
            return True
        except ValueError:
            return name in self._names or name.endswith(self._suffix)
