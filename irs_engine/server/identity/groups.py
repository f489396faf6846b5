"""Groups of users: permissions are given to groups, users have those of every group they are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from irs_engine.server.identity.names import checked_name, is_name, new_id
from irs_engine.server.identity.people import PERMISSIONS
from irs_engine.server.identity.problems import AccountError, missing, taken
from irs_engine.server.identity.tables import group_members, group_permissions, user_groups, users
from irs_engine.server.store import Store


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    account_id: str
    name: str
    permissions: tuple[str, ...]
    members: tuple[str, ...]  # ids of users


class Groups:
    """The groups of all accounts."""

    def __init__(self, store: Store, clock: Callable[[], float]):
        self._store, self._clock = store, clock

    def create(self, account_id: str, name: str) -> Group:
        made = Group(new_id(), account_id, checked_name(name), (), ())
        try:
            with self._store.write() as connection:
                connection.execute(
                    user_groups.insert().values(
                        id=made.id, account_id=account_id, name=name, created=self._clock()
                    )
                )
        except sa.exc.IntegrityError:
            raise taken("group", name) from None
        return made

    def list(self, account_id: str) -> list[Group]:
        mine = user_groups.c.account_id == account_id
        query = sa.select(user_groups.c.id, user_groups.c.name).where(mine).order_by(user_groups.c.name)
        granted: dict[str, list[str]] = {}
        within: dict[str, list[str]] = {}
        with self._store.read() as connection:
            found = connection.execute(query).all()
            for table, column, into in (
                (group_permissions, group_permissions.c.permission, granted),
                (group_members, group_members.c.user_id, within),
            ):
                of_mine = sa.select(table.c.group_id, column).join(user_groups).where(mine).order_by(column)
                for group_id, value in connection.execute(of_mine):
                    into.setdefault(group_id, []).append(value)
        return [
            Group(id, account_id, name, tuple(granted.get(id, ())), tuple(within.get(id, ())))
            for id, name in found
        ]

    def get(self, account_id: str, name_or_id: str) -> Group:
        """Raises AccountError where the account has none of that name or id."""
        for group in self.list(account_id) if is_name(name_or_id) else ():
            if name_or_id in (group.id, group.name):
                return group
        raise missing("group", name_or_id)

    def delete(self, group_id: str) -> None:
        """Its members lose what it gave them, with their next call."""
        with self._store.write() as connection:
            connection.execute(user_groups.delete().where(user_groups.c.id == group_id))

    def grant(self, group_id: str, permission: str) -> None:
        """Permission: one of PERMISSIONS."""
        if permission not in PERMISSIONS:
            raise AccountError("AIP.0012", f"permission {permission!r}: expected {', '.join(PERMISSIONS)}")
        self._put(group_permissions, group_id=group_id, permission=permission)

    def revoke(self, group_id: str, permission: str) -> None:
        self._take(group_permissions, group_id=group_id, permission=permission)

    def add(self, group_id: str, user_id: str) -> None:
        """Raises AccountError where the user is not of the group's account."""
        same = sa.select(users.c.id).join(user_groups, user_groups.c.account_id == users.c.account_id)
        with self._store.read() as connection:
            if not connection.scalar(same.where(users.c.id == user_id, user_groups.c.id == group_id)):
                raise missing("user", user_id)
        self._put(group_members, group_id=group_id, user_id=user_id)

    def remove(self, group_id: str, user_id: str) -> None:
        self._take(group_members, group_id=group_id, user_id=user_id)

    def _put(self, table: sa.Table, **row: str) -> None:
        try:
            with self._store.write() as connection:
                connection.execute(table.insert().values(row))
        except sa.exc.IntegrityError:
            pass  # it is there already, as asked for

    def _take(self, table: sa.Table, **row: str) -> None:
        with self._store.write() as connection:
            connection.execute(table.delete().where(*(table.c[name] == value for name, value in row.items())))
