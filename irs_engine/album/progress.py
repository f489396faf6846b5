"""How fast the indexing goes, and how long it will take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from irs_engine.album.reports import IndexProgress

OnProgress = Callable[[IndexProgress], None]

RECENT = 30.0  # s over which the rate is told


class Clock:
    """Tells progress to whoever wants to know."""

    def __init__(self, total: int, tell: OnProgress | None):
        self._total, self._tell, self._done = total, tell, 0
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def tick(self, path: str) -> None:
        self._done += 1
        if self._tell is None:
            return
        now = time.monotonic()
        self._recent.append((now, self._done))
        while now - self._recent[0][0] > RECENT:
            self._recent.popleft()
        then, done = self._recent[0]
        rate = (self._done - done) / max(now - then, 1e-6)
        left = (self._total - self._done) / rate if rate else 0.0
        self._tell(IndexProgress(self._done, self._total, rate, left, path))
