"""The embeddings of an album as one array beside it: FILE.vectors, a copy that may be deleted at any time.

Reading a million rows out of SQLite takes longer than comparing them; the copy is mapped into memory instead.
It is made anew when the album has other embeddings than it (`settings.embeddings` counts their changes).
"""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from irs_engine.album.database import Database

log = logging.getLogger(__name__)

HEAD = np.dtype([("mark", "S8"), ("version", "<i8"), ("count", "<i8"), ("width", "<i8")])
MARK = b"IRSVEC1\n"
CHUNK = 256  # vectors that are computed with together: as float32 they stay in the cache
SCALE = np.float32(2.0**112)  # between the exponents of float16 and float32, whose biases are 15 and 127
MASK = np.int32(0x8FFFE000 - (1 << 32))  # sign, exponent and fraction of a float16 where a float32 has them


@dataclass(frozen=True, slots=True)
class Vectors:
    """What the photos of an album look like."""

    ids: np.ndarray  # (N,) int64 of photos, ascending
    values: np.ndarray  # (N, width) float16 of length 1; may be a mapped file
    mean: np.ndarray  # (width,) float32, of all values

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice | np.ndarray) -> Vectors:
        return Vectors(self.ids[rows], self.values[rows], self.mean)

    def products(self, queries: np.ndarray) -> np.ndarray:
        """(N, Q) float32 scalar products with queries (Q, width).

        NumPy turns float16 into float32 one by one. Here the bits are moved to where a float32 has them, many
        at a time; the exponent's other bias is in the scale of the queries. Five times as fast.
        """
        found = np.empty((len(self), len(queries)), np.float32)
        scaled = np.ascontiguousarray(queries.T, np.float32) * SCALE
        wide = np.empty((min(CHUNK, len(self)), self.values.shape[1]), np.int32)
        for start in range(0, len(self), CHUNK):
            half = self.values[start : start + CHUNK].view(np.int16)
            bits = wide[: len(half)]
            np.copyto(bits, half)
            np.left_shift(bits, 13, out=bits)
            np.bitwise_and(bits, MASK, out=bits)
            np.matmul(bits.view(np.float32), scaled, out=found[start : start + CHUNK])
        return found

    def row_of(self, id: int) -> int | None:
        """Where a photo is in these arrays."""
        row = int(np.searchsorted(self.ids, id))
        return row if row < len(self) and self.ids[row] == id else None


def read_vectors(database: Database) -> Vectors:
    """The embeddings of all photos, through the file beside the album."""
    path = database.path.with_name(database.path.name + ".vectors")
    with database.read() as connection:
        version = _version(connection)
        known = _open(path, version)
        if known is not None:
            return known
        vectors = _from_database(connection)
    try:
        _write(path, vectors, version)
    except OSError as error:  # no room, or a folder that only others may write
        log.info("%s: not written (%s); embeddings are read from the album every time", path, error)
    return vectors


def _version(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT value FROM settings WHERE name = 'embeddings'").fetchone()
    return 0 if row is None else int(row[0])


def _from_database(connection: sqlite3.Connection) -> Vectors:
    count, size = connection.execute(
        "SELECT count(*), coalesce(max(length(vector)), 0) FROM embeddings"
    ).fetchone()
    width = size // 2
    ids, values = np.empty(count, np.int64), np.empty((count, width), np.float16)
    kept = 0
    for id, vector in connection.execute("SELECT photo_id, vector FROM embeddings ORDER BY photo_id"):
        if len(vector) == size:  # another one is of weights that looked before these
            ids[kept], values[kept] = id, np.frombuffer(vector, np.float16)
            kept += 1
    return _with_mean(ids[:kept], values[:kept])


def _with_mean(ids: np.ndarray, values: np.ndarray) -> Vectors:
    total = np.zeros(values.shape[1], np.float64)
    for start in range(0, len(values), CHUNK):
        total += values[start : start + CHUNK].astype(np.float32).sum(0)
    return Vectors(ids, values, (total / max(len(values), 1)).astype(np.float32))


def _open(path: Path, version: int) -> Vectors | None:
    """What the file has; None where it is missing, damaged or of another state of the album."""
    try:
        with path.open("rb") as file:
            head = np.fromfile(file, HEAD, 1)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return None
    if len(head) < 1 or bytes(head["mark"][0]) != MARK or head["version"][0] != version:
        return None
    count, width = int(head["count"][0]), int(head["width"][0])
    first, second = HEAD.itemsize + 8 * count, HEAD.itemsize + 8 * count + 4 * width
    if size != second + 2 * count * width:
        return None
    whole = np.asarray(np.memmap(path, np.uint8, "r"))
    ids, mean = whole[HEAD.itemsize : first].view(np.int64), whole[first:second].view(np.float32)
    return Vectors(ids, whole[second:].view(np.float16).reshape(count, width), mean)


def _write(path: Path, vectors: Vectors, version: int) -> None:
    """At once or not at all: others may have the old file mapped."""
    head = np.array([(MARK, version, *vectors.values.shape)], HEAD)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        try:
            for part in (head, vectors.ids, vectors.mean, vectors.values):
                file.write(np.ascontiguousarray(part).data)
            file.close()
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
