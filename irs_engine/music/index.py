"""Pairs of peaks by what they look like: where in which song they occur.

A part holds songs one after the other on a common timeline, so that a place on it names song and offset at
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irs_engine.music.fingerprint import Peaks

GAP = 1500  # hops before each song, so that what begins before it is not taken for the end of another
REFERENCE_FAN, QUERY_FAN = 6, 10  # pairs of a peak
LEAST_DT, MOST_DT, MOST_DF = 4, 71, 63  # frames, bins
HASH_BITS = 22
FILLER = 0xFFFF  # a bin that is none: time passes


@dataclass(frozen=True)
class IndexPart:
    """Songs and where their pairs of peaks are; plain arrays, in memory or mapped."""

    starts: np.ndarray  # (songs + 1,) uint32: first hop of each song on the timeline, and its end
    peak_starts: np.ndarray  # (songs + 1,) uint32: first row of peaks of each song
    peaks: np.ndarray  # (n, 2) uint16: hops since the peak before, bin
    directory: np.ndarray  # (2**bits + 1,) uint32: first posting of each bucket
    postings: np.ndarray  # (m,) uint32, by hash

    @property
    def songs(self) -> int:
        return len(self.starts) - 1

    def song_peaks(self, song: int) -> Peaks:
        """The peaks as they were stored: what build_part needs to build anew."""
        rows = self.peaks[self.peak_starts[song] : self.peak_starts[song + 1]]
        real = rows[:, 1] != FILLER
        frames = np.cumsum(rows[:, 0].astype(np.int64))
        return Peaks(frames[real].astype(np.int32), np.array(rows[real, 1]))


def build_part(songs: Sequence[Peaks]) -> IndexPart:
    """Hashes of songs, sorted; the same songs give the same bytes."""
    starts, rows, hashes, places = [], [], [], []
    at = 0
    for song in songs:
        at += GAP
        starts.append(at)
        rows.append(_packed(song))
        found, frames = pair_hashes(song, REFERENCE_FAN)
        hashes.append(found)
        places.append(frames + at)
        at += int(song.frames[-1]) + 1 if len(song) else 0
    starts.append(at)
    peak_starts = np.cumsum([0, *map(len, rows)]).astype(np.uint32)
    every, place = np.concatenate([*hashes, []]).astype(np.uint32), np.concatenate([*places, []])
    bits = min(HASH_BITS, max(4, int(np.ceil(np.log2(max(len(every), 1) / 8)))))
    buckets = every >> (HASH_BITS - bits)
    order = np.lexsort((place, every))
    directory = np.searchsorted(buckets[order], np.arange(2**bits + 1)).astype(np.uint32)
    own = HASH_BITS - bits  # bits of a hash that its bucket does not tell
    room = 32 - int(at).bit_length()  # what a place leaves of a posting
    rest = (every & ((1 << own) - 1)) >> max(own - room, 0)
    postings = ((rest.astype(np.uint64) << np.uint64(32 - room)) | place.astype(np.uint64)).astype(np.uint32)
    return IndexPart(
        np.array(starts, np.uint32),
        peak_starts,
        np.concatenate([*rows, np.zeros((0, 2), np.uint16)]),
        directory,
        postings[order],
    )


def _packed(song: Peaks) -> np.ndarray:
    rows = []
    before = 0
    for frame, bin in zip(song.frames.tolist(), song.bins.tolist(), strict=True):
        while frame - before > 0xFFFF:
            rows.append((0xFFFF, FILLER))
            before += 0xFFFF
        rows.append((frame - before, bin))
        before = frame
    return np.array(rows, np.uint16).reshape(-1, 2)


def pair_hashes(peaks: Peaks, fan: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of each peak with the `fan` next ones that are neither too near nor too far.

    Returns (n,) uint32 hashes, of pitch, interval and time between, and (n,) int64 frames of the first peaks.
    """
    frames, bins = peaks.frames.astype(np.int64), peaks.bins.astype(np.int64)
    count = np.zeros(len(frames), np.int64)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for step in range(1, len(frames)):
        dt, df = frames[step:] - frames[:-step], bins[step:] - bins[:-step]
        if (dt > MOST_DT).all():
            break
        good = np.flatnonzero(
            (dt >= LEAST_DT) & (dt <= MOST_DT) & (abs(df) <= MOST_DF) & (count[: len(dt)] < fan)
        )
        count[good] += 1
        hashes = (bins[good] << 13) | ((df[good] + 64) << 6) | (dt[good] >> 1)
        found.append((hashes, frames[good]))
    if not found:
        return np.zeros(0, np.uint32), np.zeros(0, np.int64)
    return np.concatenate([h for h, _ in found]).astype(np.uint32), np.concatenate([f for _, f in found])
