"""Antialiased resizing of 8-bit pixels on the CPU, cropping and normalising in the same pass.

`bilinear` and `bicubic` are Pillow's: the support widens as the picture shrinks, and `box` may have
fractions. `area` is the exact mean of what lies under each output pixel. Sums are kept in float32 and rounded
once, at the end, where Pillow rounds between the two axes too. Every instruction set and number of threads
gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from irs_engine import _native

Filter = Literal["bilinear", "bicubic", "area"]
Box = tuple[float, float, float, float]

_FILTERS = {"bilinear": 0, "bicubic": 1, "area": 2}  # enum class Filter in csrc/core/taps.h


def resize_normalize(
    pixels: np.ndarray,
    size: tuple[int, int],
    *,
    box: Box | None = None,
    filter: Filter = "bilinear",
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Resized (H, W, 3) uint8 pixels as float32 planes (3, height, width) of (value / 255 - mean) / std.

    Args:
        size: Width and height of the result.
        box: Left, top, width and height of the part to resize; everything by default. Pixels around it still
            count where the filter reaches them.
        out: Where to write, such as one image of a batch: C-contiguous.
    """
    width, height = _checked_size(size)
    if out is None:
        out = np.empty((3, height, width), np.float32)
    elif out.shape != (3, height, width):
        raise ValueError(f"out: expected float32 {(3, height, width)}, got {out.dtype} {out.shape}")
    mean, std = _three("mean", mean), _three("std", std)
    if 0.0 in std:
        raise ValueError(f"std: expected numbers other than 0, got {std}")
    scale = _three("std", [1 / (255 * s) for s in std])
    offset = _three("mean", [-m / s for m, s in zip(mean, std, strict=True)])
    pixels = _rows_of_pixels(pixels)
    _native.resize_normalize(pixels, out, box or _whole(pixels), _checked_filter(filter), scale, offset)
    return out


def resize(
    pixels: np.ndarray, size: tuple[int, int], *, box: Box | None = None, filter: Filter = "bilinear"
) -> np.ndarray:
    """Resized (H, W) or (H, W, C) uint8 pixels, C being 1, 3 or 4; each channel by itself, alpha too.

    Args:
        size: Width and height of the result.
        box: Left, top, width and height of the part to resize, as in `resize_normalize`.
    """
    width, height = _checked_size(size)
    pixels = _rows_of_pixels(pixels)
    out = np.empty((height, width, *pixels.shape[2:]), np.uint8)
    _native.resize(pixels, out, box or _whole(pixels), _checked_filter(filter))
    return out


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    if width < 1 or height < 1:
        raise ValueError(f"size: expected a width and a height of at least 1, got {size}")
    return width, height


def _checked_filter(name: str) -> int:
    if name not in _FILTERS:
        raise ValueError(f"filter: expected one of {', '.join(_FILTERS)}, got {name!r}")
    return _FILTERS[name]


def _three(name: str, values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) != 3:
        raise ValueError(f"{name}: expected three numbers, got {values}")
    first, second, third = map(float, values)
    return first, second, third


def _whole(pixels: np.ndarray) -> Box:
    return 0, 0, pixels.shape[1], pixels.shape[0]


def _rows_of_pixels(pixels: np.ndarray) -> np.ndarray:
    """The same array if its rows are contiguous, however far apart; a copy of a mirrored or thinned one."""
    if pixels.ndim not in (2, 3):
        raise ValueError(f"pixels: expected (height, width[, channels]), got {pixels.shape}")
    row = pixels[0] if len(pixels) else pixels
    return pixels if row.flags.c_contiguous else np.ascontiguousarray(pixels)
