"""A business with a clock that stands still, and accounts to do it with."""

import pytest

pytest.importorskip("sqlalchemy", reason="needs irs-engine[server]")

from service_calls import Clock, new_account

from irs_engine.server.business import Business
from irs_engine.server.settings import BillingSettings, Settings


@pytest.fixture
def clock():
    return Clock()


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
