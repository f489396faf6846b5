"""Balances, and the hourly bills of what is paid by use."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from irs_engine.server.business import purses
from irs_engine.server.business.periods import HOUR, hour_of, iso
from irs_engine.server.business.prices import to_nano
from irs_engine.server.business.tables import bills, charges, entries
from irs_engine.server.business.tables import purses as purse_rows
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.tables import accounts
from irs_engine.server.store import Store


@dataclass(frozen=True, slots=True)
class Line:
    api: str
    calls: int
    amount: int  # billionths of the currency


@dataclass(frozen=True, slots=True)
class Bill:
    """What the calls of an hour cost."""

    hour: int  # since 1970
    issued: int
    amount: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of a balance."""

    time: int
    kind: str  # top-up, bill, package
    amount: int
    balance: int  # with it
    note: str


@dataclass(frozen=True, slots=True)
class Balance:
    amount: int  # billionths of the currency; below zero: in arrears
    not_billed: int  # of calls whose hour has no bill yet


class Bills:
    """Of all accounts."""

    def __init__(self, store: Store):
        self._store = store

    def balance(self, account_id: str) -> Balance:
        with self._store.read() as connection:
            row = connection.execute(
                sa.select(purse_rows).where(purse_rows.c.account_id == account_id)
            ).one_or_none()
            if row is None:
                return Balance(0, 0)
            open_ = (charges.c.account_id == account_id) & (charges.c.hour >= row.billed_until)
            not_billed = connection.scalar(sa.select(sa.func.sum(charges.c.amount)).where(open_))
            return Balance(row.balance, int(not_billed or 0))

    def top_up(self, account_id: str, amount: Decimal | float | str, now: float, note: str = "") -> None:
        """Pay in; ends arrears as soon as the balance is no longer below zero."""
        nano = to_nano(amount)
        if nano <= 0:
            raise ServiceError("AIP.0012", f"amount: {amount}, expected more than 0")
        with self._store.write() as connection:
            if connection.scalar(sa.select(accounts.c.id).where(accounts.c.id == account_id)) is None:
                raise ServiceError("AIP.0012", "account_id: there is no such account")
            purse = purses.lock_one(connection, account_id)
            purses.change(connection, purse, "top-up", nano, now, note)

    def issue(self, now: float) -> int:
        """Bill every hour that ended, once; returns how many bills that made.

        Calls that were admitted in an hour whose bill is out are part of the next one (see `usage`).
        """
        until = hour_of(now)
        closed = purse_rows.c.billed_until
        due = (charges.c.hour < until) & (charges.c.hour >= closed)
        owing = sa.select(charges.c.account_id).join(
            purse_rows, purse_rows.c.account_id == charges.c.account_id
        )
        with self._store.read() as connection:
            accounts = connection.scalars(owing.where(due).distinct()).all()
        return sum(self._issue(account_id, until, now) for account_id in accounts)

    def _issue(self, account_id: str, until: int, now: float) -> int:
        with self._store.write() as connection:
            purse = purses.lock_one(connection, account_id)
            mine = (charges.c.account_id == account_id) & (charges.c.hour >= purse.billed_until)
            sums = sa.select(charges.c.hour, sa.func.sum(charges.c.amount).label("amount"))
            hours = sums.where(mine & (charges.c.hour < until)).group_by(charges.c.hour).order_by("hour")
            issued = connection.execute(hours).all()
            for hour, amount in issued:
                bill = {"account_id": account_id, "hour": hour, "issued": int(now), "amount": int(amount)}
                connection.execute(bills.insert(), bill)
                purse = purses.change(connection, purse, "bill", -int(amount), now, iso(hour * HOUR))
            if issued:
                closing = purse_rows.update().where(purse_rows.c.account_id == account_id)
                connection.execute(closing.values(billed_until=until))
            return len(issued)

    def of(self, account_id: str, limit: int) -> list[Bill]:
        """The newest bills, newest first."""
        mine = sa.select(bills).where(bills.c.account_id == account_id)
        with self._store.read() as connection:
            found = connection.execute(mine.order_by(bills.c.hour.desc()).limit(limit)).all()
            if not found:
                return []
            wanted = (charges.c.account_id == account_id) & (charges.c.hour >= found[-1].hour)
            lines = defaultdict(list)
            for row in connection.execute(sa.select(charges).where(wanted).order_by(charges.c.api)):
                lines[row.hour].append(Line(row.api, row.calls, row.amount))
        return [Bill(row.hour, row.issued, row.amount, tuple(lines[row.hour])) for row in found]

    def entries(self, account_id: str, limit: int) -> list[Entry]:
        """The newest changes of the balance, newest first."""
        mine = entries.c.account_id == account_id
        wanted = (entries.c.time, entries.c.kind, entries.c.amount, entries.c.balance, entries.c.note)
        newest = sa.select(*wanted).where(mine).order_by(entries.c.id.desc()).limit(limit)
        with self._store.read() as connection:
            return [Entry(*row) for row in connection.execute(newest)]
