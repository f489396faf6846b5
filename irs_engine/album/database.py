"""The file of an album, opened: connections, transactions, and what brings an old file up to date."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from irs_engine.album.tables import APPLICATION, MIGRATIONS, PAGE
from irs_engine.errors import AlbumError

log = logging.getLogger(__name__)

PATIENCE = 60  # s that a writer waits for another process


class Database:
    """Safe to share between threads: each has its own connection. Readers wait for nobody.

    Args:
        path: The file.
        create: Make it where there is none.
        read_only: SQLite refuses whatever would change it.

    Raises:
        AlbumError: There is none, or it is something else, or damaged, or of a later version, or, to be read
            only, of an earlier one.
    """

    def __init__(self, path: str | os.PathLike[str], create: bool = True, read_only: bool = False):
        self.path = Path(path).expanduser().absolute()
        self._read_only = read_only
        self._mine = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        if not self.path.exists():
            if not create:
                raise AlbumError(
                    f"{self.path}: no album there; make one with: irs-engine album index DIR --album FILE"
                )
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise AlbumError(f"{self.path.parent}: cannot be made ({error.strerror})") from error
        with self._explained():
            self._migrate()

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the album, whatever others write meanwhile."""
        with self._explained(), self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that changes the album: all of it, or nothing if the block raises."""
        with self._explained(), self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """End all connections; what is asked for later is an AlbumError."""
        with self._lock:
            self._closed = True
            for connection in self._opened:
                connection.close()
            self._opened.clear()

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        if connection.in_transaction:  # a part of the one around it
            yield connection
            return
        connection.execute(begin)
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # closed by another thread, or rolled back already
                connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise AlbumError(f"{self.path}: {_hint(str(error))}") from error

    def _connection(self) -> sqlite3.Connection:
        if self._closed:
            raise AlbumError(f"{self.path}: the album is closed")
        connection: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            # Another thread may only close it.
            connection = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            with self._lock:
                self._opened.append(connection)
            connection.execute(f"PRAGMA page_size = {PAGE}")  # of a new file; before anything is in it
            connection.execute("PRAGMA synchronous = NORMAL")  # a power cut loses the end, never the file
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cache_size = -32768")  # KiB
            connection.execute(f"PRAGMA mmap_size = {1 << 30}")
            connection.execute(f"PRAGMA query_only = {int(self._read_only)}")
            self._mine.connection = connection
        return connection

    def _migrate(self) -> None:
        connection = self._connection()
        kind, version, tables = (
            connection.execute(question).fetchone()[0]
            for question in (
                "PRAGMA application_id",
                "PRAGMA user_version",
                "SELECT count(*) FROM sqlite_master",
            )
        )
        if tables and kind != APPLICATION:
            raise AlbumError(f"{self.path}: a database, but no album; choose another file")
        if version > len(MIGRATIONS):
            raise AlbumError(
                f"{self.path}: made by a later version of irs-engine (schema {version}, this one knows "
                f"{len(MIGRATIONS)}); update it"
            )
        if version == len(MIGRATIONS):
            return
        if self._read_only:
            raise AlbumError(
                f"{self.path}: empty, or made by an earlier version of irs-engine; bring it up to date with: "
                "irs-engine album info --album FILE"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        with self._transaction("BEGIN IMMEDIATE"):
            version = connection.execute("PRAGMA user_version").fetchone()[0]  # another process may be first
            for step in MIGRATIONS[version:]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        log.info("%s: schema %d, was %d", self.path, len(MIGRATIONS), version)


def _hint(message: str) -> str:
    if "not a database" in message:
        return "some other file, no album; choose another one"
    if "locked" in message:
        return f"another program has been writing to the album for {PATIENCE} s; try again later"
    if "malformed" in message:
        return f"the album is damaged ({message}); put back a copy of it, or delete it and index again"
    return message
