"""Slow, plain definitions in float64 of what the native kernels compute, and how far pictures are apart."""

from __future__ import annotations

import functools

import numpy as np


def resize(
    pixels: np.ndarray,
    size: tuple[int, int],
    box: tuple[float, float, float, float] | None = None,
    filter: str = "bilinear",
) -> np.ndarray:
    """(H, W, C) resized to (height, width, C) float64, neither rounded nor clamped."""
    height, width = pixels.shape[:2]
    left, top, box_width, box_height = box or (0, 0, width, height)
    across = resize_weights(width, size[0], left, box_width, filter)
    down = resize_weights(height, size[1], top, box_height, filter)
    return np.einsum("yi,xj,ijc->yxc", down, across, pixels.astype(np.float64), optimize=True)


@functools.cache
def resize_weights(inputs: int, outputs: int, begin: float, length: float, filter: str) -> np.ndarray:
    """(outputs, inputs): the weights when [begin, begin + length) of an axis is resampled; sample i covers
    [i, i + 1)."""
    ratio = length / outputs
    weights = np.zeros((outputs, inputs))
    for x in range(outputs):
        first, last = begin + x * ratio, begin + (x + 1) * ratio
        for i in range(inputs):
            if filter == "area":
                weights[x, i] = max(0.0, min(last, i + 1) - max(first, i))
            else:
                kernel = {"bilinear": triangle, "bicubic": cubic}[filter]
                weights[x, i] = kernel((i + 0.5 - (first + last) / 2) / max(ratio, 1.0))
    return weights / weights.sum(axis=1, keepdims=True)


def triangle(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def cubic(x: float) -> float:
    """Keys 1981, with a = -0.5."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    if x < 2:
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return 0.0


def psnr(found: np.ndarray, expected: np.ndarray) -> float:
    """In dB, of pictures of 8 bits, all channels together."""
    return 10 * np.log10(255**2 / np.mean((found.astype(float) - expected) ** 2))
