"""Guessing is made slow: who fails several times in a row has to wait."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

FAILURES = 5  # in a row are forgiven
LOCKED_SECONDS = 300
REMEMBERED = 10_000  # of those who failed; the ones whose failure is longest ago are forgotten


@dataclass
class _Record:
    failures: int = 0
    until: float = 0.0


class Lockout:
    """Counts failures of whoever they are of, in this process. Safe to use from several threads.

    Count by the name that is tried and by where it is tried from, so that nobody can lock the owner out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._records: OrderedDict[Hashable, _Record] = OrderedDict()

    def locked(self, who: Hashable) -> float:
        """For how many more seconds; 0 is not at all."""
        with self._lock:
            record = self._records.get(who)
            return max(record.until - self._clock(), 0.0) if record else 0.0

    def failed(self, who: Hashable) -> None:
        with self._lock:
            now = self._clock()
            record = self._records.pop(who, None)
            if record is None or 0 < record.until <= now:  # the wait is over: begin anew
                record = _Record()
            record.failures += 1
            if record.failures > FAILURES:
                record.until = now + LOCKED_SECONDS
            self._records[who] = record
            if len(self._records) > REMEMBERED:
                self._records.popitem(last=False)

    def succeeded(self, who: Hashable) -> None:
        with self._lock:
            self._records.pop(who, None)
