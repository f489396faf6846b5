"""All about calls but the pictures: who may make them and how many, what they cost, how many there were.

    business = Business(store, settings)
    permit = await business.admit(caller, api)     # or a ServiceError
    await business.count(permit, ok=True)          # durable before the answer leaves

A call belongs to the minute, hour and month in which it was admitted. A successful one consumes a free call
of the month, else one of the package that expires soonest, else it is paid by use.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool

from irs_engine.server.apis import Api
from irs_engine.server.business.admission import check_permissions
from irs_engine.server.business.bills import Bills
from irs_engine.server.business.books import Books
from irs_engine.server.business.metrics import Metrics
from irs_engine.server.business.overview import overview
from irs_engine.server.business.packages import Offer, Packages
from irs_engine.server.business.periods import MINUTE
from irs_engine.server.business.prices import Prices
from irs_engine.server.business.routes import routes
from irs_engine.server.business.subscriptions import Subscriptions
from irs_engine.server.business.usage import Call, MonthRow, Permit, of_month
from irs_engine.server.caller import Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import Settings
from irs_engine.server.store import Store

__all__ = ["Business", "Offer", "Permit", "routes"]
log = logging.getLogger(__name__)
DAY = 24 * 60  # minutes


class Business:
    """Safe to use from any task and thread; what is not `async` blocks for the time of a transaction.

    Args:
        clock: Seconds since 1970.
        offers: Packages that can be bought.

    Raises:
        ParameterError: Prices or packages do not make sense.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        offers: Sequence[Offer] = (),
    ):
        billing = settings.billing
        self.clock = clock
        self.prices = Prices(billing)
        self.subscriptions = Subscriptions(store, billing.subscribed)
        self.packages = Packages(store, offers, billing.currency)
        self.bills = Bills(store)
        self.metrics = Metrics(store)
        self._store = store
        self._books = Books(store, self.prices, billing.subscribed)

    async def admit(self, caller: Caller, api: Api) -> Permit:
        """A permit for one call, to be counted or released.

        Raises:
            ServiceError: The call is not allowed; that is counted as a failed one.
        """
        permit = Permit(caller, api, self.clock())
        try:
            check_permissions(caller, api)
            await self._books.admit(permit)
        except ServiceError:
            self._books.note(Call(permit, ok=False))
            raise
        return permit

    async def count(self, permit: Permit, ok: bool) -> None:
        """The call is over and about to be answered. Durable on return, and written even when cancelled."""
        await self._books.count(Call(permit, ok))

    def release(self, permit: Permit) -> None:
        """The call was given up, nobody is answered. Nothing happens after `count`."""
        self._books.release(permit)

    def refused(self, caller: Caller, api: Api) -> None:
        """A call of a known caller was answered with an error before it could be admitted."""
        self._books.note(Call(Permit(caller, api, self.clock()), ok=False))

    async def obs_authorised(self, account_id: str) -> bool:
        return await run_in_threadpool(self.subscriptions.obs_authorised, account_id)

    def usage(self, account_id: str, month: str) -> list[MonthRow]:
        """Calls of a month such as "2026-11"."""
        return of_month(self._store, account_id, month)

    def overview(self, account_id: str) -> dict[str, Any]:
        """Every service with its APIs, prices and what is left, as JSON."""
        return overview(self._store, self.prices, self.subscriptions, account_id, self.clock())

    async def run(self) -> None:
        """Issue bills and renew packages for as long as the server runs; never returns."""
        minutes = 0
        while True:
            try:
                await run_in_threadpool(self.tick, self.clock())
                if minutes % DAY == 0:
                    await run_in_threadpool(self.metrics.forget, self.clock())
            except Exception:  # the database may be back in a minute
                log.exception("bills could not be issued, or packages not renewed")
            minutes += 1
            await asyncio.sleep(MINUTE)

    def tick(self, now: float) -> None:
        """What is due; doing it again does nothing."""
        self.bills.issue(now)
        self.packages.renew(now)

    def close(self) -> None:
        """Write down what is waiting to be. No call is admitted or counted any more."""
        self._books.close()
