"""The album of this server, opened once and only read: what is asked of it is done in few threads."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from irs_engine.album.database import Database
from irs_engine.album.photos import read_photos
from irs_engine.engine import Engine
from irs_engine.errors import AlbumError, IrsError
from irs_engine.server.album import telling
from irs_engine.server.album.lane import Lane
from irs_engine.server.album.pictures import Draughtsman, Stored
from irs_engine.server.errors import ServiceError, from_engine
from irs_engine.server.settings import Settings

log = logging.getLogger(__name__)

READERS = 2  # threads for what takes milliseconds
REMEMBERED = 8  # answers that took long, such as all duplicates
UNSET = "there is no album here: the setting `album` is to name a file that irs-engine album index made"
UNUSABLE = "the file that the setting `album` names is no album that can be read; the server's log says why"
T = TypeVar("T")


class SharedAlbum:
    """For the tasks of one event loop. The file may be made later: it is opened when first needed."""

    def __init__(self, engine: Engine, settings: Settings):
        load = settings.load
        self._engine, self._path = engine, settings.album
        self._database: Database | None = None
        self._opening = threading.Lock()
        self._look = Lane("look", READERS, load)
        self._compare = Lane("compare", 1, load)  # with one connection, so that one number tells of changes
        self._networks = Lane("networks", 1, load)
        self.drawing = Draughtsman(Lane("draw", load.workers, load))
        self._remembered: OrderedDict[tuple[Any, ...], tuple[int, Any]] = OrderedDict()

    @property
    def there(self) -> bool:
        """Whether this server is to have one."""
        return self._path is not None

    async def info(self) -> dict[str, Any]:
        from irs_engine.album.counts import describe

        return await self._ask(self._look, lambda album: telling.info(describe(album)))

    async def search(self, query: str, **options: Any) -> dict[str, Any]:
        """Options are those of `irs_engine.album.search.search`."""
        from irs_engine.album.search import search

        return await self._ask(self._look, lambda album: telling.found(search(album, query, **options)))

    async def tags(self, threshold: float, limit: int) -> dict[str, Any]:
        from irs_engine.album.counts import count_tags

        def work(album: Database) -> dict[str, Any]:
            return telling.counts(count_tags(album, threshold, "en"), limit)

        return await self._ask(self._look, work)

    async def photo(self, id: int, threshold: float, language: str) -> dict[str, Any]:
        def work(album: Database) -> dict[str, Any]:
            photo = next(read_photos(album, [id], threshold, language), None)
            if photo is None:
                raise no_such_photo(id)
            return telling.whole(photo)

        return await self._ask(self._look, work)

    async def stored(self, id: int) -> Stored:
        """Where a photo is, which nobody is told."""

        def work(album: Database) -> Stored:
            with album.read() as connection:
                row = connection.execute(
                    "SELECT path, digest FROM photos WHERE id = ? AND error IS NULL", (id,)
                ).fetchone()
            if row is None:
                raise no_such_photo(id)
            return Stored.at(id, *row)

        return await self._ask(self._look, work)

    async def similar_to_photo(self, id: int, limit: int) -> dict[str, Any]:
        from irs_engine.album.similar import similar_to_photo

        def work(album: Database) -> dict[str, Any]:
            if next(read_photos(album, [id]), None) is None:
                raise no_such_photo(id)
            return telling.similar(similar_to_photo(album, id, limit))

        return await self._ask(self._look, work)

    async def similar_to_picture(self, data: bytes, limit: int) -> dict[str, Any]:
        """
        Args:
            data: Of an encoded picture, within the limits of the APIs.
        """
        from irs_engine.album.similar import similar_to_image

        def work(album: Database) -> dict[str, Any]:
            return telling.similar(similar_to_image(album, self._engine, data, limit))

        return await self._ask(self._networks, work)

    async def duplicates(self, limit: int, offset: int) -> dict[str, Any]:
        from irs_engine.album.duplicates import find_duplicates

        def work(album: Database) -> list[dict[str, Any]]:
            return [telling.duplicates(group) for group in find_duplicates(album)]

        groups = await self._ask(self._compare, lambda album: self._once(album, ("duplicates",), work))
        return {"total": len(groups), "groups": groups[offset : offset + limit]}

    async def proposals(self, by: Any, least: int, limit: int, language: str) -> dict[str, Any]:
        from irs_engine.album.clusters import propose_albums

        def work(album: Database) -> dict[str, Any]:
            found = propose_albums(album, by, least=least, limit=limit, language=language)
            return telling.proposals(found)

        key = ("proposals", by, least, limit, language)
        return await self._ask(self._compare, lambda album: self._once(album, key, work))

    async def stop(self) -> None:
        for lane in (self._look, self._compare, self._networks, self.drawing.lane):
            await lane.stop()
        if self._database:
            await asyncio.to_thread(self._database.close)

    async def _ask(self, lane: Lane, work: Callable[[Database], T]) -> T:
        """
        Raises:
            ServiceError: Also for whatever the album refuses; it names no paths.
        """
        if self._path is None:
            raise ServiceError("APIG.0101", UNSET)
        try:
            return await lane.do(lambda: work(self._opened()))
        except AlbumError as error:
            log.error("%s", error)
            raise ServiceError("AIS.0105", self._without_paths(error)) from error
        except IrsError as error:
            raise from_engine(error, "AIS.0105") from error

    def _opened(self) -> Database:
        assert self._path
        with self._opening:
            if self._database is None:
                try:
                    self._database = Database(self._path, create=False, read_only=True)
                except AlbumError as error:
                    log.error("%s", error)
                    raise ServiceError("AIS.0007", UNUSABLE) from error
            return self._database

    def _without_paths(self, error: AlbumError) -> str:
        text = str(error)
        if self._database:
            text = text.removeprefix(f"{self._database.path}: ")
        return "the server's log says why" if "/" in text or "\\" in text else text

    def _once(self, album: Database, key: tuple[Any, ...], work: Callable[[Database], T]) -> T:
        """What `work` returned, until something is written to the album; in the one thread for that."""
        with album.read() as connection:
            state = connection.execute("PRAGMA data_version").fetchone()[0]
        if key in self._remembered and self._remembered[key][0] == state:
            self._remembered.move_to_end(key)
            return self._remembered[key][1]
        found = work(album)
        self._remembered[key] = state, found
        self._remembered.move_to_end(key)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return found


def no_such_photo(id: int) -> ServiceError:
    return ServiceError("APIG.0101", f"photo {id} is not in the album")
