"""Who somebody is and may do, found by whatever they show: one query each, since every call asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from irs_engine.server.caller import ADMINISTRATOR, OBS_VIEWER, TENANT_GUEST, Caller
from irs_engine.server.identity.tables import (
    access_keys,
    accounts,
    group_members,
    group_permissions,
    projects,
    sessions,
    tokens,
    users,
)

PERMISSIONS = (ADMINISTRATOR, TENANT_GUEST, OBS_VIEWER)


@dataclass(frozen=True, slots=True)
class Person:
    """A user as the database knows it at this moment.

    Args:
        enabled: Of the user alone.
        frozen: Of the account; a frozen one's calls are answered with AIS.0027.
        operator: The account is the one that runs this server.
        permissions: Those of all groups that the user is in; the account's own user is Administrator.
    """

    user_id: str
    user_name: str
    account_id: str
    account_name: str
    owner: bool
    enabled: bool
    frozen: bool
    operator: bool
    permissions: frozenset[str]

    def caller(
        self, by: Literal["token", "key", "session", "nobody"], project: Project | None = None
    ) -> Caller:
        return Caller(
            account_id=self.account_id,
            account_name=self.account_name,
            user_id=self.user_id,
            user_name=self.user_name,
            project_id=project.id if project else None,
            project_name=project.name if project else None,
            permissions=self.permissions,
            by=by,
        )


@dataclass(frozen=True, slots=True)
class Project:
    id: str
    name: str
    account_id: str


Shown = tuple[Person, RowMapping]  # and the columns of what was shown


def _person_by(
    shown: Sequence[sa.ColumnElement[Any]], source: sa.FromClause, where: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    columns = (
        users.c.id.label("user_id"),
        users.c.name.label("user_name"),
        users.c.owner,
        users.c.enabled,
        accounts.c.id.label("account_id"),
        accounts.c.name.label("account_name"),
        accounts.c.frozen,
        accounts.c.operator,
        group_permissions.c.permission,
    )
    in_groups = (
        source.join(accounts, accounts.c.id == users.c.account_id)
        .outerjoin(group_members, group_members.c.user_id == users.c.id)
        .outerjoin(group_permissions, group_permissions.c.group_id == group_members.c.group_id)
    )
    return sa.select(*columns, *shown).select_from(in_groups).where(where)


_BY_KEY = _person_by(
    (access_keys.c.secret, access_keys.c.enabled.label("key_enabled")),
    access_keys.join(users, users.c.id == access_keys.c.user_id),
    access_keys.c.ak == sa.bindparam("ak"),
)
_BY_TOKEN = _person_by(
    (tokens.c.project_id, projects.c.name.label("project_name"), tokens.c.issued, tokens.c.expires),
    tokens.join(users, users.c.id == tokens.c.user_id).outerjoin(
        projects, projects.c.id == tokens.c.project_id
    ),
    tokens.c.digest == sa.bindparam("digest"),
)
_BY_SESSION = _person_by(
    (sessions.c.expires,),
    sessions.join(users, users.c.id == sessions.c.user_id),
    sessions.c.digest == sa.bindparam("digest"),
)
_BY_NAME = _person_by(
    (users.c.password,),
    users,
    sa.or_(accounts.c.name == sa.bindparam("account"), accounts.c.id == sa.bindparam("account"))
    & (users.c.name == sa.bindparam("user")),
)
_BY_ID = _person_by((users.c.password,), users, users.c.id == sa.bindparam("user_id"))
_OPERATOR = _person_by((), users, accounts.c.operator & users.c.owner)
_PROJECTS = (
    sa.select(projects.c.id, projects.c.name, projects.c.account_id)
    .where(projects.c.account_id == sa.bindparam("account_id"))
    .order_by(projects.c.created, projects.c.name)
)


def by_key(connection: Connection, ak: str) -> Shown | None:
    """And the `secret` (sealed) and `key_enabled` of the access key."""
    return _one(connection, _BY_KEY, ak=ak)


def by_token(connection: Connection, digest: str) -> Shown | None:
    """And the `project_id`, `project_name`, `issued` and `expires` of the token."""
    return _one(connection, _BY_TOKEN, digest=digest)


def by_session(connection: Connection, digest: str) -> Shown | None:
    """And when the session `expires`."""
    return _one(connection, _BY_SESSION, digest=digest)


def by_name(connection: Connection, account: str, user: str) -> Shown | None:
    """By the account's name or id. And the hash of the `password`, or None where there is none."""
    return _one(connection, _BY_NAME, account=account, user=user)


def by_id(connection: Connection, user_id: str) -> Shown | None:
    """And the hash of the `password`, or None where there is none."""
    return _one(connection, _BY_ID, user_id=user_id)


def the_operator(connection: Connection) -> Person | None:
    """The own user of the account that runs this server."""
    found = _one(connection, _OPERATOR)
    return found[0] if found else None


def projects_of(connection: Connection, account_id: str) -> list[Project]:
    return [Project(*row) for row in connection.execute(_PROJECTS, {"account_id": account_id})]


def _one(connection: Connection, query: sa.Select[Any], **given: str) -> Shown | None:
    rows: Sequence[RowMapping] = connection.execute(query, given).mappings().all()
    if not rows:
        return None
    first = rows[0]
    granted = {row["permission"] for row in rows if row["permission"]}
    person = Person(
        user_id=first["user_id"],
        user_name=first["user_name"],
        account_id=first["account_id"],
        account_name=first["account_name"],
        owner=first["owner"],
        enabled=first["enabled"],
        frozen=first["frozen"],
        operator=first["operator"],
        permissions=frozenset(granted | {ADMINISTRATOR} if first["owner"] else granted),
    )
    return person, first
