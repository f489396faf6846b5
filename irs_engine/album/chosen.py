"""Which photos of an album go out: all of them, or those that a search finds."""

from __future__ import annotations

from collections.abc import Iterator

from irs_engine.album.database import Database
from irs_engine.album.photos import Photo, all_ids, read_photos
from irs_engine.album.search import MOST, search


def chosen_photos(
    database: Database, query: str | None, threshold: float, language: str, limit: int | None = None
) -> Iterator[Photo]:
    """In the order of their ids, or the likeliest first; with tags of this confidence or more.

    Raises:
        ParameterError: The query cannot be understood.
    """
    ids = all_ids(database) if query is None else iter(_found(database, query))
    if limit is not None:
        ids = (id for id, _ in zip(ids, range(limit), strict=False))
    return read_photos(database, ids, threshold, language)


def _found(database: Database, query: str) -> list[int]:
    """The ids of all photos that fit, with the threshold that a search has by itself."""
    found: list[int] = []
    while True:
        result = search(database, query, limit=MOST, offset=len(found))
        found += [hit.photo.id for hit in result.hits]
        if not result.hits or len(found) >= result.total:
            return found
