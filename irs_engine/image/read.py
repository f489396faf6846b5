"""The fast path, for everything that looks at pictures: 8-bit sRGB pixels, as small as the job allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from irs_engine.image.icc import to_srgb
from irs_engine.image.limits import DEFAULT_LIMITS, Limits
from irs_engine.image.raster import on_white, to_depth, to_rgb, upright
from irs_engine.image.source import ImageInput, open_image


@dataclass(frozen=True, slots=True, eq=False)
class Rgb:
    """What `read_rgb` returns.

    `pixels` may share memory with an array that was given, and may be read-only: do not write to it.
    """

    pixels: np.ndarray  # (h, w, 3) uint8, contiguous, upright
    size: tuple[int, int]  # (width, height) of the full picture as shown; pixels may be fewer
    jpeg_quality: int | None = None  # 1..100 as libjpeg counts; None: not from a JPEG


def read_rgb(image: ImageInput, *, at_least: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Rgb:
    """Any image as upright 8-bit sRGB; alpha is composited on white, 16 bits are rounded.

    Args:
        at_least: The short side that is needed, in pixels. A JPEG is then decoded at 1/2, 1/4 or 1/8, the
            smallest of them that still has it; None is the full size.

    Raises:
        ImageError: It is no image, damaged, or outside the limits; a path is named in the message.
    """
    source = open_image(image, limits, at_least, depth=np.uint8)
    raster = source.raster
    pixels = to_srgb(to_depth(raster.pixels, np.uint8), raster.icc)
    if raster.alpha is not None:
        pixels = on_white(pixels, to_depth(raster.alpha, np.uint8))
    return Rgb(upright(to_rgb(pixels), source.orientation), source.size, source.jpeg_quality)
