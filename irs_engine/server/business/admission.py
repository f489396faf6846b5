"""Whether a call may be made: asked before any work is done for it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from irs_engine.server.apis import Api
from irs_engine.server.business.periods import month_of
from irs_engine.server.business.prices import Prices
from irs_engine.server.business.quota import Quota
from irs_engine.server.business.tables import purses, subscriptions
from irs_engine.server.business.usage import Permit
from irs_engine.server.caller import ADMINISTRATOR, TENANT_GUEST, Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.tables import accounts
from irs_engine.server.prepared import Prepared

_STANDING = Prepared(
    lambda _: (
        sa.select(accounts.c.frozen, purses.c.balance, subscriptions.c.subscribed)
        .outerjoin(purses, purses.c.account_id == accounts.c.id)
        .outerjoin(
            subscriptions,
            (subscriptions.c.account_id == accounts.c.id)
            & (subscriptions.c.service == sa.bindparam("service")),
        )
        .where(accounts.c.id == sa.bindparam("account"))
    )
)


def check_permissions(caller: Caller, api: Api) -> None:
    """What the caller's user groups allow."""
    if not caller.permissions & {ADMINISTRATOR, TENANT_GUEST}:
        raise ServiceError(
            "ModelArts.4203", f"{api.service}: {TENANT_GUEST} or {ADMINISTRATOR} of a user group allows it"
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """Of an account with an API, as the database has it."""

    frozen: bool
    in_arrears: bool
    subscribed: bool
    payable: bool  # by use
    quota: Quota | None  # None: nothing is limited

    def check(self, permit: Permit, in_flight: int) -> None:
        """Raise where one more call may not be made.

        Args:
            in_flight: Calls of the account to this API that may yet succeed.
        """
        api = permit.api
        if self.frozen:
            raise ServiceError("AIS.0027")
        if not self.subscribed:
            raise ServiceError(api.not_subscribed, f"subscribe to {api.service} first")
        left = self.quota.left(permit.time) if self.quota else None
        if left is None or in_flight < left or (self.payable and not self.in_arrears):
            return
        if self.payable:
            raise ServiceError("AIS.0027", "the account is in arrears, and no free call or package is left")
        raise ServiceError("AIS.0032", "no package with calls left is valid, and no price is set for more")


class Standings:
    """What one look into the database finds, each account and API asked about once."""

    def __init__(self, connection: Connection, prices: Prices, subscribed: bool):
        self._connection, self._prices, self._default = connection, prices, subscribed
        self._found: dict[tuple[str, str, str], Standing] = {}

    def of(self, permit: Permit) -> Standing:
        key = (permit.caller.account_id, permit.api.name, month_of(permit.time))
        if key not in self._found:
            self._found[key] = self._read(permit)
        return self._found[key]

    def _read(self, permit: Permit) -> Standing:
        account, api = permit.caller.account_id, permit.api
        asked = {"account": account, "service": api.service}
        row = _STANDING.one(self._connection, asked)
        if row is None:  # deleted since it was identified
            raise ServiceError("AIS.0004")
        frozen, balance, subscribed = row
        quota = None
        if self._prices.free_calls(api.name) is not None:
            quota = Quota.read(self._connection, self._prices, account, api.name, permit.time)
        return Standing(
            frozen=bool(frozen),
            in_arrears=(balance or 0) < 0,
            subscribed=self._default if subscribed is None else bool(subscribed),
            payable=self._prices.schedule(api.name) is not None,
            quota=quota,
        )
