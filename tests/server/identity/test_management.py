"""Sessions of the console, and accounts, users, groups and keys over HTTP."""

import pytest
from identity_service import PASSWORD, TAGGING, send, send_json

from irs_engine.server.caller import TENANT_GUEST
from irs_engine.server.identity.lockout import FAILURES

SESSION, ME, USERS, GROUPS, KEYS, ACCOUNTS = (
    f"/irs/v1/{name}" for name in ("session", "me", "users", "groups", "keys", "accounts")
)
DENIED = (403, "ModelArts.4203")


@pytest.fixture
def tenant(new_tenant):
    return new_tenant(password=PASSWORD)


@pytest.fixture(scope="module")
def operator(running):
    """The name of the account that runs the server."""
    return running.accounts.create_account("operator", PASSWORD, operator=True).name


class Browser:
    """Logged in: sends its cookie always, and its CSRF token with changes."""

    def __init__(self, service, account, user=""):
        self.service = service
        values = {"account": account, "user": user, "password": PASSWORD}
        self.login = send_json(service, "POST", SESSION, values)
        self.cookie = self.login.header("Set-Cookie").partition(";")[0]
        self.csrf = self.login.json["csrf_token"]

    def __call__(self, method, target, values=None, **headers):
        given = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if values is None:
            return send(self.service, method, target, given)
        return send_json(self.service, method, target, values, **given)


@pytest.fixture
def browser(service, tenant):
    return Browser(service, tenant.name)


def outcome(answer):
    return answer.status, answer.code


def test_a_session(service, browser, tenant):
    assert browser.login.status == 201
    attributes = {part.strip().lower() for part in browser.login.header("Set-Cookie").split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes and "secure" not in attributes
    me = browser("GET", ME).json
    assert (me["account_name"], me["by"], me["project_id"]) == (tenant.name, "session", tenant.project)
    assert me["csrf_token"] == browser.csrf and me["permissions"] == ["Administrator"] and not me["operator"]
    called = browser("POST", TAGGING.format(project_id=tenant.project), {"image": ""})
    assert called.json["result"]["by"] == "session"
    out = browser("DELETE", SESSION)
    assert out.status == 204 and 'irs_session=""' in out.header("Set-Cookie")
    assert browser("GET", ME).code == "APIG.0301"


def test_a_session_ends(service, browser, tenant):
    service.clock.ahead = 12 * 3600 + 60
    assert browser("GET", ME).code == "APIG.0301"
    service.clock.ahead = 0
    assert browser("GET", ME).status == 200
    service.accounts.freeze(tenant.account.id)
    assert browser("GET", ME).code == "AIS.0027"
    service.accounts.freeze(tenant.account.id, frozen=False)
    service.accounts.keys.delete(service.accounts.keys.create(tenant.owner).ak)
    assert browser("GET", ME).status == 200  # it began with the password, keys are no matter of it
    service.accounts.enable_user(tenant.owner, False)
    service.accounts.enable_user(tenant.owner)
    assert browser("GET", ME).code == "APIG.0301"  # it has ended for good


@pytest.mark.parametrize(
    "headers",
    [
        {"X_CSRF_Token": ""},
        {"X_CSRF_Token": "0" * 64},
        {"X_CSRF_Token": "\xe9"},
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_pages_of_other_sites_change_nothing(service, browser, tenant, headers):
    for method, target, values in (
        ("POST", KEYS, {}),
        ("DELETE", SESSION, None),
        ("POST", TAGGING.format(project_id=tenant.project), {"image": ""}),
    ):
        assert outcome(browser(method, target, values, **headers)) == (401, "APIG.0301")
    assert browser("POST", KEYS, {}, Origin=service.url, Sec_Fetch_Site="same-origin").status == 201


def test_nor_do_they_log_anybody_in(service, tenant):
    values = {"account": tenant.name, "password": PASSWORD}
    assert send_json(service, "POST", SESSION, values, Origin="https://example.com").status == 401
    form = {"Content-Type": "text/plain"}  # what a form can send without asking
    assert send(service, "POST", SESSION, form, b'{"account": "a"}').code == "AIS.0010"


def test_wrong_passwords(service, tenant):
    wrong = {"account": tenant.name, "password": "wrong password"}
    unknown = {"account": "nobody-at-all", "password": PASSWORD}
    first, second = (send_json(service, "POST", SESSION, values) for values in (wrong, unknown))
    assert first.json == second.json and outcome(first) == (401, "APIG.0301")
    for _ in range(FAILURES):
        send_json(service, "POST", SESSION, wrong)
    locked = send_json(service, "POST", SESSION, wrong | {"password": PASSWORD})
    assert locked.status == 401 and locked.header("Retry-After")


def test_users_and_groups(service, browser, tenant):
    group = browser("POST", GROUPS, {"name": "guests"}).json["group"]
    assert browser("PUT", f"{GROUPS}/{group['id']}/permissions/Tenant%20Guest").status == 204
    made = browser("POST", USERS, {"name": "ann", "password": PASSWORD, "groups": ["guests"]})
    user = made.json["user"]
    assert made.status == 201 and PASSWORD not in made.body.decode() and "password" not in user
    assert {found["name"] for found in browser("GET", USERS).json["users"]} == {tenant.name, "ann"}
    (listed,) = browser("GET", GROUPS).json["groups"]
    assert (listed["permissions"], listed["members"]) == ([TENANT_GUEST], [user["id"]])
    ann = Browser(service, tenant.name, "ann")
    assert ann("GET", ME).json["permissions"] == [TENANT_GUEST]
    assert browser("DELETE", f"{GROUPS}/{group['id']}/members/{user['id']}").status == 204
    assert ann("GET", ME).json["permissions"] == []
    assert browser("PATCH", f"{USERS}/{user['id']}", {"enabled": False}).json["user"]["enabled"] is False
    assert ann("GET", ME).code == "APIG.0301"
    assert browser("DELETE", f"{GROUPS}/{group['id']}").status == 204
    assert browser("GET", GROUPS).json["groups"] == []


def test_users_change_nothing_but_what_is_theirs(service, browser, tenant):
    ann = service.accounts.create_user(tenant.account.id, "ann", PASSWORD)
    user = Browser(service, tenant.name, "ann")
    group = service.accounts.groups.create(tenant.account.id, "admins").id
    service.accounts.groups.grant(group, "Administrator")
    for method, target, values in (
        ("GET", USERS, None),
        ("POST", USERS, {"name": "bob"}),
        ("PATCH", f"{USERS}/{ann.id}", {"enabled": True}),
        ("GET", GROUPS, None),
        ("PUT", f"{GROUPS}/{group}/members/{ann.id}", None),
        ("PUT", f"{GROUPS}/{group}/permissions/Administrator", None),
        ("DELETE", f"{GROUPS}/{group}", None),
        ("DELETE", f"{KEYS}/{tenant.key.ak}", None),
        ("POST", KEYS, {"user_id": tenant.owner}),
        ("GET", ACCOUNTS, None),
    ):
        assert outcome(user(method, target, values)) == DENIED, target
    own = user("POST", KEYS, {})
    key = own.json["key"]
    assert own.status == 201 and len(key["sk"]) == 40 and own.header("Cache-Control") == "no-store"
    assert user("GET", KEYS).json["keys"] == [{name: key[name] for name in key if name != "sk"}]
    assert {found["ak"] for found in browser("GET", KEYS).json["keys"]} == {tenant.key.ak, key["ak"]}
    assert browser("PATCH", f"{KEYS}/{key['ak']}", {"enabled": False}).status == 204
    assert browser("DELETE", f"{KEYS}/{key['ak']}").status == 204
    # An administrator who is not the account's own user cannot take its place.
    service.accounts.groups.add(group, ann.id)
    user = Browser(service, tenant.name, "ann")
    assert outcome(user("PATCH", f"{USERS}/{tenant.owner}", {"password": PASSWORD})) == DENIED
    assert user("PATCH", f"{USERS}/{tenant.owner}", {"enabled": False}).code == "AIP.0012"


def test_accounts_do_not_see_each_other(service, browser, new_tenant):
    other = new_tenant()
    group = service.accounts.groups.create(other.account.id, "theirs").id
    for method, target, values in (
        ("PATCH", f"{USERS}/{other.owner}", {"enabled": False}),
        ("POST", KEYS, {"user_id": other.owner}),
        ("PATCH", f"{KEYS}/{other.key.ak}", {"enabled": False}),
        ("DELETE", f"{KEYS}/{other.key.ak}", None),
        ("PUT", f"{GROUPS}/{group}/members/{other.owner}", None),
        ("DELETE", f"{GROUPS}/{group}", None),
    ):
        assert outcome(browser(method, target, values)) == (400, "AIP.0012"), target
    mine = browser("POST", GROUPS, {"name": "mine"}).json["group"]["id"]
    assert browser("PUT", f"{GROUPS}/{mine}/members/{other.owner}").code == "AIP.0012"
    assert service.accounts.keys.get(other.account.id, other.key.ak).enabled


def test_a_new_password(service, browser, tenant):
    wrong = browser("PUT", f"{ME}/password", {"password": "wrong password", "new_password": "x" * 8})
    assert wrong.code == "APIG.0301"
    assert (
        browser("PUT", f"{ME}/password", {"password": PASSWORD, "new_password": "short"}).code == "AIP.0012"
    )
    assert browser("PUT", f"{ME}/password", {"password": PASSWORD, "new_password": "x" * 8}).status == 204
    assert browser("GET", ME).code == "APIG.0301"
    assert service.identity._login(tenant.name, tenant.name, "x" * 8, "").owner


def test_whoever_runs_the_server_makes_and_freezes_accounts(service, operator, browser, tenant):
    administrator = Browser(service, operator)
    assert administrator("GET", ME).json["operator"]
    name = f"of-{tenant.name}"
    made = administrator("POST", ACCOUNTS, {"name": name, "password": PASSWORD}).json["account"]
    assert administrator("POST", ACCOUNTS, {"name": name, "password": PASSWORD}).code == "AIP.0014"
    assert {operator, name} <= {found["name"] for found in administrator("GET", ACCOUNTS).json["accounts"]}
    session = Browser(service, name)
    frozen = administrator("PATCH", f"{ACCOUNTS}/{made['id']}", {"frozen": True}).json["account"]
    assert frozen["frozen"] and session("GET", ME).code == "AIS.0027"
    administrator("PATCH", f"{ACCOUNTS}/{made['id']}", {"frozen": False})
    assert session("GET", ME).status == 200
    assert outcome(browser("GET", ACCOUNTS)) == DENIED
    assert outcome(browser("PATCH", f"{ACCOUNTS}/{made['id']}", {"frozen": True})) == DENIED
    own = administrator("GET", ME).json["account_id"]
    assert administrator("PATCH", f"{ACCOUNTS}/{own}", {"frozen": True}).code == "AIP.0012"


@pytest.mark.parametrize(
    "method, target, values, code",
    [
        ("POST", USERS, {"name": 1}, "AIP.0012"),
        ("POST", USERS, {"name": "a b"}, "AIP.0012"),
        ("POST", USERS, {"name": "0" * 32}, "AIP.0012"),
        ("POST", USERS, {"name": "bob", "groups": ["none"]}, "AIP.0012"),
        ("POST", USERS, {"name": "bob", "groups": "x"}, "AIP.0012"),
        ("POST", USERS, {"name": "bob", "password": "\ud800" * 10}, "AIP.0012"),
        ("PATCH", f"{USERS}/nobody", {"enabled": True}, "AIP.0012"),
        ("PATCH", f"{USERS}/%00%ED%A0%80", {"enabled": True}, "AIP.0012"),
        ("PUT", f"{GROUPS}/none/permissions/x", None, "AIP.0012"),
        ("PATCH", f"{KEYS}/none", {"enabled": True}, "AIP.0012"),
        ("POST", GROUPS, [1], "AIS.0014"),
    ],
)
def test_nonsense(browser, method, target, values, code):
    assert browser(method, target, values).code == code
