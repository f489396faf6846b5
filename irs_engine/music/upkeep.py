"""What keeps the files of a catalogue in order: who may write, merging, checking, rebuilding, sweeping."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from irs_engine.music.database import SegmentRow, SongDatabase
from irs_engine.music.fingerprint import FORMAT, Peaks
from irs_engine.music.index import IndexPart, build_part
from irs_engine.music.merging import all_to_merge, to_merge
from irs_engine.music.segments import SegmentError, check_segment, open_peaks, sync_folder, write_segment
from irs_engine.music.songs import CatalogueError, Problem

log = logging.getLogger(__name__)

SEGMENT, ADDING, MERGING = ".irsm", ".adding", ".merging"  # how names of files end


@contextlib.contextmanager
def locked(file: Path, wait: bool = True) -> Iterator[bool]:
    """Whether this thread holds the lock, of all threads and processes; without waiting it may not."""
    with file.open("a") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(opened, fcntl.LOCK_UN)  # closing it would not do where a forked child has it open


class Upkeep:
    """The segments of a catalogue.

    Who holds the lock for writing gives files their names and changes the database. Who holds that for
    merging writes what takes the place of other segments, and deletes these; where both are needed, it is
    taken first.
    """

    def __init__(self, folder: Path, database: SongDatabase):
        self._folder, self._database = folder, database
        self._segments = folder / "segments"
        self._unusable: set[int] = set()  # segments with damaged peaks

    def writing(self) -> contextlib.AbstractContextManager[bool]:
        return self._locked("writing.lock")

    def check_writable(self) -> None:
        if self._database.read_only:
            raise CatalogueError(f"{self._folder}: was opened for reading only")

    def _locked(self, name: str, wait: bool = True) -> contextlib.AbstractContextManager[bool]:
        self.check_writable()
        return locked(self._folder / name, wait)

    def publish(self, part: IndexPart) -> tuple[str, int]:
        """Write a segment, for a row of the database that is yet to come; its name and bytes."""
        temporary, file = self._new_file(ADDING), self._new_file(SEGMENT)
        try:
            size = write_segment(temporary, part)
            self._rename(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
        return file.name, size

    def sweep(self) -> None:
        """Delete what killed processes left."""
        with self.writing():
            for file in self._orphans():
                log.info("%s: left by a process that was killed, deleted", file)
                file.unlink(missing_ok=True)

    def merge_next(self) -> bool:
        """Merge what is most in need of it, unless somebody else is merging; whether there was anything."""
        with self._locked("merging.lock", wait=False) as mine:
            group = to_merge(self._usable()) if mine else []
            if group:
                self._replace(group)
            return bool(group)

    def merge_all(self) -> None:
        with self._locked("merging.lock"):
            for group in all_to_merge(self._usable()):
                self._replace(group)

    def rebuild(self, unless: int | None = None) -> None:
        """Write all segments anew, but those of the format `unless`."""
        with self._locked("merging.lock"):
            self._unusable.clear()
            for row in self._database.segments():
                if row.format != unless:
                    self._replace([row])

    def verify(self) -> list[Problem]:
        """What is wrong with which file. Orphans are looked for only by those who may write."""
        if self._database.read_only:
            return self._problems()
        with self._locked("merging.lock"):
            problems = self._problems()
            with self.writing():
                orphans = self._orphans(merging=True)
            return problems + [Problem(file.name, f"{file}: belongs to no song", ()) for file in orphans]

    def _problems(self) -> list[Problem]:
        name = self._database.file.name
        problems = [Problem(name, f"{self._database.file}: {line}", ()) for line in self._database.damage()]
        for row in self._database.segments():
            if error := self._error(row):
                songs = tuple(self._database.places(row.id).values())
                problems.append(Problem(row.file, error, songs))
        return problems

    def _error(self, row: SegmentRow) -> str:
        file = self._segments / row.file
        try:
            part = check_segment(file)
        except SegmentError as error:
            return str(error)
        except FileNotFoundError:
            merged = row.id not in {now.id for now in self._database.segments()}  # since it was listed
            return "" if merged else f"{file}: is missing"
        return "" if part.songs == row.songs else f"{file}: has {part.songs} songs instead of {row.songs}"

    def _usable(self) -> list[SegmentRow]:
        rows = self._database.segments()
        return [row for row in rows if row.id not in self._unusable or not row.living]

    def _replace(self, rows: Sequence[SegmentRow]) -> None:
        """Write one segment with the songs of several; the lock for merging is held."""
        peaks: list[Peaks] = []
        ids: list[int] = []
        old = []
        for row in rows:
            songs = self._database.places(row.id)
            try:
                part = open_peaks(self._segments / row.file) if songs else None
            except (SegmentError, FileNotFoundError) as error:
                self._unusable.add(row.id)
                log.warning("%s: cannot be merged", error)
                continue
            peaks += [part.song_peaks(place) for place in songs] if part else []
            ids += [song.id for song in songs.values()]
            old.append(row)
        if not old:
            return
        temporary, file, size = self._new_file(MERGING), self._new_file(SEGMENT), 0
        try:
            if ids:
                size = write_segment(temporary, build_part(peaks))
            with self.writing():
                if ids:
                    self._rename(temporary, file)
                self._database.replace([row.id for row in old], file.name, size, FORMAT, ids)
        finally:
            temporary.unlink(missing_ok=True)
        for row in old:
            (self._segments / row.file).unlink(missing_ok=True)

    def _orphans(self, merging: bool = False) -> list[Path]:
        """Files of processes that are no more; the lock for writing is held, and that for merging if said."""
        known = {row.file for row in self._database.segments()}
        with contextlib.ExitStack() as stack:
            merging = merging or stack.enter_context(self._locked("merging.lock", wait=False))
            dead = (SEGMENT, ADDING, MERGING) if merging else (SEGMENT, ADDING)
            return [
                file
                for file in sorted(self._segments.iterdir())
                if file.suffix in dead and file.name not in known
            ]

    def _new_file(self, ending: str) -> Path:
        """Names are used once, so that a name stands for one content."""
        return self._segments / f"{secrets.token_hex(8)}{ending}"

    def _rename(self, temporary: Path, file: Path) -> None:
        os.replace(temporary, file)
        sync_folder(self._segments)
