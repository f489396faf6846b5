"""Photos that are there more than once: the same file, or another one made of the same picture.

Found are copies that were resized, saved anew, brightened a little, mirrored, or cropped by up to about a
tenth of a side: by their bytes, by perceptual hashes that differ in few bits, and by embeddings that are
nearly equal. Two photos whose cameras wrote different times are a series, no copies.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from irs_engine.album.database import Database
from irs_engine.album.hashes import bits_between, close_pairs
from irs_engine.album.landmarks import first_alike
from irs_engine.album.photo_facts import mirrored
from irs_engine.album.photos import Photo, read_photos
from irs_engine.album.vectors import Vectors, read_vectors
from irs_engine.results import Result

# Of 160 photos of 640 pixels and copies of them, resized and mirrored ones differed in at most 2 bits, with a
# cosine of at least 0.93; those without a tenth of each side in at most 20 bits, with a cosine of 0.96 in 95
# of 100 cases. Copies smaller than what the tagger looks at differ more to it: ones of 112 pixels had cosines
# from 0.82, with 1 bit at most. Of 360 different photos no pair had less than 12 bits or a cosine above 0.91.
EQUAL_BITS, EQUAL_COSINE = 3, 0.7
SAME_BITS, SAME_COSINE = 7, 0.9
CROPPED_BITS, CROPPED_COSINE = 20, 0.94
SAME_SHAPE = 0.02  # relative difference of two aspect ratios that comes of whole pixels
SAME_TIME = 2.0  # s; some programs keep even seconds only
AT_ONCE = 4096  # pairs whose embeddings are compared together


@dataclass(frozen=True, slots=True)
class Copy(Result):
    photo: Photo
    kind: str  # exact | re-saved | resized | mirrored | cropped
    similarity: float  # cosine of the embeddings, -1..1


@dataclass(frozen=True, slots=True)
class DuplicateGroup(Result):
    photo: Photo  # the one to keep: with the most pixels, then bytes, then the one indexed first
    copies: tuple[Copy, ...]  # in the same order


def find_duplicates(database: Database, language: str = "en") -> Iterator[DuplicateGroup]:
    """Groups of copies, those with the best photos first. A photo is in one group at most."""
    with database.read() as connection:
        contents = _Contents(connection, read_vectors(database))
    for best, copies in contents.groups():
        ids = [best, *(id for id, _, _ in copies)]
        photos = {photo.id: photo for photo in read_photos(database, ids, language=language)}
        left = tuple(Copy(photos[id], kind, round(cosine, 4)) for id, kind, cosine in copies if id in photos)
        if best in photos and left:
            yield DuplicateGroup(photos[best], left)


class _Contents:
    """What is compared: a row for each content, the best photos first."""

    def __init__(self, connection: sqlite3.Connection, vectors: Vectors):
        self.ids: list[list[int]] = []  # of the photos with this content
        row_of: dict[bytes, int] = {}
        rows: list[list[float]] = []
        for id, digest, *facts in connection.execute(
            "SELECT photos.id, digest, width, height, taken, phash FROM photos"
            " JOIN embeddings ON photo_id = photos.id WHERE digest IS NOT NULL AND phash IS NOT NULL"
            " ORDER BY width * height DESC, size DESC, photos.id"
        ):
            if digest in row_of:
                self.ids[row_of[digest]].append(id)
            elif vectors.row_of(id) is not None:
                row_of[digest] = len(rows)
                self.ids.append([id])
                rows.append(facts)
        widths, heights, times, hashes = zip(*rows, strict=True) if rows else ((),) * 4
        self.sizes = np.array([widths, heights], np.int64)  # (2, rows)
        self.times = np.array(times, np.float64)  # NaN where there is none
        self.hashes = np.array(hashes, np.int64).view(np.uint64)
        self.twins = np.array([mirrored(phash) for phash in hashes], np.int64).view(np.uint64)
        self.vectors = vectors[np.searchsorted(vectors.ids, [ids[0] for ids in self.ids]).astype(np.int64)]

    def groups(self) -> Iterator[tuple[int, list[tuple[int, str, float]]]]:
        """Id of the best photo, and (id, kind, cosine) of its copies."""
        copies: dict[int, list[int]] = defaultdict(list)
        original = self._first_copies()
        for row in range(len(original)):
            # What is like a copy is a copy only if it is like the original: a series must not become one.
            first = original[original[row]]
            if first != original[row] and not self._same(np.array([first]), np.array([row]))[0]:
                first = row
            original[row] = first
            if first != row:
                copies[int(first)].append(row)
        for row, (best, *equal) in enumerate(self.ids):
            if original[row] != row:
                continue
            found = [(id, "exact", 1.0) for id in equal]
            for copy in copies[row]:
                kind, cosine = self._kind(row, copy)
                found += [(id, kind, cosine) for id in self.ids[copy]]
            if found:
                yield best, found

    def _first_copies(self) -> np.ndarray:
        """For each row the first one that is the same picture, itself if there is none."""
        original = np.arange(len(self.ids))
        # Equal hashes of one time need not be compared one by one: the first stands for all.
        keys = np.stack([self.hashes, np.nan_to_num(self.times, nan=-1e18).view(np.uint64)])
        _, firsts, of_key = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        self._note(original, firsts[of_key.ravel()], np.arange(len(original)))
        firsts = np.sort(firsts)
        for others in (self.hashes, self.twins):
            for i, j in close_pairs(self.hashes[firsts], others[firsts], SAME_BITS):
                self._note(original, firsts[i], firsts[j])
        for i, j in first_alike(self.vectors, CROPPED_COSINE, self._may_be_cropped):
            self._note(original, i, j)
        return original

    def _note(self, original: np.ndarray, i: np.ndarray, j: np.ndarray) -> None:
        i, j = np.minimum(i, j), np.maximum(i, j)
        worth = (i < j) & (i < original[j]) & self._one_time(i, j)
        i, j = i[worth], j[worth]
        for start in range(0, len(i), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            same = self._same(i[some], j[some])
            np.minimum.at(original, j[some][same], i[some][same])

    def _same(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Whether rows are the same picture, (pairs,) bool."""
        cosines, bits = self._cosines(i, j), self._bits(i, j)
        same = np.zeros(len(bits), bool)
        for most, least in (
            (EQUAL_BITS, EQUAL_COSINE),
            (SAME_BITS, SAME_COSINE),
            (CROPPED_BITS, CROPPED_COSINE),
        ):
            same |= (bits <= most) & (cosines >= least)
        return same & self._one_time(i, j)

    def _kind(self, i: int, j: int) -> tuple[str, float]:
        first, second = np.array([i]), np.array([j])
        cosine = float(self._cosines(first, second)[0])
        (width, height), (other_width, other_height) = self.sizes[:, i], self.sizes[:, j]
        straight = bits_between(self.hashes[first], self.hashes[second])[0]
        if bits_between(self.hashes[first], self.twins[second])[0] < straight:
            return "mirrored", cosine
        if (width, height) == (other_width, other_height):
            return "re-saved", cosine
        stretch = (width * other_height) / (height * other_width)
        if straight <= SAME_BITS and abs(np.log(stretch)) <= SAME_SHAPE:
            return "resized", cosine
        return "cropped", cosine

    def _may_be_cropped(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return (self._bits(i, j) <= CROPPED_BITS) & self._one_time(i, j)

    def _bits(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Between hashes, or a hash and that of the mirrored picture if that is less."""
        return np.minimum(
            bits_between(self.hashes[i], self.hashes[j]), bits_between(self.hashes[i], self.twins[j])
        )

    def _one_time(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return ~(np.abs(self.times[i] - self.times[j]) > SAME_TIME)  # true where one has none

    def _cosines(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        first, second = (self.vectors.values[rows].astype(np.float32) for rows in (i, j))
        return np.einsum("nd,nd->n", first, second)
