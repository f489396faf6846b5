"""Which segments of a catalogue to put together, and the thread that does it.

Segments of about one size are merged once there are FANOUT of them, so that n songs are in O(log n) segments,
and each song is written O(log n) times (O'Neil et al. 1996, "The log-structured merge-tree").
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence

from irs_engine.music.database import SegmentRow

log = logging.getLogger(__name__)

FANOUT = 4
SMALLEST = 1 << 16  # bytes: segments up to it are of one size
LARGEST = 1 << 30  # bytes of a segment: merging takes a multiple of them in memory


def to_merge(segments: Sequence[SegmentRow]) -> list[SegmentRow]:
    """Those to put together next into one, or one alone that is mostly tombstones; none when all is well."""
    sizes: dict[int, list[SegmentRow]] = {}
    for segment in segments:
        if 2 * segment.living < segment.songs or not segment.living:
            return [segment]
        sizes.setdefault(tier(segment), []).append(segment)
    for _, alike in sorted(sizes.items()):
        group = within(alike)
        if len(group) >= FANOUT:
            return group
    return []


def all_to_merge(segments: Sequence[SegmentRow]) -> list[list[SegmentRow]]:
    """Groups to put together for as few segments, and as little space, as can be."""
    rest = sorted(segments, key=lambda segment: segment.id)
    groups = []
    while rest:
        group = within(rest)
        groups.append(group)
        rest = rest[len(group) :]
    return [group for group in groups if len(group) > 1 or group[0].living < group[0].songs]


def within(segments: Sequence[SegmentRow]) -> list[SegmentRow]:
    """The first of them that fit together into a segment, at least one."""
    group: list[SegmentRow] = []
    size = 0.0
    for segment in segments:
        size += segment.bytes * segment.living / segment.songs
        if group and size > LARGEST:
            break
        group.append(segment)
    return group


def tier(segment: SegmentRow) -> int:
    """0 up to SMALLEST, and one more for each FANOUT times that."""
    living = segment.bytes * segment.living / segment.songs
    return max(0, math.ceil(math.log(living / SMALLEST, FANOUT)))


class MergingThread:
    """Calls `step` in the background for as long as it has something to do."""

    def __init__(self, step: Callable[[], bool]):
        self._step = step  # whether there may be more to do
        self.after_fork()

    def after_fork(self) -> None:
        """In the child, which has none of the threads, but their locks as they were."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._woken = False

    def wake(self) -> None:
        """There may be something to do."""
        with self._lock:
            self._woken = True
            if self._thread is None or not self._thread.is_alive():
                # Not a daemon: a process that adds one song and ends still merges.
                self._thread = threading.Thread(target=self._run, name="irs-music-merging")
                self._thread.start()

    def wait(self) -> None:
        """Until there is nothing to do."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._woken:
                    self._thread = None
                    return
                self._woken = False
            try:
                while self._step():
                    pass
            except Exception:  # songs are found without it, and the next one added has it try again
                log.warning("songs of the music catalogue could not be merged", exc_info=True)
