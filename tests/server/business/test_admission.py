"""Who is let in, and that nobody is let in too often by asking many times at once."""

import asyncio

import pytest
import sqlalchemy as sa
from service_calls import HOUR, call, caller, calls, id_of, totals

from irs_engine.server.apis import BY_NAME
from irs_engine.server.business import Offer
from irs_engine.server.caller import ADMINISTRATOR, OBS_VIEWER, TENANT_GUEST
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.tables import accounts

PRICE = [{"above": 0, "per_thousand": "2"}]


def freeze(store, frozen):
    with store.write() as connection:
        connection.execute(accounts.update().values(frozen=frozen))


def test_nothing_costs_anything_by_default(make):
    business = make()
    assert calls(business, 30) == 30 * ["ok"]
    assert totals(business) == {"defog": {"successful": 30, "free": 30}}


@pytest.mark.parametrize(
    "permissions, outcome",
    [
        ((TENANT_GUEST,), "ok"),
        ((ADMINISTRATOR,), "ok"),
        ((OBS_VIEWER,), "ModelArts.4203"),
        ((), "ModelArts.4203"),
    ],
)
def test_users_need_a_permission(make, permissions, outcome):
    assert calls(make(), 1, caller(permissions=permissions)) == [outcome]


def test_each_generation_of_apis_says_in_its_own_way_that_it_is_not_subscribed(make, clock):
    business = make(subscribed=False)
    assert calls(business, 1, api="image-tagging") == ["ModelArts.4204"]
    assert calls(business, 1, api="image-tagging-v1") == ["AIS.0004"]
    business.subscriptions.subscribe(id_of("a"), "image-tagging", clock())
    assert calls(business, 1, api="image-tagging") == ["ok"]
    assert calls(business, 1, api="image-tagging-v1") == ["ok"]
    assert calls(business, 1, api="defog") == ["AIS.0004"]
    assert calls(business, 1, caller("b"), api="image-tagging") == ["ModelArts.4204"]


def test_frozen_accounts_are_refused_until_they_are_not(make, store):
    business = make()
    freeze(store, True)
    assert calls(business) == ["AIS.0027"]
    freeze(store, False)
    assert calls(business) == ["ok"]


def test_an_account_that_is_gone_is_refused(make):
    assert calls(make(), 1, caller("nobody")) == ["AIS.0004"]


def test_free_calls_end_and_begin_again_with_the_month(make, clock):
    business = make(monthly_free_calls=3)
    assert calls(business, 5) == ["ok", "ok", "ok", "AIS.0032", "AIS.0032"]
    assert calls(business, 1, api="dark-enhance") == ["ok"]  # each API has its own
    assert calls(business, 1, caller("b")) == ["ok"]  # and each account
    assert calls(business, 1, caller(user="bob")) == ["AIS.0032"]  # of which all users share them
    clock.now += 36 * HOUR
    assert calls(business, 4) == ["ok", "ok", "ok", "AIS.0032"]


def test_failed_calls_consume_nothing(make):
    business = make(monthly_free_calls=1)
    assert calls(business, 3, ok=False) == 3 * ["failed"]
    assert calls(business, 2) == ["ok", "AIS.0032"]
    business.close()
    assert totals(business) == {"defog": {"successful": 1, "failed": 4, "free": 1}}


def test_calls_at_the_same_time_do_not_overrun_a_quota(make, clock):
    """7 free calls, a package of 5, and 40 callers who are all being served at once."""
    offer = Offer("five", "defog", 5, 1, 0)
    business = make([offer], monthly_free_calls=7)
    business.packages.buy(id_of("a"), offer, clock())

    async def at_once():
        asked = [business.admit(caller(), BY_NAME["defog"]) for _ in range(40)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        permits = [permit for permit in found if not isinstance(permit, ServiceError)]
        assert {error.code for error in found if isinstance(error, ServiceError)} == {"AIS.0032"}
        await asyncio.gather(*(business.count(permit, ok=n != 0) for n, permit in enumerate(permits)))
        return len(permits), [await call(business) for _ in range(2)]

    # The one that failed gave its place back.
    assert asyncio.run(at_once()) == (12, ["ok", "AIS.0032"])
    assert business.packages.of(id_of("a"))[0].left == 0
    sums = totals(business)["defog"]
    assert (sums["free"], sums["packaged"]) == (7, 5)


def test_calls_that_were_given_up_are_as_if_they_had_never_been(make):
    business = make(monthly_free_calls=1)

    async def given_up():
        for _ in range(3):
            business.release(await business.admit(caller(), BY_NAME["defog"]))
        permit = await business.admit(caller(), BY_NAME["defog"])
        assert await call(business) == "AIS.0032"  # it is in flight
        await business.count(permit, ok=True)
        business.release(permit)  # too late to mean anything
        return await call(business)

    assert asyncio.run(given_up()) == "AIS.0032"
    business.close()
    assert totals(business) == {"defog": {"successful": 1, "failed": 2, "free": 1}}


def test_calls_whose_client_left_during_admission_leave_their_place_to_others(make):
    business = make(monthly_free_calls=1)

    async def impatient():
        for wait in 40 * (0, 0.0002, 0.0005, 0.001):
            task = asyncio.create_task(business.admit(caller(), BY_NAME["defog"]))
            await asyncio.sleep(wait)
            if task.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                business.release(await task)
        return await call(business)

    assert asyncio.run(impatient()) == "ok"


def test_calls_whose_client_left_while_they_were_counted_are_counted(make):
    business = make()

    async def impatient():
        permits = [await business.admit(caller(), BY_NAME["defog"]) for _ in range(20)]
        tasks = [asyncio.create_task(business.count(permit, ok=True)) for permit in permits]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(impatient())
    business.close()
    assert totals(business) == {"defog": {"successful": 20, "free": 20}}


def test_a_call_belongs_to_the_month_in_which_it_was_admitted(make, clock):
    business = make(monthly_free_calls=1)

    async def over_midnight():
        permit = await business.admit(caller(), BY_NAME["defog"])
        clock.now += 36 * HOUR
        await business.count(permit, ok=True)
        return [await call(business) for _ in range(2)]

    assert asyncio.run(over_midnight()) == ["ok", "AIS.0032"]
    assert [totals(business, month=m)["defog"]["free"] for m in ("2026-11", "2026-12")] == [1, 1]


def test_arrears_stop_what_is_paid_by_use_and_nothing_else(make, clock):
    offer = Offer("two", "defog", 2, 1, 0)
    business = make([offer], prices={"default": PRICE}, monthly_free_calls=1)
    assert calls(business, 3) == 3 * ["ok"]  # one is free, two will be billed
    business.packages.buy(id_of("a"), offer, clock())
    clock.now += HOUR
    assert business.bills.issue(clock()) == 1
    assert business.bills.balance(id_of("a")).amount == -4_000_000
    assert calls(business, 3) == ["ok", "ok", "AIS.0027"]
    assert calls(business, 2, api="dark-enhance") == ["ok", "AIS.0027"]
    business.bills.top_up(id_of("a"), "0.004", clock())
    assert calls(business, 2) == ["ok", "ok"]


def test_other_servers_on_the_same_database_see_what_is_used(make):
    one, other = make(monthly_free_calls=4), make(monthly_free_calls=4)
    assert [calls(server)[0] for server in (one, other, one, other, one, other)] == 4 * ["ok"] + 2 * [
        "AIS.0032"
    ]


def test_two_servers_at_once_lose_no_call(make, clock):
    """PostgreSQL has as many writers as there are servers: they wait for each other's rows."""
    offer = Offer("many", "defog", 90, 1, 0)
    servers = [make([offer], monthly_free_calls=30, prices={"default": PRICE}) for _ in range(2)]
    for _ in range(2):
        servers[0].packages.buy(id_of("a"), offer, clock())

    async def all_of_them():
        async def client(server, who):
            return [await call(server, who) for _ in range(25)]

        clients = [client(server, caller(user=user)) for server in servers for user in "abcdef"]
        clients += [client(server, caller("b")) for server in servers]
        return await asyncio.gather(*clients)

    assert all(outcome == "ok" for client in asyncio.run(all_of_them()) for outcome in client)
    mine = totals(servers[0])["defog"]
    assert mine == {"successful": 300, "free": 30, "packaged": 180, "paid": 90, "amount": 90 * 2_000_000}
    assert totals(servers[1], "b")["defog"]["paid"] == 20
    assert servers[0].bills.balance(id_of("a")).not_billed == 90 * 2_000_000


def test_refusals_are_counted_as_failed_calls(make):
    business = make(subscribed=False)
    calls(business, 2)
    calls(business, 1, caller(permissions=()))
    business.refused(caller(), BY_NAME["defog"])
    business.close()
    assert totals(business) == {"defog": {"failed": 4}}


def test_an_account_that_vanishes_spoils_no_call_of_others(make, store):
    """Its call cannot be counted, as nothing in the database may belong to nobody."""
    business = make()

    async def both():
        callers = [*5 * [caller()], caller("b"), *5 * [caller()]]
        permits = [await business.admit(who, BY_NAME["defog"]) for who in callers]
        with store.write() as connection:
            connection.execute(accounts.delete().where(accounts.c.id == id_of("b")))
        counts = [business.count(permit, ok=True) for permit in permits]
        return await asyncio.gather(*counts, return_exceptions=True)

    outcomes = asyncio.run(both())
    assert isinstance(outcomes.pop(5), sa.exc.IntegrityError)
    assert outcomes == 10 * [None]
    assert totals(business) == {"defog": {"successful": 10, "free": 10}}


def test_no_call_is_counted_twice(make):
    business = make()

    async def twice():
        counted, given_up = [await business.admit(caller(), BY_NAME["defog"]) for _ in range(2)]
        business.release(given_up)
        counts = [business.count(permit, ok=True) for permit in (counted, counted, given_up)]
        return await asyncio.gather(*counts, return_exceptions=True)

    first, *others = asyncio.run(twice())
    assert first is None and [str(error) for error in others] == 2 * [
        "the call was counted or given up before"
    ]
    assert totals(business) == {"defog": {"successful": 1, "free": 1}}


def test_a_database_that_is_gone_is_an_error_and_no_hang(make, store):
    business = make()

    async def without():
        permit = await business.admit(caller(), BY_NAME["defog"])
        with store.write() as connection:
            connection.exec_driver_sql("ALTER TABLE usage_minutes RENAME TO elsewhere")
        try:
            with pytest.raises(sa.exc.SQLAlchemyError):
                await business.count(permit, ok=True)
        finally:
            with store.write() as connection:
                connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO usage_minutes")
        return await call(business)

    assert asyncio.run(without()) == "ok"


def test_a_closed_business_says_so(make):
    business = make()
    assert calls(business) == ["ok"]
    business.close()
    business.close()
    with pytest.raises(RuntimeError, match="closed"):
        calls(business)
