"""Views of photos for detectors: the whole, a part, or parts of four in a mosaic (Bochkovskiy et al. 2020).

Whatever boxes a photo has come along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from irs_engine.vision.nets.detector_net import SIDE

MOSAIC_SHARE, PART_SHARE = 0.25, 0.5  # of views, and of those that are no mosaic
LEAST_LEFT = 0.3  # of a box, by area, for it to count in a part of its photo


@dataclass
class Labelled:
    """A photo, (h, w, 3) RGB uint8, with (n, 4) boxes in pixels (left, top, right, bottom), (n,) classes."""

    pixels: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray

    @classmethod
    def without_boxes(cls, pixels: np.ndarray) -> Labelled:
        return cls(pixels, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))

    def part(self, left: float, top: float, width: float, height: float) -> Labelled:
        """A window of it; of a box that it cuts, what is left."""
        left, top = int(left), int(top)
        right, bottom = left + max(1, round(width)), top + max(1, round(height))
        pixels = self.pixels[top:bottom, left:right]
        boxes = self.boxes - np.array([left, top, left, top], np.float32)
        cut = boxes.clip(0, np.array([pixels.shape[1], pixels.shape[0]] * 2, np.float32))
        kept = _areas(cut) > LEAST_LEFT * _areas(boxes)
        return Labelled(pixels, cut[kept], self.labels[kept])

    def fit(self, width: int, height: int) -> Labelled:
        """Resized."""
        scale = np.array([width / self.pixels.shape[1], height / self.pixels.shape[0]] * 2, np.float32)
        way = cv2.INTER_AREA if max(scale) < 1 else cv2.INTER_LINEAR
        pixels = cv2.resize(self.pixels, (width, height), interpolation=way)
        return Labelled(pixels, self.boxes * scale, self.labels)

    def mirrored(self) -> Labelled:
        boxes = self.boxes.copy()
        boxes[:, [0, 2]] = self.pixels.shape[1] - boxes[:, [2, 0]]
        return Labelled(self.pixels[:, ::-1], boxes, self.labels)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def random_view(photo: Callable[[], Labelled], rng: np.random.Generator, side: int = SIDE) -> Labelled:
    """side x side of the photos that `photo` gives."""
    if rng.random() < MOSAIC_SHARE:
        view = _mosaic(photo, rng, side)
    else:
        whole = photo()
        view = (_random_part(whole, rng) if rng.random() < PART_SHARE else whole).fit(side, side)
    if rng.random() < 0.5:
        view = view.mirrored()
    if rng.random() < 0.5:
        gain = np.exp(rng.uniform(-0.35, 0.35) + rng.uniform(-0.08, 0.08, 3)).astype(np.float32)
        view.pixels = np.clip(view.pixels * gain, 0, 255).astype(np.uint8)
    return Labelled(np.ascontiguousarray(view.pixels), view.boxes, view.labels)


def _mosaic(photo: Callable[[], Labelled], rng: np.random.Generator, side: int) -> Labelled:
    pixels = np.empty((side, side, 3), np.uint8)
    boxes, labels = [], []
    x, y = (int(side * rng.uniform(0.35, 0.65)) for _ in range(2))
    for top, bottom in ((0, y), (y, side)):
        for left, right in ((0, x), (x, side)):
            width, height = right - left, bottom - top
            quarter = _random_part(photo(), rng, height / width).fit(width, height)
            pixels[top:bottom, left:right] = quarter.pixels
            boxes.append(quarter.boxes + np.array([left, top, left, top], np.float32))
            labels.append(quarter.labels)
    return Labelled(pixels, np.concatenate(boxes), np.concatenate(labels))


def _random_part(whole: Labelled, rng: np.random.Generator, aspect: float = 1.0) -> Labelled:
    """A window of 40 to 100 % of the photo each way, as high as wide times aspect, nearly."""
    height, width = whole.pixels.shape[:2]
    aspect *= np.exp(rng.uniform(-0.3, 0.3))
    window_w = rng.uniform(0.4, 1) * min(height / aspect, width)
    window_h = window_w * aspect
    return whole.part(rng.uniform(0, width - window_w), rng.uniform(0, height - window_h), window_w, window_h)
