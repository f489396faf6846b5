"""A small album of drawn photos. Its rows are written here: no network looks at what they show."""

from __future__ import annotations

import calendar
import hashlib
from pathlib import Path

import numpy as np
from drawn_photos import draw

from irs_engine.album import Album
from irs_engine.album.records import Content, File, embeddings_changed, register_folders, store_content
from irs_engine.album.tag_rows import ensure_tags
from irs_engine.vision.vocabulary import load_vocabulary

SIZE = (96, 64)
PHOTOS = {  # file, and what it shows with which confidence; the first thing is where its box is
    "garden.jpg": {"cat": 97, "garden": 60},
    "sofa.jpg": {"cat": 90, "sofa": 85},
    "beach.jpg": {"dog": 95, "beach": 92, "person": 70},
    "walk.png": {"dog": 80, "forest": 75},
    "我们的猫.webp": {"cat": 72},
    "deep/copy.jpg": {"dog": 95, "beach": 92, "person": 70},  # of beach.jpg
}
COPIED = {"deep/copy.jpg": "beach.jpg"}
YEAR = 2019  # of the first one; the others follow


def small_album(file: Path, folder: Path, vectors: np.ndarray | None = None, more: int = 0) -> dict[str, int]:
    """Draw the photos into a folder and write their album; ids by name.

    Args:
        vectors: (photos, width), of what they look like; by default those of dogs and of cats are alike.
        more: Photos of mountains beside these.
    """
    shown = PHOTOS | {f"mountain{number}.jpg": {"mountain": 55} for number in range(more)}
    by_name = {tag.en: tag for tag in load_vocabulary().tags}
    random = np.random.default_rng(0)
    ids = {}
    with Album(file) as album, album.database.write() as connection:
        register_folders(connection, {str(folder): True})
        for number, (name, tags) in enumerate(shown.items()):
            path = folder / name
            if name in COPIED:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes((folder / COPIED[name]).read_bytes())
            else:
                draw(path, number, SIZE)
            first = by_name[next(iter(tags))]
            vector = vectors[number] if vectors is not None else _alike(first.id, COPIED.get(name, name))
            rows = ensure_tags(connection, [by_name[tag] for tag in tags])
            data = path.read_bytes()
            content = Content(
                hashlib.blake2b(data, digest_size=16).digest(),
                SIZE,
                None if name in COPIED else calendar.timegm((YEAR + number, 7, 14, 12, 30, 0)),
                (48.86, 2.35) if number == 0 else None,
                int(random.integers(-(2**62), 2**62)),
                vector.astype(np.float16).tobytes(),
                [(row, float(confidence)) for row, confidence in zip(rows, tags.values(), strict=True)],
                [(rows[0], 24.0, 16.0, 48.0, 32.0, 88.0)],
            )
            status = path.stat()
            store_content(connection, File(str(path), status.st_size, status.st_mtime_ns), content, "test")
            (ids[name],) = connection.execute("SELECT id FROM photos WHERE path = ?", (str(path),)).fetchone()
        embeddings_changed(connection)
    return ids


def _alike(tag: str, name: str) -> np.ndarray:
    """(16,) of length 1: near those of other photos with this tag."""
    thing, photo = (np.random.default_rng([*text.encode()]).standard_normal(16) for text in (tag, name))
    vector = thing + 0.3 * photo
    return vector / np.linalg.norm(vector)
