"""What an account uses, owns and owes, as its users see it and its administrators change it.

    GET  /irs/v1/services                       all of them, with their APIs, what is left, and prices
    POST /irs/v1/services/{service}/subscribe   and /unsubscribe
    GET  /irs/v1/obs-authorisation              PUT {"authorised": true}
    GET  /irs/v1/packages                       on offer and bought
    POST /irs/v1/packages                       {"offer": NAME, "auto_renew": false}: buy one
    PUT  /irs/v1/packages/{id}                  {"auto_renew": true}
    GET  /irs/v1/balance?limit=                 with its newest changes
    POST /irs/v1/balance                        {"amount": "10.50", "account_id": ID}: the operator tops up
    GET  /irs/v1/bills?limit=                   the newest, with their lines

Amounts are strings in the currency, which is beside them; times are as "2026-11-29T21:31:00Z".
"""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from irs_engine.errors import ParameterError
from irs_engine.server.answers import AsciiJSON
from irs_engine.server.business import statistics_routes
from irs_engine.server.business.asking import administrator, parts, reader, whole
from irs_engine.server.business.packages import Offer, Package
from irs_engine.server.business.periods import HOUR, iso
from irs_engine.server.business.prices import to_text
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.bodies import field
from irs_engine.server.identity.session_routes import is_operator

MOST = 1000  # rows of an answer


async def services(request: Request) -> Response:
    caller = await reader(request)
    return AsciiJSON(await run_in_threadpool(parts(request).business.overview, caller.account_id))


async def subscribe(request: Request) -> Response:
    caller, _ = await administrator(request)
    business, service = parts(request).business, request.path_params["service"]
    await run_in_threadpool(business.subscriptions.subscribe, caller.account_id, service, business.clock())
    return AsciiJSON({"name": service, "subscribed": True})


async def unsubscribe(request: Request) -> Response:
    caller, _ = await administrator(request)
    business, service = parts(request).business, request.path_params["service"]
    await run_in_threadpool(business.subscriptions.unsubscribe, caller.account_id, service, business.clock())
    return AsciiJSON({"name": service, "subscribed": False})


async def obs_authorisation(request: Request) -> Response:
    business = parts(request).business
    if request.method == "PUT":
        caller, body = await administrator(request)
        wanted = field(body, "authorised", bool)
        await run_in_threadpool(
            business.subscriptions.authorise_obs, caller.account_id, wanted, business.clock()
        )
    else:
        caller = await reader(request)
    return AsciiJSON({"authorised": await business.obs_authorised(caller.account_id)})


async def packages(request: Request) -> Response:
    caller = await reader(request)
    business = parts(request).business
    owned = await run_in_threadpool(business.packages.of, caller.account_id)
    now = business.clock()
    return AsciiJSON(
        {
            "currency": business.prices.currency,
            "offers": [_offer(offer) for offer in business.packages.offers.values()],
            "packages": [_package(package, now) for package in owned],
        }
    )


async def buy(request: Request) -> Response:
    caller, body = await administrator(request)
    business = parts(request).business
    name, auto_renew = field(body, "offer", str), field(body, "auto_renew", bool, False)
    if not (offer := business.packages.offers.get(name)):
        raise ServiceError("AIP.0012", f"offer: expected one of {', '.join(business.packages.offers)}")
    now = business.clock()
    bought = await run_in_threadpool(business.packages.buy, caller.account_id, offer, now, auto_renew)
    return AsciiJSON(_package(bought, now), 201)


async def set_auto_renew(request: Request) -> Response:
    caller, body = await administrator(request)
    business, id = parts(request).business, request.path_params["id"]
    wanted = field(body, "auto_renew", bool)
    await run_in_threadpool(business.packages.set_auto_renew, caller.account_id, id, wanted, business.clock())
    return AsciiJSON({"id": id, "auto_renew": wanted})


async def balance(request: Request) -> Response:
    caller = await reader(request)
    limit = whole(request, "limit", 100, MOST)
    return AsciiJSON(await run_in_threadpool(_balance, parts(request).business, caller.account_id, limit))


async def top_up(request: Request) -> Response:
    """By administrators of the account that runs this server: nobody else can know that money came in."""
    caller, body = await administrator(request)
    if not await run_in_threadpool(is_operator, request, caller):
        raise ServiceError("ModelArts.4203", "the operator of this server tops accounts up")
    amount = body.get("amount")
    if isinstance(amount, bool) or not isinstance(amount, (int, float, str)):
        raise ServiceError("AIP.0012", "amount: expected a number, best as a string")
    business = parts(request).business
    account_id = field(body, "account_id", str, caller.account_id)
    note = field(body, "note", str, "")[:200]

    def pay_in() -> dict[str, Any]:
        try:
            business.bills.top_up(account_id, amount, business.clock(), note)
        except ParameterError as error:
            raise ServiceError("AIP.0012", f"amount: {error}") from None
        return _balance(business, account_id, 1)

    return AsciiJSON(await run_in_threadpool(pay_in))


async def bills(request: Request) -> Response:
    caller = await reader(request)
    business = parts(request).business
    found = await run_in_threadpool(business.bills.of, caller.account_id, whole(request, "limit", 100, MOST))
    return AsciiJSON(
        {
            "currency": business.prices.currency,
            "bills": [
                {
                    "from": iso(HOUR * bill.hour),
                    "to": iso(HOUR * (bill.hour + 1)),
                    "issued": iso(bill.issued),
                    "amount": to_text(bill.amount),
                    "lines": [
                        {"api": line.api, "calls": line.calls, "amount": to_text(line.amount)}
                        for line in bill.lines
                    ],
                }
                for bill in found
            ],
        }
    )


def _balance(business: Any, account_id: str, limit: int) -> dict[str, Any]:
    found = business.bills.balance(account_id)
    return {
        "currency": business.prices.currency,
        "balance": to_text(found.amount),
        "in_arrears": found.amount < 0,
        "not_billed": to_text(found.not_billed),
        "entries": [
            {
                "time": iso(entry.time),
                "kind": entry.kind,
                "amount": to_text(entry.amount),
                "balance": to_text(entry.balance),
                "note": entry.note,
            }
            for entry in business.bills.entries(account_id, limit)
        ],
    }


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "name": offer.name,
        "api": offer.api,
        "calls": offer.calls,
        "months": offer.months,
        "price": to_text(offer.nano),
    }


def _package(package: Package, now: float) -> dict[str, Any]:
    return {
        "id": package.id,
        "offer": package.offer,
        "api": package.api,
        "calls": package.quota,
        "used": package.used,
        "price": to_text(package.price),
        "bought": iso(package.bought),
        "starts": iso(package.starts),
        "expires": iso(package.expires),
        "valid": package.valid(now),
        "auto_renew": package.auto_renew,
    }


routes = [
    Route("/irs/v1/services", services),
    Route("/irs/v1/services/{service}/subscribe", subscribe, methods=["POST"]),
    Route("/irs/v1/services/{service}/unsubscribe", unsubscribe, methods=["POST"]),
    Route("/irs/v1/obs-authorisation", obs_authorisation, methods=["GET", "PUT"]),
    Route("/irs/v1/packages", packages),
    Route("/irs/v1/packages", buy, methods=["POST"]),
    Route("/irs/v1/packages/{id}", set_auto_renew, methods=["PUT"]),
    Route("/irs/v1/balance", balance),
    Route("/irs/v1/balance", top_up, methods=["POST"]),
    Route("/irs/v1/bills", bills),
    *statistics_routes.routes,
]
