"""Spectral peaks of sound: what songs are known by.

Loudness, equalisation and slow changes of level drop out, because peaks are those of a log spectrogram less
its mean around them. Wang 2003, "An industrial-strength audio search algorithm", for the peaks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

RATE = 16_000  # Hz
HOP = 160  # samples: 10 ms
WINDOW = 1024  # samples of a frame
LOW, HIGH = 6, 449  # bins of 15.6 Hz: 94 Hz to 7 kHz
FLOOR = 70.0  # dB below the loudest within FLOOR_REACH
FLOOR_REACH = 200  # frames
MEAN_FRAMES, MEAN_BINS = 40, 20  # reach of the mean that is taken away, to each side
REFERENCE = (9, 12)  # reach in frames and bins within which a peak is the largest
QUERY = (7, 10)
LEAST = 0.8  # nepers above the mean

FORMAT = int.from_bytes(
    hashlib.sha256(
        repr((1, RATE, HOP, WINDOW, LOW, HIGH, FLOOR, MEAN_FRAMES, MEAN_BINS, REFERENCE, LEAST)).encode()
    ).digest()[:4],
    "little",
)


@dataclass(frozen=True)
class Peaks:
    """Peaks in the order of time, then of pitch."""

    frames: np.ndarray  # (n,) int32, in hops
    bins: np.ndarray  # (n,) uint16, in 15.6 Hz

    def __len__(self) -> int:
        return len(self.frames)


def reference_peaks(samples: np.ndarray) -> Peaks:
    """(n,) float32 mono samples at RATE to the peaks that a catalogue keeps of a song."""
    stream = PeakStream(REFERENCE)
    stream.feed(samples)
    return stream.finish()


def query_peaks(samples: np.ndarray) -> Peaks:
    """(n,) float32 mono samples at RATE to the peaks to look for: more, as some are of speech."""
    stream = PeakStream(QUERY)
    stream.feed(samples)
    return stream.finish()


class PeakStream:
    """Peaks of sound that comes in blocks, the same whatever their sizes."""

    def __init__(self, reach: tuple[int, int] = REFERENCE) -> None:
        self._reach = reach
        self._blocks: list[np.ndarray] = []

    def feed(self, samples: np.ndarray) -> None:
        self._blocks.append(np.array(samples, np.float32))

    def finish(self) -> Peaks:
        samples = np.concatenate(self._blocks or [np.zeros(0, np.float32)])
        if len(samples) < WINDOW:
            return Peaks(np.zeros(0, np.int32), np.zeros(0, np.uint16))
        white = whiten(log_spectrogram(samples))
        frames, bins = np.nonzero((white > LEAST) & (white >= largest_around(white, *self._reach)))
        return Peaks(frames.astype(np.int32), (bins + LOW).astype(np.uint16))


def log_spectrogram(samples: np.ndarray) -> np.ndarray:
    """(n,) samples to (frames, HIGH - LOW) float32, natural logarithms of magnitudes, never far below the
    loudest around."""
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    parts = [
        np.log(np.abs(np.fft.rfft(frames[i : i + 1024] * window)[:, LOW:HIGH]) + 1e-9)
        for i in range(0, len(frames), 1024)
    ]
    logs = np.concatenate(parts).astype(np.float32)
    loudest = largest_around(logs.max(1, keepdims=True), FLOOR_REACH, 0)
    return np.maximum(logs, loudest - np.float32(FLOOR / 20 * np.log(10)))


def whiten(logs: np.ndarray) -> np.ndarray:
    """Less the mean around, of what there is of the box."""
    return logs - _mean_around(_mean_around(logs, MEAN_FRAMES, 0), MEAN_BINS, 1).astype(np.float32)


def _mean_around(values: np.ndarray, reach: int, axis: int) -> np.ndarray:
    count = values.shape[axis]
    sums = np.cumsum(values, axis, np.float64)
    sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis)
    at = np.arange(count)
    last, first = np.minimum(at + reach + 1, count), np.maximum(at - reach, 0)
    counts = (last - first).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    return (sums.take(last, axis) - sums.take(first, axis)) / counts


def largest_around(values: np.ndarray, frames: int, bins: int) -> np.ndarray:
    """The largest value within so many frames and bins to each side."""
    for axis, reach in ((0, frames), (1, bins)):
        padding = [(reach, reach) if i == axis else (0, 0) for i in range(2)]
        padded = np.pad(values, padding, constant_values=-np.inf)
        have = 1
        while have < 2 * reach + 1:  # maxima over `have` values, doubled until they cover the window
            step = min(have, 2 * reach + 1 - have)
            count = padded.shape[axis] - step
            padded = np.maximum(padded.take(range(count), axis), padded.take(range(step, step + count), axis))
            have += step
        values = padded
    return values
