"""Accounts and the users in them, as the command line and the routes change them.

Everything here works on the database and waits for it: call it in a thread. What hashes passwords takes tens
of milliseconds more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from irs_engine.server.identity import people
from irs_engine.server.identity.groups import Groups
from irs_engine.server.identity.keyring import Keyring
from irs_engine.server.identity.keys import Keys
from irs_engine.server.identity.names import checked_name, is_name, new_id
from irs_engine.server.identity.passwords import hash_password
from irs_engine.server.identity.people import Person, Project
from irs_engine.server.identity.problems import AccountError, missing, taken
from irs_engine.server.identity.regions import REGIONS
from irs_engine.server.identity.tables import accounts, projects, users
from irs_engine.server.identity.tokens import end_of_sessions, end_of_tokens
from irs_engine.server.settings import Settings
from irs_engine.server.store import Store

OPERATORS = ("local", "operator", f"operator-{new_id()[:8]}")  # names; the first one that is free is taken


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    frozen: bool
    operator: bool  # it is the one that runs this server
    created: float  # seconds since 1970


@dataclass(frozen=True, slots=True)
class User:
    id: str
    account_id: str
    name: str
    owner: bool  # the account's own user, who is Administrator
    enabled: bool
    created: float


class Accounts:
    """Accounts, their users and projects; `groups` and `keys` have the rest."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float] = time.time):
        self.store, self._clock = store, clock
        self._region = settings.region
        self.groups = Groups(store, clock)
        self.keys = Keys(store, Keyring(settings.folder / "secrets.key"), clock)

    def create_account(
        self, name: str, password: str | None = None, user: str | None = None, operator: bool = False
    ) -> Account:
        """An account, its own user and its project in the region of this server.

        Args:
            password: Of that user; without one it gets in with access keys alone.
            user: Its name; by default that of the account, as in the cloud.
            operator: It is the account that runs this server.

        Raises:
            AccountError: There is one of that name, or the name or password is not acceptable.
        """
        made = Account(new_id(), checked_name(name), False, operator, self._clock())
        owner = _new_user(made.id, user or name, password, made.created, owner=True)
        try:
            with self.store.write() as connection:
                connection.execute(
                    accounts.insert().values(
                        id=made.id, name=made.name, frozen=False, operator=operator, created=made.created
                    )
                )
                connection.execute(users.insert().values(owner))
                _create_project(connection, made.id, self._region, made.created)
        except sa.exc.IntegrityError:
            raise taken("account", name) from None
        return made

    def list_accounts(self) -> list[Account]:
        with self.store.read() as connection:
            return [Account(**row) for row in connection.execute(_ACCOUNTS.order_by("name")).mappings()]

    def account(self, name_or_id: str) -> Account:
        """Raises AccountError where there is none."""
        found = (accounts.c.name == name_or_id) | (accounts.c.id == name_or_id)
        with self.store.read() as connection:
            row = (
                connection.execute(_ACCOUNTS.where(found)).mappings().first() if is_name(name_or_id) else None
            )
        if row is None:
            raise missing("account", name_or_id)
        return Account(**row)

    def freeze(self, account_id: str, frozen: bool = True) -> None:
        """Calls of a frozen account are answered with AIS.0027; its data stays. Or thaw it."""
        with self.store.write() as connection:
            change = accounts.update().where(accounts.c.id == account_id).values(frozen=frozen)
            if not connection.execute(change).rowcount:
                raise missing("account", account_id)

    def frozen(self, account_id: str) -> bool:
        with self.store.read() as connection:
            return bool(connection.scalar(sa.select(accounts.c.frozen).where(accounts.c.id == account_id)))

    def operator(self) -> Person | None:
        """The own user of the account that runs this server; None before the first start."""
        with self.store.read() as connection:
            return people.the_operator(connection)

    def create_operator(self, password: str | None = None) -> Account | None:
        """The account that runs this server; None where there is one already, or somebody else is quicker."""
        for name in OPERATORS:
            if self.operator():
                break
            try:
                return self.create_account(name, password, operator=True)
            except AccountError:  # the name is that of another account, or it has just been made
                continue
        return None

    def create_user(self, account_id: str, name: str, password: str | None = None) -> User:
        """A user who may do nothing until some group that it is in may."""
        values = _new_user(account_id, name, password, self._clock())
        try:
            with self.store.write() as connection:
                connection.execute(users.insert().values(values))
        except sa.exc.IntegrityError:
            raise taken("user", name) from None
        return User(**{key: value for key, value in values.items() if key != "password"})

    def list_users(self, account_id: str) -> list[User]:
        query = _USERS.where(users.c.account_id == account_id).order_by(users.c.owner.desc(), users.c.name)
        with self.store.read() as connection:
            return [User(**row) for row in connection.execute(query).mappings()]

    def user(self, account_id: str, name_or_id: str) -> User:
        """Raises AccountError where the account has none of that name or id."""
        found = (users.c.name == name_or_id) | (users.c.id == name_or_id)
        query = _USERS.where(users.c.account_id == account_id, found)
        with self.store.read() as connection:
            row = connection.execute(query).mappings().first() if is_name(name_or_id) else None
        if row is None:
            raise missing("user", name_or_id)
        return User(**row)

    def enable_user(self, user_id: str, enabled: bool = True) -> None:
        """Or disable it: its tokens and sessions end at once, its keys are refused."""
        with self.store.write() as connection:
            connection.execute(users.update().where(users.c.id == user_id).values(enabled=enabled))
            if not enabled:
                end_of_tokens(connection, user_id)
                end_of_sessions(connection, user_id)

    def set_password(self, user_id: str, password: str) -> None:
        """Ends all of the user's tokens and sessions."""
        hashed = hash_password(password)
        with self.store.write() as connection:
            connection.execute(users.update().where(users.c.id == user_id).values(password=hashed))
            end_of_tokens(connection, user_id)
            end_of_sessions(connection, user_id)

    def projects(self, account_id: str) -> list[Project]:
        with self.store.read() as connection:
            return people.projects_of(connection, account_id)

    def project(self, account_id: str, name: str) -> Project | None:
        """The project of a region, which every account has without asking for it; None: no such region."""
        for project in self.projects(account_id):
            if project.name == name:
                return project
        if name not in REGIONS and name != self._region:
            return None
        try:
            with self.store.write() as connection:
                return _create_project(connection, account_id, name, self._clock())
        except sa.exc.IntegrityError:  # somebody else asked at the same time
            return next(project for project in self.projects(account_id) if project.name == name)


_ACCOUNTS = sa.select(
    accounts.c.id, accounts.c.name, accounts.c.frozen, accounts.c.operator, accounts.c.created
)
_USERS = sa.select(
    users.c.id, users.c.account_id, users.c.name, users.c.owner, users.c.enabled, users.c.created
)


def _new_user(
    account_id: str, name: str, password: str | None, created: float, owner: bool = False
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "account_id": account_id,
        "name": checked_name(name),
        "owner": owner,
        "enabled": True,
        "password": None if password is None else hash_password(password),
        "created": created,
    }


def _create_project(connection: Connection, account_id: str, name: str, created: float) -> Project:
    made = Project(new_id(), name, account_id)
    connection.execute(
        projects.insert().values(id=made.id, account_id=account_id, name=name, created=created)
    )
    return made
