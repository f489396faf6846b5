"""Services are subscribed once, and OBS is authorised or not."""

import asyncio

import pytest
from service_calls import HOUR, calls, id_of

from irs_engine.server.apis import SERVICES
from irs_engine.server.errors import ServiceError

A, B = id_of("a"), id_of("b")


@pytest.mark.parametrize("default", [True, False])
def test_services_are_as_the_settings_say_until_an_account_decides(make, clock, default):
    subscriptions = make(subscribed=default).subscriptions
    assert subscriptions.of(A) == dict.fromkeys(SERVICES, default)
    change = subscriptions.unsubscribe if default else subscriptions.subscribe
    change(A, "defog", clock())
    assert subscriptions.of(A) == dict.fromkeys(SERVICES, default) | {"defog": not default}
    assert subscriptions.of(B) == dict.fromkeys(SERVICES, default)


def test_twice_is_an_error(make, clock):
    subscriptions = make().subscriptions
    with pytest.raises(ServiceError, match=r"AIP\.0011"):
        subscriptions.subscribe(A, "defog", clock())
    subscriptions.unsubscribe(A, "defog", clock())
    with pytest.raises(ServiceError, match=r"AIP\.0015"):
        subscriptions.unsubscribe(A, "defog", clock())
    subscriptions.subscribe(A, "defog", clock())
    assert subscriptions.of(A)["defog"]


def test_unknown_services_are_an_error(make, clock):
    with pytest.raises(ServiceError, match=r"AIS\.0005.*image-tagging"):
        make().subscriptions.subscribe(A, "telepathy", clock())


def test_nothing_is_subscribed_in_arrears(make, clock):
    business = make(prices={"default": [{"per_thousand": 1}]})
    calls(business)
    business.subscriptions.unsubscribe(A, "defog", clock())
    clock.now += HOUR
    business.bills.issue(clock())
    with pytest.raises(ServiceError, match=r"AIS\.0027.*arrears"):
        business.subscriptions.subscribe(A, "defog", clock())


def test_obs_is_authorised_until_it_is_not(make, clock):
    business = make()

    def authorised(account):
        return asyncio.run(business.obs_authorised(account))

    assert not authorised(A)
    for _ in range(2):
        business.subscriptions.authorise_obs(A, True, clock())
    assert authorised(A) and not authorised(B)
    business.subscriptions.authorise_obs(A, False, clock())
    assert not authorised(A)
