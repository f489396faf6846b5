"""Photos put into an album with everything that is known of them, as indexing would."""

import os

import numpy as np

from irs_engine.album.records import Content, File, embeddings_changed, store_content
from irs_engine.album.tag_rows import ensure_tags
from irs_engine.vision.vocabulary import TagEntry, load_vocabulary

WIDTH = 16  # of the embeddings


def store(album, photos):
    """Put photos into the album, dicts of path, tags (confidence by English name or id), taken, place, phash,
    embedding, digest, size, bytes; all but the path may be missing. Their ids."""
    random = np.random.default_rng(len(photos))
    vocabulary = load_vocabulary()
    by_name = {tag.en: tag for tag in vocabulary.tags}
    with album.database.write() as connection:
        for photo in photos:
            tags = photo.get("tags", {})
            entries = [
                by_name.get(name) or TagEntry(name, name, name, "concept", "other", ()) for name in tags
            ]
            rows = ensure_tags(connection, entries)
            vector = photo.get("embedding")
            vector = random.standard_normal(WIDTH) if vector is None else vector
            content = Content(
                photo.get("digest") or os.urandom(16),
                photo.get("size", (640, 480)),
                photo.get("taken"),
                photo.get("place"),
                photo.get("phash", int(random.integers(-(2**63), 2**63 - 1))),
                (vector / np.linalg.norm(vector)).astype(np.float16).tobytes(),
                list(zip(rows, map(float, tags.values()), strict=True)),
                [],
            )
            store_content(connection, File(photo["path"], photo.get("bytes", 1000), 1), content, "test")
        embeddings_changed(connection)
    return [album.id_of(photo["path"]) for photo in photos]
