"""Packages of calls: paid in full when bought, used before anything is paid by use, gone when they expire."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from irs_engine.errors import ParameterError
from irs_engine.server.apis import BY_NAME
from irs_engine.server.business import purses
from irs_engine.server.business.periods import HOUR, months_later
from irs_engine.server.business.prices import to_nano, to_text
from irs_engine.server.business.purses import Purse
from irs_engine.server.business.tables import packages
from irs_engine.server.errors import ServiceError
from irs_engine.server.store import Store

AHEAD = HOUR  # before the end of a package that renews itself, its successor is bought
MOST_MONTHS = 120


@dataclass(frozen=True)
class Offer:
    """A package that can be bought.

    Raises:
        ParameterError: No API is called so, or a number is out of range.
    """

    name: str
    api: str
    calls: int
    months: int  # of the calendar, from the moment of buying
    price: Decimal | float | str  # in the currency, for all of it

    def __post_init__(self) -> None:
        if self.api not in BY_NAME:
            raise ParameterError(f"package {self.name}: no API is called {self.api!r}")
        if self.calls < 1 or not 1 <= self.months <= MOST_MONTHS or self.nano < 0:
            raise ParameterError(
                f"package {self.name}: expected 1 call or more, 1 to {MOST_MONTHS} months, no price below 0"
            )

    @property
    def nano(self) -> int:
        return to_nano(self.price)


@dataclass(frozen=True, slots=True)
class Package:
    """One that an account bought."""

    id: str
    account_id: str
    offer: str
    api: str
    quota: int
    used: int
    months: int
    price: int  # billionths of the currency
    bought: int
    starts: int
    expires: int
    auto_renew: bool

    @property
    def left(self) -> int:
        return self.quota - self.used

    def valid(self, time: float) -> bool:
        return self.starts <= time < self.expires


class Packages:
    """Of all accounts.

    Args:
        currency: In texts.
    """

    def __init__(self, store: Store, offers: Sequence[Offer], currency: str):
        self._store, self._currency = store, currency
        self.offers = {offer.name: offer for offer in offers}
        if len(self.offers) < len(offers):
            raise ParameterError("two packages on offer have the same name")

    def buy(self, account_id: str, offer: Offer, now: float, auto_renew: bool = False) -> Package:
        """Paid now, valid from now on; may be bought as often as wanted.

        Raises:
            ServiceError: The account is frozen, in arrears, or has too little money.
        """
        with self._store.write() as connection:
            purse = purses.lock_one(connection, account_id)
            self._check_affordable(connection, purse, offer)
            return _buy(connection, purse, offer, int(now), int(now), auto_renew)

    def of(self, account_id: str) -> list[Package]:
        """All that it ever bought, the last to expire first."""
        return self._select(packages.c.account_id == account_id)

    def set_auto_renew(self, account_id: str, id: str, wanted: bool, now: float) -> None:
        mine = (packages.c.account_id == account_id) & (packages.c.id == id) & (packages.c.expires > int(now))
        with self._store.write() as connection:
            if not connection.execute(packages.update().where(mine).values(auto_renew=wanted)).rowcount:
                raise ServiceError("AIP.0012", "no valid package has this id")

    def renew(self, now: float) -> None:
        """Buy the successors of packages that are about to expire and renew themselves.

        A successor begins when its predecessor ends. Where the money is missing it is tried again until then;
        after that, and where the package is no longer on offer, the account has to buy one itself.
        """
        due = packages.c.auto_renew & (packages.c.expires <= int(now) + AHEAD)
        for package in self._select(due):
            with self._store.write() as connection:
                purse = purses.lock_one(connection, package.account_id)
                mine = packages.c.id == package.id
                if not connection.scalar(sa.select(packages.c.auto_renew).where(mine)):
                    continue  # another process was quicker, or the account changed its mind
                try:
                    if not (offer := self.offers.get(package.offer)):
                        raise ServiceError("AIP.0012", "the package is no longer on offer")
                    self._check_affordable(connection, purse, offer)
                except ServiceError:
                    if now < package.expires:
                        continue
                else:
                    _buy(connection, purse, offer, int(now), max(package.expires, int(now)), True)
                connection.execute(packages.update().where(mine).values(auto_renew=False))

    def _select(self, wanted: sa.ColumnElement[bool]) -> list[Package]:
        with self._store.read() as connection:
            order = (packages.c.expires.desc(), packages.c.id)
            return [
                Package(*row) for row in connection.execute(packages.select().where(wanted).order_by(*order))
            ]

    def _check_affordable(self, connection: Connection, purse: Purse, offer: Offer) -> None:
        purses.check_standing(connection, purse)
        if purse.balance < offer.nano:
            raise ServiceError(
                "AIP.0012",
                f"{offer.name} costs {to_text(offer.nano)} {self._currency}, "
                f"the balance is {to_text(purse.balance)}: top up first",
            )


def _buy(
    connection: Connection, purse: Purse, offer: Offer, now: int, starts: int, auto_renew: bool
) -> Package:
    package = Package(
        id=uuid.uuid4().hex,
        account_id=purse.account_id,
        offer=offer.name,
        api=offer.api,
        quota=offer.calls,
        used=0,
        months=offer.months,
        price=offer.nano,
        bought=now,
        starts=starts,
        expires=months_later(starts, offer.months),
        auto_renew=auto_renew,
    )
    connection.execute(packages.insert().values({c.name: getattr(package, c.name) for c in packages.c}))
    purses.change(connection, purse, "package", -offer.nano, now, f"{offer.name} ({package.id})")
    return package
