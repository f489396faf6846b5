"""Albums that photos make by themselves: events by time, places, and things that look alike.

Events: the photos in the order of their times are cut where the gap to the next one is much longer than those
around it (PhotoTOC, Platt, Czerwinski, Field 2003, section 2), or where they are far apart in space.
Places: photos in the same or neighbouring squares of the map belong together.
Content: spherical k-means on embeddings; only groups that hold together are proposed.
Names are made of the tags that a group has far more often than the album, and of the time or the place.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from irs_engine.album.database import Database
from irs_engine.album.group_names import GroupNames
from irs_engine.album.photos import Place, iso_time
from irs_engine.album.vectors import Vectors, read_vectors
from irs_engine.errors import ParameterError
from irs_engine.results import Result

Kind = Literal["time", "place", "content"]
KINDS: tuple[Kind, ...] = ("time", "place", "content")
WINDOW, LOG_GAP = 10, math.log(17)  # neighbours on each side, and how much longer a gap is: PhotoTOC's own
SHORTEST_GAP, LONGEST_GAP = 15 * 60.0, 36 * 3600.0  # s: never cut within the one, always beyond the other
FAR = 50.0  # km between two photos in a row: another event
SQUARE = 0.01  # degrees, about a kilometre
HOLDS = 0.35  # mean cosine to the middle of a group, without the mean of the album
ROUNDS = 8  # of k-means
LEARNED_FROM = 20_000  # photos that k-means looks at in each round


@dataclass(frozen=True, slots=True)
class AlbumProposal(Result):
    """Photos that could make an album."""

    kind: str  # time | place | content
    name: str  # in the language that was asked for
    tags: tuple[str, ...]  # ids of those that tell it from the rest, the most telling first
    photos: tuple[int, ...]  # ids, in the order of their times, else of their ids
    first: str | None  # when the earliest and the latest was taken, ISO 8601
    last: str | None
    place: Place | None  # the middle of those that know


@dataclass(frozen=True, slots=True)
class _Facts:
    """Of the photos of an album, in the order of their ids."""

    ids: np.ndarray  # (N,) int64
    times: np.ndarray  # (N,) s, NaN where there is none
    places: np.ndarray  # (N, 2) degrees, NaN where there is none


def propose_albums(
    database: Database,
    by: Kind | None = None,
    *,
    least: int = 8,
    limit: int | None = None,
    language: str = "en",
) -> list[AlbumProposal]:
    """Albums by time, place and content, or one of these; of each kind the largest first.

    Nothing is left to chance: the same photos give the same albums.

    Args:
        least: Photos of the smallest.
        limit: Propose at most so many of a kind.
        language: Of the names.
    """
    if by not in (None, *KINDS):
        raise ParameterError(f"by={by!r}: expected {', '.join(KINDS)} or None")
    if least < 2:
        raise ParameterError(f"least={least!r}: expected a whole number from 2")
    with database.read() as connection:
        facts = _facts(connection)
        names = GroupNames(connection, language)
        groups_by: dict[Kind, Callable[[], list[np.ndarray]]] = {
            "time": lambda: _events(facts),
            "place": lambda: _spots(facts.places),
            "content": lambda: _contents(facts.ids, read_vectors(database), least),
        }
        found: list[AlbumProposal] = []
        for kind in KINDS if by is None else (by,):
            large = [group for group in groups_by[kind]() if len(group) >= least]
            large.sort(key=lambda group: (-len(group), group[0]))
            found += [_proposal(kind, facts, group, names) for group in large[:limit]]
    return found


def _facts(connection: sqlite3.Connection) -> _Facts:
    rows = connection.execute(
        "SELECT id, taken, latitude, longitude FROM photos WHERE error IS NULL ORDER BY id"
    ).fetchall()
    table = np.array(rows, np.float64).reshape(-1, 4)
    return _Facts(table[:, 0].astype(np.int64), table[:, 1], table[:, 2:])


def _proposal(kind: Kind, facts: _Facts, group: np.ndarray, names: GroupNames) -> AlbumProposal:
    order = np.lexsort((group, facts.times[group]))  # those without a time last
    group = group[order]
    times, places = facts.times[group], facts.places[group]
    known = ~np.isnan(times)
    first, last = (
        (iso_time(times[known].min()), iso_time(times[known].max())) if known.any() else (None, None)
    )
    located = places[~np.isnan(places[:, 0])]
    place = Place(*(round(float(x), 5) for x in np.median(located, axis=0))) if len(located) else None
    tags = names.telling(facts.ids[group].tolist())
    words = [name for _, name in tags]
    if kind == "time" and first and last:
        words.append(first[:10] if first[:10] == last[:10] else f"{first[:10]}..{last[:10]}")
    elif kind == "place" and place:
        words.append(_degrees(place))
    return AlbumProposal(
        kind,
        " · ".join(words),
        tuple(key for key, _ in tags),
        tuple(facts.ids[group].tolist()),
        first,
        last,
        place,
    )


def _degrees(place: Place) -> str:
    north, east = "N" if place.latitude >= 0 else "S", "E" if place.longitude >= 0 else "W"
    return f"{abs(place.latitude):.2f}°{north} {abs(place.longitude):.2f}°{east}"


def _events(facts: _Facts) -> list[np.ndarray]:
    """Rows of the photos of each event."""
    rows = np.flatnonzero(~np.isnan(facts.times))
    rows = rows[np.argsort(facts.times[rows], kind="stable")]
    if not len(rows):
        return []
    gaps = np.diff(facts.times[rows])
    logs = np.log(np.maximum(gaps, 1.0))
    sums = np.concatenate([[0.0], np.cumsum(logs)])
    at = np.arange(len(gaps))
    start, stop = np.maximum(at - WINDOW, 0), np.minimum(at + WINDOW + 1, len(gaps))
    usual = (sums[stop] - sums[start]) / np.maximum(stop - start, 1)
    cut = (logs >= LOG_GAP + usual) & (gaps >= SHORTEST_GAP) | (gaps >= LONGEST_GAP)
    cut |= _kilometres(facts.places[rows[:-1]], facts.places[rows[1:]]) > FAR
    return np.split(rows, np.flatnonzero(cut) + 1)


def _kilometres(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Distances on the sphere of places (N, 2) in degrees; NaN where one is not known."""
    (north, east), (other_north, other_east) = np.radians(first).T, np.radians(second).T
    half = np.sin((other_north - north) / 2) ** 2
    half += np.cos(north) * np.cos(other_north) * np.sin((other_east - east) / 2) ** 2
    return 2 * 6371 * np.arcsin(np.sqrt(half.clip(0, 1)))


def _spots(places: np.ndarray) -> list[np.ndarray]:
    """Rows of photos whose squares of the map touch."""
    rows = np.flatnonzero(~np.isnan(places[:, 0]))
    squares: dict[tuple[int, int], list[int]] = {}
    for row in rows.tolist():
        latitude, longitude = places[row]
        width = SQUARE / max(math.cos(math.radians(latitude)), 0.01)  # as wide as high
        squares.setdefault((math.floor(latitude / SQUARE), math.floor(longitude / width)), []).append(row)
    groups = []
    while squares:
        reached = [next(iter(squares))]
        group: list[int] = []
        while reached:
            y, x = reached.pop()
            group += squares.pop((y, x), [])
            reached += [near for near in _around(y, x) if near in squares]
        groups.append(np.array(sorted(group), np.int64))
    return groups


def _around(y: int, x: int) -> Iterator[tuple[int, int]]:
    return ((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))


def _contents(ids: np.ndarray, vectors: Vectors, least: int) -> list[np.ndarray]:
    """Rows of `ids` that look alike."""
    if len(vectors) < 2 * least:
        return []
    count = max(2, round(math.sqrt(len(vectors) / 2)))
    middles = _middles(vectors, count)
    nearest = np.empty(len(vectors), np.int64)
    cosines = np.empty(len(vectors), np.float32)
    step = 65_536
    for start in range(0, len(vectors), step):
        rows = slice(start, start + step)
        products = vectors[rows].products(middles) - middles @ vectors.mean
        nearest[rows] = products.argmax(1)
        cosines[rows] = products.max(1)
    groups: list[np.ndarray] = []
    for number in range(count):
        members = np.flatnonzero(nearest == number)
        if len(members) and cosines[members].mean() >= HOLDS:
            groups.append(np.flatnonzero(np.isin(ids, vectors.ids[members])))
    return groups


def _middles(vectors: Vectors, count: int) -> np.ndarray:
    """(count, width) float32 of length 1: the middles of groups that look alike."""
    seen = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), LEARNED_FROM)).astype(np.int64))
    values = vectors.values[seen].astype(np.float32) - vectors.mean
    values /= np.linalg.norm(values, axis=1, keepdims=True).clip(1e-6)
    middles = values[_seeds(values, count)]
    for _ in range(ROUNDS):
        nearest = (values @ middles.T).argmax(1)
        sums = np.zeros_like(middles)
        np.add.at(sums, nearest, values)
        filled = np.bincount(nearest, minlength=count) > 0
        middles = np.where(filled[:, None], sums, middles)
        middles /= np.linalg.norm(middles, axis=1, keepdims=True).clip(1e-6)
    return middles


def _seeds(values: np.ndarray, count: int) -> list[int]:
    """Rows to begin with, far from each other mostly (k-means++, Arthur, Vassilvitskii 2007)."""
    random = np.random.default_rng(0)
    chosen = [0]
    distances = np.full(len(values), np.inf, np.float32)
    while len(chosen) < count:
        distances = np.minimum(distances, (1 - values @ values[chosen[-1]]).clip(0))
        total = np.cumsum(distances, dtype=np.float64)
        chosen.append(min(int(np.searchsorted(total, random.random() * total[-1])), len(values) - 1))
    return chosen
