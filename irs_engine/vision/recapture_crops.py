"""Where to look for signs of a recapture: crops at full resolution, and the whole photo, small."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from irs_engine.vision.nets.recapture_net import SIDE

MOST = 9  # crops of a photo
MOST_NEAR = 3  # of them around given places
STEP = SIDE // 4  # between the places that are compared
CELL = 16  # pixels of a cell of the maps


def choose_crops(
    pixels: np.ndarray, most: int = MOST, near: Sequence[tuple[int, int]] = ()
) -> list[tuple[int, int]]:
    """(left, top) of up to so many windows of SIDE x SIDE in (H, W, 3) RGB uint8, at least SIDE each way.

    Around the given places (x, y) first, then in turn: flat bright areas (moire, halftone and the grain of
    paper show there), strong edges (text, ends of bars), and places far from all others. They overlap, by
    half at most, only where no place is left that is free of the others.
    """
    height, width = pixels.shape[:2]
    lefts, tops = _starts(width), _starts(height)
    bright, rough = _maps(pixels)
    windows = [(left, top) for top in tops for left in lefts]
    light, detail = _means(bright, windows), _means(rough, windows)
    usable = (light > 0.12) & (light < 0.97)
    flatness = np.where(usable, np.minimum(light, 0.7) - 4 * detail, -10)
    centres = np.array(windows, np.float64)
    chosen = [int(np.abs(centres + SIDE / 2 - place).max(1).argmin()) for place in near[:MOST_NEAR]]
    chosen = list(dict.fromkeys(chosen))
    for turn in range(min(most, len(windows)) - len(chosen)):
        far = np.full(len(windows), 1e9)
        for other in chosen:
            far = np.minimum(far, np.abs(centres - centres[other]).max(1))
        free = far >= SIDE
        if not free.any():
            free = far >= SIDE / 2
        if not free.any():
            break
        score = (flatness, detail, far)[turn % 3]
        chosen.append(int(np.where(free, score, -np.inf).argmax()))
    return [windows[index] for index in chosen]


def cut(pixels: np.ndarray, windows: list[tuple[int, int]]) -> np.ndarray:
    """(n + 1, SIDE, SIDE, 3): the windows, and the whole view last."""
    crops = [pixels[top : top + SIDE, left : left + SIDE] for left, top in windows]
    return np.stack([*crops, whole_view(pixels)])


def whole_view(pixels: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE, 3): all of a photo, for what only shows there, such as the rim of a screen."""
    shrinking = max(pixels.shape[:2]) > SIDE
    way = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cv2.resize(pixels, (SIDE, SIDE), interpolation=way)


def large_enough(pixels: np.ndarray) -> np.ndarray:
    """Mirrored at its borders up to SIDE each way: enlarging would invent what is looked for."""
    below, right = (max(0, SIDE - length) for length in pixels.shape[:2])
    if not below and not right:
        return pixels
    return np.pad(
        pixels, ((below // 2, below - below // 2), (right // 2, right - right // 2), (0, 0)), "symmetric"
    )


def _starts(length: int) -> list[int]:
    room = length - SIDE
    count = max(1, min(40, round(room / STEP) + 1)) if room > 0 else 1
    return np.linspace(0, room, count).astype(int).tolist()


def _maps(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Summed brightness and roughness of cells, for `_means`."""
    height, width = pixels.shape[0] // CELL, pixels.shape[1] // CELL
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    half = cv2.resize(grey, (width * CELL // 2, height * CELL // 2), interpolation=cv2.INTER_AREA).astype(
        np.float32
    )
    edges = np.abs(cv2.Sobel(half, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(half, cv2.CV_32F, 0, 1))
    maps = [cv2.resize(x, (width, height), interpolation=cv2.INTER_AREA) / 255 for x in (half, edges / 8)]
    return cv2.integral(maps[0]), cv2.integral(maps[1])


def _means(sums: np.ndarray, windows: list[tuple[int, int]]) -> np.ndarray:
    """Of every window."""
    left, top = np.array(windows).T // CELL
    right = np.minimum(left + SIDE // CELL, sums.shape[1] - 1)
    bottom = np.minimum(top + SIDE // CELL, sums.shape[0] - 1)
    total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return total / np.maximum(1, (right - left) * (bottom - top))
