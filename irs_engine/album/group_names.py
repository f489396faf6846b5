"""What a group of photos is called: the tags that it has far more often than the album."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Sequence

from irs_engine.album.photos import CHUNK, THRESHOLD
from irs_engine.vision.vocabulary import load_vocabulary

MOST = 2  # tags in a name
COMMON = 0.3  # share of a group's photos that must have a tag for its name
PLAIN = 0.1  # what a tag counts for that the group has no more often than the album


class GroupNames:
    """Names for groups of one album."""

    def __init__(self, connection: sqlite3.Connection, language: str = "en"):
        self._connection = connection
        self._count = connection.execute("SELECT count(*) FROM photos WHERE error IS NULL").fetchone()[0]
        name = "zh" if language == "zh" else "en"
        self._tags = {
            id: (key, shown, total)
            for id, key, shown, total in connection.execute(
                f"SELECT tags.id, key, {name}, count(*) FROM tags JOIN photo_tags ON tag_id = tags.id"
                " WHERE confidence >= ? GROUP BY tags.id",
                (THRESHOLD,),
            )
        }

    def telling(self, photos: Sequence[int]) -> list[tuple[str, str]]:
        """Keys and names of the tags that tell these photos from the rest, the most telling first.

        Of a tag and its kinds one is named.
        """
        counts: Counter[int] = Counter()
        for start in range(0, len(photos), CHUNK):
            chunk = [int(id) for id in photos[start : start + CHUNK]]
            wanted = ",".join("?" * len(chunk))
            for tag, count in self._connection.execute(
                f"SELECT tag_id, count(*) FROM photo_tags WHERE photo_id IN ({wanted})"
                " AND confidence >= ? GROUP BY tag_id",
                [*chunk, THRESHOLD],
            ):
                counts[tag] += count
        ranked = []
        for tag, count in counts.items():
            key, name, total = self._tags[tag]
            share = count / len(photos)
            if share >= COMMON:
                surprise = math.log(share / (total / self._count))
                ranked.append((-share * (PLAIN + max(surprise, 0)), -_depth(key), key, name))
        chosen: list[tuple[str, str]] = []
        for _, _, key, name in sorted(ranked):
            if not any(_related(key, other) for other, _ in chosen):
                chosen.append((key, name))
                if len(chosen) == MOST:
                    break
        return chosen


def _depth(key: str) -> int:
    vocabulary = load_vocabulary()
    return len(vocabulary.ancestors(key)) if key in vocabulary else 0


def _related(first: str, second: str) -> bool:
    vocabulary = load_vocabulary()
    return any(
        one in vocabulary and other in vocabulary.ancestors(one)
        for one, other in ((first, second), (second, first))
    )
