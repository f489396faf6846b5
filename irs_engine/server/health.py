"""Whether the server lives, whether it can work, and its numbers; for machines, without authentication."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from irs_engine.server.answers import AsciiJSON

if TYPE_CHECKING:
    from irs_engine.server.app import Parts
    from irs_engine.server.store import Store

log = logging.getLogger(__name__)

DATABASE_SECONDS = 2.0  # within which it has to answer


async def livez(request: Request) -> Response:
    """The event loop runs: whoever restarts hanging servers asks this."""
    return AsciiJSON({"status": "live"})


async def readyz(request: Request) -> Response:
    """Whether calls can be answered: models loaded and tried, the database reachable."""
    parts: Parts = request.app.state.parts
    problem = parts.works.problem or await _problem_of(parts.store)
    if problem:
        return AsciiJSON({"status": "not ready", "problem": problem}, status_code=503)
    return AsciiJSON({"status": "ready"})


async def metrics(request: Request) -> Response:
    text = request.state.metrics.text(request.app.state.parts.works)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _problem_of(store: Store) -> str:
    try:
        await asyncio.wait_for(asyncio.to_thread(_ask, store), DATABASE_SECONDS)
    except asyncio.TimeoutError:
        return "the database does not answer"
    except sa.exc.SQLAlchemyError as error:
        log.error("the database cannot be used: %s", error)
        return "the database cannot be used"
    return ""


def _ask(store: Store) -> None:
    with store.read() as connection:
        connection.execute(sa.select(1))


routes = [
    Route("/livez", livez),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
]
