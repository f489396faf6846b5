"""The business over HTTP, with the identity that it is served with."""

import asyncio
import csv
import io
from dataclasses import dataclass, replace

import httpx
import pytest
from service_calls import HOUR, NOON, calls
from starlette.applications import Starlette

from irs_engine.server.answers import error_answer
from irs_engine.server.business import Business, Offer, routes
from irs_engine.server.caller import TENANT_GUEST, Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity import Identity
from irs_engine.server.settings import BillingSettings, Settings
from irs_engine.server.store import Store

PRICES = {"default": [{"above": 0, "per_thousand": 1.5}], "dark-enhance": []}
OFFER = Offer("small", "defog", 2, 1, "5.50")
OK = "successful_call_times_of_service"


@dataclass(frozen=True)
class Parts:
    settings: Settings
    store: Store
    identity: Identity
    business: Business


async def refused(request, error):
    return error_answer(error, request.scope, request.app.state.parts.settings)


@dataclass(frozen=True)
class Tenant:
    """A user of an account, with a token of its project; without one a stranger."""

    app: Starlette
    caller: Caller | None = None
    token: str = ""

    def ask(self, method, path, **options):
        """The whole answer."""

        async def ask():
            headers = {"X-Auth-Token": self.token} if self.token else {}
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", headers=headers
            ) as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def get(self, path, **query):
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, method, path, body=None, code=None):
        """What is answered; where a code is given it has to be that error."""
        found = self.ask(method, path, json=body).json()
        assert found.get("error_code") == code, found
        return found


@pytest.fixture
def parts(store, clock, tmp_path):
    billing = BillingSettings(monthly_free_calls=1, prices=PRICES)
    settings = Settings(data=tmp_path / "server", billing=billing)
    business = Business(store, settings, clock, [OFFER])
    yield Parts(settings, store, Identity(store, settings, clock), business)
    business.close()


@pytest.fixture
def tenant(parts):
    app = Starlette(routes=routes, exception_handlers={ServiceError: refused})
    app.state.parts = parts
    accounts = parts.identity.accounts

    def tenant(account, user=None, permissions=(), operator=False):
        """The administrator of a new account, or a further user of one with some permissions."""
        if user is None:
            home = accounts.create_account(account, operator=operator)
            (person,) = accounts.list_users(home.id)
            permissions = ["Administrator"]
        else:
            home = accounts.account(account)
            person = accounts.create_user(home.id, user)
            group = accounts.groups.create(home.id, f"group-of-{user}")
            for permission in permissions:
                accounts.groups.grant(group.id, permission)
            accounts.groups.add(group.id, person.id)
        (project,) = accounts.projects(home.id)
        token = parts.identity.tokens.issue(person.id, project.id).secret
        names = (home.id, home.name, person.id, person.name, project.id, project.name)
        return Tenant(app, Caller(*names, frozenset(permissions), "token"), token)

    return tenant


@pytest.fixture
def owner(tenant):
    return tenant("acme", operator=True)


def test_an_administrator_subscribes_and_others_look_on(owner, tenant, parts):
    guest = tenant("acme", "gus", [TENANT_GUEST])
    owner.send("POST", "/irs/v1/services/defog/unsubscribe")
    for who in (owner, guest):
        found = {service["name"]: service for service in who.get("/irs/v1/services")["services"]}
        assert not found["defog"]["subscribed"] and found["image-tagging"]["subscribed"]
    assert [api["name"] for api in found["image-tagging"]["apis"]] == ["image-tagging", "image-tagging-v1"]
    guest.send("POST", "/irs/v1/services/defog/subscribe", code="ModelArts.4203")
    assert owner.send("POST", "/irs/v1/services/defog/subscribe") == {"name": "defog", "subscribed": True}
    owner.send("POST", "/irs/v1/services/defog/subscribe", code="AIP.0011")
    owner.send("POST", "/irs/v1/services/magic/subscribe", code="AIS.0005")
    assert tenant("other").get("/irs/v1/services")["services"]


def test_what_is_left_is_told(owner, parts):
    parts.business.bills.top_up(owner.caller.account_id, 10, NOON)
    owner.send("POST", "/irs/v1/packages", {"offer": "small"})
    calls(parts.business, 2, owner.caller)
    services = {service["name"]: service["apis"][0] for service in owner.get("/irs/v1/services")["services"]}
    assert services["defog"] == {
        "name": "defog",
        "title": "Defog",
        "successful_this_month": 2,
        "monthly_free_calls": 1,
        "free_calls_left": 0,
        "package_calls_left": 1,
        "prices": [{"above": 0, "per_thousand": "1.5"}],
    }
    assert services["dark-enhance"]["free_calls_left"] == 1 and services["dark-enhance"]["prices"] == []


@pytest.mark.parametrize(
    "path",
    ["services", "obs-authorisation", "packages", "balance", "bills", "usage", "metrics"],
)
def test_only_users_of_the_service_look(tenant, owner, path):
    stranger = tenant("acme", "sam", ["OBS Buckets Viewer"])
    stranger.send("GET", f"/irs/v1/{path}", code="ModelArts.4203")
    assert owner.get(f"/irs/v1/{path}")
    Tenant(owner.app).send("GET", f"/irs/v1/{path}", code="APIG.0301")


def test_obs_is_authorised_by_a_switch(owner, tenant):
    assert owner.get("/irs/v1/obs-authorisation") == {"authorised": False}
    assert owner.send("PUT", "/irs/v1/obs-authorisation", {"authorised": True}) == {"authorised": True}
    assert owner.get("/irs/v1/services")["obs_authorised"] is True
    guest = tenant("acme", "gus", [TENANT_GUEST])
    guest.send("PUT", "/irs/v1/obs-authorisation", {"authorised": False}, code="ModelArts.4203")
    assert guest.get("/irs/v1/obs-authorisation") == {"authorised": True}
    for wrong in ({}, {"authorised": "yes"}, {"authorised": 1}):
        owner.send("PUT", "/irs/v1/obs-authorisation", wrong, code="AIP.0012")


def test_packages_are_bought_and_renewed(owner, tenant, clock):
    owner.send("POST", "/irs/v1/packages", {"offer": "small"}, code="AIP.0012")  # no money
    owner.send("POST", "/irs/v1/balance", {"amount": "11.25", "note": "by hand"})
    bought = owner.send("POST", "/irs/v1/packages", {"offer": "small", "auto_renew": True})
    found = owner.get("/irs/v1/packages")
    assert found["offers"] == [{"name": "small", "api": "defog", "calls": 2, "months": 1, "price": "5.5"}]
    assert found["packages"] == [bought]
    assert {name: bought[name] for name in ("calls", "used", "starts", "expires", "valid", "auto_renew")} == {
        "calls": 2,
        "used": 0,
        "starts": "2026-11-29T12:00:00Z",
        "expires": "2026-12-29T12:00:00Z",
        "valid": True,
        "auto_renew": True,
    }
    owner.send("PUT", f"/irs/v1/packages/{bought['id']}", {"auto_renew": False})
    assert owner.get("/irs/v1/packages")["packages"][0]["auto_renew"] is False
    owner.send("POST", "/irs/v1/packages", {"offer": "huge"}, code="AIP.0012")
    other = tenant("other")
    other.send("PUT", f"/irs/v1/packages/{bought['id']}", {"auto_renew": True}, code="AIP.0012")
    assert other.get("/irs/v1/packages")["packages"] == []
    assert owner.get("/irs/v1/balance")["balance"] == "5.75"


def test_the_operator_tops_up_anybody_and_nobody_else_does(owner, tenant):
    other = tenant("other")
    other.send("POST", "/irs/v1/balance", {"amount": 5}, code="ModelArts.4203")
    guest = tenant("acme", "gus", [TENANT_GUEST])
    guest.send("POST", "/irs/v1/balance", {"amount": 5}, code="ModelArts.4203")
    body = {"amount": 0.1, "account_id": other.caller.account_id, "note": "cash"}
    assert owner.send("POST", "/irs/v1/balance", body)["balance"] == "0.1"
    assert other.get("/irs/v1/balance") == {
        "currency": "USD",
        "balance": "0.1",
        "in_arrears": False,
        "not_billed": "0",
        "entries": [
            {
                "time": "2026-11-29T12:00:00Z",
                "kind": "top-up",
                "amount": "0.1",
                "balance": "0.1",
                "note": "cash",
            }
        ],
    }
    assert owner.get("/irs/v1/balance")["balance"] == "0"
    for amount in (None, True, "", "ten", 0, -1, "1e99", "nan", "0.0000000001", [1]):
        owner.send("POST", "/irs/v1/balance", {"amount": amount}, code="AIP.0012")
    owner.send("POST", "/irs/v1/balance", {"amount": 1, "account_id": "0" * 32}, code="AIP.0012")


def test_bills_have_lines_and_arrears_are_told(owner, parts, clock):
    calls(parts.business, 3, owner.caller)
    assert owner.get("/irs/v1/balance")["not_billed"] == "0.003"
    assert owner.get("/irs/v1/bills") == {"currency": "USD", "bills": []}
    clock.now += HOUR
    parts.business.tick(clock())
    assert owner.get("/irs/v1/bills")["bills"] == [
        {
            "from": "2026-11-29T12:00:00Z",
            "to": "2026-11-29T13:00:00Z",
            "issued": "2026-11-29T13:00:00Z",
            "amount": "0.003",
            "lines": [{"api": "defog", "calls": 2, "amount": "0.003"}],
        }
    ]
    found = owner.get("/irs/v1/balance")
    assert (found["balance"], found["in_arrears"], found["not_billed"]) == ("-0.003", True, "0")
    owner.send("GET", "/irs/v1/bills?limit=-1", code="AIP.0010")
    owner.send("GET", "/irs/v1/bills?limit=1001", code="AIP.0010")
    owner.send("GET", "/irs/v1/bills?limit=%D9%A3", code="AIP.0010")  # a digit, but not one of these


def test_usage_by_api_and_user(owner, tenant, parts):
    guest = tenant("acme", "gus", [TENANT_GUEST])
    calls(parts.business, 2, owner.caller)
    calls(parts.business, 1, guest.caller, ok=False)
    calls(parts.business, 1, guest.caller, api="dark-enhance")
    found = guest.get("/irs/v1/usage")
    assert (found["month"], found["currency"]) == ("2026-11", "USD")
    assert found["apis"] == [
        {
            "api": "dark-enhance",
            "successful": 1,
            "failed": 0,
            "free": 1,
            "packaged": 0,
            "paid": 0,
            "amount": "0",
        },
        {
            "api": "defog",
            "successful": 2,
            "failed": 1,
            "free": 1,
            "packaged": 0,
            "paid": 1,
            "amount": "0.0015",
        },
    ]
    assert {(row["api"], row["user_name"], row["successful"]) for row in found["users"]} == {
        ("dark-enhance", "gus", 1),
        ("defog", "gus", 0),
        ("defog", "acme", 2),
    }
    assert owner.get("/irs/v1/usage", month="2026-10")["apis"] == []
    assert tenant("other").get("/irs/v1/usage")["users"] == []
    for month in ("2026", "2026-13", "2026-1", "x"):
        owner.send("GET", f"/irs/v1/usage?month={month}", code="AIP.0012")


def test_usage_as_a_table_for_spreadsheets(owner, parts):
    calls(parts.business, 2, owner.caller)
    calls(parts.business, 1, replace(owner.caller, user_id="x", user_name='=cmd|"/c calc"!A1'))
    answer = owner.ask("GET", "/irs/v1/usage", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="irs-usage-2026-11.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["user_name"] for row in rows} == {"acme", """'=cmd|"/c calc"!A1"""}
    (mine,) = (row for row in rows if row["user_name"] == "acme")
    assert (mine["api"], mine["successful"], mine["amount"], mine["currency"]) == (
        "defog",
        "2",
        "0.0015",
        "USD",
    )


def test_metrics_as_cloud_eye_has_them(owner, parts, clock):
    calls(parts.business, 2, owner.caller)
    clock.now += 60
    calls(parts.business, 1, owner.caller)
    path = f"/V1.0/{owner.caller.project_id}/metric-data"
    query = {
        "namespace": "SYS.IRS",
        "metric_name": OK,
        "dim.0": "call_of_interface,defog",
        "from": 1000 * NOON,
        "to": 1000 * (NOON + 120),
        "period": 60,
        "filter": "sum",
    }
    assert owner.get(path, **query) == {
        "metric_name": OK,
        "datapoints": [
            {"sum": 2, "timestamp": 1000 * NOON, "unit": "times/min"},
            {"sum": 1, "timestamp": 1000 * (NOON + 60), "unit": "times/min"},
        ],
    }
    hour = query | {"period": 3600, "filter": "average"}
    assert owner.get(path, **hour)["datapoints"] == [
        {"average": 3 / 60, "timestamp": 1000 * NOON, "unit": "times/min"}
    ]
    for wrong, code in (
        ({"namespace": "SYS.ECS"}, "AIP.0012"),
        ({"metric_name": "cpu_util"}, "AIP.0012"),
        ({"dim.0": "instance_id,defog"}, "AIP.0012"),
        ({"dim.0": "call_of_interface,x"}, "AIP.0012"),
        ({"filter": "median"}, "AIP.0012"),
        ({"period": 7}, "AIP.0010"),
        ({"from": "yesterday"}, "AIP.0010"),
        ({"to": 5}, "AIP.0010"),
        ({"from": 0}, "AIP.0010"),
    ):
        answer = owner.ask("GET", path, params=query | wrong)
        assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    elsewhere = owner.ask("GET", "/V1.0/somebody-elses/metric-data", params=query)
    assert elsewhere.json()["error_code"] == "AIP.0003"


def test_metrics_for_charts(owner, parts, clock):
    calls(parts.business, 2, owner.caller)
    calls(parts.business, 1, owner.caller, ok=False)
    found = owner.get("/irs/v1/metrics")
    assert (found["period"], found["namespace"]) == (60, "SYS.IRS")
    assert found["to"] - found["from"] == 61 * 60_000 and found["from"] == 1000 * (NOON - HOUR)
    series = {(one["api"], one["metric_name"]): one["values"] for one in found["series"]}
    assert {key: (len(values), values[-1]) for key, values in series.items()} == {
        ("defog", OK): (61, 2),
        ("defog", "failed_call_times_of_service"): (61, 1),
    }
    assert owner.get("/irs/v1/metrics", user="nobody")["series"] == []
    assert len(owner.get("/irs/v1/metrics", api="super-resolution")["series"]) == 2
    owner.send("GET", "/irs/v1/metrics?api=x", code="AIP.0012")


def test_methods_that_are_not_there(owner):
    assert owner.ask("DELETE", "/irs/v1/balance").status_code == 405
    assert owner.ask("GET", "/irs/v1/services/defog/subscribe").status_code == 405
