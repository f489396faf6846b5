"""What the networks and the file itself say of photos, as rows of an album."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from irs_engine.album.database import Database
from irs_engine.album.photo_facts import digest_of, exif_of, perceptual_hash
from irs_engine.album.records import Content
from irs_engine.album.tables import LEAST
from irs_engine.album.tag_rows import ensure_tags
from irs_engine.errors import ImageError
from irs_engine.image import DEFAULT_LIMITS, Rgb, read_file
from irs_engine.vision.detecting_tagger import SHOWN

if TYPE_CHECKING:
    from irs_engine.engine import Engine


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A file that was read and decoded, and what it tells itself."""

    rgb: Rgb
    digest: bytes
    taken: float | None
    place: tuple[float, float] | None
    phash: int


@dataclass(frozen=True, slots=True)
class KnownPhoto:
    """A photo of the album that has the content of the file."""

    id: int
    digest: bytes


def read_picture(
    path: str, engine: Engine, known: Callable[[bytes, str], int | None]
) -> Picture | KnownPhoto | ImageError:
    """The picture, unless `known` (digest, path) knows a photo with that content: then it is not decoded."""
    try:
        data = read_file(path, DEFAULT_LIMITS)
        digest = digest_of(data)
        photo = known(digest, path)
        if photo is not None:
            return KnownPhoto(photo, digest)
        rgb = engine.read_for_tagging(data)
    except ImageError as error:
        return error
    return Picture(rgb, digest, *exif_of(data), perceptual_hash(rgb.pixels))


class Looker:
    """The engine's tagger with its detector; the rows of its tags are made when it is."""

    def __init__(self, engine: Engine, database: Database):
        self._tagger = engine.load_detecting_tagger()
        tags = self._tagger.scorer.tags
        with database.write() as connection:
            self._columns = np.array(ensure_tags(connection, tags), np.int64)
        self._rows = dict(zip((tag.id for tag in tags), self._columns.tolist(), strict=True))

    def look(self, pictures: Sequence[Picture]) -> list[Content]:
        photos = [picture.rgb for picture in pictures]
        scores, found, features = self._tagger.look_and_embed([photo.pixels for photo in photos])
        contents = []
        for picture, row, boxes, feature in zip(pictures, scores, found, features, strict=True):
            confidence = np.round(100 * row.astype(np.float64), 2)
            kept = np.flatnonzero(confidence >= LEAST)
            things = self._tagger.detector.objects(boxes, picture.rgb, SHOWN)
            contents.append(
                Content(
                    picture.digest,
                    picture.rgb.size,
                    picture.taken,
                    picture.place,
                    picture.phash,
                    feature.astype(np.float16).tobytes(),
                    list(zip(self._columns[kept].tolist(), confidence[kept].tolist(), strict=True)),
                    [
                        (
                            self._rows[thing.id],
                            thing.box.left,
                            thing.box.top,
                            thing.box.width,
                            thing.box.height,
                            thing.confidence,
                        )
                        for thing in things
                    ],
                )
            )
        return contents
