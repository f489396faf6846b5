"""Accounts, callers and calls, for tests of the server's business."""

import asyncio
import time
from collections import Counter

from irs_engine.server.apis import BY_NAME
from irs_engine.server.business.statistics_routes import NUMBERS
from irs_engine.server.caller import TENANT_GUEST, Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.tables import accounts

NOON = 1_795_953_600  # 2026-11-29T12:00:00Z, a Sunday
MINUTE, HOUR, DAY = 60, 3600, 86400


class Clock:
    """It stands still unless it is set."""

    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


def id_of(account):
    return account.ljust(32, "_")


def new_account(store, name, operator=False, frozen=False):
    """Its id."""
    row = {"id": id_of(name), "name": name, "frozen": frozen, "operator": operator, "created": time.time()}
    with store.write() as connection:
        connection.execute(accounts.insert().values(row))
    return row["id"]


def caller(account="a", user="ann", permissions=(TENANT_GUEST,), project="p1"):
    return Caller(
        account_id=id_of(account),
        account_name=account,
        user_id=f"id-of-{user}",
        user_name=user,
        project_id=project,
        project_name=project and "ap-southeast-1",
        permissions=frozenset(permissions),
        by="token",
    )


async def call(business, who=None, api="defog", ok=True):
    """A call from admission to its count: "ok", "failed", or the code with which it is refused."""
    try:
        permit = await business.admit(who or caller(), BY_NAME[api])
    except ServiceError as error:
        return error.code
    await business.count(permit, ok)
    return "ok" if ok else "failed"


def calls(business, number=1, *args, **options):
    """Outcomes of calls that are made one after the other."""

    async def all_of_them():
        return [await call(business, *args, **options) for _ in range(number)]

    return asyncio.run(all_of_them())


def totals(business, account="a", month="2026-11"):
    """Sums over all users, without zeros: {api: {column: number}}."""
    found = {}
    for row in business.usage(id_of(account), month):
        found.setdefault(row.api, Counter()).update({name: getattr(row, name) for name in NUMBERS})
    return {api: {name: value for name, value in sums.items() if value} for api, sums in found.items()}
