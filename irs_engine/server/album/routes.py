"""The operator's album over HTTP.

    GET  /irs/v1/album                              what is in it
    GET  /irs/v1/album/search?query=&limit=&offset=&threshold=&since=&until=
    GET  /irs/v1/album/tags?threshold=&limit=       with how many photos have them
    GET  /irs/v1/album/photos/{id}?threshold=       size, time, place, tags with boxes
    GET  /irs/v1/album/photos/{id}/thumbnail?height=
    GET  /irs/v1/album/photos/{id}/file             the photo itself
    GET  /irs/v1/album/photos/{id}/similar?limit=
    POST /irs/v1/album/similar                      {"image": BASE64, "limit": 24}, or a form with a file
    GET  /irs/v1/album/duplicates?limit=&offset=
    GET  /irs/v1/album/proposals?by=&least=&limit=  albums that could be made

Photos are known by their ids in the album: no request names a path, and no answer tells one. The album is of
those who run this server: users of their account see it, those of other accounts do not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from irs_engine.album.photos import THRESHOLD
from irs_engine.errors import IrsError
from irs_engine.image.decode import read_header
from irs_engine.registry import Range
from irs_engine.server import body as bodies
from irs_engine.server.album.pictures import HEIGHTS, file_answer
from irs_engine.server.answers import AsciiJSON
from irs_engine.server.apis import BODY_BYTES, Api, limits, parameters
from irs_engine.server.business.asking import whole
from irs_engine.server.caller import ADMINISTRATOR, TENANT_GUEST, Caller
from irs_engine.server.errors import ServiceError, from_engine
from irs_engine.server.identity.bodies import BODY_BYTES as FEW_BYTES
from irs_engine.server.identity.session_routes import is_operator
from irs_engine.server.works.reading import cancel_on_disconnect, read_body

if TYPE_CHECKING:
    from irs_engine.server.album.shared import SharedAlbum

PREFIX = "/irs/v1/album"
MOST = 200  # photos of an answer
USUAL = 24
FARTHEST = 10_000_000  # that an answer begins at
# For no other site's pages, and kept by browsers to be asked for again, which costs no decoding.
HEADERS = {
    "Cache-Control": "private, no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
(_LIMIT,) = parameters("tag", limit=USUAL)
UPLOAD = Api(
    "album-similar",
    service="",
    title="Similar photos",
    paths=(f"{PREFIX}/similar",),
    sources=("image", "file"),
    limits=limits(1),
    verb=None,
    parameters=(replace(_LIMIT, range=Range(1, MOST), optional=False),),
    exact=frozenset({"limit"}),
)
Handler = Callable[[Request, "SharedAlbum"], Awaitable[Response]]


async def sees_album(request: Request, caller: Caller) -> bool:
    """Whether there is one, and for this caller."""
    parts = request.app.state.parts
    allowed = bool(caller.permissions & {TENANT_GUEST, ADMINISTRATOR})
    return parts.album.there and allowed and await parts.identity.in_thread(is_operator, request, caller)


async def info(request: Request, album: SharedAlbum) -> Response:
    return AsciiJSON(await album.info())


async def search(request: Request, album: SharedAlbum) -> Response:
    asked = request.query_params
    found = await album.search(
        asked.get("query", ""),
        threshold=_percent(request, THRESHOLD),
        limit=_limit(request),
        offset=whole(request, "offset", 0, FARTHEST),
        since=asked.get("since") or None,
        until=asked.get("until") or None,
    )
    return AsciiJSON(found)


async def tags(request: Request, album: SharedAlbum) -> Response:
    return AsciiJSON(await album.tags(_percent(request, THRESHOLD), whole(request, "limit", 100, 10_000)))


async def photo(request: Request, album: SharedAlbum) -> Response:
    return AsciiJSON(await album.photo(_id(request), _percent(request, THRESHOLD), _language(request)))


async def thumbnail(request: Request, album: SharedAlbum) -> Response:
    height = _one_of(request, "height", tuple(map(str, HEIGHTS)), "320")
    stored = await album.stored(_id(request))
    tag = {"ETag": stored.etag(height)}
    if _has(request, tag["ETag"]):
        return Response(status_code=304, headers=tag)
    return Response(await album.drawing.thumbnail(stored, int(height)), headers=tag, media_type="image/webp")


async def file(request: Request, album: SharedAlbum) -> Response:
    stored = await album.stored(_id(request))
    tag = {"ETag": stored.etag("file")}
    if _has(request, tag["ETag"]):
        return Response(status_code=304, headers=tag)
    return await run_sync(file_answer, stored, tag)


async def similar(request: Request, album: SharedAlbum) -> Response:
    return AsciiJSON(await album.similar_to_photo(_id(request), _limit(request)))


async def similar_to_upload(request: Request, album: SharedAlbum) -> Response:
    kind = request.headers.get("content-type", "")
    asked = await run_sync(bodies.read, UPLOAD, kind, request.state.body)
    assert asked.data is not None  # its sources are no addresses
    try:
        await run_sync(read_header, asked.data, UPLOAD.limits)
    except IrsError as error:
        raise from_engine(error, "AIS.0105") from error
    return AsciiJSON(await album.similar_to_picture(asked.data, asked.options["limit"]))


async def duplicates(request: Request, album: SharedAlbum) -> Response:
    return AsciiJSON(await album.duplicates(_limit(request), whole(request, "offset", 0, FARTHEST)))


async def proposals(request: Request, album: SharedAlbum) -> Response:
    by = _one_of(request, "by", ("time", "place", "content"), "") or None
    least = max(2, whole(request, "least", 8, 100_000))
    return AsciiJSON(await album.proposals(by, least, _limit(request), _language(request)))


def _route(path: str, handler: Handler, method: str = "GET") -> Route:
    async def answer(request: Request) -> Response:
        parts = request.app.state.parts
        await _identify(request, BODY_BYTES if method == "POST" else FEW_BYTES)
        response = await handler(request, parts.album)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    async def endpoint(request: Request) -> Response:
        return await cancel_on_disconnect(request, answer)

    return Route(f"{PREFIX}{path}", endpoint, methods=[method], name=f"{method} {path}")


async def _identify(request: Request, most: int) -> None:
    """Let nobody on who may not see the album; leaves the body at `request.state.body`.

    Raises:
        ServiceError: APIG.0301; ModelArts.4203, it is not for them; APIG.0101, there is none.
    """
    parts = request.app.state.parts
    credentials = await parts.identity.begin(request)
    request.state.body = await read_body(request, parts.settings.load, most)
    await run_sync(credentials.check_body, request.state.body)
    caller = request.state.caller = credentials.caller
    if await sees_album(request, caller):
        return
    if not caller.permissions & {TENANT_GUEST, ADMINISTRATOR}:
        raise ServiceError("ModelArts.4203", f"{TENANT_GUEST} or {ADMINISTRATOR} of a user group allows it")
    if not await parts.identity.in_thread(is_operator, request, caller):
        raise ServiceError("ModelArts.4203", "the album is that of the account that runs this server")


def _id(request: Request) -> int:
    text = request.path_params["id"]
    if not (text.isascii() and text.isdecimal() and len(text) < 19):  # what SQLite counts with
        raise ServiceError("APIG.0101", "photos have whole numbers")
    return int(text)


def _limit(request: Request) -> int:
    return max(1, whole(request, "limit", USUAL, MOST))


def _percent(request: Request, default: float) -> float:
    text = request.query_params.get("threshold", "")
    try:
        found = float(text) if text else default
    except ValueError:
        found = -1.0
    if not 0 <= found <= 100:
        raise ServiceError("AIP.0010", "threshold: expected a number from 0 to 100")
    return found


def _language(request: Request) -> str:
    return _one_of(request, "language", ("en", "zh"), "en")


def _one_of(request: Request, name: str, choices: tuple[str, ...], default: str) -> str:
    text = request.query_params.get(name, "") or default
    if text != default and text not in choices:
        raise ServiceError("AIP.0010", f"{name}: expected {' or '.join(choices)}")
    return text


def _has(request: Request, tag: str) -> bool:
    """Whether the client has this already."""
    given = request.headers.get("if-none-match", "")
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in given.split(","))


_PHOTO = "/photos/{id}"
routes = [
    _route("", info),
    _route("/search", search),
    _route("/tags", tags),
    _route(_PHOTO, photo),
    _route(f"{_PHOTO}/thumbnail", thumbnail),
    _route(f"{_PHOTO}/file", file),
    _route(f"{_PHOTO}/similar", similar),
    _route("/similar", similar_to_upload, "POST"),
    _route("/duplicates", duplicates),
    _route("/proposals", proposals),
]
