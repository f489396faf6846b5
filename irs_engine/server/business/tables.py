"""The tables of the business. Money is in billionths of the currency, times are seconds since 1970 in UTC."""

from __future__ import annotations

import functools
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from irs_engine.server.identity.tables import accounts
from irs_engine.server.prepared import Prepared
from irs_engine.server.store import metadata


def _account(**options: Any) -> sa.Column[str]:
    return sa.Column("account_id", sa.ForeignKey(accounts.c.id), nullable=False, **options)


def _number(name: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, **options)


def _text(name: str, length: int = 64, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, **options)


# Where an account has decided; the others are as `billing.subscribed` says.
subscriptions = sa.Table(
    "subscriptions",
    metadata,
    _account(primary_key=True),
    _text("service", primary_key=True),
    sa.Column("subscribed", sa.Boolean, nullable=False),
    _number("since"),
)

obs_authorisations = sa.Table(
    "obs_authorisations",
    metadata,
    _account(primary_key=True),
    _number("since"),
)

# Whoever changes money or consumes quotas of an account locks this row first, and reads them then.
purses = sa.Table(
    "purses",
    metadata,
    _account(primary_key=True),
    _number("balance"),
    _number("billed_until"),  # hours since 1970: bills of all hours before are closed
)

# Everything that ever changed a balance.
entries = sa.Table(
    "entries",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    _account(index=True),
    _number("time"),
    _text("kind", 16),  # top-up, bill, package
    _number("amount"),
    _number("balance"),  # with it
    _text("note", 200),
)

# Calls of a month, and what successful ones consumed: each is one of free, packaged and paid.
usage_months = sa.Table(
    "usage_months",
    metadata,
    _account(primary_key=True),
    _text("api", primary_key=True),
    _text("month", 7, primary_key=True),
    _text("user_id", primary_key=True),
    _text("user_name", 128),
    _number("successful"),
    _number("failed"),
    _number("free"),
    _number("packaged"),
    _number("paid"),
    _number("amount"),
    sqlite_with_rowid=False,
)

# The series of SYS.IRS.
usage_minutes = sa.Table(
    "usage_minutes",
    metadata,
    _account(primary_key=True),
    _number("minute", primary_key=True),  # since 1970
    _text("api", primary_key=True),
    _text("project_id", primary_key=True),  # "" where the caller has none
    _text("user_id", primary_key=True),
    _number("successful"),
    _number("failed"),
    sqlite_with_rowid=False,
)

# Pay per use by the hour: the lines of bills, and of those that are not yet issued.
charges = sa.Table(
    "charges",
    metadata,
    _account(primary_key=True),
    _number("hour", primary_key=True),  # since 1970
    _text("api", primary_key=True),
    _number("calls"),
    _number("amount"),
    sqlite_with_rowid=False,
)

bills = sa.Table(
    "bills",
    metadata,
    _account(primary_key=True),
    _number("hour", primary_key=True),
    _number("issued"),
    _number("amount"),
    sqlite_with_rowid=False,
)

packages = sa.Table(
    "packages",
    metadata,
    _text("id", 32, primary_key=True),
    _account(index=True),
    _text("offer"),
    _text("api"),
    _number("quota"),  # calls
    _number("used"),
    _number("months"),
    _number("price"),  # that was paid for it
    _number("bought"),
    _number("starts"),
    _number("expires"),
    sa.Column("auto_renew", sa.Boolean, nullable=False),
    sa.CheckConstraint("used >= 0 AND used <= quota", name="package_not_overdrawn"),
)


_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert(connection: Connection, table: sa.Table) -> Any:
    """An INSERT that has `on_conflict_do_update` and `on_conflict_do_nothing`."""
    return _INSERTS[connection.dialect.name](table)


def add(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; where there is one with that key, its numbers grow and its texts are replaced."""
    if rows:
        _adding(table).many(connection, rows)


@functools.cache
def _adding(table: sa.Table) -> Prepared:
    def statement(dialect: str) -> Any:
        statement = _INSERTS[dialect](table)
        values = [column for column in table.c if not column.primary_key]
        new = statement.excluded
        return statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={c.name: c + new[c.name] if isinstance(c.type, sa.Integer) else new[c.name] for c in values},
        )

    return Prepared(statement, table.c.keys())
