"""Of which photos a query is true, and how likely: arrays with a place for every photo.

Confidences are calibrated, so the score of a photo is the probability that the query is true of it, as if its
words were independent: a product for what must be there together, 1 - p for what must not, and for
alternatives the probability that not all are wrong (noisy-or). A tag that is not stored, as its confidence
was below LEAST, counts as absent.

SQLite gives the tags of many photos several times as fast in one text as in a row for each.
"""

from __future__ import annotations

import math
import sqlite3
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from irs_engine.album.query import All, Named, Node, Not, Taken

NO_PHOTO = 0  # no photo has this number: what is true at its place is true of whatever nothing is known of
STEPS = 10_000  # of a confidence of 100: they are kept with two decimals
_TAGGED = f"""
    SELECT group_concat(photo_id), group_concat(CAST(round({STEPS // 100} * confidence) AS INTEGER))
    FROM photo_tags WHERE tag_id = (SELECT id FROM tags WHERE key = ?)
"""


class Truth(NamedTuple):
    """By the number of the photo."""

    true: NDArray[np.bool_]
    score: NDArray[np.float64]  # 0..1


def evaluate(connection: sqlite3.Connection, query: Node, threshold: float) -> tuple[NDArray, NDArray]:
    """Ids of the photos that fit, in order, and their scores.

    Args:
        threshold: Confidence that a word without one of its own needs, 0 to 100.
    """
    truth = _Evaluation(connection, threshold).of(query)
    if truth.true[NO_PHOTO]:  # nothing has to be there: it is true of places without a photo too
        photos = _numbers(connection, "SELECT group_concat(id) FROM photos WHERE error IS NULL")
        ids = np.sort(photos[truth.true[photos]])
    else:
        ids = np.flatnonzero(truth.true)
    return ids, truth.score[ids]


class _Evaluation:
    def __init__(self, connection: sqlite3.Connection, threshold: float):
        self._connection, self._threshold = connection, threshold
        (last,) = connection.execute("SELECT max(id) FROM photos").fetchone()
        self._places = 1 + (last or 0)

    def of(self, node: Node) -> Truth:
        if isinstance(node, Named):
            return self._named(node)
        if isinstance(node, Taken):
            return self._taken(node)
        if isinstance(node, Not):
            true, score = self.of(node.part)
            # When a photo was taken is certain, where that is known at all.
            return Truth(~true, score if isinstance(node.part, Taken) else 1 - score)
        parts = map(self.of, node.parts)
        if isinstance(node, All):
            all_true, product = np.ones(self._places, bool), np.ones(self._places)
            for true, score in parts:
                all_true &= true
                product *= score
            return Truth(all_true, product)
        any_true, wrong = np.zeros(self._places, bool), np.ones(self._places)
        for true, score in parts:
            any_true |= true
            wrong *= 1 - true * score
        return Truth(any_true, 1 - wrong)

    def _named(self, node: Named) -> Truth:
        score = np.zeros(self._places)
        for key in node.keys:
            found = self._connection.execute(_TAGGED, (key,)).fetchone()
            photos, steps = map(_parsed, found)
            score[photos] = np.maximum(score[photos], steps / STEPS)
        least = self._threshold if node.least is None else node.least
        steps_needed = max(1, math.ceil(round(least * STEPS / 100, 6)))  # what people took away has 0
        return Truth(score >= steps_needed / STEPS, score)

    def _taken(self, node: Taken) -> Truth:
        first = -math.inf if node.first is None else node.first
        end = math.inf if node.end is None else node.end
        select = "SELECT group_concat(id) FROM photos WHERE taken >= ? AND taken < ?"
        true = np.zeros(self._places, bool)
        true[_numbers(self._connection, select, first, end)] = True
        return Truth(true, np.ones(self._places))


def _numbers(connection: sqlite3.Connection, select: str, *given: float) -> NDArray[np.int64]:
    return _parsed(connection.execute(select, given).fetchone()[0])


def _parsed(listed: str | None) -> NDArray[np.int64]:
    """What `group_concat` of whole numbers gave."""
    return np.fromstring(listed or "", np.int64, sep=",")
