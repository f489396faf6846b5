"""Authentication that is off, which it can be on loopback alone."""

import pytest
import sqlalchemy as sa
from identity_service import TAGGING, send, send_json, serving, sign
from pydantic import ValidationError

from irs_engine.server.identity.keys import Key
from irs_engine.server.identity.tables import access_keys, sessions, tokens
from irs_engine.server.settings import Settings


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(Settings(data=tmp_path_factory.mktemp("off"), auth="off")) as service:
        yield service


@pytest.mark.parametrize("headers", [{}, {"X-Auth-Token": "any"}, {"Authorization": "any"}])
def test_everybody_is_the_operator(service, headers):
    answer = send(service, "POST", TAGGING.format(project_id="0" * 32), headers, b"{}")
    found = answer.json["result"]
    assert (found["account_name"], found["by"], found["permissions"]) == (
        "local",
        "nobody",
        ["Administrator"],
    )
    assert found["project_id"] == "0" * 32


def test_programs_get_along_with_any_keys(service):
    signed, target = sign(
        Key("ANY", "", "", True, 0, "any"), "GET", service.host, "/v3/projects", [("name", "cn-north-4")]
    )
    (project,) = send(service, "GET", target, signed).json["projects"]
    called = send(service, "POST", TAGGING.format(project_id=project["id"]))
    assert called.json["result"]["project_id"] == project["id"]


def test_pages_of_other_sites_are_kept_out(service):
    assert send(service, "POST", "/v1.0/image/tagging", {"Origin": "https://example.com"}).code == "APIG.0301"
    assert send(service, "POST", "/v1.0/image/tagging", {"Origin": service.url}).status == 200


def test_nothing_is_had_that_opens_anything_once_it_is_on(service):
    user = {"name": "any", "password": "any", "domain": {"name": "any"}}
    asked = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    token = send_json(service, "POST", "/v3/auth/tokens", asked)
    assert token.status == 201 and len(token.header("X-Subject-Token")) == 43
    for method, target, values in (
        ("POST", "/irs/v1/session", {"account": "local", "password": "any"}),
        ("POST", "/irs/v1/keys", {}),
        ("POST", "/irs/v1/users", {"name": "ann", "password": "any password"}),
        ("POST", "/irs/v1/accounts", {"name": "acme", "password": "any password"}),
        ("PUT", "/irs/v1/me/password", {"password": "any", "new_password": "any password"}),
    ):
        assert send_json(service, method, target, values).status in (400, 403)
    with service.accounts.store.read() as connection:
        for table in (tokens, sessions, access_keys):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_not_on_a_network():
    with pytest.raises(ValidationError, match="only a loopback address"):
        Settings(auth="off", host="0.0.0.0")
