"""Counting calls: by minute and user for the statistics, and what the successful ones consume or cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from irs_engine.server.apis import Api
from irs_engine.server.business import purses
from irs_engine.server.business.periods import hour_of, minute_of, month_of
from irs_engine.server.business.prices import Prices
from irs_engine.server.business.quota import Quota
from irs_engine.server.business.tables import (
    add,
    charges,
    packages,
    usage_minutes,
    usage_months,
)
from irs_engine.server.caller import Caller
from irs_engine.server.store import Store

_USE = (
    packages.update()
    .where(packages.c.id == sa.bindparam("package"))
    .values(used=packages.c.used + sa.bindparam("calls"))
)


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """A call that was admitted, and that counts as of that moment, whenever it ends."""

    caller: Caller
    api: Api
    time: float


@dataclass(frozen=True, slots=True)
class Call:
    """One that was answered."""

    permit: Permit
    ok: bool


@dataclass(frozen=True, slots=True)
class MonthRow:
    """Calls of a user to an API in a month; each successful one is free, packaged or paid."""

    api: str
    user_id: str
    user_name: str
    successful: int
    failed: int
    free: int
    packaged: int
    paid: int
    amount: int  # billionths of the currency


def record(connection: Connection, calls: Iterable[Call], prices: Prices) -> None:
    """Write down calls of any accounts, in a transaction of the caller's."""
    groups: dict[tuple[str, str, str], list[Call]] = defaultdict(list)
    for call in calls:
        permit = call.permit
        groups[permit.caller.account_id, permit.api.name, month_of(permit.time)].append(call)
    metered = {account for account, api, _ in groups if prices.free_calls(api) is not None}
    locked = purses.lock(connection, metered)
    rows = _Rows()
    for (account, api, _), group in sorted(groups.items()):
        succeeded = sorted((call.permit for call in group if call.ok), key=lambda permit: permit.time)
        rows.failed(call.permit for call in group if not call.ok)
        if not succeeded:
            continue
        if prices.free_calls(api) is None:  # there is nothing to look up
            rows.succeeded(succeeded, Quota(None, [], None, 0), 0)
        else:
            quota = Quota.read(connection, prices, account, api, succeeded[0].time)
            rows.succeeded(succeeded, quota, locked[account].billed_until)
    rows.write(connection)


class _Rows:
    """Sums of what goes into the tables, by their keys."""

    def __init__(self) -> None:
        self._months: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self._minutes: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        self._charges: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        self._packages: Counter[str] = Counter()
        self._names: dict[str, str] = {}

    def failed(self, permits: Iterable[Permit]) -> None:
        for permit in permits:
            self._count(permit, "failed")

    def succeeded(self, permits: Sequence[Permit], quota: Quota, billed_until: int) -> None:
        for permit in permits:
            taken = quota.take(permit.time)
            month = self._count(permit, "successful")
            month[taken.of] += 1
            if taken.package:
                self._packages[taken.package] += 1
            if taken.of == "paid":
                month["amount"] += taken.amount
                # The bill of its hour may be out when a call ends: nothing is ever added to that.
                hour = max(hour_of(permit.time), billed_until)
                line = self._charges[permit.caller.account_id, hour, permit.api.name]
                line.update(calls=1, amount=taken.amount)

    def _count(self, permit: Permit, outcome: str) -> Counter[str]:
        caller, api = permit.caller, permit.api.name
        minute = (caller.account_id, minute_of(permit.time), api, caller.project_id or "", caller.user_id)
        self._minutes[minute][outcome] += 1
        self._names[caller.user_id] = caller.user_name
        month = self._months[caller.account_id, api, month_of(permit.time), caller.user_id]
        month[outcome] += 1
        return month

    def write(self, connection: Connection) -> None:
        numbers = ("successful", "failed", "free", "packaged", "paid", "amount")
        for table, found, counted in (
            (usage_months, self._months, numbers),
            (usage_minutes, self._minutes, numbers[:2]),
            (charges, self._charges, ("calls", "amount")),
        ):
            keys = table.primary_key.columns.keys()
            rows = [
                dict(zip(keys, key, strict=True)) | {name: sums[name] for name in counted}
                for key, sums in sorted(found.items())  # so that no two servers wait for each other
            ]
            if table is usage_months:
                rows = [row | {"user_name": self._names[row["user_id"]]} for row in rows]
            add(connection, table, rows)
        if self._packages:
            used = [{"package": id, "calls": calls} for id, calls in sorted(self._packages.items())]
            connection.execute(_USE, used)


def of_month(store: Store, account_id: str, month: str) -> list[MonthRow]:
    """Of every user and API that there was a call of."""
    wanted = (usage_months.c.account_id == account_id) & (usage_months.c.month == month)
    columns = [usage_months.c[name] for name in MonthRow.__dataclass_fields__]
    query = sa.select(*columns).where(wanted).order_by(usage_months.c.api, usage_months.c.user_id)
    with store.read() as connection:
        return [MonthRow(*row) for row in connection.execute(query)]
