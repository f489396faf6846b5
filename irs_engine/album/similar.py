"""Photos that look like one: exact search by the cosine of embeddings.

The embedding is the tagger's pooled feature, so what is alike is what photos show, less their colours. Its
mean over the album is taken away first: all features point into much the same direction, and what they have
in common tells no photo from another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from irs_engine.album.database import Database
from irs_engine.album.photos import Photo, read_photos
from irs_engine.album.vectors import Vectors, read_vectors
from irs_engine.errors import AlbumError, ParameterError
from irs_engine.results import Result

if TYPE_CHECKING:
    from irs_engine.engine import Engine
    from irs_engine.image import ImageInput

MOST = 10_000


@dataclass(frozen=True, slots=True)
class SimilarPhoto(Result):
    photo: Photo
    similarity: float  # cosine, -1..1


def similar_to_photo(
    database: Database, id: int, limit: int = 20, language: str = "en"
) -> tuple[SimilarPhoto, ...]:
    """The photos that look most like one of the album, which itself is left out.

    Raises:
        AlbumError: Nothing is known of how it looks.
    """
    vectors = read_vectors(database)
    row = vectors.row_of(id)
    if row is None:
        raise AlbumError(f"photo {id}: the album does not know how it looks; index its folder again")
    return _found(database, vectors, vectors.values[row], limit, language, but=row)


def similar_to_image(
    database: Database, engine: Engine, image: ImageInput, limit: int = 20, language: str = "en"
) -> tuple[SimilarPhoto, ...]:
    """The photos of the album that look most like any picture."""
    vectors = read_vectors(database)
    if not len(vectors):
        return ()
    feature = engine.load_tagger().features([engine.read_for_tagging(image, detect=False).pixels])[0]
    if len(feature) != vectors.values.shape[1]:
        raise AlbumError(f"{database.path}: indexed with other weights; index its folders again")
    return _found(database, vectors, feature, limit, language)


def nearest(
    vectors: Vectors, query: np.ndarray, limit: int, but: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and cosines of the vectors nearest to a query (width,), the nearest first; `but` is left out.

    Exact: every vector is compared, in float32. As all have length 1, their products with the query and with
    the mean tell the cosine of what is left without the mean.
    """
    query = query.astype(np.float32) - vectors.mean
    with_query, with_mean = vectors.products(np.stack([query, vectors.mean])).T
    square = float(vectors.mean @ vectors.mean)
    lengths = np.sqrt(np.maximum(1 - 2 * with_mean + square, 1e-12)) * max(float(np.linalg.norm(query)), 1e-6)
    cosines = (with_query - float(vectors.mean @ query)) / lengths
    if but is not None:
        cosines[but] = -np.inf
    count = min(limit, len(vectors) - (but is not None))
    best = (
        np.argpartition(-cosines, count - 1)[:count] if 0 < count < len(cosines) else np.arange(len(cosines))
    )
    best = best[np.lexsort((best, -cosines[best]))][:count]
    return best, cosines[best]


def _found(
    database: Database, vectors: Vectors, query: np.ndarray, limit: int, language: str, but: int | None = None
) -> tuple[SimilarPhoto, ...]:
    if not 1 <= limit <= MOST:
        raise ParameterError(f"limit={limit!r}: expected a whole number from 1 to {MOST}")
    rows, cosines = nearest(vectors, query, limit, but)
    ids = vectors.ids[rows].tolist()
    photos = {photo.id: photo for photo in read_photos(database, ids, language=language)}
    return tuple(
        SimilarPhoto(photos[id], round(float(cosine), 4))
        for id, cosine in zip(ids, cosines, strict=True)
        if id in photos
    )
