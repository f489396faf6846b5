"""The SQLite database of a catalogue: its songs, and its segments.

A song's place is a segment and a number within it. A song is removed by deleting its row: a place that no row
names is a tombstone. Whatever is written raises the generation, by which readers see that something changed.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from irs_engine.music.songs import CatalogueError, NewSong, Song, SongNotFound, digest_of

SCHEMA = 1  # raised whenever the tables change
_TABLES = """
CREATE TABLE about (generation INTEGER NOT NULL);
INSERT INTO about VALUES (0);
CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL UNIQUE, songs INTEGER NOT NULL,
    bytes INTEGER NOT NULL, format INTEGER NOT NULL, changed INTEGER NOT NULL
);
CREATE TABLE songs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, artist TEXT NOT NULL, duration REAL NOT NULL,
    added TEXT NOT NULL, source TEXT NOT NULL, digest TEXT NOT NULL UNIQUE,
    segment INTEGER NOT NULL REFERENCES segments, place INTEGER NOT NULL, UNIQUE (segment, place)
);
"""
_OF_SONG = "id, title, artist, duration, added, source, digest"


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """What the database knows of a segment file."""

    id: int
    file: str  # its name
    songs: int  # places in it
    bytes: int
    format: int  # of its fingerprints
    changed: int  # the generation in which a song of it was removed last, or it came to be
    living: int  # songs that are not removed


class SongDatabase:
    """The tables. Safe to use from several threads."""

    def __init__(self, file: Path, *, create: bool, read_only: bool):
        self.file, self.read_only = file, read_only
        self._inherited: list[sqlite3.Connection | None] = []
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.RLock()
        with self._transaction("BEGIN" if read_only else "BEGIN IMMEDIATE") as connection:
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found == 0 and create:
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
            elif found == 0:
                raise CatalogueError(f"{file}: no catalogue of songs")
            elif found != SCHEMA:
                raise CatalogueError(f"{file}: has schema {found}, this version of irs-engine needs {SCHEMA}")

    def read(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """A transaction that sees one state of the tables."""
        return self._transaction("BEGIN")

    @contextlib.contextmanager
    def write(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """A transaction, and the generation that it makes."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            connection.execute("UPDATE about SET generation = generation + 1")
            yield connection, generation_of(connection)

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                connection = self._connection = self._connection or self._connect()
                connection.execute(begin)
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise CatalogueError(f"{self.file}: cannot be used ({error})") from error

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self.file.absolute().as_uri()}?mode={'ro' if self.read_only else 'rwc'}"
        if self.read_only and not os.access(self.file.parent, os.W_OK) and not _has_log(self.file):
            uri += "&immutable=1"  # on a read-only disk SQLite cannot make the files that it coordinates by
        connection = sqlite3.connect(uri, uri=True, timeout=60, isolation_level=None, check_same_thread=False)
        if not self.read_only:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "PRAGMA synchronous = FULL"
        )  # before a merge deletes files, its rows are on the disk
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def close(self) -> None:
        """It connects anew when used again."""
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def after_fork(self) -> None:
        """In the child: the connection is its parent's, and must not even be closed."""
        self._inherited.append(self._connection)
        self._connection = None
        self._lock = threading.RLock()

    def damage(self) -> list[str]:
        """What SQLite finds wrong with the file."""
        with self.read() as connection:
            found = [line for (line,) in connection.execute("PRAGMA integrity_check(10)")]
        return [] if found == ["ok"] else found

    def segments(self) -> list[SegmentRow]:
        with self.read() as connection:
            return segment_rows(connection)

    def songs(self) -> list[Song]:
        """In the order of their ids."""
        with self.read() as connection:
            return [Song(*row) for row in connection.execute(f"SELECT {_OF_SONG} FROM songs ORDER BY id")]

    def places(self, segment: int) -> dict[int, Song]:
        """The songs of a segment that are not removed, by their places."""
        with self.read() as connection:
            return places_of(connection, segment)

    def with_digest(self, digests: Iterable[str]) -> Song | None:
        """The first song that has one of them."""
        with self.read() as connection:
            for digest in digests:
                query = f"SELECT {_OF_SONG} FROM songs WHERE digest = ?"
                if row := connection.execute(query, (digest,)).fetchone():
                    return Song(*row)
        return None

    def insert(self, file: str, bytes: int, format: int, new: Sequence[NewSong]) -> list[Song]:
        """A segment with its songs."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        songs = []
        with self.write() as (connection, generation):
            segment = insert_segment(connection, file, len(new), bytes, format, generation)
            for place, song in enumerate(new):
                title, artist, source = map(_storable, (song.title, song.artist, song.source))
                values = (title, artist, float(song.duration), now, source, digest_of(song.peaks))
                row = connection.execute(
                    "INSERT INTO songs (title, artist, duration, added, source, digest, segment, place) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (*values, segment, place),
                )
                songs.append(Song(row.lastrowid or 0, *values))
        return songs

    def replace(self, old: Iterable[int], file: str, bytes: int, format: int, ids: Sequence[int]) -> None:
        """A new segment for old ones; those of its songs that were removed meanwhile stay so."""
        with self.write() as (connection, generation):
            if ids:
                new = insert_segment(connection, file, len(ids), bytes, format, generation)
                rows = [(new, place, id) for place, id in enumerate(ids)]
                connection.executemany("UPDATE songs SET segment = ?, place = ? WHERE id = ?", rows)
            connection.executemany("DELETE FROM segments WHERE id = ?", [(id,) for id in old])

    def delete(self, id: int) -> Song:
        with self.write() as (connection, generation):
            row = connection.execute(f"SELECT segment, {_OF_SONG} FROM songs WHERE id = ?", (id,)).fetchone()
            if row is None:
                raise SongNotFound(f"no song has the id {id}; see: irs-engine music list")
            connection.execute("DELETE FROM songs WHERE id = ?", (id,))
            connection.execute("UPDATE segments SET changed = ? WHERE id = ?", (generation, row[0]))
        return Song(*row[1:])


def generation_of(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT generation FROM about").fetchone()[0]


def places_of(connection: sqlite3.Connection, segment: int) -> dict[int, Song]:
    query = f"SELECT place, {_OF_SONG} FROM songs WHERE segment = ? ORDER BY place"
    return {place: Song(*song) for place, *song in connection.execute(query, (segment,))}


def segment_rows(connection: sqlite3.Connection) -> list[SegmentRow]:
    rows = connection.execute(
        "SELECT id, file, songs, bytes, format, changed, "
        "(SELECT count(*) FROM songs WHERE segment = segments.id) FROM segments ORDER BY id"
    )
    return [SegmentRow(*row) for row in rows]


def insert_segment(
    connection: sqlite3.Connection, file: str, songs: int, bytes: int, format: int, generation: int
) -> int:
    row = connection.execute(
        "INSERT INTO segments (file, songs, bytes, format, changed) VALUES (?, ?, ?, ?, ?)",
        (file, songs, bytes, format, generation),
    )
    return row.lastrowid or 0


def _storable(text: str) -> str:
    """Without what names of files can have that is no text."""
    return text.encode("utf-8", "replace").decode()


def _has_log(file: Path) -> bool:
    return file.with_name(file.name + "-wal").exists()
