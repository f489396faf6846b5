"""Colour profiles: pixels in Display P3, Adobe RGB, a grey or a CMYK space become sRGB."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from PIL import Image

SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}  # of PIL modes, as ICC writes them
MAX_BYTES = 8 * 2**20


def to_srgb(pixels: np.ndarray, icc: bytes | None) -> np.ndarray:
    """uint8 (H, W, 3) or (H, W) to sRGB; unchanged if the profile is sRGB, broken or not for such pixels."""
    mode = "RGB" if pixels.ndim == 3 else "L"
    transform = _transform(icc, mode) if icc else None
    if transform is None:
        return pixels
    return np.asarray(transform.apply(Image.fromarray(pixels)))


def cmyk_to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Through the profile; without a usable one by PIL's plain formula."""
    transform = _transform(icc, "CMYK") if icc else None
    return transform.apply(image) if transform else image.convert("RGB")


@functools.lru_cache(maxsize=16)  # the photos of one camera share their profile
def _transform(icc: bytes, mode: str) -> Any:
    """From the profile to sRGB; None where it changes nothing visible or cannot be used."""
    from PIL import ImageCms

    # The header says which pixels the profile is for: one for RGB says nothing about a grey picture.
    if len(icc) > MAX_BYTES or icc[16:20] != SPACES[mode].encode():
        return None
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
        if mode != "CMYK" and _is_identity(transform, mode):
            return None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return transform


def _is_identity(transform: Any, mode: str) -> bool:
    """Whether every colour of a coarse grid stays within 2 levels; sRGB itself comes in many spellings."""
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    if mode == "L":
        before = levels[None]
    else:
        before = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    after = np.asarray(transform.apply(Image.fromarray(before))).astype(int)
    return bool(np.abs(after - (before if mode == "RGB" else before[..., None])).max() <= 2)
