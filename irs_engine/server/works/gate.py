"""Who may go in and who waits: room for so much at once, the others in order, more of them refused."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from irs_engine.server.errors import ServiceError

MEMORY = 0.2  # weight of the newest call in the mean of how long they take


class Gate:
    """For the tasks of one event loop.

    Args:
        room: What may be inside at once.
        queue: How many may wait; none: any number.
        patience: Seconds that anybody waits at most; none: without end.
    """

    def __init__(self, room: int, queue: int | None = None, patience: float | None = None):
        self.room, self.queue, self.patience = room, queue, patience
        self.inside = 0  # what has been let in, in the unit of `room`
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._seconds = 1.0  # that they stay inside, in the mean

    @property
    def waiting(self) -> int:
        return len(self._line)

    @asynccontextmanager
    async def passed(self, size: int = 1) -> AsyncIterator[None]:
        """Inside the gate; see `enter`."""
        await self.enter(size)
        started = time.monotonic()
        try:
            yield
        finally:
            self.leave(size, time.monotonic() - started)

    async def enter(self, size: int = 1) -> None:
        """Wait for one's turn. What is larger than all the room is let in alone.

        Raises:
            ServiceError: APIG.0308, the queue is full or the patience at its end; Retry-After says when there
                will probably be room.
        """
        if not self._line and self._fits(size):
            self.inside += size
            return
        if self.queue is not None and len(self._line) >= self.queue:
            raise self._refusal(f"{len(self._line)} calls are waiting already")
        loop = asyncio.get_running_loop()
        place = size, loop.create_future()
        self._line.append(place)
        timer = (
            None if self.patience is None else loop.call_later(self.patience, self._end_of_patience, place)
        )
        try:
            await place[1]
        except BaseException:
            turn = place[1]
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(size)  # cancelled when its turn had just come
            elif place in self._line:
                self._line.remove(place)
                self._let_in()  # one behind it may be smaller
            raise
        finally:
            if timer:
                timer.cancel()

    def leave(self, size: int = 1, stayed: float | None = None) -> None:
        """Make room for the next ones.

        Args:
            stayed: Seconds inside, where they tell how long others will stay.
        """
        self.inside -= size
        if stayed is not None:
            self._seconds += MEMORY * (stayed - self._seconds)
        self._let_in()

    def _fits(self, size: int) -> bool:
        return self.inside == 0 or self.inside + size <= self.room

    def _let_in(self) -> None:
        while self._line and (self._line[0][1].done() or self._fits(self._line[0][0])):
            size, turn = self._line.popleft()
            if not turn.done():  # a cancelled one's task has not run since
                self.inside += size
                turn.set_result(None)

    def _end_of_patience(self, place: tuple[int, asyncio.Future[None]]) -> None:
        if not place[1].done():
            place[1].set_exception(self._refusal(f"no turn within {self.patience:g} s"))

    def _refusal(self, detail: str) -> ServiceError:
        turns = math.ceil((len(self._line) + 1) / self.room)
        seconds = min(60, max(1, math.ceil(turns * self._seconds)))
        return ServiceError("APIG.0308", detail, headers={"Retry-After": str(seconds)})
