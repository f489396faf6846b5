"""A bounded number of downloads at once, of which nobody has more than their share."""

from __future__ import annotations

import asyncio
from collections import Counter, deque


class NoTurn(Exception):
    """Too many wait already."""


class Turns:
    """Whoever holds the fewest gets the next; a quarter of all turns is out of any one user's reach.

    Args:
        at_once: Turns there are, at least 1.
        waiting: Of all users that may wait, of which one user has three quarters at most too.
    """

    def __init__(self, at_once: int, waiting: int):
        self._free, self._share = at_once, at_once - at_once // 4
        self._room, self._queue_share = waiting, waiting - waiting // 4
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, user: str) -> None:
        """Wait for a turn; whoever took it gives it back.

        Raises:
            NoTurn: Nothing is free and the queue is full.
        """
        if self._free and self._held[user] < self._share:
            # Nobody who waits could have had it: `_hand_on` has asked them all.
            self._grant(user)
            return
        if self._room < 1 or len(self._waiting.get(user, ())) >= self._queue_share:
            raise NoTurn
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user, deque()).append(turn)
        self._room -= 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(user, turn)
            else:  # it was given at the very moment at which the caller gave up
                self.give_back(user)
            raise

    def give_back(self, user: str) -> None:
        self._free += 1
        self._held[user] -= 1
        if not self._held[user]:
            del self._held[user]
        self._hand_on()

    def _grant(self, user: str) -> None:
        self._free -= 1
        self._held[user] += 1

    def _forget(self, user: str, turn: asyncio.Future[None]) -> None:
        self._waiting[user].remove(turn)
        self._room += 1
        if not self._waiting[user]:
            del self._waiting[user]

    def _hand_on(self) -> None:
        while self._free:
            # A cancelled waiter is forgotten as soon as its task runs; until then it is passed over.
            able = [
                (self._held[user], user, turn)
                for user, turns in self._waiting.items()
                if self._held[user] < self._share and (turn := next((t for t in turns if not t.done()), None))
            ]
            if not able:
                return
            _, user, turn = min(able, key=lambda found: found[0])
            self._forget(user, turn)
            self._grant(user)
            turn.set_result(None)
