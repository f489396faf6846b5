"""The tables of an album, one SQLite file. A new version adds a step that files of the one before take.

Photos are never written to; all that is known of them is here.

    photos       a row for each file. `path` is absolute; `digest` is of the file's bytes (BLAKE2b, 16
                 bytes); `width` and `height` are as shown; `taken` is the local time of EXIF, read as if it
                 were UTC, in seconds since 1970; `latitude` and `longitude` are in degrees; `phash` is the
                 perceptual hash (photo_facts.py), as a signed number; `model` says which weights looked at
                 it (model.py). A file that could not be read has `error` and nothing from its inside.
    embeddings   of each photo that could be read: the tagger's pooled feature, float16, of length 1. Apart
                 from the photos so that looking through these reads little.
    tags         those that photos have, or had. `key` is the id of the vocabulary, or user:slug; the names
                 are those that people see: the vocabulary's, or what `renames` says. `user` is 1 for tags
                 that people made themselves.
    photo_tags   every tag of a photo with a confidence of at least LEAST, hypernyms included. `source` is
                 SEEN, ADDED or REMOVED; the confidence of what was added by hand is 100, of what was removed
                 0, and `seen` then keeps what the tagger said.
    boxes        where things are: pixels of the photo as shown.
    corrections  what people said of a content, by its digest: so it outlives moving, indexing anew and new
                 weights. `action` is add or remove; `time` is in seconds since 1970.
    renames      what people call a tag; NULL where the vocabulary's name stays.
    folders      those that were indexed, absolute.
    settings     `model`: the weights that looked last; `embeddings`: a number that changes with them.
"""

from __future__ import annotations

LEAST = 20.0  # confidence of tags that are kept: thresholds are applied when searching
SEEN, ADDED, REMOVED = 0, 1, 2  # source of a photo's tag

APPLICATION = 0x49525341  # "IRSA", in the header of the file
PAGE = 8192  # bytes: three embeddings on each; with SQLite's own 4096 it would be one

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE photos (
            id INTEGER PRIMARY KEY,
            path TEXT NOT NULL UNIQUE,
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            digest BLOB,
            width INTEGER,
            height INTEGER,
            taken REAL,
            latitude REAL,
            longitude REAL,
            phash INTEGER,
            model TEXT,
            indexed REAL NOT NULL,
            error TEXT
        )""",
        "CREATE INDEX photos_digest ON photos(digest)",
        "CREATE INDEX photos_taken ON photos(taken)",
        """CREATE TABLE embeddings (
            photo_id INTEGER PRIMARY KEY REFERENCES photos(id) ON DELETE CASCADE,
            vector BLOB NOT NULL
        )""",
        """CREATE TABLE tags (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            en TEXT NOT NULL,
            zh TEXT NOT NULL,
            kind TEXT NOT NULL,
            category TEXT NOT NULL,
            user INTEGER NOT NULL DEFAULT 0
        )""",
        """CREATE TABLE photo_tags (
            tag_id INTEGER NOT NULL REFERENCES tags(id),
            photo_id INTEGER NOT NULL REFERENCES photos(id) ON DELETE CASCADE,
            confidence REAL NOT NULL,
            source INTEGER NOT NULL DEFAULT 0,
            seen REAL,
            PRIMARY KEY (tag_id, photo_id)
        ) WITHOUT ROWID""",
        "CREATE INDEX photo_tags_photo ON photo_tags(photo_id)",
        """CREATE TABLE boxes (
            photo_id INTEGER NOT NULL REFERENCES photos(id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            tag_id INTEGER NOT NULL REFERENCES tags(id),
            "left" REAL NOT NULL,
            top REAL NOT NULL,
            width REAL NOT NULL,
            height REAL NOT NULL,
            confidence REAL NOT NULL,
            PRIMARY KEY (photo_id, number)
        ) WITHOUT ROWID""",
        """CREATE TABLE corrections (
            digest BLOB NOT NULL,
            tag_key TEXT NOT NULL,
            action TEXT NOT NULL CHECK (action IN ('add', 'remove')),
            time REAL NOT NULL,
            PRIMARY KEY (digest, tag_key)
        ) WITHOUT ROWID""",
        "CREATE TABLE renames (tag_key TEXT PRIMARY KEY, en TEXT, zh TEXT) WITHOUT ROWID",
        "CREATE TABLE folders (path TEXT PRIMARY KEY, recursive INTEGER NOT NULL, added REAL NOT NULL)",
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    ),
)
