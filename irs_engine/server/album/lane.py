"""A kind of blocking work: its own few threads, and a gate before them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from irs_engine.server.settings import LoadSettings
from irs_engine.server.works.gate import Gate

T = TypeVar("T")


class Lane:
    """For the tasks of one event loop. The threads are made when they are needed, and stay: an album keeps a
    connection for each."""

    def __init__(self, name: str, threads: int, load: LoadSettings):
        self._gate = Gate(threads, load.queue, load.wait_seconds)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"irs-album-{name}")

    async def do(self, work: Callable[[], T]) -> T:
        """What `work` returns, in a thread. A place is free when its thread is, even if a task is cancelled.

        Raises:
            ServiceError: APIG.0308, too many are waiting, or the turn did not come in time.
        """
        await self._gate.enter()
        loop, started = asyncio.get_running_loop(), time.monotonic()

        def leave(_: object) -> None:
            loop.call_soon_threadsafe(self._gate.leave, 1, time.monotonic() - started)

        job = self._threads.submit(work)
        job.add_done_callback(leave)
        return await asyncio.wrap_future(job)

    async def stop(self) -> None:
        await asyncio.to_thread(partial(self._threads.shutdown, cancel_futures=True))
