"""Calls that are written down together consume what each of them would have alone."""

import pytest
from service_calls import DAY, HOUR, caller, calls, id_of, totals

from irs_engine.server.apis import BY_NAME
from irs_engine.server.business import Offer, Permit
from irs_engine.server.business.usage import Call, record

SMALL = Offer("small", "defog", 2, 1, 1)
A = id_of("a")


@pytest.fixture
def business(make, clock):
    found = make([SMALL], prices={"default": [{"per_thousand": 1}]})
    found.bills.top_up(A, 10, clock())
    return found


def write(store, business, *times):
    with store.write() as connection:
        made = [Call(Permit(caller(), BY_NAME["defog"], time), ok=True) for time in times]
        record(connection, made, business.prices)


def test_a_package_is_used_by_the_calls_of_its_time_in_whatever_order_they_end(business, store, clock):
    package = business.packages.buy(A, SMALL, clock())
    write(store, business, package.expires, package.expires - 0.5, package.expires + 5)
    assert business.packages.of(A)[0].used == 1
    assert totals(business, month="2026-12") == {
        "defog": {"successful": 3, "packaged": 1, "paid": 2, "amount": 2_000_000}
    }


def test_a_package_that_has_not_begun_is_left_alone(business, clock):
    first = business.packages.buy(A, SMALL, clock(), auto_renew=True)
    clock.now = first.expires - HOUR
    business.tick(clock())
    assert calls(business, 4) == 4 * ["ok"]
    assert [package.left for package in business.packages.of(A)] == [2, 0]
    assert totals(business, month="2026-12")["defog"]["paid"] == 2


def test_calls_of_two_months_are_counted_in_their_own(business, store, clock):
    write(store, business, clock() + 2 * DAY, clock(), clock() + 2 * DAY)
    assert totals(business)["defog"]["successful"] == 1
    assert totals(business, month="2026-12")["defog"]["successful"] == 2


def test_nothing_to_write_writes_nothing(business, store):
    write(store, business)
    assert business.usage(A, "2026-11") == []
