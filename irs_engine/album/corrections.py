"""What people say of photos: tags added and removed, and tags called otherwise.

It is kept by the content of a photo and applied whenever that is indexed. Adding a tag adds what it is a kind
of; removing one removes its kinds too, for what is no dog is no Labrador. Where two contradict each other the
later one counts, and what was said counts more than what follows from something said with it.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterable, Sequence

from irs_engine.album.tables import ADDED, REMOVED, SEEN
from irs_engine.album.tag_rows import clean_name, find_tag, known_tag, new_tag, tag_row
from irs_engine.errors import AlbumError, ParameterError
from irs_engine.vision.vocabulary import load_vocabulary


def apply_corrections(connection: sqlite3.Connection, photo: int, digest: bytes) -> None:
    """Bring the tags of a photo in line with what was said of its content."""
    _undo(connection, photo)
    for key, source in _sources(connection, digest).items():
        tag = connection.execute("SELECT id FROM tags WHERE key = ?", (key,)).fetchone()
        if source == REMOVED and tag:
            connection.execute(
                "UPDATE photo_tags SET seen = confidence, confidence = 0, source = ?"
                " WHERE tag_id = ? AND photo_id = ?",
                (REMOVED, *tag, photo),
            )
        elif source == ADDED:
            connection.execute(
                "INSERT INTO photo_tags(tag_id, photo_id, confidence, source) VALUES (?, ?, 100, ?)"
                " ON CONFLICT(tag_id, photo_id) DO UPDATE SET"
                " seen = confidence, confidence = excluded.confidence, source = excluded.source",
                (tag[0] if tag else tag_row(connection, key), photo, ADDED),
            )


def correct(
    connection: sqlite3.Connection,
    photos: Sequence[int],
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    forget: Iterable[str] = (),
) -> None:
    """Say that photos, and all files with the same content, have tags or have not.

    Args:
        add: Names or ids of tags; a name that no tag has makes a new one.
        forget: Tags of which nothing is said any more: what the tagger sees counts again.

    Raises:
        AlbumError: No such photo, or no such tag.
        ParameterError: A tag is to be both added and removed, or there is nothing in a name.
    """
    digests = {_digest(connection, photo): None for photo in photos}
    added = [find_tag(connection, name) or new_tag(connection, name) for name in add]
    removed, forgotten = ([known_tag(connection, name) for name in names] for names in (remove, forget))
    if both := set(added) & set(removed):
        raise ParameterError(f"{', '.join(sorted(both))}: to be added and removed; say one of them")
    now = time.time()
    for digest in digests:
        for key, action in [(key, "remove") for key in removed] + [(key, "add") for key in added]:
            connection.execute(
                "INSERT INTO corrections VALUES (?, ?, ?, ?) ON CONFLICT(digest, tag_key)"
                " DO UPDATE SET action = excluded.action, time = excluded.time",
                (digest, key, action, now),
            )
        connection.executemany(
            "DELETE FROM corrections WHERE digest = ? AND tag_key = ?", [(digest, key) for key in forgotten]
        )
        same = connection.execute("SELECT id FROM photos WHERE digest = ?", (digest,)).fetchall()
        for (photo,) in same:
            apply_corrections(connection, photo, digest)


def rename_tag(connection: sqlite3.Connection, tag: str, en: str | None, zh: str | None) -> str:
    """Call a tag otherwise in this album, now and after indexing anew; its id.

    Raises:
        AlbumError: No such tag, or another one is called so.
    """
    key = known_tag(connection, tag)
    names = {language: clean_name(name) for language, name in (("en", en), ("zh", zh)) if name is not None}
    for name in names.values():
        other = find_tag(connection, name)
        if other not in (None, key):
            raise AlbumError(f"{name}: another tag, {other}, is called so; choose another name")
    tag_row(connection, key)
    for language, name in names.items():
        connection.execute(
            f"INSERT INTO renames(tag_key, {language}) VALUES (?, ?)"
            f" ON CONFLICT(tag_key) DO UPDATE SET {language} = excluded.{language}",
            (key, name),
        )
        connection.execute(f"UPDATE tags SET {language} = ? WHERE key = ?", (name, key))
    return key


def _sources(connection: sqlite3.Connection, digest: bytes) -> dict[str, int]:
    """ADDED or REMOVED by key, for what was said and what follows from it."""
    found: dict[str, int] = {}
    rows = connection.execute(
        "SELECT time, tag_key, action FROM corrections WHERE digest = ? ORDER BY time, action DESC", (digest,)
    )
    for _, together in itertools.groupby(rows, lambda row: row[0]):
        said = {key: ADDED if action == "add" else REMOVED for _, key, action in together}
        for key, source in said.items():
            found.update(dict.fromkeys(_implied(key, source), source))
        found.update(said)
    return found


def _implied(key: str, source: int) -> Sequence[str]:
    """The kinds of a tag that is removed, and what one that is added is a kind of."""
    vocabulary = load_vocabulary()
    if source == REMOVED:
        return [tag.id for tag in vocabulary.tags if key in vocabulary.ancestors(tag.id)]
    return vocabulary.ancestors(key) if key in vocabulary else ()


def _undo(connection: sqlite3.Connection, photo: int) -> None:
    connection.execute(
        "DELETE FROM photo_tags WHERE photo_id = ? AND source <> ? AND seen IS NULL", (photo, SEEN)
    )
    connection.execute(
        "UPDATE photo_tags SET confidence = seen, seen = NULL, source = ? WHERE photo_id = ? AND source <> ?",
        (SEEN, photo, SEEN),
    )


def _digest(connection: sqlite3.Connection, photo: int) -> bytes:
    row = connection.execute("SELECT digest FROM photos WHERE id = ?", (photo,)).fetchone()
    if row is None or row[0] is None:
        raise AlbumError(f"photo {photo}: not in the album, or not readable when it was indexed")
    return row[0]
