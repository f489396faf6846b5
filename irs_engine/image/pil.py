"""PIL images of every mode to pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image

from irs_engine.errors import ImageFormatError
from irs_engine.image import icc as icc_data
from irs_engine.image.raster import Raster


def raster_of(image: Image.Image, icc: bytes | None = None) -> Raster:
    """Pixels and alpha of the current frame; `icc` is the profile that they are in.

    I;16 and I are taken as grey with white at 65535. CMYK is converted to sRGB, YCbCr, LAB and HSV to RGB.
    """
    mode = image.mode
    if mode == "CMYK":
        return Raster(np.asarray(icc_data.cmyk_to_srgb(image, icc)))
    if mode.startswith("I"):
        return _raster_of_integers(image, icc)
    if mode == "F":
        raise ImageFormatError("a PIL image of mode F has no defined white; convert it to L or RGB first")
    if "transparency" in image.info or mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        target = "LA" if mode in ("1", "L", "LA", "La") else "RGBA"
        pixels = np.asarray(_converted(image, target))
        color = pixels[..., 0] if target == "LA" else pixels[..., :3]
        return Raster(np.ascontiguousarray(color), np.ascontiguousarray(pixels[..., -1]), icc)
    return Raster(np.asarray(_converted(image, "L" if mode in ("1", "L") else "RGB")), icc=icc)


def _converted(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode:
        return image
    if image.mode == "1" and mode == "LA":
        return image.convert("RGBA").convert("LA")  # PIL has no direct way
    try:
        return image.convert(mode)
    except ValueError:
        raise ImageFormatError(f"a PIL image of mode {image.mode}; convert it to L or RGB first") from None


def _raster_of_integers(image: Image.Image, icc: bytes | None) -> Raster:
    values = np.asarray(image)
    if values.size and (values.min() < 0 or values.max() > 65535):
        raise ImageFormatError(
            f"a PIL image of mode I with values {values.min()}..{values.max()}; expected 0..65535: scale it"
        )
    pixels = np.ascontiguousarray(values, np.uint16)
    key = image.info.get("transparency")
    alpha = np.where(pixels == key, 0, 65535).astype(np.uint16) if isinstance(key, int) else None
    return Raster(pixels, alpha, icc)
