"""Pairs of peaks by what they look like: where in which song they occur.

A part holds songs one after the other on a common timeline, so that a place on it names song and offset at
once. The work is done in csrc/ops/music_index.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irs_engine import _native
from irs_engine.music.fingerprint import Peaks

GAP = 1500  # hops before each song, so that what begins before it is not taken for the end of another
REFERENCE_FAN, QUERY_FAN = 4, 10  # pairs of a peak
FILLER = 0xFFFF  # a bin that is none: time passes


@dataclass(frozen=True)
class IndexPart:
    """Songs and where their pairs of peaks are; plain arrays, in memory or mapped.

    A hash has 23 bits: the pitch of a peak, the interval to another and the time between them. Its first bits
    choose a bucket; a posting holds the others above its place on the timeline, as far as there is room.
    """

    starts: np.ndarray  # (songs + 1,) uint32: first hop of each song on the timeline, and its end
    peak_starts: np.ndarray  # (songs + 1,) uint32: first row of peaks of each song, and their number
    peaks: np.ndarray  # (n, 2) uint16: hops since the peak before, bin
    directory: np.ndarray  # (2**bits + 1,) uint32: first posting of each bucket
    postings: np.ndarray  # (m,) uint32, ascending within a bucket

    @property
    def songs(self) -> int:
        return len(self.starts) - 1

    def song_rows(self, song: int) -> np.ndarray:
        return self.peaks[int(self.peak_starts[song]) : int(self.peak_starts[song + 1])]

    def song_peaks(self, song: int) -> Peaks:
        """The peaks as they were stored: what build_part needs to build anew."""
        rows = self.song_rows(song)
        real = rows[:, 1] != FILLER
        frames = np.cumsum(rows[:, 0].astype(np.int64))
        return Peaks(frames[real].astype(np.int32), np.array(rows[real, 1]))


def build_part(songs: Sequence[Peaks]) -> IndexPart:
    """The index of songs; the same songs give the same bytes.

    Raises:
        ValueError: Peaks are not in the order of time, a song is longer than 23 hours, or all are longer than
            11,900.
    """
    native = [
        (np.ascontiguousarray(s.frames, np.int32), np.ascontiguousarray(s.bins, np.uint16)) for s in songs
    ]
    return IndexPart(*_native.build_music_index(native, REFERENCE_FAN, GAP))


def pair_hashes(peaks: Peaks, fan: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of each peak with the `fan` next ones that are neither too near nor too far.

    Returns (n,) uint32 hashes and (n,) int32 frames of the first peaks.
    """
    return _native.music_pairs(peaks.frames, peaks.bins, fan)
