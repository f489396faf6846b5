"""Statements of every call, executed past SQLAlchemy once it has put them into the words of the database.

After the networks have run the caches are cold, and the way through SQLAlchemy's hundred functions takes a
quarter of a millisecond, four times as long as the statement itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


class Prepared:
    """A statement all of whose values are plain text and whole numbers. Its errors are SQLAlchemy's.

    Args:
        statement: Of a database, by the name of its dialect.
        columns: Of an INSERT, those that are given.
    """

    def __init__(self, statement: Callable[[str], sa.ClauseElement], columns: Sequence[str] | None = None):
        self._statement, self._columns = statement, columns
        self._compiled: dict[str, tuple[str, list[str] | None]] = {}

    def one(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The row that a SELECT finds, as the driver gives it; None where there is none."""
        with self._cursor(connection) as (cursor, text, order):
            cursor.execute(text, _in_order(values, order))
            row = cursor.fetchone()
        return None if row is None else tuple(row)

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Once for each row of values."""
        with self._cursor(connection) as (cursor, text, order):
            cursor.executemany(text, [_in_order(row, order) for row in rows])

    @contextmanager
    def _cursor(self, connection: Connection) -> Iterator[tuple[Any, str, list[str] | None]]:
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            compiled = self._statement(dialect.name).compile(dialect=dialect, column_keys=self._columns)
            self._compiled[dialect.name] = str(compiled), compiled.positiontup  # type: ignore[attr-defined]
        cursor = connection.connection.cursor()
        try:
            yield cursor, *self._compiled[dialect.name]
        except dialect.loaded_dbapi.Error as error:
            text = self._compiled[dialect.name][0]
            raise sa.exc.DBAPIError.instance(text, None, error, dialect.loaded_dbapi.Error) from error
        finally:
            cursor.close()


def _in_order(values: Mapping[str, Any], order: list[str] | None) -> Any:
    """As drivers take them that know places, or that know names."""
    return values if order is None else [values[name] for name in order]
