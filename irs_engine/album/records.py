"""Rows of an album as indexing writes them. Everything here runs inside a transaction of the caller."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from irs_engine.album.corrections import apply_corrections
from irs_engine.album.walk import range_below

COPIED = "digest, width, height, taken, latitude, longitude, phash, model"  # what belongs to the content
TAGS_COPIED = "tag_id, ?, confidence, source, seen"
BOXES_COPIED = 'number, tag_id, "left", top, width, height, confidence'


@dataclass(frozen=True, slots=True)
class File:
    path: str
    size: int  # bytes
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Content:
    """What is known of a photo: columns as in tables.py."""

    digest: bytes
    size: tuple[int, int]
    taken: float | None
    place: tuple[float, float] | None
    phash: int
    embedding: bytes
    tags: Sequence[tuple[int, float]]  # tag_id, confidence
    boxes: Sequence[tuple[int, float, float, float, float, float]]  # tag_id, sides, confidence


def store_content(connection: sqlite3.Connection, file: File, content: Content, model: str) -> None:
    """A photo that was looked at, with what people said of it before."""
    photo = _store_file(connection, file, None)
    latitude, longitude = content.place or (None, None)
    connection.execute(
        f"UPDATE photos SET ({COPIED}) = (?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?",
        (
            content.digest,
            *content.size,
            content.taken,
            latitude,
            longitude,
            content.phash,
            model,
            photo,
        ),
    )
    connection.execute("INSERT INTO embeddings VALUES (?, ?)", (photo, content.embedding))
    connection.executemany(
        "INSERT INTO photo_tags(tag_id, photo_id, confidence) VALUES (?, ?, ?)",
        [(tag, photo, confidence) for tag, confidence in content.tags],
    )
    connection.executemany(
        "INSERT INTO boxes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(photo, number, *box) for number, box in enumerate(content.boxes)],
    )
    apply_corrections(connection, photo, content.digest)


def store_failure(connection: sqlite3.Connection, file: File, error: str) -> None:
    """A file that cannot be read; what was known of an earlier content is gone."""
    _store_file(connection, file, error)


def store_copy(connection: sqlite3.Connection, file: File, source: int) -> None:
    """A file with the content of a photo that is known."""
    photo = _store_file(connection, file, None)
    connection.execute(
        f"UPDATE photos SET ({COPIED}) = (SELECT {COPIED} FROM photos WHERE id = ?) WHERE id = ?",
        (source, photo),
    )
    connection.execute(
        "INSERT INTO embeddings SELECT ?, vector FROM embeddings WHERE photo_id = ?", (photo, source)
    )
    connection.execute(
        "INSERT INTO photo_tags(tag_id, photo_id, confidence, source, seen)"
        f" SELECT {TAGS_COPIED} FROM photo_tags WHERE photo_id = ?",
        (photo, source),
    )
    connection.execute(
        f"INSERT INTO boxes(photo_id, {BOXES_COPIED}) SELECT ?, {BOXES_COPIED} FROM boxes WHERE photo_id = ?",
        (photo, source),
    )


def move_photo(connection: sqlite3.Connection, file: File, source: int) -> None:
    """A photo that is at another path now; whatever had that path before is gone."""
    connection.execute("DELETE FROM photos WHERE path = ? AND id <> ?", (file.path, source))
    connection.execute(
        "UPDATE photos SET path = ?, size = ?, mtime_ns = ? WHERE id = ?",
        (file.path, file.size, file.mtime_ns, source),
    )


def touch_photo(connection: sqlite3.Connection, file: File) -> None:
    """The same content, written again."""
    connection.execute(
        "UPDATE photos SET size = ?, mtime_ns = ? WHERE path = ?", (file.size, file.mtime_ns, file.path)
    )


def delete_photos(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    connection.executemany("DELETE FROM photos WHERE id = ?", [(id,) for id in ids])


def ids_below(connection: sqlite3.Connection, folder: str) -> list[int]:
    """Of everything in a folder, files that could not be read too."""
    rows = connection.execute("SELECT id FROM photos WHERE path >= ? AND path < ?", range_below(folder))
    return [id for (id,) in rows]


def embeddings_changed(connection: sqlite3.Connection) -> None:
    """Whoever keeps embeddings elsewhere sees by the number in `settings` that there are others.

    It starts with the time: an album that is made anew where one was deleted has no number of that one.
    """
    connection.execute(
        "INSERT INTO settings VALUES ('embeddings', ?) ON CONFLICT(name) DO UPDATE SET value = value + 1",
        (time.time_ns(),),
    )


def analyze(connection: sqlite3.Connection) -> None:
    """Tell SQLite how much is in the tables, from samples."""
    connection.execute("PRAGMA analysis_limit = 400")
    connection.execute("ANALYZE")


def set_model(connection: sqlite3.Connection, model: str) -> None:
    connection.execute(
        "INSERT INTO settings VALUES ('model', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        (model,),
    )


def register_folders(connection: sqlite3.Connection, folders: dict[str, bool]) -> None:
    connection.executemany(
        "INSERT INTO folders VALUES (?, ?, ?)"
        " ON CONFLICT(path) DO UPDATE SET recursive = max(recursive, excluded.recursive)",
        [(path, int(recursive), time.time()) for path, recursive in folders.items()],
    )


def _store_file(connection: sqlite3.Connection, file: File, error: str | None) -> int:
    """A row for the path, with nothing yet of the content; its id, which stays if there was a row."""
    connection.execute(
        """INSERT INTO photos(path, size, mtime_ns, indexed, error) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT(path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
            indexed = excluded.indexed, error = excluded.error, digest = NULL, width = NULL, height = NULL,
            taken = NULL, latitude = NULL, longitude = NULL, phash = NULL, model = NULL""",
        (file.path, file.size, file.mtime_ns, time.time(), error),
    )
    (photo,) = connection.execute("SELECT id FROM photos WHERE path = ?", (file.path,)).fetchone()
    for table in ("embeddings", "photo_tags", "boxes"):
        connection.execute(f"DELETE FROM {table} WHERE photo_id = ?", (photo,))
    return photo
