"""Photos of an album as they are told: a row, its tags and boxes, as plain values."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from irs_engine.album.database import Database
from irs_engine.album.tables import SEEN
from irs_engine.results import Box, Category, Instance, Result, Tag
from irs_engine.vision.vocabulary import load_vocabulary

THRESHOLD = 50.0  # confidence that a photo's tag needs to be told, where nothing else is said
CHUNK = 500  # photos that are read together
EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Place(Result):
    """Degrees, north and east positive."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Photo(Result):
    id: int  # in its album; kept while the content or the path stays the same
    path: str  # absolute
    size: tuple[int, int]  # width, height as shown
    taken: str | None  # local time as the camera wrote it: ISO 8601, such as 2024-07-01T12:30:00
    place: Place | None
    tags: tuple[Tag, ...]  # most confident first
    corrected: tuple[str, ...]  # ids of tags that people added, or that follow from these


def iso_time(seconds: float | None) -> str | None:
    """`photos.taken` as ISO 8601, to the second."""
    return None if seconds is None else (EPOCH + timedelta(seconds=round(seconds))).isoformat()


def read_photos(
    database: Database, ids: Iterable[int], threshold: float = THRESHOLD, language: str = "en"
) -> Iterator[Photo]:
    """The photos with these ids, in their order, read a few at a time; unknown ids are left out."""
    pending = iter(ids)
    while chunk := list(islice(pending, CHUNK)):
        with database.read() as connection:
            photos = _read_chunk(connection, chunk, threshold, language)
        yield from (photos[id] for id in chunk if id in photos)


def all_ids(database: Database) -> Iterator[int]:
    """Of all photos that could be read, in the order of their ids; stays right while others write."""
    last = -1
    while True:
        with database.read() as connection:
            rows = connection.execute(
                "SELECT id FROM photos WHERE id > ? AND error IS NULL ORDER BY id LIMIT ?", (last, CHUNK)
            ).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        yield from (id for (id,) in rows)


def _read_chunk(
    connection: sqlite3.Connection, ids: list[int], threshold: float, language: str
) -> dict[int, Photo]:
    wanted = f"({','.join('?' * len(ids))})"
    boxes: defaultdict[tuple[int, int], list[Instance]] = defaultdict(list)
    for photo, tag, *sides, confidence in connection.execute(
        'SELECT photo_id, tag_id, "left", top, width, height, confidence FROM boxes'
        f" WHERE photo_id IN {wanted} ORDER BY confidence DESC, number",
        ids,
    ):
        boxes[photo, tag].append(Instance(Box(*sides), confidence))
    categories = load_vocabulary().categories
    tags: defaultdict[int, list[Tag]] = defaultdict(list)
    corrected: defaultdict[int, list[str]] = defaultdict(list)
    for photo, tag, confidence, source, key, en, zh, kind, category in connection.execute(
        "SELECT photo_id, tag_id, confidence, source, key, en, zh, kind, category"
        " FROM photo_tags JOIN tags ON tags.id = tag_id"
        f" WHERE photo_id IN {wanted} AND confidence >= ? AND confidence > 0"
        " ORDER BY confidence DESC, tag_id",
        [*ids, threshold],
    ):
        name = zh if language == "zh" else en
        where = tuple(boxes.get((photo, tag), ()))
        tags[photo].append(Tag(key, name, en, zh, kind, category_of(category, categories), confidence, where))
        if source != SEEN:
            corrected[photo].append(key)
    return {
        id: Photo(
            id,
            path,
            (width, height),
            iso_time(taken),
            None if latitude is None else Place(latitude, longitude),
            tuple(tags[id]),
            tuple(corrected[id]),
        )
        for id, path, width, height, taken, latitude, longitude in connection.execute(
            "SELECT id, path, width, height, taken, latitude, longitude FROM photos"
            f" WHERE id IN {wanted} AND error IS NULL",
            ids,
        )
    }


def category_of(id: str, categories: dict[str, Category]) -> Category:
    """Also one that the vocabulary has no longer."""
    return categories.get(id) or Category(id, id, id)
