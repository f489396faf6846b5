"""Which services accounts use, and whether these may read their OBS buckets."""

from __future__ import annotations

import sqlalchemy as sa

from irs_engine.server.apis import SERVICES
from irs_engine.server.business import purses
from irs_engine.server.business.tables import insert, obs_authorisations, subscriptions
from irs_engine.server.errors import ServiceError
from irs_engine.server.store import Store


class Subscriptions:
    """Of all accounts.

    Args:
        default: Whether services are subscribed where an account has said nothing.
    """

    def __init__(self, store: Store, default: bool):
        self._store, self.default = store, default

    def of(self, account_id: str) -> dict[str, bool]:
        """Every service, and whether it is subscribed."""
        with self._store.read() as connection:
            return self._read(connection, account_id)

    def subscribe(self, account_id: str, service: str, now: float) -> None:
        """Raises a ServiceError when it is so already, and where the account is frozen or in arrears."""
        self._change(account_id, service, True, now)

    def unsubscribe(self, account_id: str, service: str, now: float) -> None:
        """Packages stay, and expire."""
        self._change(account_id, service, False, now)

    def _change(self, account_id: str, service: str, wanted: bool, now: float) -> None:
        if service not in SERVICES:
            raise ServiceError("AIS.0005", f"there are {', '.join(SERVICES)}")
        with self._store.write() as connection:
            purse = purses.lock_one(connection, account_id)
            if self._read(connection, account_id)[service] == wanted:
                raise ServiceError("AIP.0011" if wanted else "AIP.0015", service)
            if wanted:
                purses.check_standing(connection, purse)
            row = {"subscribed": wanted, "since": int(now)}
            statement = insert(connection, subscriptions).on_conflict_do_update(
                index_elements=["account_id", "service"], set_=row
            )
            connection.execute(statement, {"account_id": account_id, "service": service, **row})

    def _read(self, connection: sa.Connection, account_id: str) -> dict[str, bool]:
        rows = connection.execute(
            sa.select(subscriptions.c.service, subscriptions.c.subscribed).where(
                subscriptions.c.account_id == account_id
            )
        )
        said = {row.service: row.subscribed for row in rows}
        return {service: said.get(service, self.default) for service in SERVICES}

    def obs_authorised(self, account_id: str) -> bool:
        """May the services read private objects of the account's buckets?"""
        asked = obs_authorisations.c.account_id == account_id
        with self._store.read() as connection:
            return connection.scalar(sa.select(obs_authorisations.c.since).where(asked)) is not None

    def authorise_obs(self, account_id: str, wanted: bool, now: float) -> None:
        with self._store.write() as connection:
            if wanted:
                statement = insert(connection, obs_authorisations).on_conflict_do_nothing()
                connection.execute(statement, {"account_id": account_id, "since": int(now)})
            else:
                mine = obs_authorisations.c.account_id == account_id
                connection.execute(obs_authorisations.delete().where(mine))
