"""Accounts in the database, on SQLite and PostgreSQL, and the secrets in and beside it."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher, extract_parameters

from irs_engine.server.caller import ADMINISTRATOR, OBS_VIEWER, TENANT_GUEST
from irs_engine.server.identity import Accounts, first_start, passwords
from irs_engine.server.identity.keyring import Keyring, KeyringError
from irs_engine.server.identity.keys import PER_USER
from irs_engine.server.identity.problems import AccountError
from irs_engine.server.identity.tables import access_keys, users
from irs_engine.server.identity.tokens import Tokens
from irs_engine.server.settings import Settings
from irs_engine.server.store import Store


@pytest.fixture
def settings(store_url, tmp_path):
    return Settings(data=tmp_path / "server", database=store_url)


@pytest.fixture
def accounts(store, settings):
    return Accounts(store, settings)


def test_an_account_and_its_users(accounts):
    made = accounts.create_account("acme", "a password")
    assert (
        accounts.list_accounts() == [made] and accounts.account("acme") == accounts.account(made.id) == made
    )
    (owner,) = accounts.list_users(made.id)
    assert owner.owner and owner.name == "acme"
    ann = accounts.create_user(made.id, "ann")
    assert accounts.user(made.id, "ann") == accounts.user(made.id, ann.id) == ann
    assert [project.name for project in accounts.projects(made.id)] == ["ap-southeast-1"]
    accounts.freeze(made.id)
    assert accounts.frozen(made.id) and accounts.account("acme").frozen


def test_what_is_there_already_and_what_is_not(accounts):
    made = accounts.create_account("acme")
    accounts.create_user(made.id, "ann")
    accounts.groups.create(made.id, "guests")
    for again in (
        lambda: accounts.create_account("acme"),
        lambda: accounts.create_user(made.id, "ann"),
        lambda: accounts.groups.create(made.id, "guests"),
    ):
        with pytest.raises(AccountError) as error:
            again()
        assert error.value.code == "AIP.0014"
    for nothing in (
        lambda: accounts.account("nobody"),
        lambda: accounts.account("\0"),
        lambda: accounts.user(made.id, "bob"),
        lambda: accounts.groups.get(made.id, "none"),
        lambda: accounts.groups.grant(accounts.groups.get(made.id, "guests").id, "Everything"),
        lambda: accounts.keys.get(made.id, "NONE"),
        lambda: accounts.keys.create("0" * 32),
        lambda: accounts.freeze("0" * 32),
    ):
        with pytest.raises(AccountError) as error:
            nothing()
        assert error.value.code == "AIP.0012"


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 65, "\0", "\ud800", "é", "0123456789abcdef" * 2])
def test_names(accounts, name):
    with pytest.raises(AccountError):
        accounts.create_account(name)


def test_permissions_are_those_of_all_groups(accounts):
    made = accounts.create_account("acme")
    ann = accounts.create_user(made.id, "ann")
    key = accounts.keys.create(ann.id)
    for name, permission in (("guests", TENANT_GUEST), ("readers", OBS_VIEWER), ("both", TENANT_GUEST)):
        group = accounts.groups.create(made.id, name)
        for _ in range(2):  # twice is once
            accounts.groups.grant(group.id, permission)
            accounts.groups.add(group.id, ann.id)
    found = accounts.keys.find(key.ak)
    assert found.person.permissions == {TENANT_GUEST, OBS_VIEWER} and found.secret == key.sk
    own = accounts.keys.create(accounts.user(made.id, "acme").id)
    assert accounts.keys.find(own.ak).person.permissions == {ADMINISTRATOR}
    stranger = accounts.create_account("other")
    with pytest.raises(AccountError):
        accounts.groups.add(group.id, accounts.user(stranger.id, "other").id)


def test_a_secret_is_given_while_it_may_be_used(accounts):
    made = accounts.create_account("acme")
    ann = accounts.create_user(made.id, "ann")
    key = accounts.keys.create(ann.id)
    assert accounts.keys.secret(key.ak) == key.sk and key.sk not in repr(key)
    for off, on in (
        (lambda: accounts.keys.enable(key.ak, False), lambda: accounts.keys.enable(key.ak)),
        (lambda: accounts.enable_user(ann.id, False), lambda: accounts.enable_user(ann.id)),
        (lambda: accounts.freeze(made.id), lambda: accounts.freeze(made.id, False)),
    ):
        off()
        assert accounts.keys.secret(key.ak) is None
        on()
        assert accounts.keys.secret(key.ak) == key.sk
    accounts.keys.delete(key.ak)
    assert accounts.keys.secret(key.ak) is None
    for _ in range(PER_USER):
        accounts.keys.create(ann.id)
    with pytest.raises(AccountError, match="delete one first"):
        accounts.keys.create(ann.id)


def test_the_database_alone_gives_no_secret_away(accounts, store, settings):
    made = accounts.create_account("acme", "a password")
    key = accounts.keys.create(accounts.user(made.id, "acme").id)
    with store.read() as connection:
        sealed = connection.scalar(sa.select(access_keys.c.secret))
        hashed = connection.scalar(sa.select(users.c.password))
    assert key.sk.encode() not in sealed and hashed.startswith("$argon2id$")
    file = settings.folder / "secrets.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Accounts(store, settings).keys.find(key.ak).secret == key.sk  # another process
    with pytest.raises(KeyringError, match="is not the key"):  # sealed for one key, it is no other's
        Keyring(file).open(sealed, "ANOTHER")
    file.write_bytes(b"x" * 32)
    with pytest.raises(KeyringError, match="is not the key"):
        Accounts(store, settings).keys.find(key.ak)
    file.unlink()
    with pytest.raises(KeyringError, match="is missing"):
        Accounts(store, settings).keys.find(key.ak)
    assert Accounts(store, settings).keys.find("UNKNOWN").person is None and not file.exists()


def test_many_at_once(accounts, store, settings):
    """Every name is taken once, every project made once, whoever asks first."""
    together = threading.Barrier(8)

    def make(number):
        together.wait()
        try:
            made = accounts.create_account("acme")
        except AccountError:
            return None
        return made.id

    with ThreadPoolExecutor(8) as pool:
        ids = [made for made in pool.map(make, range(8)) if made]
        projects = set(pool.map(lambda _: accounts.project(ids[0], "cn-north-4").id, range(8)))
    assert len(ids) == len(projects) == 1 and len(accounts.projects(ids[0])) == 2


def test_tokens_of_two_users(accounts, store):
    made = accounts.create_account("acme")
    (project,) = accounts.projects(made.id)
    ann = accounts.create_user(made.id, "ann")
    tokens = Tokens(store, lambda: 1000.0)
    mine, hers = tokens.issue(accounts.user(made.id, "acme").id, project.id), tokens.issue(ann.id, None)
    assert tokens.find(mine.secret)[1] == project and tokens.find(hers.secret)[1] is None
    accounts.set_password(ann.id, "another one")
    assert tokens.find(hers.secret) is None and tokens.find(mine.secret)
    assert mine.secret not in repr(mine)


def test_the_first_start(store, settings):
    made = first_start(settings, store)
    assert first_start(settings, store) is None
    accounts = Accounts(store, settings)
    assert accounts.operator().user_name == made.account and accounts.keys.secret(made.ak) == made.sk
    assert accounts.operator().permissions == {ADMINISTRATOR}
    for name in ("credentials", "env"):
        file = settings.folder / name
        assert stat.S_IMODE(file.stat().st_mode) == 0o600 and made.sk in file.read_text()
    text = made.text(settings)
    assert made.password in text and made.ak in text and made.project_id in text
    assert made.password not in repr(made) and made.sk not in repr(made)


def test_the_sdk_reads_the_credentials(store, settings, monkeypatch):
    provider = pytest.importorskip("huaweicloudsdkcore.auth.provider").ProfileCredentialProvider
    made = first_start(settings, store)
    monkeypatch.setenv("HUAWEICLOUD_SDK_CREDENTIALS_FILE", str(settings.folder / "credentials"))
    found = provider.get_basic_credential_profile_provider().get_credentials()
    assert (found.ak, found.sk, found.project_id) == (made.ak, made.sk, made.project_id)


def test_the_first_start_beside_an_account_of_its_name(accounts, settings, store):
    accounts.create_account("local")
    made = first_start(settings, store)
    assert made.account == accounts.operator().account_name == "operator"
    assert accounts.create_operator() is None


def test_two_servers_start_first(settings, store_url):
    stores = [Store(store_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = [first for first in pool.map(lambda store: first_start(settings, store), stores) if first]
    assert len(made) == 1 and Accounts(stores[0], settings).keys.secret(made[0].ak)
    for store in stores:
        store.close()


def test_passwords_take_the_work_that_they_should(monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())
    found = extract_parameters(passwords.hash_password("a password"))
    assert found.type.name == "ID" and found.memory_cost >= 64 * 1024 and found.time_cost >= 2


@pytest.mark.parametrize("password", ["short", "x" * 129, "\ud800" * 10])
def test_passwords_that_are_none(password):
    with pytest.raises(AccountError):
        passwords.hash_password(password)
    assert not passwords.check_password(passwords.hash_password("a password"), password)


def test_nobody_has_a_password():
    assert not passwords.check_password(None, "a password that opens nothing")
    assert not passwords.check_password("no hash", "a password")
