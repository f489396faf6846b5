"""irs-engine account, irs-engine env."""

import io
import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("sqlalchemy", reason="needs irs-engine[server]")

from irs_engine.server.identity import Accounts, first_start, remember_endpoint
from irs_engine.server.settings import Settings
from irs_engine.server.store import Store


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "server")


@pytest.fixture
def accounts(settings):
    store = Store(settings.database_url)
    yield Accounts(store, settings)
    store.close()


@pytest.fixture
def account(run, settings):
    def account(*args):
        return run("account", "--data", settings.folder, *args)

    return account


@pytest.fixture
def stdin(monkeypatch):
    def stdin(text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8"))

    return stdin


def columns(out):
    return dict(line.split(maxsplit=1) for line in out.splitlines())


def test_an_account(account, accounts):
    code, out, err = account("create", "acme")
    assert (code, err) == (0, "")
    made = columns(out)
    found = accounts.account("acme")
    assert made["project_id"] == accounts.projects(found.id)[0].id
    assert accounts.keys.secret(made["ak"]) == made["sk"] and len(made["password"]) == 20
    assert account("create", "acme") == (1, "", "irs-engine: the account 'acme' exists already\n")
    assert "acme" in account("list")[1]
    assert json.loads(account("list", "--json")[1])["id"] == found.id
    assert account("freeze", "acme")[0] == 0 and accounts.frozen(found.id)
    assert "frozen" in account("list")[1]
    assert account("unfreeze", "acme")[0] == 0 and not accounts.frozen(found.id)
    assert account("freeze", "nobody") == (1, "", "irs-engine: there is no account 'nobody'\n")


def test_a_password_of_ones_own(account, accounts, stdin):
    stdin("correct horse\n")
    code, out, _ = account("create", "acme", "--password-stdin")
    assert code == 0 and columns(out.replace("correct horse", "correct-horse"))["password"] == "correct-horse"
    stdin("short\n")
    code, out, err = account("user", "password", "acme", "acme", "--password-stdin")
    assert (code, out) == (1, "") and "8 to 128 characters" in err


def test_users_groups_and_keys(account, accounts):
    account("create", "acme")
    within = accounts.account("acme").id
    assert account("group", "create", "acme", "guests", "--permission", "Tenant Guest")[0] == 0
    made = columns(account("user", "create", "acme", "ann", "--group", "guests")[1])
    assert made["user"] == "ann" and made["password"]
    ann = accounts.user(within, "ann")
    assert accounts.groups.get(within, "guests").members == (ann.id,)
    key = columns(account("key", "create", "acme", "ann")[1])
    assert accounts.keys.secret(key["ak"]) == key["sk"] and key["user"] == "ann"
    assert columns(account("key", "create", "acme")[1])["user"] == "acme"

    shown = account("show", "acme")[1]
    assert {user["name"] for user in json.loads(shown)["users"]} == {"acme", "ann"}
    assert key["ak"] in shown and key["sk"] not in shown and "argon2" not in shown

    for off, on, usable in (
        (("user", "disable", "acme", "ann"), ("user", "enable", "acme", "ann"), None),
        (("key", "disable", "acme", key["ak"]), ("key", "enable", "acme", key["ak"]), None),
    ):
        assert account(*off)[0] == 0 and accounts.keys.secret(key["ak"]) is usable
        assert account(*on)[0] == 0 and accounts.keys.secret(key["ak"]) == key["sk"]
    assert account("key", "delete", "acme", key["ak"])[0] == 0
    assert account("key", "delete", "acme", key["ak"])[0] == 1

    def guests():
        found = accounts.groups.get(within, "guests")
        return found.permissions, found.members

    assert account("group", "remove", "acme", "guests", "ann")[0] == 0 and guests()[1] == ()
    assert account("group", "add", "acme", "guests", "ann")[0] == 0 and guests()[1] == (ann.id,)
    assert account("group", "revoke", "acme", "guests", "Tenant Guest")[0] == 0 and guests()[0] == ()
    assert account("group", "grant", "acme", "guests", "OBS Buckets Viewer")[0] == 0
    assert guests()[0] == ("OBS Buckets Viewer",)
    code, _, err = account("group", "grant", "acme", "guests", "Everything")
    assert code == 1 and "Tenant Guest" in err
    assert account("group", "delete", "acme", "guests")[0] == 0
    assert accounts.groups.list(within) == []


def test_a_new_password(account, accounts):
    account("create", "acme")
    first, second = (columns(account("user", "password", "acme", "acme")[1]) for _ in range(2))
    assert first["password"] != second["password"]


def variables(out):
    script = f'{out}\n"{sys.executable}" -c "import json, os; print(json.dumps(dict(os.environ)))"'
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
    )
    return json.loads(done.stdout)


def test_env(run, settings, accounts):
    code, out, err = run("env", "--data", settings.folder)
    assert (code, out) == (1, "") and "irs-engine serve" in err
    made = first_start(settings, accounts.store)
    out = run("env", "--data", settings.folder)[1]
    assert out == (settings.folder / "env").read_text()
    url = f"http://127.0.0.1:{settings.port}"
    assert (
        variables(out).items()
        >= {
            "HUAWEICLOUD_SDK_REGION_IMAGE_AP_SOUTHEAST_1": url,
            "HUAWEICLOUD_SDK_IAM_ENDPOINT": url,
            "HUAWEICLOUD_SDK_AK": made.ak,
            "HUAWEICLOUD_SDK_SK": made.sk,
        }.items()
    )


def test_env_of_a_server_that_was_started_otherwise(run, settings, accounts):
    first_start(settings, accounts.store)
    assert "no such port" in run("env", "--data", settings.folder, "--tls")[2]
    remember_endpoint(settings.model_copy(update={"host": "::", "port": 1234, "tls_port": 1235}))
    assert "=http://[::1]:1234" in run("env", "--data", settings.folder)[1].replace("'", "")
    assert "=http://127.0.0.1:99\n" in run("env", "--data", settings.folder, "--port", 99)[1]
    secure = variables(run("env", "--data", settings.folder, "--tls")[1])
    assert secure["HUAWEICLOUD_SDK_IAM_ENDPOINT"] == "https://[::1]:1235"
    assert secure["REQUESTS_CA_BUNDLE"] == str(settings.folder / "ca.pem")


def test_settings(run, tmp_path, monkeypatch):
    file = tmp_path / "irs.toml"
    file.write_text(f'data = "{tmp_path}/there"\nregion = "cn-north-4"\n')
    assert run("account", "--config", file, "create", "acme")[0] == 0
    assert (tmp_path / "there" / "irs.db").exists()
    projects = json.loads(run("account", "--config", file, "show", "acme")[1])["projects"]
    assert projects[0]["name"] == "cn-north-4"
    code, _, err = run("account", "--config", tmp_path / "none", "list")
    assert code == 1 and "no such file" in err
    monkeypatch.setenv("IRS_SERVER_PORT", "secret")
    code, _, err = run("account", "--config", file, "list")
    assert code == 1 and err.startswith("irs-engine: settings: port: ") and "secret" not in err


def test_without_the_extra(run, settings, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("irs_engine.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    code, _, err = run("account", "--data", settings.folder, "list")
    assert code == 1 and "pip install 'irs-engine[server]'" in err
