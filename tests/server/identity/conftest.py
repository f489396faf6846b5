"""A service of identity alone, and accounts that no other test uses."""

import itertools
from dataclasses import dataclass

import pytest

pytest.importorskip("starlette", reason="needs irs-engine[server]")
pytest.importorskip("huaweicloudsdkcore", reason="needs irs-engine[test]")

from argon2 import PasswordHasher
from identity_service import serving

from irs_engine.server.identity import Account, passwords
from irs_engine.server.identity.keys import Key
from irs_engine.server.settings import Settings


@pytest.fixture(scope="module", autouse=True)
def quick_passwords():
    """The same argon2id with less work: what takes 64 MiB is tried once, in test_accounts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        passwords._nobodys.cache_clear()
        yield
        passwords._nobodys.cache_clear()


numbers = itertools.count()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serving(Settings(data=tmp_path_factory.mktemp("server"))) as service:
        yield service


@pytest.fixture
def service(running):
    running.clock.ahead = 0.0
    yield running
    running.clock.ahead = 0.0


@dataclass(frozen=True)
class Tenant:
    account: Account
    owner: str  # id of its own user
    project: str
    key: Key

    @property
    def name(self):
        return self.account.name


@pytest.fixture
def new_tenant(service):
    def new_tenant(**given):
        account = service.accounts.create_account(f"tenant{next(numbers)}", **given)
        (owner,) = service.accounts.list_users(account.id)
        (project,) = service.accounts.projects(account.id)
        return Tenant(account, owner.id, project.id, service.accounts.keys.create(owner.id))

    return new_tenant


@pytest.fixture
def tenant(new_tenant):
    return new_tenant()
