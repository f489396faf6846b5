"""The songs of a catalogue: what is known of each, and what can be wrong with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from irs_engine.errors import IrsError
from irs_engine.music.fingerprint import Peaks
from irs_engine.results import Result


class CatalogueError(IrsError):
    """A catalogue, or a file of it, cannot be used."""


@dataclass(frozen=True, slots=True)
class Song(Result):
    id: int  # never given to another song
    title: str
    artist: str  # "" when not known
    duration: float  # s, as decoded
    added: str  # ISO 8601, UTC
    source: str  # the name of the file that it came from, "" when there was none
    digest: str  # `digest_of` its peaks


@dataclass(frozen=True, slots=True)
class NewSong:
    """A song that is not in the catalogue yet."""

    peaks: Peaks
    title: str
    artist: str = ""
    duration: float = 0.0  # s
    source: str = ""


@dataclass(frozen=True, slots=True)
class Problem(Result):
    """Something is wrong with a file of the catalogue."""

    file: str  # its name
    what: str  # begins with its path
    songs: tuple[Song, ...]  # those in it


class DuplicateSong(CatalogueError):
    """The same content is in the catalogue already, as `song`."""

    def __init__(self, song: Song):
        super().__init__(song)
        self.song = song

    def __str__(self) -> str:
        return f"it is in the catalogue already: {self.song.id}, {named(self.song)}"


class SongNotFound(CatalogueError, LookupError):
    """No song of the catalogue has this id."""


def named(song: Song | NewSong) -> str:
    return f'"{song.title}"' + (f" by {song.artist}" if song.artist else "")


def digest_of(peaks: Peaks) -> str:
    """The sha256 of peaks, counted from the first one.

    Of the peaks, not of the samples: they are what the catalogue tells songs apart by. The same samples in
    another container have the same, and so has a louder copy, or one with more silence before it.
    """
    frames = np.asarray(peaks.frames, "<i4")
    digest = hashlib.sha256((frames - frames[:1]).tobytes())
    digest.update(np.asarray(peaks.bins, "<u2").tobytes())
    return digest.hexdigest()
