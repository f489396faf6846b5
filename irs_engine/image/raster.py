"""Decoded pixels on their way through the gate, and the plain arithmetic on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

STRIP_PIXELS = 1 << 20  # temporaries of wider types stay small on large pictures
CV2_FROM_PIXELS = 3_000_000  # below, cv2 gains less than its import costs (150 ms)


@dataclass(slots=True)
class Raster:
    pixels: np.ndarray  # (H, W, 3) RGB or (H, W) grey, uint8 or uint16
    alpha: np.ndarray | None = None  # (H, W), same type; 0 is transparent
    icc: bytes | None = None  # the profile that the pixels are in; None is sRGB

    @property
    def size(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]


def to_depth(array: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """Between uint8 and uint16, rounded to nearest; 255 and 65535 are the same white."""
    if array.dtype == dtype:
        return array
    if dtype == np.uint16:
        return array.astype(np.uint16) * np.uint16(257)
    out = np.empty(array.shape, np.uint8)
    for rows in _strips(array):
        out[rows] = (array[rows].astype(np.uint32) * 255 + 32895) >> 16
    return out


def on_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """uint8 pixels (H, W[, 3]) seen through alpha (H, W) on white, rounded to nearest."""
    if (alpha == 255).all():
        return pixels
    out = np.empty_like(pixels)
    for rows in _strips(pixels):
        part = pixels[rows].astype(np.uint32)
        seen = alpha[rows].astype(np.uint32).reshape(alpha[rows].shape + (1,) * (part.ndim - 2))
        out[rows] = (part * seen + 255 * (255 - seen) + 127) // 255
    return out


def to_rgb(pixels: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3) to contiguous (H, W, 3)."""
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return np.ascontiguousarray(pixels)


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) to (H, W) luma of ITU-R 601, the weights of PIL and JPEG; equal channels stay exact."""
    out = np.empty(pixels.shape[:2], pixels.dtype)
    for rows in _strips(pixels):
        out[rows] = (pixels[rows].astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32) + 32768) >> 16
    return out


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """An array (H, W[, 3]) turned as its EXIF orientation (1..8) says; contiguous."""
    flips = tuple(axis for axis, turns in enumerate([(3, 4, 7, 8), (2, 3, 6, 7)]) if orientation in turns)
    if array.shape[0] * array.shape[1] >= CV2_FROM_PIXELS and orientation != 1:
        import cv2

        array = cv2.transpose(array) if orientation >= 5 else array
        return cv2.flip(array, {(0,): 0, (1,): 1, (0, 1): -1}[flips]) if flips else array
    array = array.swapaxes(0, 1) if orientation >= 5 else array
    return np.ascontiguousarray(np.flip(array, flips))


def _strips(array: np.ndarray) -> list[slice]:
    rows = max(1, STRIP_PIXELS // array.shape[1])
    return [slice(top, top + rows) for top in range(0, array.shape[0], rows)]
