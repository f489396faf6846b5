"""POST /v3/auth/tokens and what its tokens open."""

import asyncio
import hashlib
import re

import httpx
import pytest
import sqlalchemy as sa
from identity_service import PASSWORD, TAGGING, send, send_json, sign

from irs_engine.server.caller import OBS_VIEWER, TENANT_GUEST
from irs_engine.server.identity import Accounts
from irs_engine.server.identity.lockout import FAILURES, LOCKED_SECONDS
from irs_engine.server.identity.memory import SECONDS
from irs_engine.server.identity.tables import tokens
from irs_engine.server.store import Store

TOKENS = "/v3/auth/tokens"
REGION = {"project": {"name": "ap-southeast-1"}}


@pytest.fixture
def tenant(new_tenant):
    return new_tenant(password=PASSWORD)


def asked(account, user=None, password=PASSWORD, scope=REGION):
    """The body of the reference's chapter 3.3."""
    who = {"name": user or account, "password": password, "domain": {"name": account}}
    identity = {"methods": ["password"], "password": {"user": who}}
    return {"auth": {"identity": identity} | ({"scope": scope} if scope else {})}


def ask(service, account, user=None, password=PASSWORD, scope=REGION, target=TOKENS, **headers):
    return send_json(service, "POST", target, asked(account, user, password, scope), **headers)


def call(service, tenant, token, target=None):
    target = target or TAGGING.format(project_id=tenant.project)
    return send_json(service, "POST", target, {"image": ""}, X_Auth_Token=token)


def test_a_token(service, tenant):
    answer = ask(service, tenant.name)
    token = answer.header("x-subject-token")
    assert answer.status == 201 and re.fullmatch(r"[\w-]{43}", token)
    found = answer.json["token"]
    domain = {"id": tenant.account.id, "name": tenant.name}
    assert found["project"] == {"id": tenant.project, "name": "ap-southeast-1", "domain": domain}
    assert found["user"]["domain"] == domain and found["user"]["name"] == tenant.name
    assert found["methods"] == ["password"] and found["roles"][0]["name"] == "Administrator"
    assert found["catalog"][1]["endpoints"][0]["url"] == service.url
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found["expires_at"])
    result = call(service, tenant, token).json["result"]
    assert (result["by"], result["project_id"]) == ("token", tenant.project)
    assert call(service, tenant, token, "/v1.0/image/tagging").status == 200


def test_its_header_is_handed_on_as_the_cloud_writes_it(service, tenant):
    """grep Token, in people's scripts; whether it arrives like that is the HTTP server's."""

    async def headers():
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(service.app), base_url=service.url
        ) as client:
            return (await client.post(TOKENS, json=asked(tenant.name))).headers.raw

    assert b"X-Subject-Token" in [name for name, _ in asyncio.run(headers())]


def test_it_lasts_a_day_and_others_do_not_end_it(service, tenant):
    first, second = (ask(service, tenant.name).header("x-subject-token") for _ in range(2))
    assert [call(service, tenant, token).status for token in (first, second)] == [200, 200]
    service.clock.ahead = 24 * 3600 - 60
    assert call(service, tenant, first).status == 200
    service.clock.ahead = 24 * 3600 + 60
    assert call(service, tenant, first).code == "APIG.0301"
    ask(service, tenant.name)  # takes those away that have expired
    digests = [hashlib.sha256(token.encode()).hexdigest() for token in (first, second)]
    with service.accounts.store.read() as connection:
        assert not connection.execute(sa.select(tokens).where(tokens.c.digest.in_(digests))).all()


def test_nothing_that_was_kept_opens_anything(service, tenant):
    token = ask(service, tenant.name).header("x-subject-token")
    digest = hashlib.sha256(token.encode()).hexdigest()
    with service.accounts.store.read() as connection:
        (row,) = connection.execute(sa.select(tokens).where(tokens.c.digest == digest)).all()
    assert token not in map(str, row) and call(service, tenant, digest).code == "APIG.0301"
    assert call(service, tenant, token[:-1]).code == "APIG.0301"
    assert call(service, tenant, token + "\xff").code == "APIG.0301"


@pytest.mark.parametrize("change", ["password", "disabled user", "disabled key", "deleted key"])
def test_what_ends_it(service, tenant, change):
    token = ask(service, tenant.name).header("x-subject-token")
    assert call(service, tenant, token).status == 200  # it is remembered from now on
    accounts, ak = service.accounts, tenant.key.ak
    {
        "password": lambda: accounts.set_password(tenant.owner, "another password"),
        "disabled user": lambda: accounts.enable_user(tenant.owner, False),
        "disabled key": lambda: accounts.keys.enable(ak, False),
        "deleted key": lambda: accounts.keys.delete(ak),
    }[change]()
    assert call(service, tenant, token).code == "APIG.0301"


def test_what_another_process_changes_holds_within_a_second(service, tenant):
    token = ask(service, tenant.name).header("x-subject-token")
    assert call(service, tenant, token).status == 200
    settings = service.app.state.parts.settings
    elsewhere = Accounts(Store(settings.database_url), settings)
    elsewhere.freeze(tenant.account.id)
    service.clock.ahead += SECONDS
    assert call(service, tenant, token).code == "AIS.0027"
    elsewhere.store.close()


def test_scopes(service, tenant, new_tenant):
    domain = ask(service, tenant.name, scope={"domain": {"name": tenant.name}})
    assert domain.status == 201 and "project" not in domain.json["token"]
    token = domain.header("x-subject-token")
    assert call(service, tenant, token).code == "AIS.0026"
    assert send(service, "GET", "/v3/projects", {"X-Auth-Token": token}).status == 200
    assert ask(service, tenant.name, scope=None).json["token"]["domain"]["id"] == tenant.account.id
    by_id = ask(service, tenant.name, scope={"project": {"id": tenant.project}})
    assert by_id.json["token"]["project"]["name"] == "ap-southeast-1"
    other = new_tenant()
    for scope in (
        {"project": {"id": other.project}},
        {"project": {"name": "nowhere-1"}},
        {"domain": {"name": other.name}},
        {"domain": {"id": other.account.id}},
    ):
        assert ask(service, tenant.name, scope=scope).status == 401
    found = ask(service, tenant.name, scope={"project": {"name": "cn-north-4"}}).json["token"]["project"]
    assert (
        call(
            service,
            tenant,
            ask(service, tenant.name).header("x-subject-token"),
            TAGGING.format(project_id=found["id"]),
        ).code
        == "AIP.0003"
    )


def test_other_ways_to_say_who(service, tenant):
    def tokens_of(user):
        identity = {"methods": ["password"], "password": {"user": {"password": PASSWORD} | user}}
        return send_json(service, "POST", TOKENS, {"auth": {"identity": identity, "scope": REGION}}).status

    assert tokens_of({"id": tenant.owner}) == 201
    assert tokens_of({"name": tenant.name, "domain": {"id": tenant.account.id}}) == 201
    assert tokens_of({"name": tenant.name}) == 401
    assert tokens_of({"name": "\ud800\x00", "domain": {"name": "x" * 500}}) == 401


def test_a_signature_that_comes_along_is_not_asked_for(service, tenant):
    """The identity service's own SDK signs this request too."""
    assert ask(service, tenant.name, Authorization="SDK-HMAC-SHA256 nonsense").status == 201


def test_the_catalog_can_be_left_out(service, tenant):
    assert ask(service, tenant.name, target=f"{TOKENS}?nocatalog=true").json["token"]["catalog"] == []


def test_wrong_passwords_and_unknown_names_look_alike(service, tenant):
    wrong = ask(service, tenant.name, password="wrong password")
    unknown = ask(service, "nobody-at-all")
    assert wrong.status == unknown.status == 401 and wrong.json == unknown.json
    assert wrong.json["error"]["code"] == 401 and wrong.json["error"]["title"] == "Unauthorized"
    assert wrong.header("X-IAM-Trace-Id")
    without = service.accounts.create_user(tenant.account.id, "keys-only")
    assert ask(service, tenant.name, without.name, "").json == wrong.json


def test_guessing_is_locked_out(service, tenant):
    for _ in range(FAILURES + 1):
        assert ask(service, tenant.name, password="wrong password").status == 401
    locked = ask(service, tenant.name)
    assert locked.status == 401 and 0 < int(locked.header("Retry-After")) <= LOCKED_SECONDS
    service.clock.ahead = LOCKED_SECONDS + 1
    assert ask(service, tenant.name).status == 201


def test_frozen_accounts(service, tenant):
    token = ask(service, tenant.name).header("x-subject-token")
    service.accounts.freeze(tenant.account.id)
    refused = ask(service, tenant.name)
    assert refused.status == 403 and "frozen" in refused.json["error"]["message"]
    assert ask(service, tenant.name, password="wrong password").status == 401  # only its owner is told
    assert call(service, tenant, token).code == "AIS.0027"
    service.accounts.freeze(tenant.account.id, frozen=False)
    assert call(service, tenant, token).status == 200


def test_users_have_the_permissions_of_their_groups(service, tenant):
    accounts, within = service.accounts, tenant.account.id
    user = accounts.create_user(within, "ann", PASSWORD)
    token = ask(service, tenant.name, "ann").header("x-subject-token")

    def permissions():
        return call(service, tenant, token).json["result"]["permissions"]

    assert permissions() == []
    guests, readers = accounts.groups.create(within, "guests"), accounts.groups.create(within, "readers")
    for group, permission in ((guests, TENANT_GUEST), (readers, OBS_VIEWER)):
        accounts.groups.grant(group.id, permission)
        accounts.groups.add(group.id, user.id)
    assert permissions() == [OBS_VIEWER, TENANT_GUEST]
    accounts.groups.remove(readers.id, user.id)
    assert permissions() == [TENANT_GUEST]
    accounts.groups.delete(guests.id)
    assert permissions() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"auth": 1}',
        b'{"auth": {"identity": {"methods": ["token"]}}}',
        b"[" * 50_000,
    ],
)
def test_nonsense(service, body):
    answer = send(service, "POST", TOKENS, {"Content-Type": "application/json"}, body)
    assert answer.status == 400 and answer.json["error"]["title"] == "Bad Request"


def test_too_much(service):
    answer = send(service, "POST", TOKENS, {"Content-Type": "application/json"}, b" " * 2**17)
    assert answer.status == 413


def test_projects_and_domains(service, tenant):
    token = {"X-Auth-Token": ask(service, tenant.name).header("x-subject-token")}
    found = send(service, "GET", "/v3/projects", token).json
    (project,) = found["projects"]
    assert (
        project.items()
        >= {
            "id": tenant.project,
            "name": "ap-southeast-1",
            "domain_id": tenant.account.id,
            "parent_id": tenant.account.id,
            "is_domain": False,
            "enabled": True,
            "description": "",
        }.items()
    )
    assert project["links"]["self"] == f"{service.url}/v3/projects/{tenant.project}"
    assert send(service, "GET", "/v3/auth/projects", token).json["projects"][0]["id"] == tenant.project
    assert send(service, "GET", "/v3/projects?name=nowhere-1", token).json["projects"] == []
    assert send(service, "GET", "/v3/projects?enabled=false", token).json["projects"] == []
    (domain,) = send(service, "GET", "/v3/auth/domains", token).json["domains"]
    assert (domain["id"], domain["name"], domain["enabled"]) == (tenant.account.id, tenant.name, True)
    for path in ("/v3/projects", "/v3/auth/domains"):
        assert send(service, "GET", path).json["error"]["code"] == 401
        signed, target = sign(tenant.key, "GET", service.host, path)
        assert send(service, "GET", target, signed).status == 200
