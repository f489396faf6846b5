"""Access keys: pairs of an AK, which names its user, and an SK, which signs requests."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from irs_engine.server.identity import people
from irs_engine.server.identity.keyring import Keyring
from irs_engine.server.identity.names import is_name
from irs_engine.server.identity.people import Person, Project
from irs_engine.server.identity.problems import AccountError, missing
from irs_engine.server.identity.tables import access_keys, users
from irs_engine.server.identity.tokens import end_of_tokens
from irs_engine.server.store import Store

PER_USER = 10  # enough to change them in turn
_AK = string.ascii_uppercase + string.digits
_SK = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Key:
    ak: str
    user_id: str
    user_name: str
    enabled: bool
    created: float  # seconds since 1970
    sk: str | None = field(default=None, repr=False)  # given when it is made, and never again


@dataclass(frozen=True, slots=True)
class Found:
    """What an access key stands for.

    Args:
        person: None where there is no such key.
        usable: The key and its user are enabled.
        projects: Of the account.
    """

    person: Person | None
    usable: bool
    secret: str = field(repr=False)
    projects: list[Project]


class Keys:
    """The access keys of all users."""

    def __init__(self, store: Store, keyring: Keyring, clock: Callable[[], float]):
        self._store, self._keyring, self._clock = store, keyring, clock
        # An unknown AK is treated like a known one, down to opening a secret that nobody was ever given.
        self._nobody = Keyring.passing()
        self._nobodys = self._nobody.seal(_random(_SK, 40), "")

    def create(self, user_id: str) -> Key:
        """A pair; its secret cannot be had from here again.

        Raises:
            AccountError: No such user, or it has PER_USER keys.
        """
        ak, sk = _random(_AK, 20), _random(_SK, 40)
        sealed, now = self._keyring.seal(sk, ak), self._clock()
        with self._store.write() as connection:
            name = connection.scalar(sa.select(users.c.name).where(users.c.id == user_id))
            if name is None:
                raise missing("user", user_id)
            count = sa.select(sa.func.count()).where(access_keys.c.user_id == user_id)
            if (connection.scalar(count) or 0) >= PER_USER:
                raise AccountError("AIP.0012", f"user {name!r} has {PER_USER} keys: delete one first")
            connection.execute(
                access_keys.insert().values(ak=ak, user_id=user_id, secret=sealed, enabled=True, created=now)
            )
        return Key(ak, user_id, name, True, now, sk)

    def list(self, account_id: str, user_id: str | None = None) -> list[Key]:
        """Of an account, or of one of its users."""
        query = _KEYS.where(users.c.account_id == account_id).order_by(users.c.name, access_keys.c.created)
        if user_id:
            query = query.where(users.c.id == user_id)
        with self._store.read() as connection:
            return [Key(*row) for row in connection.execute(query)]

    def get(self, account_id: str, ak: str) -> Key:
        """Raises AccountError where the account has no such key."""
        query = _KEYS.where(users.c.account_id == account_id, access_keys.c.ak == ak)
        with self._store.read() as connection:
            row = connection.execute(query).first() if is_name(ak) else None
        if row is None:
            raise missing("access key", ak)
        return Key(*row)

    def enable(self, ak: str, enabled: bool = True) -> None:
        """Or disable it, which ends the tokens of its user too."""
        self._change(ak, access_keys.update().values(enabled=enabled), ends=not enabled)

    def delete(self, ak: str) -> None:
        """Ends the tokens of its user too."""
        self._change(ak, access_keys.delete(), ends=True)

    def find(self, ak: str) -> Found:
        """Whose it is; where it is unknown nobody's, after as much work."""
        with self._store.read() as connection:
            shown = people.by_key(connection, ak)
            projects = people.projects_of(connection, shown[0].account_id if shown else "")
        if shown is None:
            return Found(None, False, self._nobody.open(self._nobodys, ""), projects)
        person, row = shown
        return Found(
            person, person.enabled and row["key_enabled"], self._keyring.open(row["secret"], ak), projects
        )

    def secret(self, ak: str) -> str | None:
        """Of a key that may be used at this moment, to check what else was signed with it."""
        found = self.find(ak)
        return found.secret if found.person and found.usable and not found.person.frozen else None

    def _change(self, ak: str, change: sa.Update | sa.Delete, ends: bool) -> None:
        with self._store.write() as connection:
            user_id = connection.scalar(sa.select(access_keys.c.user_id).where(access_keys.c.ak == ak))
            connection.execute(change.where(access_keys.c.ak == ak))
            if ends and user_id:
                end_of_tokens(connection, user_id)


_KEYS = sa.select(
    access_keys.c.ak, access_keys.c.user_id, users.c.name, access_keys.c.enabled, access_keys.c.created
).join(users, users.c.id == access_keys.c.user_id)


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))
