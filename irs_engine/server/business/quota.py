"""What an account may still call without paying by use, and the order in which that is consumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from irs_engine.server.business.packages import Package
from irs_engine.server.business.periods import month_of
from irs_engine.server.business.prices import Prices, Schedule
from irs_engine.server.business.tables import packages, usage_months

_OF_MONTH = sa.select(
    sa.func.coalesce(sa.func.sum(usage_months.c.successful), 0),
    sa.func.coalesce(sa.func.sum(usage_months.c.free), 0),
).where(
    usage_months.c.account_id == sa.bindparam("account"),
    usage_months.c.api == sa.bindparam("api"),
    usage_months.c.month == sa.bindparam("month"),
)
_PACKAGES = (
    sa.select(packages)
    .where(
        packages.c.account_id == sa.bindparam("account"),
        packages.c.api == sa.bindparam("api"),
        packages.c.used < packages.c.quota,
        packages.c.expires > sa.bindparam("since"),
    )
    .order_by(packages.c.expires, packages.c.bought, packages.c.id)
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one successful call consumed."""

    of: Literal["free", "packaged", "paid"]
    package: str = ""  # its id
    amount: int = 0  # billionths of the currency


@dataclass(slots=True)
class Quota:
    """Of an account, an API and a month; `take` counts down."""

    free: int | None  # calls left; None: any number
    packages: list[Package]  # the soonest to expire first
    schedule: Schedule | None
    successful: int  # calls in this month so far
    _of_package: dict[str, int] = field(default_factory=dict)  # calls taken

    @classmethod
    def read(cls, connection: Connection, prices: Prices, account: str, api: str, time: float) -> Quota:
        """As it is for calls at that time and later ones of its month."""
        asked = {"account": account, "api": api}
        successful, used = connection.execute(_OF_MONTH, asked | {"month": month_of(time)}).one()
        free = prices.free_calls(api)
        if free is None:
            return cls(None, [], prices.schedule(api), int(successful))
        rows = connection.execute(_PACKAGES, asked | {"since": int(time)}).all()
        left = max(0, free - int(used))
        return cls(left, [Package(*row) for row in rows], prices.schedule(api), int(successful))

    def left(self, time: float) -> int | None:
        """Calls at that time that need not be paid by use; None: any number."""
        if self.free is None:
            return None
        return self.free + sum(self._left(package) for package in self.packages if package.valid(time))

    def take(self, time: float) -> Taken:
        """A successful call: free ones first, then packages that were valid at its time, then money.

        Where nothing is left and nothing can be paid by use, it is given away: several servers on one
        database know only their own calls in flight, and may together admit more than is left.
        """
        before = self.successful
        self.successful += 1
        if self.free is None:
            return Taken("free")
        if self.free > 0:
            self.free -= 1
            return Taken("free")
        for package in self.packages:
            if package.valid(time) and self._left(package) > 0:
                self._of_package[package.id] = self._of_package.get(package.id, 0) + 1
                return Taken("packaged", package.id)
        if self.schedule is None:
            return Taken("free")
        return Taken("paid", amount=self.schedule.price(before))

    def _left(self, package: Package) -> int:
        return package.left - self._of_package.get(package.id, 0)
