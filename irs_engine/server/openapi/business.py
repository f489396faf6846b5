"""Services, bills, statistics, health: what is asked and answered.

The routes are where the addresses are; a test holds these descriptions against them.
"""

from __future__ import annotations

from irs_engine.server.openapi.endpoint import BUSINESS, HEALTH, STATISTICS, Endpoint
from irs_engine.server.openapi.schemas import Schema, flag, items, number, record, text, whole

ISO = text("Such as 2026-11-29T21:31:00Z.")
AMOUNT = text("In the currency.")
PACKAGE = record(
    id=text(),
    offer=text(),
    api=text(),
    calls=whole(),
    used=whole(),
    price=AMOUNT,
    bought=ISO,
    starts=ISO,
    expires=ISO,
    valid=flag(),
    auto_renew=flag(),
)
BALANCE = record(
    currency=text(),
    balance=AMOUNT,
    in_arrears=flag(),
    not_billed=AMOUNT,
    entries=items(record(time=ISO, kind=text(), amount=AMOUNT, balance=AMOUNT, note=text())),
)


def counts(**more: Schema) -> Schema:
    numbers = {name: whole() for name in ("successful", "failed", "free", "packaged", "paid")}
    return record("", (), **more, **numbers, amount=AMOUNT)


API_USE = record(
    name=text(),
    title=text(),
    successful_this_month=whole(),
    monthly_free_calls={"type": ["integer", "null"]},
    free_calls_left={"type": ["integer", "null"], "description": "null: no limit."},
    package_calls_left=whole(),
    prices=items(record(above=whole("Calls of the month."), per_thousand=AMOUNT)),
)
SUBSCRIBED = record(name=text(), subscribed=flag())
STATUS = record(status=text(), problem=text(), optional=("problem",))
MILLISECONDS = whole("Milliseconds since 1970.")
PERIOD = whole("Seconds.", enum=[1, 60, 300, 1200, 3600, 14400, 86400])
FILTER = text(enum=["sum", "average", "max", "min", "variance"], default="sum")
LIMIT = whole("Most rows.", minimum=0, maximum=1000, default=100)

ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/irs/v1/services"): Endpoint(
        BUSINESS,
        "Services, and what is left of them",
        record(
            currency=text(),
            services=items(record(name=text(), subscribed=flag(), apis=items(API_USE))),
            obs_authorised=flag(),
        ),
    ),
    ("POST", "/irs/v1/services/{service}/subscribe"): Endpoint(
        BUSINESS, "Subscribe to a service", SUBSCRIBED
    ),
    ("POST", "/irs/v1/services/{service}/unsubscribe"): Endpoint(
        BUSINESS, "Unsubscribe from a service", SUBSCRIBED
    ),
    ("GET", "/irs/v1/obs-authorisation"): Endpoint(
        BUSINESS, "Whether private objects may be read", record(authorised=flag())
    ),
    ("PUT", "/irs/v1/obs-authorisation"): Endpoint(
        BUSINESS,
        "Let the services read private objects",
        record(authorised=flag()),
        record(authorised=flag()),
    ),
    ("GET", "/irs/v1/packages"): Endpoint(
        BUSINESS,
        "Packages: on offer and bought",
        record(
            currency=text(),
            offers=items(record(name=text(), api=text(), calls=whole(), months=whole(), price=AMOUNT)),
            packages=items(PACKAGE),
        ),
    ),
    ("POST", "/irs/v1/packages"): Endpoint(
        BUSINESS,
        "Buy a package",
        PACKAGE,
        record(offer=text(), auto_renew=flag(), optional=("auto_renew",)),
        status=201,
    ),
    ("PUT", "/irs/v1/packages/{id}"): Endpoint(
        BUSINESS,
        "Renew a package by itself, or not",
        record(id=text(), auto_renew=flag()),
        record(auto_renew=flag()),
    ),
    ("GET", "/irs/v1/balance"): Endpoint(
        BUSINESS, "The balance and its newest changes", BALANCE, query={"limit": LIMIT}
    ),
    ("POST", "/irs/v1/balance"): Endpoint(
        BUSINESS,
        "Top up a balance, as the operator",
        BALANCE,
        record(amount=AMOUNT, account_id=text(), note=text(), optional=("account_id", "note")),
    ),
    ("GET", "/irs/v1/bills"): Endpoint(
        BUSINESS,
        "The newest bills",
        record(
            currency=text(),
            bills=items(
                record(
                    from_=ISO,
                    to=ISO,
                    issued=ISO,
                    amount=AMOUNT,
                    lines=items(record(api=text(), calls=whole(), amount=AMOUNT)),
                )
            ),
        ),
        query={"limit": LIMIT},
    ),
    ("GET", "/V1.0/{project_id}/metric-data"): Endpoint(
        STATISTICS,
        "A metric as Cloud Eye gives it",
        record(
            metric_name=text(),
            datapoints=items(record(timestamp=MILLISECONDS, unit=text())),
        ),
        query={
            "namespace": text(const="SYS.IRS"),
            "metric_name": text(enum=["successful_call_times_of_service", "failed_call_times_of_service"]),
            "dim.0": text("call_of_interface, a comma, and the name of an API."),
            "from": MILLISECONDS,
            "to": MILLISECONDS,
            "period": PERIOD,
            "filter": FILTER,
        },
    ),
    ("GET", "/irs/v1/metrics"): Endpoint(
        STATISTICS,
        "Calls by the minute",
        record(
            namespace=text(),
            unit=text(),
            from_=MILLISECONDS,
            to=MILLISECONDS,
            period=PERIOD,
            series=items(record(api=text(), metric_name=text(), values=items(number()))),
        ),
        query={
            "from": MILLISECONDS,
            "to": MILLISECONDS,
            "period": PERIOD,
            "api": text(),
            "user": text("Id."),
            "filter": FILTER,
        },
    ),
    ("GET", "/irs/v1/usage"): Endpoint(
        STATISTICS,
        "Calls of a month",
        record(
            month=text(),
            currency=text(),
            apis=items(counts(api=text())),
            users=items(counts(api=text(), user_id=text(), user_name=text())),
        ),
        query={"month": text("Such as 2026-11."), "format": text(enum=["json", "csv"])},
    ),
    ("GET", "/livez"): Endpoint(HEALTH, "It runs", STATUS, open=True),
    ("GET", "/readyz"): Endpoint(HEALTH, "It can answer calls", STATUS, open=True),
    ("GET", "/metrics"): Endpoint(HEALTH, "Numbers for Prometheus", open=True, answers_in="text/plain"),
}
