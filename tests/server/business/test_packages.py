"""Packages: paid in full, consumed by the calls of their time, gone when they expire."""

import pytest
from service_calls import DAY, HOUR, caller, calls, id_of, totals

from irs_engine.errors import ParameterError
from irs_engine.server.apis import BY_NAME
from irs_engine.server.business import Offer
from irs_engine.server.business.packages import AHEAD
from irs_engine.server.errors import ServiceError

SMALL = Offer("small", "defog", 2, 1, "5.50")
LARGE = Offer("large", "defog", 100, 12, 40)
PRICES = {"default": [{"above": 0, "per_thousand": 1000}]}
A = id_of("a")


def test_a_package_is_paid_in_full_from_the_balance(make, clock):
    business = make([SMALL, LARGE])
    with pytest.raises(ServiceError, match=r"small costs 5\.5 USD, the balance is 0: top up first"):
        business.packages.buy(A, SMALL, clock())
    business.bills.top_up(A, 20, clock())
    package = business.packages.buy(A, SMALL, clock())
    assert (package.quota, package.left, package.starts) == (2, 2, clock())
    assert business.bills.balance(A).amount == 14_500_000_000
    newest = business.bills.entries(A, 1)[0]
    assert (newest.kind, newest.amount, newest.balance) == ("package", -5_500_000_000, 14_500_000_000)
    with pytest.raises(ServiceError, match="large costs 40"):
        business.packages.buy(A, LARGE, clock())
    assert business.packages.of(A) == [package] and business.packages.of(id_of("b")) == []


def test_packages_are_used_before_money_and_the_soonest_to_expire_first(make, clock):
    business = make([SMALL, LARGE], prices=PRICES)
    business.bills.top_up(A, 100, clock())
    large = business.packages.buy(A, LARGE, clock())
    small = [business.packages.buy(A, SMALL, clock()) for _ in range(2)]
    assert calls(business, 5) == 5 * ["ok"]
    left = {package.id: package.left for package in business.packages.of(A)}
    assert left == {large.id: 99, small[0].id: 0, small[1].id: 0}
    assert totals(business) == {"defog": {"successful": 5, "packaged": 5}}
    assert calls(business, 1, api="dark-enhance") == ["ok"]  # which no package is for
    assert totals(business)["dark-enhance"]["paid"] == 1


def test_what_a_package_does_not_cover_is_paid_by_use(make, clock):
    business = make([SMALL], prices=PRICES)
    business.bills.top_up(A, 100, clock())
    business.packages.buy(A, SMALL, clock())
    calls(business, 3)
    assert totals(business)["defog"] == {"successful": 3, "packaged": 2, "paid": 1, "amount": 10**9}


def test_an_expired_package_is_worth_nothing(make, clock):
    business = make([SMALL], monthly_free_calls=0)
    business.bills.top_up(A, 100, clock())
    package = business.packages.buy(A, SMALL, clock())
    clock.now = package.expires - 0.001
    assert calls(business) == ["ok"]
    clock.now = package.expires
    assert calls(business) == ["AIS.0032"]
    assert business.packages.of(A)[0].left == 1


def test_a_call_uses_the_package_that_was_valid_when_it_was_admitted(make, clock):
    import asyncio

    business = make([SMALL], monthly_free_calls=0)
    business.bills.top_up(A, 100, clock())
    package = business.packages.buy(A, SMALL, clock())

    async def slow_call():
        clock.now = package.expires - 1
        permit = await business.admit(caller(), BY_NAME["defog"])
        clock.now = package.expires + 1
        await business.count(permit, ok=True)

    asyncio.run(slow_call())
    assert business.packages.of(A)[0].used == 1


def test_accounts_in_arrears_and_frozen_ones_buy_nothing(make, clock, store):
    free = Offer("gift", "defog", 1, 1, 0)
    business = make([free], prices=PRICES)
    calls(business)
    clock.now += HOUR
    business.bills.issue(clock())
    with pytest.raises(ServiceError, match=r"AIS\.0027.*arrears"):
        business.packages.buy(A, free, clock())
    business.bills.top_up(A, 1, clock())
    business.packages.buy(A, free, clock())
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE accounts SET frozen = true")
    with pytest.raises(ServiceError, match=r"AIS\.0027"):
        business.packages.buy(A, free, clock())


def test_a_package_that_renews_itself_is_followed_without_a_gap(make, clock):
    business = make([SMALL], monthly_free_calls=0)
    business.bills.top_up(A, 100, clock())
    first = business.packages.buy(A, SMALL, clock(), auto_renew=True)
    clock.now = first.expires - AHEAD - 1
    business.tick(clock())
    assert len(business.packages.of(A)) == 1
    clock.now = first.expires - AHEAD
    business.tick(clock())
    business.tick(clock())
    second, before = business.packages.of(A)
    assert (second.starts, second.auto_renew, before.auto_renew) == (first.expires, True, False)
    assert calls(business, 3) == ["ok", "ok", "AIS.0032"]  # the second has not begun
    clock.now = second.starts
    assert calls(business, 3) == ["ok", "ok", "AIS.0032"]


def test_a_renewal_waits_for_money_until_the_package_ends(make, clock):
    business = make([SMALL])
    business.bills.top_up(A, 10, clock())
    first = business.packages.buy(A, SMALL, clock(), auto_renew=True)
    clock.now = first.expires - HOUR
    business.tick(clock())
    assert len(business.packages.of(A)) == 1
    clock.now += HOUR / 2
    business.bills.top_up(A, 10, clock())
    business.tick(clock())
    second = business.packages.of(A)[0]
    assert second.starts == first.expires
    clock.now = second.expires
    business.tick(clock())  # 9 are left
    third = business.packages.of(A)[0]
    assert third.starts == second.expires
    clock.now = third.expires
    business.tick(clock())
    business.bills.top_up(A, 100, clock())
    business.tick(clock())
    assert len(business.packages.of(A)) == 3  # too late: it has to be bought


def test_a_renewal_that_comes_late_begins_when_it_is_bought(make, clock):
    business = make([SMALL])
    business.bills.top_up(A, 100, clock())
    first = business.packages.buy(A, SMALL, clock(), auto_renew=True)
    clock.now = first.expires + 50 * DAY  # the server was off
    business.tick(clock())
    assert business.packages.of(A)[0].starts == clock()


def test_what_is_no_longer_offered_is_not_renewed(make, clock):
    business = make([SMALL])
    business.bills.top_up(A, 100, clock())
    package = business.packages.buy(A, SMALL, clock(), auto_renew=True)
    later = make([])
    later.tick(package.expires)
    (found,) = later.packages.of(A)
    assert not found.auto_renew


def test_renewal_can_be_switched_by_the_owner_alone(make, clock):
    business = make([SMALL])
    business.bills.top_up(A, 100, clock())
    package = business.packages.buy(A, SMALL, clock())
    business.packages.set_auto_renew(A, package.id, True, clock())
    assert business.packages.of(A)[0].auto_renew
    with pytest.raises(ServiceError, match=r"AIP\.0012"):
        business.packages.set_auto_renew(id_of("b"), package.id, False, clock())
    with pytest.raises(ServiceError, match=r"AIP\.0012"):
        business.packages.set_auto_renew(A, package.id, False, package.expires)


@pytest.mark.parametrize(
    "change", [{"api": "x"}, {"calls": 0}, {"months": 0}, {"months": 121}, {"price": -1}, {"price": "y"}]
)
def test_offers_that_make_no_sense_are_refused(change):
    with pytest.raises(ParameterError):
        Offer(**{"name": "small", "api": "defog", "calls": 2, "months": 1, "price": 5} | change)


def test_two_offers_of_one_name_are_refused(make):
    with pytest.raises(ParameterError, match="same name"):
        make([SMALL, SMALL])
