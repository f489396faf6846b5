"""The application: every part made once, by `create_app(settings)`, and handed to those who need it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from irs_engine.engine import Engine
from irs_engine.server import album, business, calls, console, health, identity, openapi
from irs_engine.server.album import SharedAlbum
from irs_engine.server.answers import error_answer
from irs_engine.server.business import Business, Offer
from irs_engine.server.downloads import Downloads
from irs_engine.server.errors import ServiceError
from irs_engine.server.hosts import Hosts
from irs_engine.server.identity import Identity
from irs_engine.server.logs import Requests
from irs_engine.server.settings import Settings
from irs_engine.server.store import Store
from irs_engine.server.works import Works


@dataclass(frozen=True)
class Parts:
    """What requests are answered with; `request.app.state.parts`."""

    settings: Settings
    store: Store
    engine: Engine
    identity: Identity
    business: Business
    downloads: Downloads
    works: Works
    album: SharedAlbum


def create_app(settings: Settings, engine: Engine | None = None) -> Starlette:
    """The service. Models are loaded when it starts, see `Works.start`.

    Args:
        engine: By default one as the settings say.

    Raises:
        StoreError: The database cannot be used.
    """
    parts = _parts(settings, engine)
    app = Starlette(
        routes=[
            *calls.routes(),
            *identity.iam_routes,
            *identity.management_routes,
            *business.routes,
            *album.routes,
            *health.routes,
            *openapi.routes,
            *(console.routes if settings.console else ()),
        ],
        middleware=[
            Middleware(Requests, settings=settings),
            Middleware(Hosts, settings=settings),
        ],
        exception_handlers={ServiceError: _refused, HTTPException: _no_route},
        lifespan=_lifespan,
    )
    app.state.parts = parts
    return app


def _parts(settings: Settings, engine: Engine | None) -> Parts:
    store = Store(settings.database_url)
    engine = engine or Engine(
        settings.device, settings.threads, settings.precision, list(settings.weights) or None
    )
    who = Identity(store, settings)
    offers = [Offer(name, **package.model_dump()) for name, package in settings.billing.packages.items()]
    ledger = Business(store, settings, offers=offers)
    downloads = Downloads(
        settings, who.secret_of, obs_authorised=ledger.obs_authorised, account_of=who.account_of
    )
    works, shared = Works(engine, settings), SharedAlbum(engine, settings)
    return Parts(settings, store, engine, who, ledger, downloads, works, shared)


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    billing = asyncio.create_task(parts.business.run())
    await parts.works.start()
    try:
        yield
    finally:
        await parts.works.stop()
        await parts.album.stop()
        billing.cancel()
        await asyncio.gather(billing, return_exceptions=True)
        await parts.downloads.aclose()
        await asyncio.to_thread(parts.business.close)
        parts.store.close()


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return error_answer(error, request.scope, request.app.state.parts.settings)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "AIS.0013" if error.status_code == 405 else "APIG.0101"
    return await _refused(request, ServiceError(code, headers=error.headers))
