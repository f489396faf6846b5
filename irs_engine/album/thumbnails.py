"""Small pictures of photos, read and encoded in threads ahead of the one that is asked for."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from PIL import Image

from irs_engine.album.photos import Photo
from irs_engine.batches import read_ahead
from irs_engine.device import choose_threads
from irs_engine.errors import IrsError
from irs_engine.image import ImageInput, read_rgb
from irs_engine.image.limits import DEFAULT_LIMITS, Limits
from irs_engine.resize import resize

WIDEST = 2.5  # of a wider photo the thumbnail is less high


def thumbnails(photos: Iterable[Photo], height: int) -> Iterator[tuple[Photo, Image.Image | IrsError]]:
    """Each photo with a picture of it of that height, or why there is none."""
    readers = choose_threads(None)
    return read_ahead(photos, lambda photo: thumbnail(photo.path, height), readers=readers, depth=4 * readers)


def encoded_thumbnails(
    photos: Iterable[Photo], height: int, quality: int
) -> Iterator[tuple[Photo, bytes | IrsError]]:
    """The same as WebP data."""
    readers = choose_threads(None)

    def read(photo: Photo) -> bytes:
        data = io.BytesIO()
        thumbnail(photo.path, height).save(data, "WEBP", quality=quality, method=2)
        return data.getvalue()

    return read_ahead(photos, read, readers=readers, depth=4 * readers)


def thumbnail(image: ImageInput, height: int, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """Upright, of that height, less where the photo is very wide or not that high.

    Raises:
        ImageError: It is gone, cannot be read, or is outside the limits.
    """
    photo = read_rgb(image, at_least=height, limits=limits)
    width, full = photo.pixels.shape[1], photo.pixels.shape[0]
    scale = min(1.0, height / full, WIDEST * height / width)
    size = max(1, round(width * scale)), max(1, round(full * scale))
    return Image.fromarray(photo.pixels if scale == 1 else resize(photo.pixels, size, filter="bicubic"))
