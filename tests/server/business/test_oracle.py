"""Any sequence of calls, payments, purchases and hours against books that are kept by hand."""

import asyncio
import itertools
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_calls import HOUR, NOON, caller, id_of, new_account, totals

from irs_engine.server.apis import BY_NAME
from irs_engine.server.business import Offer
from irs_engine.server.business.periods import month_of, months_later
from irs_engine.server.business.prices import to_nano
from irs_engine.server.errors import ServiceError

TIERS = [(0, "0.7"), (5, "0.3"), (12, "0.123456")]  # calls of the month, price of 1,000
FREE = 3
OFFERS = [Offer("small", "defog", 2, 1, "0.002"), Offer("large", "defog", 9, 3, "0.01")]
APIS = ("defog", "dark-enhance")  # the second has no price
numbers = itertools.count()

steps = st.lists(
    st.one_of(
        # How many calls are made at once, and which of them succeed.
        st.tuples(st.just("call"), st.sampled_from(APIS), st.lists(st.booleans(), min_size=1, max_size=8)),
        st.tuples(st.just("pass"), st.sampled_from([1, 600, HOUR, 30 * HOUR, 24 * 20 * HOUR])),
        st.tuples(st.just("buy"), st.sampled_from(OFFERS)),
        st.tuples(st.just("pay"), st.sampled_from(["0.001", "0.0123", "0.000000001"])),
        st.tuples(st.just("bill")),
    ),
    max_size=25,
)


class Ledger:
    """Everything one by one, in decimal numbers of the currency."""

    def __init__(self):
        self.balance = Decimal(0)
        self.successes = {}  # by API and month
        self.free = {}  # by API and month: calls used
        self.packages = []  # [calls left, start, end]
        self.open = {}  # by hour: cost of calls without a bill
        self.kinds = {}  # by API and month: {what was consumed: calls}

    def left(self, api, now):
        free = max(0, FREE - self.free.get((api, month_of(now)), 0))
        of_packages = sum(left for left, start, end in self.packages if start <= now < end)
        return free + (of_packages if api == "defog" else 0)

    def admits(self, api, now, in_flight):
        if in_flight < self.left(api, now):
            return "ok"
        if api != "defog":
            return "AIS.0032"
        return "ok" if self.balance >= 0 else "AIS.0027"

    def success(self, api, now):
        key = (api, month_of(now))
        before = self.successes.get(key, 0)
        self.successes[key] = before + 1
        kinds = self.kinds.setdefault(key, {"free": 0, "packaged": 0, "paid": 0})
        if self.free.get(key, 0) < FREE:
            self.free[key] = self.free.get(key, 0) + 1
            kinds["free"] += 1
            return
        valid = [p for p in self.packages if p[0] and p[1] <= now < p[2]]
        if api == "defog" and valid:
            min(valid, key=lambda package: package[2])[0] -= 1
            kinds["packaged"] += 1
            return
        price = [Decimal(price) / 1000 for above, price in TIERS if above <= before][-1]
        kinds["paid"] += 1
        self.open.setdefault(now // HOUR, []).append(price)

    def bill(self, now):
        for hour in [hour for hour in self.open if hour < now // HOUR]:
            self.balance -= sum(self.open.pop(hour))

    def buy(self, offer, now):
        price = Decimal(offer.price)
        if self.balance < 0 or self.balance < price:
            return False
        self.balance -= price
        self.packages.append([offer.calls, now, months_later(now, offer.months)])
        return True


async def at_once(business, who, api, successes):
    """Outcomes of calls that are all admitted before any of them ends."""
    asked = [business.admit(who, BY_NAME[api]) for _ in successes]
    found = await asyncio.gather(*asked, return_exceptions=True)
    outcomes = [one.code if isinstance(one, ServiceError) else "ok" for one in found]
    for permit, ok in zip(found, successes, strict=True):
        if not isinstance(permit, ServiceError):
            await business.count(permit, ok)
    return outcomes


@pytest.fixture
def business(make):
    prices = {"defog": [{"above": above, "per_thousand": price} for above, price in TIERS]}
    return make(OFFERS, monthly_free_calls=FREE, prices=prices)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_books_agree(business, store, clock, steps):
    clock.now = NOON
    account = f"oracle{next(numbers)}"
    new_account(store, account)
    who, id, ledger = caller(account), id_of(account), Ledger()
    for step, *details in steps:
        if step == "pass":
            clock.now += details[0]
        elif step == "pay":
            ledger.balance += Decimal(details[0])
            business.bills.top_up(id, details[0], clock())
        elif step == "bill":
            ledger.bill(clock())
            business.bills.issue(clock())
        elif step == "buy":
            bought = ledger.buy(details[0], clock())
            try:
                business.packages.buy(id, details[0], clock())
                assert bought
            except ServiceError:
                assert not bought
        else:
            api, successes = details
            expected, in_flight = [], 0
            for _ in successes:
                expected.append(ledger.admits(api, clock(), in_flight))
                in_flight += expected[-1] == "ok"
            assert asyncio.run(at_once(business, who, api, successes)) == expected
            for ok, outcome in zip(successes, expected, strict=True):
                if ok and outcome == "ok":
                    ledger.success(api, clock())
        balance = business.bills.balance(id)
        assert balance.amount == to_nano(ledger.balance)
        assert balance.not_billed == to_nano(sum(map(sum, ledger.open.values()), Decimal(0)))
    for (api, month), successes in ledger.successes.items():
        found = totals(business, account, month)[api]
        assert found["successful"] == successes
        assert {kind: found.get(kind, 0) for kind in ("free", "packaged", "paid")} == ledger.kinds[api, month]
    left = Counter()  # by expiry: which of two that expire together is used first makes no difference
    for package in business.packages.of(id):
        left[package.expires] += package.left
    for calls, _, end in ledger.packages:
        left[end] -= calls
    assert not any(left.values())
    ledger.bill(clock() + HOUR)
    business.bills.issue(clock() + HOUR)
    entries = business.bills.entries(id, 1000)
    assert (
        sum(entry.amount for entry in entries) == to_nano(ledger.balance) == business.bills.balance(id).amount
    )
    assert sum(bill.amount for bill in business.bills.of(id, 1000)) == -sum(
        entry.amount for entry in entries if entry.kind == "bill"
    )
