"""Dynamic batching: what arrives while a batch is worked on is the next batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")


class Batcher(Generic[Item, Found]):
    """One thread that works on batches, for the tasks of one event loop.

    Args:
        work: What is done with a batch, in the thread; gives a result for each item.
        most: Items of a batch.
        linger: Seconds that a batch which is not full waits for those that are announced.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Found]], most: int, linger: float = 0):
        self._work, self._most, self._linger = work, most, linger
        self._waiting: deque[tuple[Item, asyncio.Future[Found]]] = deque()
        self._announced = 0
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="irs-lane")
        self._running: asyncio.Task[None] | None = None
        self.batches = 0  # worked on so far
        self.items = 0
        self._last = 0  # items of the last batch

    @property
    def quiet(self) -> bool:
        """Nothing is announced, waits or is worked on, and the last item was alone: there is one client."""
        busy = self._running is not None and not self._running.done()
        return not (busy or self._waiting or self._announced) and self._last <= 1

    @contextmanager
    def announced(self) -> Iterator[None]:
        """Around what prepares an item: a batch that is about to begin without it waits a moment."""
        self._announced += 1
        try:
            yield
        finally:
            self._announced -= 1
            self._arrived.set()

    async def result(self, item: Item) -> Found:
        """What `work` makes of the item. A cancelled one that is still waiting is not worked on."""
        future: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        place = item, future
        self._waiting.append(place)
        self._arrived.set()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._work_off())
        try:
            return await future
        finally:
            if future.cancelled() and place in self._waiting:
                self._waiting.remove(place)

    async def stop(self) -> None:
        """Wait for the batch that is worked on; those who wait for others are cancelled."""
        for _, future in list(self._waiting):
            future.cancel()
        self._waiting.clear()
        await asyncio.to_thread(self._thread.shutdown)

    async def _work_off(self) -> None:
        while self._waiting:
            await self._companions()
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            if batch:
                await self._work_on(batch)

    async def _companions(self) -> None:
        """Wait for announced items, until the batch is full or `linger` has passed."""
        end = asyncio.get_running_loop().time() + self._linger
        while self._announced and len(self._waiting) < self._most:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                break
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except asyncio.TimeoutError:
                break

    async def _work_on(self, batch: list[tuple[Item, asyncio.Future[Found]]]) -> None:
        loop = asyncio.get_running_loop()
        self.batches += 1
        self.items += len(batch)
        self._last = len(batch)
        try:
            found = await loop.run_in_executor(self._thread, self._work, [item for item, _ in batch])
            for (_, future), one in zip(batch, found, strict=True):
                if not future.done():
                    future.set_result(one)
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
