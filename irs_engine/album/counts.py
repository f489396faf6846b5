"""Numbers about an album."""

from __future__ import annotations

from irs_engine.album.database import Database
from irs_engine.album.photos import category_of, iso_time
from irs_engine.album.reports import AlbumInfo, Failure, TagCount
from irs_engine.vision.vocabulary import load_vocabulary


def count_tags(database: Database, threshold: float, language: str) -> list[TagCount]:
    """How many photos have each tag with a confidence of at least `threshold`; the most frequent first."""
    categories = load_vocabulary().categories
    with database.read() as connection:
        rows = connection.execute(
            """SELECT key, en, zh, kind, category, photos
            FROM (SELECT tag_id, count(*) AS photos FROM photo_tags
                  WHERE confidence >= ? AND confidence > 0 GROUP BY tag_id)
            JOIN tags ON tags.id = tag_id ORDER BY photos DESC, key""",
            (threshold,),
        ).fetchall()
    return [
        TagCount(key, zh if language == "zh" else en, en, zh, kind, category_of(category, categories), photos)
        for key, en, zh, kind, category, photos in rows
    ]


def describe(database: Database) -> AlbumInfo:
    with database.read() as connection:
        photos, first, last, places = connection.execute(
            "SELECT count(*), min(taken), max(taken), count(latitude) FROM photos WHERE error IS NULL"
        ).fetchone()
        return AlbumInfo(
            path=str(database.path),
            schema=connection.execute("PRAGMA user_version").fetchone()[0],
            bytes=sum(
                file.stat().st_size
                for file in (database.path, database.path.with_name(database.path.name + "-wal"))
                if file.exists()
            ),
            photos=photos,
            failed=tuple(
                Failure(*row)
                for row in connection.execute(
                    "SELECT path, error FROM photos WHERE error IS NOT NULL ORDER BY path"
                )
            ),
            folders=tuple(path for (path,) in connection.execute("SELECT path FROM folders ORDER BY path")),
            first=iso_time(first),
            last=iso_time(last),
            places=places,
            corrections=connection.execute("SELECT count(*) FROM corrections").fetchone()[0],
            models=dict(
                connection.execute(
                    "SELECT model, count(*) FROM photos WHERE model IS NOT NULL GROUP BY model"
                ).fetchall()
            ),
        )
