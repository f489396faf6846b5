"""Embeddings that are nearly equal, found without comparing all with all.

Some photos are landmarks, as many as the square root of all. Each photo has the few nearest of them, and is
compared with those that have one of these too: an inverted file (Jégou, Douze, Schmid 2011) whose cells
overlap. What it may miss lies between landmarks; photos with a cosine of 0.95 have mostly the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from irs_engine.album.vectors import Vectors

NEAREST = 3  # landmarks of a photo
AT_ONCE = 65_536  # photos that are compared with the landmarks together
ROWS = 1024  # photos of a cell that are compared with all of it together


def first_alike(
    vectors: Vectors, least: float, fits: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows i < j with a cosine of at least `least` that fit: in each cell, for every j the first such i.

    Args:
        fits: Rows (A, 1) and (1, B) to (A, B) bool: whether they may be a pair at all.
    """
    for rows in _cells(vectors):
        values = vectors.values[rows].astype(np.float32)
        earlier = np.zeros(len(rows), bool)  # those whose partner was in a block before
        for start in range(0, len(rows), ROWS):
            block = slice(start, start + ROWS)
            alike = values[block] @ values.T >= least
            alike &= rows[block, None] < rows[None]
            alike[:, earlier] = False
            some = np.flatnonzero(alike.any(0))
            if len(some):
                pairs = alike[:, some] & fits(rows[block, None], rows[None, some])
                hits = pairs.any(0)
                earlier[some[hits]] = True
                if hits.any():
                    yield rows[block][pairs.argmax(0)[hits]], rows[some[hits]]


def _cells(vectors: Vectors) -> Iterator[np.ndarray]:
    """Rows of the photos that have a landmark in common, ascending."""
    count = len(vectors)
    if count < 2:
        return
    chosen = np.unique(np.linspace(0, count - 1, max(round(count**0.5), 1)).astype(np.int64))
    landmarks = vectors.values[chosen].astype(np.float32) - vectors.mean
    landmarks /= np.linalg.norm(landmarks, axis=1, keepdims=True).clip(1e-6)
    shift = landmarks @ vectors.mean
    few = min(NEAREST, len(chosen))
    cell_of = np.empty((count, few), np.int64)
    for start in range(0, count, AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        products = vectors[rows].products(landmarks) - shift
        cell_of[rows] = np.argpartition(-products, few - 1, axis=1)[:, :few]
    order = np.argsort(cell_of.ravel(), kind="stable")
    ends = np.searchsorted(cell_of.ravel()[order], np.arange(len(chosen)), side="right")
    yield from (rows for rows in np.split(order // few, ends[:-1]) if len(rows) > 1)
