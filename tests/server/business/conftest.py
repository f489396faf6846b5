"""A business with a clock that stands still, and accounts to do it with."""

import time

import pytest

pytest.importorskip("sqlalchemy", reason="needs irs-engine[server]")

from irs_engine.server.business import Business
from irs_engine.server.caller import TENANT_GUEST, Caller
from irs_engine.server.identity.tables import accounts
from irs_engine.server.settings import BillingSettings, Settings

NOON = 1_795_953_600  # 2026-11-29T12:00:00Z


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock(NOON)


def new_account(store, name, operator=False):
    """Its id."""
    id = name.ljust(32, "0")
    with store.write() as connection:
        row = {"id": id, "name": name, "frozen": False, "operator": operator, "created": time.time()}
        connection.execute(accounts.insert().values(row))
    return id


def caller(account="a", user="ann", permissions=(TENANT_GUEST,), project="p1"):
    return Caller(
        account_id=account.ljust(32, "0"),
        account_name=account,
        user_id=f"id-of-{user}",
        user_name=user,
        project_id=project,
        project_name=project and "ap-southeast-1",
        permissions=frozenset(permissions),
        by="token",
    )


@pytest.fixture
def make(store, clock):
    """A business of the accounts a (which runs the server) and b, with the given `billing` settings."""
    new_account(store, "a", operator=True)
    new_account(store, "b")
    made = []

    def make(offers=(), **billing):
        settings = Settings(billing=BillingSettings(**billing))
        made.append(Business(store, settings, clock, offers))
        return made[-1]

    yield make
    for business in made:
        business.close()
