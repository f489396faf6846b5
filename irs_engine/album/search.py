"""Photos that fit a query, the likeliest first: SQL finds and ranks them.

Confidences are calibrated, so a photo's rank is the probability that the query is true of it, as if its words
were independent: a product for what must be there together, 1 - p for what must not, and for alternatives the
probability that not all are wrong (noisy-or). A tag that is not stored, as its confidence was below LEAST,
counts as absent. Only the tag that is rarest of those that a photo must have is read from one end to the
other; the others are looked up.
"""

from __future__ import annotations

import heapq
import math
import sqlite3
from dataclasses import dataclass
from datetime import date

from irs_engine.album.database import Database
from irs_engine.album.names import TagName, TagNames
from irs_engine.album.photos import THRESHOLD, Photo, read_photos
from irs_engine.album.query import All, Named, Node, Not, Taken, parse_query, parse_when
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
        statement = _Statement(connection, query, threshold)
        total, found = statement.run(limit, offset)
        photos = {
            photo.id: photo for photo in read_photos(database, [id for id, _ in found], language=language)
        }
    hits = tuple(Hit(photos[id], round(100 * score, 2)) for id, score in found)
    return SearchResult(str(query), total, hits)


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


class _Statement:
    """A query as one SELECT over `photos`, with what is known of each word in columns c0, c1, ..."""

    def __init__(self, connection: sqlite3.Connection, query: Node, threshold: float):
        self.connection = connection
        self.threshold = threshold
        self.words: list[str] = []  # ids of the tags of each, comma-separated
        self.dates = False
        self.condition, self.score = self._terms(query)
        self.driver = self._source(query)

    def run(self, limit: int, offset: int) -> tuple[int, list[tuple[int, float]]]:
        """How many photos fit, and ids and probabilities of those that are asked for."""
        columns = "".join(
            f", coalesce((SELECT max(confidence) FROM photo_tags WHERE tag_id IN ({ids})"
            f" AND photo_id = d.id), 0) / 100 AS c{number}"
            if ids != self.driver.words
            else f", d.confidence / 100 AS c{number}"
            for number, ids in enumerate(self.words)
        )
        taken = ", (SELECT taken FROM photos WHERE id = d.id) AS taken" if self.dates else ""
        # OFFSET 0 keeps SQLite from merging the two, which would look every tag up once for each use.
        inner = f"SELECT d.id{columns}{taken} FROM ({self.driver.select}) AS d LIMIT -1 OFFSET 0"
        rows = self.connection.execute(
            f"SELECT -{self.score}, id FROM ({inner}) WHERE {self.condition}"
        ).fetchall()
        best = heapq.nsmallest(offset + limit, rows)[offset:]  # ten times as fast as ORDER BY with a count
        return len(rows), [(id, -score) for score, id in best]

    def _terms(self, node: Node) -> tuple[str, str]:
        """SQL for whether a row fits, and for its probability."""
        if isinstance(node, Named):
            ids, least = self._word(node)
            column = f"c{len(self.words)}"
            self.words.append(ids)
            return f"{column} >= {least / 100!r}", column
        if isinstance(node, Taken):
            self.dates = True
            return _within(node), "1.0"
        if isinstance(node, Not):
            condition, score = self._terms(node.part)
            if isinstance(node.part, Taken):  # of a photo without a time nothing is known
                return f"(taken IS NULL OR NOT ({condition}))", score
            return f"NOT ({condition})", f"(1 - {score})"
        if not node.parts:
            return "1", "1.0"
        terms = [self._terms(part) for part in node.parts]
        if isinstance(node, All):
            return (
                "(" + " AND ".join(condition for condition, _ in terms) + ")",
                "(" + " * ".join(score for _, score in terms) + ")",
            )
        return (
            "(" + " OR ".join(condition for condition, _ in terms) + ")",
            "(1 - " + " * ".join(f"(1 - ({condition}) * {score})" for condition, score in terms) + ")",
        )

    def _word(self, node: Named) -> tuple[str, float]:
        marks = ",".join("?" * len(node.keys))
        rows = self.connection.execute(f"SELECT id FROM tags WHERE key IN ({marks})", node.keys)
        ids = ",".join(str(int(id)) for (id,) in rows)
        least = self.threshold if node.least is None else node.least
        return ids, max(float(least), 1e-6)  # what people took away has 0

    def _source(self, node: Node) -> _Source:
        """Where all photos are that fit, and perhaps others."""
        if isinstance(node, Named):
            ids, least = self._word(node)
            where = f"FROM photo_tags WHERE tag_id IN ({ids}) AND confidence >= {least!r}"
            if "," not in ids:
                return _Source(f"SELECT photo_id AS id, confidence {where}", self._count(where), ids)
            return _Source(f"SELECT DISTINCT photo_id AS id {where}", self._count(where))
        if isinstance(node, Taken):
            where = f"FROM photos WHERE error IS NULL AND {_within(node)}"
            return _Source(f"SELECT id {where}", self._count(where))
        everything = _Source("SELECT id FROM photos WHERE error IS NULL", math.inf)
        if isinstance(node, Not) or not node.parts:
            return everything
        sources = [self._source(part) for part in node.parts]
        if isinstance(node, All):
            return min(sources, key=lambda source: source.most)
        most = sum(source.most for source in sources)
        if most == math.inf:
            return everything
        return _Source(" UNION ".join(f"SELECT id FROM ({source.select})" for source in sources), most)

    def _count(self, where: str) -> int:
        return int(self.connection.execute(f"SELECT count(*) {where}").fetchone()[0])


@dataclass(frozen=True, slots=True)
class _Source:
    select: str  # gives ids, each once
    most: float  # how many
    words: str | None = None  # ids of tags whose confidence it gives too


def _within(period: Taken) -> str:
    parts = ["taken IS NOT NULL"]
    if period.first is not None:
        parts.append(f"taken >= {period.first!r}")
    if period.end is not None:
        parts.append(f"taken < {period.end!r}")
    return "(" + " AND ".join(parts) + ")"
