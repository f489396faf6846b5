"""Hourly bills: of every paid call, once, whenever and however often they are issued."""

import asyncio
import threading

import pytest
from service_calls import HOUR, NOON, caller, calls, id_of

from irs_engine.errors import ParameterError
from irs_engine.server.apis import BY_NAME
from irs_engine.server.business.bills import Line
from irs_engine.server.errors import ServiceError

A = id_of("a")
PRICES = {"default": [{"above": 0, "per_thousand": 1.5}, {"above": 3, "per_thousand": 0.9}]}


def test_tiers_are_those_of_the_calls_of_the_month(make, clock):
    business = make(prices=PRICES)
    calls(business, 5)
    assert business.bills.balance(A).not_billed == 3 * 1_500_000 + 2 * 900_000
    clock.now += 36 * HOUR  # December
    calls(business, 1)
    assert business.bills.balance(A).not_billed == 4 * 1_500_000 + 2 * 900_000


def test_free_and_failed_calls_are_in_no_bill_but_free_ones_reach_the_next_tier(make, clock):
    business = make(prices=PRICES, monthly_free_calls=2)
    calls(business, 4, ok=False)
    calls(business, 4)
    assert business.bills.balance(A).not_billed == 1_500_000 + 900_000


def test_hours_that_ended_are_billed_once(make, clock):
    business = make(prices=PRICES)
    calls(business, 2)
    calls(business, 1, api="dark-enhance")
    assert business.bills.issue(clock() + HOUR - 1) == 0
    clock.now += HOUR
    calls(business, 1)
    assert [business.bills.issue(clock()) for _ in range(3)] == [1, 0, 0]
    (bill,) = business.bills.of(A, 10)
    assert (HOUR * bill.hour, bill.issued, bill.amount) == (NOON, clock(), 4_500_000)
    assert bill.lines == (Line("dark-enhance", 1, 1_500_000), Line("defog", 2, 3_000_000))
    balance = business.bills.balance(A)
    assert (balance.amount, balance.not_billed) == (-4_500_000, 1_500_000)
    assert business.bills.of(id_of("b"), 10) == []


def test_each_hour_has_a_bill_of_its_own_though_issued_together(make, clock):
    business = make(prices=PRICES)
    for _ in range(3):
        calls(business)
        clock.now += 2 * HOUR
    assert business.bills.issue(clock()) == 3
    assert [HOUR * bill.hour for bill in business.bills.of(A, 10)] == [NOON + 4 * HOUR, NOON + 2 * HOUR, NOON]
    assert [HOUR * bill.hour for bill in business.bills.of(A, 1)] == [NOON + 4 * HOUR]
    assert [entry.balance for entry in business.bills.entries(A, 10)] == [-4_500_000, -3_000_000, -1_500_000]


def test_a_call_that_ends_after_its_hour_was_billed_is_in_the_next_bill(make, clock):
    business = make(prices=PRICES)

    async def slow():
        clock.now = NOON + HOUR - 1
        permit = await business.admit(caller(), BY_NAME["defog"])
        await business.count(await business.admit(caller(), BY_NAME["defog"]), ok=True)
        clock.now = NOON + HOUR
        business.bills.issue(clock())
        await business.count(permit, ok=True)

    asyncio.run(slow())
    clock.now += HOUR
    business.bills.issue(clock())
    later, first = business.bills.of(A, 10)
    assert [line.calls for bill in (later, first) for line in bill.lines] == [1, 1]
    assert later.hour == first.hour + 1
    assert business.bills.balance(A).amount == -3_000_000


def test_bills_that_are_issued_at_once_are_issued_once(make, clock):
    business = make(prices=PRICES)
    calls(business, 2)
    clock.now += HOUR
    start, counts = threading.Barrier(4), []

    def issue():
        start.wait()
        counts.append(business.bills.issue(clock()))

    threads = [threading.Thread(target=issue) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, 1]
    assert business.bills.balance(A).amount == -3_000_000


def test_money_that_comes_from_many_sides_is_all_there(make, clock):
    business = make()

    def pay():
        for _ in range(10):
            business.bills.top_up(A, "0.1", clock())

    threads = [threading.Thread(target=pay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert business.bills.balance(A).amount == 4 * 10**9
    assert sorted(entry.balance for entry in business.bills.entries(A, 99)) == [
        n * 10**8 for n in range(1, 41)
    ]


@pytest.mark.parametrize("amount", [0, -1, "-0.5"])
def test_only_money_tops_up(make, clock, amount):
    with pytest.raises(ServiceError, match=r"AIP\.0012"):
        make().bills.top_up(A, amount, clock())


def test_amounts_and_accounts_have_to_make_sense(make, clock):
    bills = make().bills
    with pytest.raises(ParameterError):
        bills.top_up(A, "much", clock())
    with pytest.raises(ServiceError, match="no such account"):
        bills.top_up("nobody", 1, clock())


def test_the_server_issues_bills_by_itself(make, clock):
    business = make(prices=PRICES)
    calls(business)
    clock.now += HOUR

    async def serve():
        running = asyncio.create_task(business.run())
        while not business.bills.of(A, 1):
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(serve(), 30))
    assert business.bills.balance(A).amount == -1_500_000
