"""The kernels of music in plain NumPy: what the native ones are tested against."""

import numpy as np

WINDOW, HOP = 1024, 160
LOW, BINS = 6, 448
FLOOR = 70 / 20 * np.log(10)
KEY_BITS, TIME_BITS = 23, 7


def whitened(samples):
    """(n,) samples to (frames, BINS) float64: the log spectrogram less the mean of 81 frames and 41 bins."""
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), WINDOW)[::HOP]
    spectra = np.fft.rfft(frames * taper)[:, LOW : LOW + BINS]
    logs = 0.5 * np.log(np.abs(spectra) ** 2 + 1e-18)
    logs = np.maximum(logs, largest_around(logs.max(1, keepdims=True), 30, 0) - FLOOR)
    return logs - mean_around(mean_around(logs, 40, 0), 20, 1)


def peaks(samples, frame_reach, bin_reach, least):
    """Frames and bins of peaks."""
    white = whitened(samples)
    before = np.pad(white, ((1, 0), (0, 0)), constant_values=-np.inf)[:-1]
    before = largest_around(before, 0, bin_reach)
    before = np.stack([before[max(at + 1 - frame_reach, 0) : at + 1].max(0) for at in range(len(before))])
    largest = white >= largest_around(white, frame_reach, bin_reach)
    frames, bins = np.nonzero((white > least) & largest & (white > before))
    return frames.astype(np.int32), (bins + LOW).astype(np.uint16)


def mean_around(values, reach, axis):
    return np.stack([box.mean(axis) for box in _boxes(values, reach, axis)], axis)


def largest_around(values, frames, bins):
    for axis, reach in ((0, frames), (1, bins)):
        values = np.stack([box.max(axis) for box in _boxes(values, reach, axis)], axis)
    return values


def _boxes(values, reach, axis):
    for at in range(values.shape[axis]):
        yield values.take(range(max(at - reach, 0), min(at + reach + 1, values.shape[axis])), axis)


def pairs(frames, bins, fan):
    """[(key, frame)] of each peak and the `fan` next ones 4 to 71 frames later and at most 63 bins away."""
    found = []
    for i, (frame, bin) in enumerate(zip(frames.tolist(), bins.tolist(), strict=True)):
        later = range(i + 1, int(np.searchsorted(frames, frame + 72)))
        near = [j for j in later if 4 <= frames[j] - frame <= 71 and abs(int(bins[j]) - bin) <= 63]
        for j in near[:fan]:
            interval, lead = int(bins[j]) - bin, int(frames[j]) - frame
            found.append((bin << 14 | (interval + 64) << TIME_BITS | lead, frame))
    return found


def split(key, bits, end):
    """The bucket of a key, and what a posting holds of it beside a place on a timeline of so many hops."""
    own, room = KEY_BITS - bits, 32 - int(end).bit_length()
    return key >> own, (key & ((1 << own) - 1)) >> max(own - room, 0)


def postings(songs, starts, bits, fan):
    """For each bucket the ascending postings of songs of (frames, bins)."""
    end = int(starts[-1])
    buckets = [[] for _ in range(2**bits)]
    for (frames, bins), start in zip(songs, starts[:-1].tolist(), strict=True):
        for key, frame in pairs(frames, bins, fan):
            bucket, rest = split(key, bits, end)
            buckets[bucket].append(rest << end.bit_length() | (start + frame))
    return [sorted(bucket) for bucket in buckets]


def votes(found, part, early):
    """Of the pairs of a query, {song: the most votes that one of its alignments has}."""
    bits, end = (len(part.directory) - 1).bit_length() - 1, int(part.starts[-1])
    counts = np.zeros(end // 2 + 2, np.int64)
    for key, frame in found:
        probes = {split(k, bits, end) for k in (key - 1, key, key + 1) if k >> TIME_BITS == key >> TIME_BITS}
        for bucket, rest in probes:
            for posting in part.postings[part.directory[bucket] : part.directory[bucket + 1]].tolist():
                place = (posting & ((1 << end.bit_length()) - 1)) - frame
                if posting >> end.bit_length() == rest and place >= 0:
                    counts[place // 2] += 1
    sums = counts + np.concatenate([[0], counts[:-1]])
    edges = [max((start - early) // 2, 0) for start in part.starts.tolist()]
    edges[-1] = len(sums)
    return {song: int(sums[edges[song] : edges[song + 1]].max()) for song in range(part.songs)}


def proof(query, song, worth, usual):
    """z, coincidences and offset of the best alignment of (frames, bins) with a song's."""
    length, end = int(query[0].max()) + 1, int(song[0].max()) + 1
    apart = np.abs(query[1].astype(int)[:, None] - song[1].astype(int))
    where = song[0].astype(int) - query[0].astype(int)[:, None] + length  # frame 0 of the query, from -length
    scores, coincidences = np.zeros(length + end), np.zeros(length + end, int)
    for step in (-1, 0, 1):
        for bins in (0, 1):
            at = where[apart == bins] - step
            at = at[(at >= 0) & (at < len(scores))]
            np.add.at(scores, at, worth[bins, step + 1])
            np.add.at(coincidences, at, 1)
    best = int(scores.argmax())
    inside = scores[length:-length] if end > length + length // 2 else scores[length // 2 : -(length // 2)]
    few = np.sort(inside)[: max(int(len(inside) * usual), 1)]
    pieces = len(inside) // 25
    most = inside[: pieces * 25].reshape(pieces, 25).max(1) if pieces else inside.max(keepdims=True)
    lower = np.sort(most)[: int(np.ceil(len(most) * 0.8))]
    unit = float(worth[0, 1])
    z = min(_above(scores[best], few, unit, 1), 2 * _above(scores[best], lower, unit, 2))
    return z, coincidences[best], best - length


def _above(best, values, unit, spread):
    return (best - values.mean()) / np.sqrt(max(spread * values.var(), values.mean() * unit, 2 * unit**2))
