"""Spectral peaks of sound: what songs are known by.

A peak is the largest around in a log spectrogram, above the mean around it, so that loudness, equalisation
and slow changes of level drop out. Peaks: Wang 2003, "An industrial-strength audio search algorithm". 16 kHz,
because voices leave room above 4 kHz. The work is done in csrc/ops/music_peaks.cpp.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from irs_engine import _native

RATE = 16_000  # Hz
HOP = 160  # samples: 10 ms
REFERENCE = (9, 12)  # reach in frames and bins within which a peak is the largest
QUERY = (7, 10)  # denser, as some of them are of speech
LEAST = 0.8  # nepers above the mean

VERSION = 1  # raise it with every change of csrc or index.py that changes what is stored of a song
FORMAT = zlib.crc32(repr((VERSION, RATE, HOP, REFERENCE, LEAST)).encode())  # of what is stored


@dataclass(frozen=True)
class Peaks:
    """Peaks in the order of time, then of pitch."""

    frames: np.ndarray  # (n,) int32, in hops
    bins: np.ndarray  # (n,) uint16, in 15.6 Hz

    def __len__(self) -> int:
        return len(self.frames)


def reference_peaks(samples: np.ndarray) -> Peaks:
    """(n,) float32 mono samples at RATE to the peaks that a catalogue keeps of a song, some 70 a second."""
    stream = PeakStream(REFERENCE)
    stream.feed(samples)
    return stream.finish()


def query_peaks(samples: np.ndarray) -> Peaks:
    """(n,) float32 mono samples at RATE to the peaks to look for, some 100 a second."""
    stream = PeakStream(QUERY)
    stream.feed(samples)
    return stream.finish()


class PeakStream:
    """Peaks of sound that comes in blocks, the same whatever their sizes; memory holds a second or two of it.

    Args:
        reach: Frames and bins to each side within which a peak is the largest, 1 to 15.
    """

    def __init__(self, reach: tuple[int, int] = REFERENCE) -> None:
        self._native = _native.MusicPeaks(*reach, LEAST)

    def feed(self, samples: np.ndarray) -> None:
        """(n,) samples at RATE; what is no number counts as silence."""
        self._native.feed(np.ascontiguousarray(samples, np.float32))

    def finish(self) -> Peaks:
        """All peaks; nothing can be fed any more."""
        return Peaks(*self._native.finish())
