"""Perceptual hashes that differ in few bits, found without comparing all with all.

Multi-index hashing (Norouzi, Punjani, Fleet 2012): of two hashes of 64 bits that differ in at most d bits,
one of their four quarters differs in at most d / 4. So each quarter is looked up in a table, with up to so
many of its bits changed, and only what is found there is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

QUARTER = 16  # bits
AT_ONCE = 1 << 22  # pairs that are compared together
BITS_OF_BYTE = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


def bits_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Hamming distances of uint64 hashes."""
    different = np.ascontiguousarray(first ^ second)
    return BITS_OF_BYTE[different.view(np.uint8)].reshape(*different.shape, 8).sum(-1)


def close_pairs(first: np.ndarray, second: np.ndarray, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All i and j with first[i] and second[j] different in at most `most` bits, some at a time.

    A pair may come several times.

    Args:
        first, second: (N,) and (M,) uint64. Repetitions in them cost as much as all with all.
    """
    for place in range(0, 64, QUARTER):
        left, right = ((hashes >> np.uint64(place)).astype(np.uint16) for hashes in (first, second))
        order = np.argsort(left, kind="stable")
        counts = np.bincount(left, minlength=1 << QUARTER)
        starts = np.cumsum(counts) - counts
        for change in _changes(most // 4):
            wanted = right ^ change
            for rows in _blocks(counts[wanted]):
                hits = counts[wanted[rows]]
                j = np.repeat(np.arange(rows.start, rows.stop), hits)
                within = np.arange(len(j)) - np.repeat(np.cumsum(hits) - hits, hits)
                i = order[np.repeat(starts[wanted[rows]], hits) + within]
                close = bits_between(first[i], second[j]) <= most
                yield i[close], j[close]


def _changes(most: int) -> Iterator[np.uint16]:
    """All ways to change at most so many bits of a quarter."""
    for count in range(most + 1):
        for bits in combinations(range(QUARTER), count):
            yield np.uint16(sum(1 << bit for bit in bits))


def _blocks(counts: np.ndarray) -> Iterator[slice]:
    """Runs of rows with about AT_ONCE pairs each."""
    total = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = total[start - 1] if start else 0
        stop = max(int(np.searchsorted(total, before + AT_ONCE, side="right")), start + 1)
        yield slice(start, stop)
        start = stop
