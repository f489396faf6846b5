"""The money of accounts: locked before it is looked at, and every change of it written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from irs_engine.server.business.tables import entries, insert, purses
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.tables import accounts

Kind = Literal["top-up", "bill", "package"]

_LOCK = (
    sa.select(purses)
    .where(purses.c.account_id.in_(sa.bindparam("accounts", expanding=True)))
    .order_by(purses.c.account_id)  # everybody in the same order, so that nobody waits for each other
    .with_for_update()  # SQLite has no such thing, and needs none: writers are alone
)


@dataclass(frozen=True, slots=True)
class Purse:
    """Of an account, locked until the transaction ends."""

    account_id: str
    balance: int  # billionths of the currency; below zero the account is in arrears
    billed_until: int  # hours since 1970


def lock(connection: Connection, account_ids: Iterable[str]) -> dict[str, Purse]:
    """Purses by account; whoever has none yet gets an empty one."""
    wanted = sorted(set(account_ids))
    if not wanted:
        return {}
    found = _locked(connection, wanted)
    if missing := [account for account in wanted if account not in found]:
        rows = [{"account_id": account, "balance": 0, "billed_until": 0} for account in missing]
        connection.execute(insert(connection, purses).on_conflict_do_nothing(), rows)
        found = _locked(connection, wanted)
    return found


def lock_one(connection: Connection, account_id: str) -> Purse:
    return lock(connection, [account_id])[account_id]


def _locked(connection: Connection, account_ids: list[str]) -> dict[str, Purse]:
    return {row.account_id: Purse(*row) for row in connection.execute(_LOCK, {"accounts": account_ids})}


def change(connection: Connection, purse: Purse, kind: Kind, amount: int, time: float, note: str) -> Purse:
    """Put money into a locked purse, or take it out.

    Args:
        amount: Billionths of the currency; below zero it is taken out.
    """
    balance = purse.balance + amount
    connection.execute(purses.update().where(purses.c.account_id == purse.account_id).values(balance=balance))
    connection.execute(
        entries.insert().values(
            account_id=purse.account_id,
            time=int(time),
            kind=kind,
            amount=amount,
            balance=balance,
            note=note,
        )
    )
    return Purse(purse.account_id, balance, purse.billed_until)


def check_standing(connection: Connection, purse: Purse) -> None:
    """Raise where an account may not order anything: it is frozen, or owes money."""
    if connection.scalar(sa.select(accounts.c.frozen).where(accounts.c.id == purse.account_id)):
        raise ServiceError("AIS.0027")
    if purse.balance < 0:
        raise ServiceError("AIS.0027", "the account is in arrears: top it up first")
