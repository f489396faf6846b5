"""Photos that fit a query, the likeliest first."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from irs_engine.album.database import Database
from irs_engine.album.evaluate import evaluate
from irs_engine.album.names import TagName, TagNames
from irs_engine.album.photos import THRESHOLD, Photo, read_photos
from irs_engine.album.query import All, Taken, parse_query, parse_when
from irs_engine.errors import ParameterError
from irs_engine.results import Result

MOST = 10_000  # photos that one search gives


@dataclass(frozen=True, slots=True)
class Hit(Result):
    photo: Photo
    confidence: float  # 0..100, that the query is true of it


@dataclass(frozen=True, slots=True)
class SearchResult(Result):
    query: str  # as it was understood
    total: int  # photos that fit; `hits` are some of them
    hits: tuple[Hit, ...]  # the most confident first


def search(
    database: Database,
    text: str,
    *,
    threshold: float = THRESHOLD,
    limit: int = 50,
    offset: int = 0,
    since: str | date | None = None,
    until: str | date | None = None,
    language: str = "en",
) -> SearchResult:
    """Photos that fit a query (query.py has its grammar).

    Args:
        threshold: Confidence that a word without one of its own needs, 0 to 100; tags below 20 are not kept.
        limit: Show so many photos.
        offset: Leave out so many before these.
        since: Only photos that were taken on this day (month, year) or later.
        until: Only photos that were taken on this day (month, year) or earlier.
        language: Of the names of their tags.

    Raises:
        ParameterError: The query cannot be understood, or a number is out of its range.
    """
    _check(threshold, limit, offset)
    with database.read() as connection:
        query = parse_query(text, tag_names(connection))
        period = _period(since, until)
        if period is not None:
            query = All((*query.parts, period)) if isinstance(query, All) else All((query, period))
        ids, scores = evaluate(connection, query, threshold)
        shown = _best(scores, offset + limit)[offset:]
        photos = {photo.id: photo for photo in read_photos(database, ids[shown].tolist(), language=language)}
    hits = tuple(Hit(photos[int(ids[place])], round(100 * float(scores[place]), 2)) for place in shown)
    return SearchResult(str(query), len(ids), hits)


def _best(scores: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Places of the highest scores, the highest first; of equal ones the first places."""
    places = np.arange(len(scores))
    if count < len(scores):  # to look for the least of them takes a tenth of sorting all
        places = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
    return places[np.argsort(-scores[places], kind="stable")][:count]


def tag_names(connection: sqlite3.Connection) -> TagNames:
    """What the tags of an album are called there."""
    return TagNames(TagName(*row) for row in connection.execute("SELECT key, en, zh FROM tags"))


def _check(threshold: float, limit: int, offset: int) -> None:
    if not 0 <= threshold <= 100:
        raise ParameterError(f"threshold={threshold!r}: expected a number from 0 to 100")
    if not 1 <= limit <= MOST:
        raise ParameterError(f"limit={limit!r}: expected a whole number from 1 to {MOST}")
    if offset < 0:
        raise ParameterError(f"offset={offset!r}: expected a whole number from 0")


def _period(since: str | date | None, until: str | date | None) -> Taken | None:
    if since is None and until is None:
        return None
    first = None if since is None else parse_when(_day(since)).first
    end = None if until is None else parse_when(_day(until)).end
    if first is not None and end is not None and end <= first:
        raise ParameterError(f"since={since} until={until}: ends before it begins; swap the two")
    return Taken(first, end)


def _day(when: str | date) -> str:
    return when if isinstance(when, str) else f"{when:%Y-%m-%d}"
