"""The one thread that admits and counts calls.

All that is waiting is done together: admissions share a look into the database, counts a transaction, so that
making them durable costs the same for many as for one. As nobody else knows of calls in flight, their number
is exact without a lock, and no quota is overrun by calls that are made at the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from irs_engine.server.business.admission import Standings
from irs_engine.server.business.prices import Prices
from irs_engine.server.business.usage import Call, Permit, record
from irs_engine.server.errors import ServiceError
from irs_engine.server.store import Store

log = logging.getLogger(__name__)
MOST = 512  # of what is done together

Reply = asyncio.Future[None]
Outcome = tuple[Reply, Exception | None]


@dataclass(frozen=True, slots=True)
class _Admission:
    permit: Permit
    reply: Reply


@dataclass(frozen=True, slots=True)
class _Count:
    call: Call
    reply: Reply | None  # None: nobody waits for it


@dataclass(frozen=True, slots=True)
class _Release:
    permit: Permit


class Books:
    """Admission and counts, of any number of tasks and event loops.

    Args:
        subscribed: Whether services are where an account has said nothing.
    """

    def __init__(self, store: Store, prices: Prices, subscribed: bool):
        self._store, self._prices, self._subscribed = store, prices, subscribed
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        # What follows belongs to the thread.
        self._held: set[Permit] = set()
        self._in_flight: Counter[tuple[str, str]] = Counter()  # by account and API

    async def admit(self, permit: Permit) -> None:
        """Hold the permit, or raise a ServiceError."""
        reply = asyncio.get_running_loop().create_future()
        self._put(_Admission(permit, reply))
        try:
            await reply
        except asyncio.CancelledError:
            self.release(permit)
            raise

    async def count(self, call: Call) -> None:
        """Write the call down, and let go of its permit.

        It is durable on return; when the waiting task is cancelled it is written all the same.

        Raises:
            RuntimeError: The permit is not held: its call was counted or given up before.
        """
        reply = asyncio.get_running_loop().create_future()
        self._put(_Count(call, reply))
        await reply

    def note(self, call: Call) -> None:
        """Like `count`, some time soon; not at all when the server is stopping."""
        with contextlib.suppress(RuntimeError):
            self._put(_Count(call, None))

    def release(self, permit: Permit) -> None:
        """Nothing happens when it is not held any more."""
        with contextlib.suppress(RuntimeError):
            self._put(_Release(permit))

    def close(self) -> None:
        """Do what is waiting, and stop."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        if self._thread:
            self._thread.join()

    def _put(self, order: Any) -> None:
        with self._door:  # nothing comes after the None of `close`, where nobody would ever answer it
            if self._closed:
                raise RuntimeError("the books are closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="irs-books", daemon=True)
                self._thread.start()
            self._waiting.put(order)

    def _work(self) -> None:
        closing = False
        while not closing:
            orders = [self._waiting.get()]
            while len(orders) < MOST and not self._waiting.empty():
                orders.append(self._waiting.get())
            closing = None in orders
            self._count(self._ended(orders))
            self._admit([order for order in orders if isinstance(order, _Admission)])

    def _ended(self, orders: Sequence[Any]) -> list[_Count]:
        """Let go of the permits of calls that ended; returns those that have to be written down."""
        calls: list[_Count] = []
        refused: list[Outcome] = []
        for order in orders:
            if isinstance(order, _Release):
                self._let_go(order.permit)
            elif isinstance(order, _Count):
                if self._let_go(order.call.permit) or order.reply is None:
                    calls.append(order)
                else:
                    refused.append((order.reply, RuntimeError("the call was counted or given up before")))
        _deliver(refused)
        return calls

    def _count(self, counts: Sequence[_Count]) -> None:
        if counts:
            errors = self._recorded([count.call for count in counts])
            _deliver([(c.reply, error) for c, error in zip(counts, errors, strict=True) if c.reply])

    def _recorded(self, calls: Sequence[Call]) -> list[Exception | None]:
        """Of every call, why it could not be written down."""
        try:
            with self._store.write() as connection:
                record(connection, calls, self._prices)
        except sa.exc.IntegrityError as error:  # an account is gone: its calls spoil nobody else's
            if len(calls) > 1:
                return [self._recorded([call])[0] for call in calls]
            log.error(
                "a call of account %s could not be counted: %s", calls[0].permit.caller.account_id, error
            )
            return [error]
        except Exception as error:
            log.exception("%d calls could not be counted", len(calls))
            return [error] * len(calls)
        return [None] * len(calls)

    def _admit(self, admissions: Sequence[_Admission]) -> None:
        # Whoever was cancelled while waiting has its release behind it, perhaps in what was done just now.
        admissions = [admission for admission in admissions if not admission.reply.cancelled()]
        if not admissions:
            return
        try:
            with self._store.read() as connection:
                standings = Standings(connection, self._prices, self._subscribed)
                outcomes: list[Outcome] = [(a.reply, self._hold(a.permit, standings)) for a in admissions]
        except Exception as error:
            log.exception("%d calls could not be admitted", len(admissions))
            for admission in admissions:
                self._let_go(admission.permit)
            outcomes = [(admission.reply, error) for admission in admissions]
        _deliver(outcomes)

    def _hold(self, permit: Permit, standings: Standings) -> ServiceError | None:
        """Returns why it cannot be."""
        key = (permit.caller.account_id, permit.api.name)
        try:
            standings.of(permit).check(permit, self._in_flight[key])
        except ServiceError as refusal:
            return refusal
        self._held.add(permit)
        self._in_flight[key] += 1
        return None

    def _let_go(self, permit: Permit) -> bool:
        """Whether it was held."""
        if permit not in self._held:
            return False
        self._held.remove(permit)
        key = (permit.caller.account_id, permit.api.name)
        self._in_flight[key] -= 1
        if not self._in_flight[key]:
            del self._in_flight[key]
        return True


def _deliver(outcomes: Sequence[Outcome]) -> None:
    """Wake those who wait, each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].get_loop(), []).append(outcome)
    for loop, ready in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, ready)
        except RuntimeError:  # it is closed: nobody waits any more
            log.debug("an event loop ended before %d answers", len(ready))


def _settle(outcomes: Sequence[Outcome]) -> None:
    for reply, error in outcomes:
        if reply.done():  # cancelled
            continue
        if error is None:
            reply.set_result(None)
        else:
            reply.set_exception(error)
