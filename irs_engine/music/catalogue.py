"""The user's own songs on disk: what background music is recognised by.

    catalogue.db               the songs, and which segment holds each: SQLite
    segments/*.irsm            peaks and index of songs: written once, mapped into memory, checksummed
    writing.lock, merging.lock who writes, of all processes

A song is added by a new segment, and then one transaction; it is removed by a transaction; segments are
merged in the background. So readers wait for nobody and see no half of anything, and a process that is killed
loses at most the song that it is adding. What is left of it is swept away by the next one that opens the
catalogue for writing.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from irs_engine.errors import MediaError, ParameterError
from irs_engine.media.opening import MediaInput
from irs_engine.music.audio import open_audio
from irs_engine.music.database import SongDatabase
from irs_engine.music.duplicates import same_recording
from irs_engine.music.fingerprint import FORMAT, RATE, Peaks, PeakStream
from irs_engine.music.index import build_part
from irs_engine.music.matching import LEAST_COINCIDENCES
from irs_engine.music.merging import MergingThread
from irs_engine.music.snapshot import Snapshot, SnapshotReader
from irs_engine.music.songs import (
    CatalogueError,
    DuplicateSong,
    NewSong,
    Problem,
    Song,
    digest_of,
)
from irs_engine.music.upkeep import Upkeep, locked
from irs_engine.results import Result

log = logging.getLogger(__name__)

HOME = Path("~/.irs_engine/music")
DATABASE = "catalogue.db"


def default_folder() -> Path:
    """$IRS_MUSIC_CATALOGUE, or a folder in the user's home."""
    return Path(os.environ.get("IRS_MUSIC_CATALOGUE") or HOME).expanduser()


@dataclass(frozen=True, slots=True)
class CatalogueInfo(Result):
    songs: int
    hours: float  # of music
    bytes: int  # of all files
    segments: int
    format: int  # of the fingerprints


class MusicCatalogue:
    """Songs in a folder. Safe to use from several threads, from forked children, and by several processes."""

    def __init__(self, folder: str | Path | None = None, create: bool = True, read_only: bool = False):
        """`read_only`: nothing is written, so that a catalogue on a read-only disk will do.

        Raises:
            CatalogueError: There is none and none is to be made, or it cannot be used.
        """
        self.folder = default_folder() if folder is None else Path(folder).expanduser()
        self.read_only = read_only
        file = self.folder / DATABASE
        if not file.exists() and (read_only or not create):
            raise CatalogueError(f"{self.folder}: no catalogue of songs; irs-engine music add makes one")
        if read_only:
            self._database = SongDatabase(file, create=False, read_only=True)
        else:
            try:
                (self.folder / "segments").mkdir(parents=True, exist_ok=True)
                with locked(self.folder / "writing.lock"):
                    self._database = SongDatabase(file, create=create, read_only=False)
            except OSError as error:
                raise CatalogueError(f"{self.folder}: no catalogue can be written here ({error})") from error
        self._upkeep = Upkeep(self.folder, self._database)
        self._merging = MergingThread(self._upkeep.merge_next)
        self._reader = SnapshotReader(self._database, self.folder / "segments")
        _catalogues.add(self)
        if not read_only:
            self._upkeep.sweep()
            if any(row.format != FORMAT for row in self._database.segments()):
                log.warning("%s: fingerprints are built anew for this version of irs-engine", self.folder)
                self._upkeep.rebuild(FORMAT)

    def __enter__(self) -> MusicCatalogue:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """After the merging in the background, if any. Snapshots stay usable."""
        self._merging.wait()
        self._database.close()

    def _after_fork(self) -> None:
        for part in (self._database, self._merging, self._reader):
            part.after_fork()

    def snapshot(self) -> Snapshot:
        """All that can be found now. Quick when nothing has changed."""
        return self._reader.take()

    def add(
        self, audio: MediaInput, title: str | None = None, artist: str | None = None, *, name: str = ""
    ) -> Song:
        """Add a song of any audio or video file.

        Args:
            title, artist: By default those that the file tells, or its name.
            name: What the file is called, where `audio` does not tell.

        Raises:
            DuplicateSong: It is in the catalogue already, maybe in another encoding.
            MediaError: It cannot be decoded, or there is nothing to be heard.
        """
        self._upkeep.check_writable()
        name = name or (os.path.basename(os.fspath(audio)) if isinstance(audio, str | os.PathLike) else "")
        stream, samples = PeakStream(), 0
        with open_audio(audio, name=name) as opened:
            for block in opened.blocks():
                stream.feed(block)
                samples += len(block)
            title = title or opened.title or os.path.splitext(name)[0]
            artist = opened.artist if artist is None else artist
        peaks = stream.finish()
        if len(peaks) < LEAST_COINCIDENCES:
            raise MediaError(f"{samples / RATE:.1f} s, and nothing in them that a song can be known by")
        if known := self._same_recording(peaks):
            raise DuplicateSong(known)
        return self.add_peaks(peaks, title, artist, samples / RATE, source=name)

    def add_peaks(
        self, peaks: Peaks, title: str, artist: str = "", duration: float = 0.0, *, source: str = ""
    ) -> Song:
        """Add a song by what `reference_peaks` found in it; `duration` in seconds."""
        return self.add_songs([NewSong(peaks, title, artist, duration, source)])[0]

    def add_songs(self, new: Sequence[NewSong]) -> list[Song]:
        """Add all of them, or none, in one write.

        Raises:
            DuplicateSong: One is in the catalogue already.
            ParameterError: One has no title, too few peaks, or those of another.
        """
        self._upkeep.check_writable()
        for song in new:
            if not song.title.strip():
                raise ParameterError(f"title={song.title!r}: expected the name of a song")
            if len(song.peaks) < LEAST_COINCIDENCES:
                raise ParameterError(
                    f"{song.title}: expected {LEAST_COINCIDENCES} peaks or more, got {len(song.peaks)}"
                )
        digests = [digest_of(song.peaks) for song in new]
        if len(set(digests)) < len(digests):
            raise ParameterError("songs of the same content were given")
        if not new:
            return []
        self._refuse(digests)
        part = build_part([song.peaks for song in new])
        try:
            with self._upkeep.writing():
                self._refuse(digests)  # somebody may have added it meanwhile
                file, size = self._upkeep.publish(part)
                songs = self._database.insert(file, size, FORMAT, new)
        except OSError as error:
            raise CatalogueError(f"{self.folder}: cannot be written ({error})") from error
        self._merging.wake()
        return songs

    def _same_recording(self, peaks: Peaks) -> Song | None:
        try:
            return same_recording(peaks, self.snapshot())
        except CatalogueError:  # all files are damaged: to add the songs anew is how that is mended
            return None

    def _refuse(self, digests: Sequence[str]) -> None:
        if song := self._database.with_digest(digests):
            raise DuplicateSong(song)

    def remove(self, id: int) -> Song:
        """Remove a song; SongNotFound where there is none of this id."""
        with self._upkeep.writing():
            song = self._database.delete(id)
        self._merging.wake()
        return song

    def songs(self) -> list[Song]:
        """All, in the order in which they were added."""
        return self._database.songs()

    def find(self, title: str, artist: str = "") -> list[Song]:
        """Songs whose title and artist contain these words, whatever their case."""
        wanted = title.casefold(), artist.casefold()
        return [
            song
            for song in self.songs()
            if wanted[0] in song.title.casefold() and wanted[1] in song.artist.casefold()
        ]

    def info(self) -> CatalogueInfo:
        songs, rows = self.songs(), self._database.segments()
        size = sum(path.stat().st_size for path in self.folder.glob(f"{DATABASE}*"))
        hours = sum(song.duration for song in songs) / 3600
        return CatalogueInfo(len(songs), hours, size + sum(row.bytes for row in rows), len(rows), FORMAT)

    def verify(self) -> list[Problem]:
        """Read every byte, and list what is wrong with which file, and the songs that cannot be found by it.

        `rebuild` mends what can be told from the peaks. Other songs are to be removed and added again.
        """
        return self._upkeep.verify()

    def merge(self) -> None:
        """Put all songs into as few segments as can be, without what is left of removed ones."""
        self._upkeep.merge_all()

    def rebuild(self) -> None:
        """Build every index anew from the peaks that are kept: after a change of it, or damage to it."""
        self._upkeep.rebuild()


_catalogues: weakref.WeakSet[MusicCatalogue] = weakref.WeakSet()


def _after_fork() -> None:
    for catalogue in list(_catalogues):
        catalogue._after_fork()


os.register_at_fork(after_in_child=_after_fork)
