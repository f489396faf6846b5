"""The songs of a catalogue at one moment, ready to be searched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from irs_engine.music.database import SegmentRow, SongDatabase, generation_of, places_of, segment_rows
from irs_engine.music.index import IndexPart
from irs_engine.music.segments import SegmentError, open_segment
from irs_engine.music.songs import CatalogueError, Problem, Song

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """Does not change while songs are added, removed and merged, by whichever process."""

    parts: tuple[IndexPart, ...]
    removed: tuple[np.ndarray, ...]  # for each part (songs,) bool: those that are not to be found
    songs: tuple[Mapping[int, Song], ...]  # for each part, by their numbers in it
    problems: tuple[Problem, ...] = ()  # files whose songs are missing here

    @property
    def count(self) -> int:
        """Songs that can be found."""
        return sum(map(len, self.songs))

    def song_of(self, part: int, number: int) -> Song:
        return self.songs[part][number]


@dataclass(frozen=True)
class _View:
    """A segment in one state of its songs."""

    changed: int
    songs: Mapping[int, Song]
    removed: np.ndarray
    part: IndexPart | None
    error: str  # why there is no part


class SnapshotReader:
    """Takes snapshots; what did not change since the last one is not read again."""

    def __init__(self, database: SongDatabase, segments: Path):
        self._database, self._segments = database, segments
        self.after_fork()
        self._last: tuple[int, Snapshot] | None = None  # with its generation
        self._views: dict[int, _View] = {}  # by the ids of segments

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def take(self) -> Snapshot:
        """The songs of now.

        Raises:
            CatalogueError: There are songs, but none of their files can be used.
        """
        with self._lock:
            missing_in = -1
            while True:
                with self._database.read() as connection:
                    generation = generation_of(connection)
                    if self._last and self._last[0] == generation:
                        return self._last[1]
                    rows = [row for row in segment_rows(connection) if row.living]
                    songs = {row.id: places_of(connection, row.id) for row in rows if self._changed(row)}
                try:
                    views = {
                        row.id: self._view(row, songs[row.id], generation == missing_in)
                        if row.id in songs
                        else self._views[row.id]
                        for row in rows
                    }
                    break
                except FileNotFoundError:  # merged away since; if nothing has changed by now, it is lost
                    missing_in = generation
            snapshot = _snapshot(rows, list(views.values()))
            self._views, self._last = views, (generation, snapshot)
            return snapshot

    def _changed(self, row: SegmentRow) -> bool:
        return row.id not in self._views or self._views[row.id].changed != row.changed

    def _view(self, row: SegmentRow, songs: Mapping[int, Song], lost: bool) -> _View:
        """`lost`: a file that is not there will not come back.

        Raises:
            FileNotFoundError: It is not there and was not known to be lost.
        """
        known = self._views.get(row.id)
        part, error = (known.part, known.error) if known else self._open(row, lost)
        removed = np.ones(row.songs, bool)
        removed[list(songs)] = False
        removed.flags.writeable = False
        return _View(row.changed, songs, removed, part, error)

    def _open(self, row: SegmentRow, lost: bool) -> tuple[IndexPart | None, str]:
        file = self._segments / row.file
        try:
            part = open_segment(file)
            if part.songs != row.songs:
                raise SegmentError(f"{file}: has {part.songs} songs, the catalogue says {row.songs}")
            return part, ""
        except FileNotFoundError:
            if not lost:
                raise
            error = f"{file}: is missing"
        except SegmentError as wrong:
            error = str(wrong)
        log.warning("%s; %d songs of the music catalogue cannot be found", error, row.living)
        return None, error


def _snapshot(rows: list[SegmentRow], views: list[_View]) -> Snapshot:
    usable = [(view.part, view.removed, view.songs) for view in views if view.part is not None]
    problems = tuple(
        Problem(row.file, view.error, tuple(view.songs.values()))
        for row, view in zip(rows, views, strict=True)
        if view.error
    )
    if problems and not usable:
        raise CatalogueError(problems[0].what)
    parts, removed, songs = zip(*usable, strict=True) if usable else ((), (), ())
    return Snapshot(parts, removed, songs, problems)
