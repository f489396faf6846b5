"""Who called a moment ago is known without a look into the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

SECONDS = 1.0  # after which a change by another process, such as `irs-engine account freeze`, holds here
MOST = 4096  # of what is remembered


class Memory:
    """What was found by keys, for a second, or until something changes here."""

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self._found: dict[str, tuple[float, Any]] = {}  # the newest last
        self._lock = threading.Lock()
        self._changes = 0

    def get(self, key: str) -> tuple[Any] | None:
        """What was found, in a tuple of its own; None where it is not known any more."""
        time, found = self._found.get(key, (float("-inf"), None))
        return (found,) if 0 <= self._clock() - time < SECONDS else None

    def ask(self, key: str, find: Callable[[str], Any], asked: str) -> Any:
        """What `find` finds for what is asked, remembered unless something changed meanwhile."""
        changes, time = self._changes, self._clock()
        found = find(asked)
        with self._lock:
            if changes == self._changes:
                self._found.pop(key, None)
                if len(self._found) >= MOST:
                    del self._found[next(iter(self._found))]
                self._found[key] = time, found
        return found

    def forget(self) -> None:
        with self._lock:
            self._changes += 1
            self._found.clear()
