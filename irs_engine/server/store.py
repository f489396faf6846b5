"""The database: one transaction at a time that writes, whatever the number of threads.

SQLite (write-ahead log) by default, PostgreSQL by URL. Tables stand where their subject is, on `metadata`.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from irs_engine.errors import IrsError

SCHEMA = 1  # raised whenever the tables change
metadata = sa.MetaData()
about = sa.Table("about", metadata, sa.Column("schema", sa.Integer, nullable=False))


class StoreError(IrsError):
    """The database cannot be used: not reachable, or written by another version of this package."""


class Store:
    """Everything that outlives the process. Safe to use from several threads."""

    def __init__(self, url: str):
        self._after_writing: Callable[[], None] | None = None
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        if self.sqlite and parsed.database:
            file = Path(parsed.database)
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.touch(mode=0o600)  # before SQLite makes one that others can read
        self._engine = sa.create_engine(parsed, pool_pre_ping=not self.sqlite, pool_size=16)
        if self.sqlite:
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        try:
            metadata.create_all(self._engine)
            with self.write() as connection:
                found = connection.scalar(sa.select(about.c.schema))
                if found is None:
                    connection.execute(about.insert().values(schema=SCHEMA))
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(f"the database {parsed.render_as_string()} cannot be used: {error}") from error
        if found not in (None, SCHEMA):
            raise StoreError(f"the database has schema {found}, this version of irs-engine needs {SCHEMA}")

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction; on SQLite it holds the one lock for writing from its start."""
        try:
            with self._engine.begin() as connection:
                yield connection
        finally:
            if self._after_writing:
                self._after_writing()

    def telling(self, after_writing: Callable[[], None]) -> Store:
        """The same store, for those after whose every change something has to be done."""
        store = copy.copy(self)
        store._after_writing = after_writing
        return store

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        with self._engine.connect().execution_options(reading=True) as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()


def _prepare_sqlite(connection, _record) -> None:  # type: ignore[no-untyped-def]
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
