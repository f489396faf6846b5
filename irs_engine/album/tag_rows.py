"""The tags of an album: their rows, and which one a name means. All of it inside a transaction."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

from irs_engine.errors import AlbumError, ParameterError
from irs_engine.vision.vocabulary import TagEntry, load_vocabulary

USER = "user:"  # before the slug of a tag that is in no vocabulary
USER_KIND, USER_CATEGORY = "concept", "other"


def ensure_tags(connection: sqlite3.Connection, entries: Sequence[TagEntry]) -> list[int]:
    """The ids of tags in `tags`, which get the vocabulary's names of now where people gave no other."""
    connection.executemany(
        """INSERT INTO tags(key, en, zh, kind, category)
        SELECT :key, coalesce(renamed.en, :en), coalesce(renamed.zh, :zh), :kind, :category
        FROM (SELECT 1) LEFT JOIN renames AS renamed ON renamed.tag_key = :key WHERE true
        ON CONFLICT(key) DO UPDATE SET
            en = excluded.en, zh = excluded.zh, kind = excluded.kind, category = excluded.category
        WHERE (en, zh, kind, category) <> (excluded.en, excluded.zh, excluded.kind, excluded.category)""",
        [
            {
                "key": entry.id,
                "en": entry.en,
                "zh": entry.zh,
                "kind": entry.kind,
                "category": entry.category,
            }
            for entry in entries
        ],
    )
    known = dict(connection.execute("SELECT key, id FROM tags"))
    return [known[entry.id] for entry in entries]


def tag_row(connection: sqlite3.Connection, key: str) -> int:
    """The id of one tag in `tags`, made from the vocabulary where it is missing."""
    row = connection.execute("SELECT id FROM tags WHERE key = ?", (key,)).fetchone()
    if row:
        return row[0]
    vocabulary = load_vocabulary()
    entry = vocabulary[key] if key in vocabulary else TagEntry(key, key, key, USER_KIND, USER_CATEGORY, ())
    return ensure_tags(connection, [entry])[0]


def find_tag(connection: sqlite3.Connection, text: str) -> str | None:
    """The key of the tag that has this key or name, in the album or else in the vocabulary."""
    name = clean_name(text)
    folded = name.casefold()
    in_album = connection.execute("SELECT key, en, zh FROM tags").fetchall()
    for key, *names in (*in_album, *((tag.id, tag.en, tag.zh) for tag in load_vocabulary().tags)):
        if name == key or folded in map(str.casefold, names):
            return key
    return None


def known_tag(connection: sqlite3.Connection, text: str) -> str:
    """The same.

    Raises:
        AlbumError: No tag is called so; the message names those that look like it.
    """
    key = find_tag(connection, text)
    if key is None:
        from irs_engine.album.names import TagName, TagNames

        tags = connection.execute("SELECT key, en, zh FROM tags")
        near = TagNames(TagName(*tag) for tag in tags).nearest(text)
        hint = f"did you mean {', '.join(near)}?" if near else "see: irs-engine album tags"
        raise AlbumError(f"{text}: no tag is called so; {hint}")
    return key


def new_tag(connection: sqlite3.Connection, text: str) -> str:
    """The key of a new tag of the user's own."""
    name = clean_name(text)
    slug = re.sub(r"\W+", "-", name.casefold()).strip("-")
    if not slug:
        raise ParameterError(f"tag {text!r}: expected a name with letters or digits")
    taken = {key for (key,) in connection.execute("SELECT key FROM tags WHERE user = 1")}
    key, number = USER + slug, 2
    while key in taken:  # "C" is not "C++"
        key, number = f"{USER}{slug}-{number}", number + 1
    connection.execute(
        "INSERT INTO tags(key, en, zh, kind, category, user) VALUES (?, ?, ?, ?, ?, 1)",
        (key, name, name, USER_KIND, USER_CATEGORY),
    )
    return key


def clean_name(text: str) -> str:
    """With single spaces."""
    name = " ".join(text.split())
    if not name:
        raise ParameterError("an empty name of a tag; expected letters or digits")
    return name
