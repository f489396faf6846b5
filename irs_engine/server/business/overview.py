"""What an account has of every service: for the list of services."""

from __future__ import annotations

from typing import Any

from irs_engine.server.apis import APIS, Api
from irs_engine.server.business.prices import Prices, to_text
from irs_engine.server.business.quota import Quota
from irs_engine.server.business.subscriptions import Subscriptions
from irs_engine.server.store import Store


def overview(
    store: Store, prices: Prices, subscriptions: Subscriptions, account_id: str, now: float
) -> dict[str, Any]:
    """As JSON; `free_calls_left` is null where there is no limit."""

    def of_api(api: Api) -> dict[str, Any]:
        quota = Quota.read(connection, prices, account_id, api.name, now)
        schedule = prices.schedule(api.name)
        return {
            "name": api.name,
            "title": api.title,
            "successful_this_month": quota.successful,
            "monthly_free_calls": prices.free_calls(api.name),
            "free_calls_left": quota.free,
            "package_calls_left": sum(p.left for p in quota.packages if p.valid(now)),
            "prices": [
                {"above": above, "per_thousand": to_text(1000 * nano)}
                for above, nano in (zip(schedule.above, schedule.nano, strict=True) if schedule else ())
            ],
        }

    subscribed = subscriptions.of(account_id)
    with store.read() as connection:
        found = [
            {
                "name": service,
                "subscribed": is_so,
                "apis": [of_api(api) for api in APIS if api.service == service],
            }
            for service, is_so in subscribed.items()
        ]
    return {
        "currency": prices.currency,
        "services": found,
        "obs_authorised": subscriptions.obs_authorised(account_id),
    }
